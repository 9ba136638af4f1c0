"""One datagram, one answer in capitals; then it ends."""
import socket

ADDRESS = ("127.0.0.1", 8000)

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(ADDRESS)

question, client = server.recvfrom(1024)
print(question, client, sep="\n")
server.sendto(question.upper(), client)

server.close()

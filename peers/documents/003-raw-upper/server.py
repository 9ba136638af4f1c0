"""One client, one read, one answer in capitals; then it ends."""
import socket

ADDRESS = ("127.0.0.1", 8080)

listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.bind(ADDRESS)
listener.listen(5)

client, address = listener.accept()
print(client, address, sep="\n")

question = client.recv(1024)
print(question.decode("utf-8"))
client.send(question.upper())

client.close()
listener.close()

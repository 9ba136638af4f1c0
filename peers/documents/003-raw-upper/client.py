"""Sends what is typed, and prints what one read brings."""
import socket

ADDRESS = ("127.0.0.1", 8080)

server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.connect(ADDRESS)
server.send(input().encode("utf-8"))
answer = server.recv(1024)
print(answer)
server.close()

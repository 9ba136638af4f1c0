"""Sends one message that is typed, and prints what one read brings."""
import socket

ADDRESS = ("127.0.0.1", 6666)

server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.connect(ADDRESS)
question = input()
print("Asking:", question)
server.sendall(question.encode("utf-8"))
answer = server.recv(1024)
print("Answer:", answer.decode("utf-8"))
server.close()

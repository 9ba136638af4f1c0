"""Sends one message that is typed, and prints the answer: four digits, then the text, both ways."""
import socket

from stream import ADDRESS, read_exactly


server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.connect(ADDRESS)
question = input()
print("Asking:", question)
question = question.encode("utf-8")
server.sendall("{:04d}".format(len(question)).encode("utf-8"))
server.sendall(question)
length = int(read_exactly(server, 4).decode("utf-8"))
answer = read_exactly(server, length)
print("Answer:", answer.decode("utf-8"))
server.close()

"""Sends what is typed, and prints the answer."""
import socket

ADDRESS = ("127.0.0.1", 8000)

client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.sendto(input().encode("utf-8"), ADDRESS)
answer, server = client.recvfrom(1024)
print(answer, server, sep="\n")
client.close()

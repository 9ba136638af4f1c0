"""Says how many bytes a message has: four digits, then the text. One client, one message; then the next."""
import socket

from stream import ADDRESS, read_exactly

listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(ADDRESS)
listener.listen(1)

while True:
    client, address = listener.accept()
    print("Connected:", address)
    length = int(read_exactly(client, 4).decode("utf-8"))
    question = read_exactly(client, length)
    print("It says:", question.decode("utf-8"))
    answer = "you messagge is {} bytes".format(length).encode("utf-8")
    client.sendall("{:04d}".format(len(answer)).encode("utf-8"))
    client.sendall(answer)
    client.close()

"""Says how many bytes a message has. One client, one read, one answer; then the next."""
import socket

ADDRESS = ("127.0.0.1", 6666)

listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.bind(ADDRESS)
listener.listen(1)

while True:
    client, address = listener.accept()
    print("Connected:", address)
    question = client.recv(1024)
    print("It says:", question.decode("utf-8"))
    answer = "you messagge is {} bytes".format(len(question))
    client.sendall(answer.encode("utf-8"))
    client.close()

"""The client: a class for other programs. Run as one, it asks once and prints the reply."""
import socket

from msg_protocol import EXIT, REQUEST, MsgProtocol

HOST, PORT = "127.0.0.1", 5006


class ClientSocket:
    def __init__(self, host=HOST, port=PORT):
        self.protocol = MsgProtocol()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.connect((host, port))

    def send(self, command, content, reply_wanted=0):
        self.socket.send(self.protocol.pack(command, content, reply_wanted))

    def receive(self):
        messages = []
        self.protocol.unpack(self.socket.recv(1024), lambda *message: messages.append(message))
        return messages

    def close(self):
        self.send(EXIT, {})
        self.socket.close()


if __name__ == "__main__":
    client = ClientSocket()
    client.send(REQUEST, {"text": "hello"}, 1)
    print("Replies: {}".format([content for _, _, content in client.receive()]))
    client.close()

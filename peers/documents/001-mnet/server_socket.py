"""The server: a thread for each client; a request that wants a reply has its content sent back."""
import socket
import threading

from msg_protocol import EXIT, INFORM, PARAM, REQUEST, MsgProtocol

HOST, PORT = "127.0.0.1", 5006


class ServerSocket:
    def __init__(self, host=HOST, port=PORT):
        self.protocol = MsgProtocol()
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.bind((host, port))
        self.listener.listen(5)
        print("Server listening on port {}".format(port))

    def accept_all(self):
        while True:
            client, address = self.listener.accept()
            print("{} connected".format(address))
            threading.Thread(target=Receiver(client, self.protocol).run, daemon=True).start()


class Receiver:
    def __init__(self, client, protocol):
        self.client = client
        self.protocol = protocol
        self.open = True

    def run(self):
        buffer = b""
        while self.open:
            data = self.client.recv(1024)
            if not data:
                break
            buffer = self.protocol.unpack(buffer + data, self.handle)
        self.client.close()

    def handle(self, command, reply_wanted, content):
        if command == INFORM:
            print("Told: {}".format(content))
        elif command in (REQUEST, PARAM):
            print("Asked: {}".format(content))
            if reply_wanted:
                self.client.send(self.protocol.pack(INFORM, content))
        elif command == EXIT:
            self.open = False
        else:
            print("No such command: {}".format(command))


if __name__ == "__main__":
    ServerSocket().accept_all()

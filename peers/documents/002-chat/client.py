"""The chat room's client: a line that is typed is a message; a second thread prints what comes."""
import socket
import threading


class ChatClient:
    def __init__(self, host="localhost", port=8888):
        self.host = host
        self.port = port
        self.server = None
        self.connected = False

    def connect(self):
        try:
            self.server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.server.settimeout(10)
            self.server.connect((self.host, self.port))
            self.server.settimeout(None)
            self.connected = True
            threading.Thread(target=self.receive, daemon=True).start()
            print(f"Connected to {self.host}:{self.port}")
            return True
        except socket.timeout:
            print("No answer")
            return False
        except socket.error as error:
            print(f"Cannot connect: {error}")
            return False

    def receive(self):
        buffer = ""
        while self.connected:
            try:
                data = self.server.recv(4096)
                if not data:
                    break
                buffer += data.decode("utf-8")
                while "\n" in buffer:
                    line, buffer = buffer.split("\n", 1)
                    if line.strip():
                        print(f"Received: {line.strip()}")
            except socket.error:
                break
        self.connected = False
        print("Nothing more to receive")

    def send(self, text):
        if not self.connected:
            return False
        try:
            self.server.send((text + "\n").encode("utf-8"))
            return True
        except socket.error:
            self.connected = False
            return False


if __name__ == "__main__":
    client = ChatClient()
    if client.connect():
        try:
            while True:
                client.send(input())
        except (EOFError, KeyboardInterrupt):
            print("Bye")

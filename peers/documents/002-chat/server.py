"""The chat room's server: a line is a message. A thread for each client."""
import socket
import threading


class ChatServer:
    def __init__(self, host="localhost", port=8888):
        self.host = host
        self.port = port
        self.listener = None
        self.clients = set()
        self.running = False

    def start(self):
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((self.host, self.port))
        self.listener.listen(100)
        self.running = True
        print(f"Server listening on {self.host}:{self.port}")
        self.accept_clients()

    def accept_clients(self):
        while self.running:
            try:
                client, address = self.listener.accept()
                client.settimeout(300)
                self.clients.add(client)
                threading.Thread(target=self.serve, args=(client, address), daemon=True).start()
                print(f"Connected: {address}")
            except socket.error as error:
                if self.running:
                    print(f"Cannot accept: {error}")

    def serve(self, client, address):
        buffer = ""
        try:
            while self.running:
                data = client.recv(4096)
                if not data:
                    break
                buffer += data.decode("utf-8")
                while "\n" in buffer:
                    line, buffer = buffer.split("\n", 1)
                    if line.strip():
                        self.process(client, line.strip())
        except socket.timeout:
            print(f"Silent for too long: {address}")
        except socket.error as error:
            print(f"Trouble with {address}: {error}")
        finally:
            self.forget(client, address)

    def process(self, client, text):
        answer = "PONG" if text == "PING" else f"服务器收到: {text}"
        client.send((answer + "\n").encode("utf-8"))

    def forget(self, client, address):
        self.clients.discard(client)
        try:
            client.close()
        except OSError:
            pass
        print(f"Gone: {address}")


if __name__ == "__main__":
    ChatServer().start()

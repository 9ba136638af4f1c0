"""Sends what is typed, and prints what one read brings."""
import socket


def talk(host="localhost", port=8888):
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        server.connect((host, port))
        print(f"Connected to {host}:{port}")
        while True:
            text = input("Message ('quit' ends): ")
            if text.lower() == "quit":
                break
            server.send(text.encode("utf-8"))
            answer = server.recv(1024)
            print(f"Answer: {answer.decode('utf-8')}")
    except Exception as error:
        print(f"Client in trouble: {error}")
    finally:
        server.close()
        print("Closed")


if __name__ == "__main__":
    talk()

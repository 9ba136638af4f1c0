"""Acknowledges whatever one read brings. A thread for each client."""
import socket
import threading


def serve(host="localhost", port=8888):
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(5)
    print(f"Server listening on {host}:{port}")
    try:
        while True:
            client, address = listener.accept()
            print(f"Connected: {address}")
            worker = threading.Thread(target=talk, args=(client, address))
            worker.daemon = True
            worker.start()
    except KeyboardInterrupt:
        print("Server stopped")
    finally:
        listener.close()


def talk(client, address):
    try:
        while True:
            data = client.recv(1024)
            if not data:
                break
            text = data.decode("utf-8")
            print(f"From {address}: {text}")
            client.send(f"服务器收到: {text}".encode("utf-8"))
    except Exception as error:
        print(f"Trouble with {address}: {error}")
    finally:
        client.close()
        print(f"Gone: {address}")


if __name__ == "__main__":
    serve()

"""Answers each message in capitals: a 4-byte length and text. One client after the other."""
import socket
import struct

ADDRESS = ("127.0.0.1", 8080)

listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.bind(ADDRESS)
listener.listen(5)
print("Server listening on port {}".format(ADDRESS[1]))
client = None

try:
    while True:
        client, address = listener.accept()
        print(f"Connected: {address}")
        while True:
            header = client.recv(4)
            length = struct.unpack("!I", header)[0]
            body = b""
            while len(body) < length:
                piece = client.recv(min(length - len(body), 1024))
                if not piece:
                    break
                body += piece
            if not body or body.decode("utf-8").strip().upper() == "EXIT":
                break
            print(f"Asked: {body.decode('utf-8')}")
            answer = body.decode("utf-8").upper()
            header = struct.pack("!I", len(body))
            client.send(header + answer.encode("utf-8"))
except ConnectionResetError:
    print("The client has reset the connection")
except KeyboardInterrupt:
    print("Stopped")
except Exception as error:
    print(f"Unexpected: {error}")
finally:
    if client:
        client.close()
    listener.close()

"""Sends what is typed as a 4-byte length and text, and prints each answer."""
import socket
import struct

ADDRESS = ("127.0.0.1", 8080)

server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.connect(ADDRESS)

try:
    while True:
        text = input("Message (EXIT ends): ")
        if not text.strip():
            print("Say something")
            continue
        if text.strip().upper() == "EXIT":
            break
        header = struct.pack("!I", len(text.encode("utf-8")))
        server.send(header + text.encode("utf-8"))

        header = server.recv(4)
        length = struct.unpack("!I", header)[0]
        body = b""
        while len(body) < length:
            piece = server.recv(min(length - len(body), 1024))
            if not piece:
                break
            body += piece
        print(f"Answer: {body.decode('utf-8')}")
except KeyboardInterrupt:
    print("Stopped")
except BrokenPipeError:
    print("The server has closed the connection")
except Exception as error:
    print(f"Unexpected: {error}")
finally:
    server.close()

"""A client of contract `lines`: it sends `hello` by itself, then each line of stdin, and prints what
comes back. Its argument is the port. At the end of stdin it half-closes, and ends when the server does."""
import os
import socket
import struct
import sys
import threading

connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
print("connected", flush=True)


def send(text):
    body = text.encode()
    connection.sendall(struct.pack(">I", len(body)) + body)


def talk():
    send("hello")
    for line in sys.stdin.buffer:
        send(line.decode().rstrip("\n"))
    connection.shutdown(socket.SHUT_WR)


def exactly(count):
    data = bytearray()
    while len(data) < count:
        chunk = connection.recv(min(count - len(data), 65536))
        if not chunk:
            break
        data += chunk
    return bytes(data)


threading.Thread(target=talk, daemon=True).start()
while True:
    header = exactly(4)
    if not header:
        os._exit(0)
    length = struct.unpack(">I", header)[0] if len(header) == 4 else 0
    body = exactly(length)
    if len(header) < 4 or len(body) < length:
        print("the connection ended inside a frame", file=sys.stderr)
        os._exit(1)
    sys.stdout.buffer.write(b"> got: " + body + b"\n")
    sys.stdout.buffer.flush()

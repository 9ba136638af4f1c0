"""A client of contract `frames`: what comes on stdin is sent, what is received goes to stdout. Its
argument is the port."""
import os
import socket
import struct
import sys
import threading

connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))


def send():
    while True:
        data = os.read(0, 65536)
        if not data:
            connection.shutdown(socket.SHUT_WR)
            return
        connection.sendall(data)


def exactly(count):
    data = bytearray()
    while len(data) < count:
        chunk = connection.recv(min(count - len(data), 65536))
        if not chunk:
            break
        data += chunk
    return bytes(data)


threading.Thread(target=send, daemon=True).start()
while True:
    header = exactly(4)
    if not header:
        os._exit(0)
    length = struct.unpack(">I", header)[0] if len(header) == 4 else 0
    body = exactly(length)
    if len(header) < 4 or len(body) < length:
        print("the connection ended inside a frame", file=sys.stderr)
        os._exit(1)
    sys.stdout.buffer.write(header + body)
    sys.stdout.buffer.flush()

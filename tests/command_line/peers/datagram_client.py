"""A client of contract `frames` that sends and receives datagrams. Its argument is the port."""
import os
import select
import socket
import struct
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.connect(("127.0.0.1", int(sys.argv[1])))
stdin, has_input = b"", True
sent = received = 0
while has_input or received < sent:
    sources = [server, 0] if has_input else [server]
    ready, _, _ = select.select(sources, [], [], None if has_input else 1)
    if not ready:
        break
    if server in ready:
        message = server.recv(65536)
        received += 1
        sys.stdout.buffer.write(struct.pack(">I", len(message)) + message)
        sys.stdout.buffer.flush()
    if 0 in ready:
        data = os.read(0, 65536)
        has_input = bool(data)
        stdin += data
        while len(stdin) >= 4 and len(stdin) >= 4 + struct.unpack(">I", stdin[:4])[0]:
            end = 4 + struct.unpack(">I", stdin[:4])[0]
            server.send(stdin[4:end])
            sent += 1
            stdin = stdin[end:]

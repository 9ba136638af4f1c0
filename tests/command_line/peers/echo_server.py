"""An echo server: a thread for each connection. Its argument is the port; 0 lets the system choose."""
import socket
import struct
import sys
import threading


def exactly(connection, count):
    data = bytearray()
    while len(data) < count:
        chunk = connection.recv(min(count - len(data), 65536))
        if not chunk:
            return None
        data += chunk
    return bytes(data)


def serve(connection):
    with connection:
        try:
            while True:
                header = exactly(connection, 4)
                if header is None:
                    return
                body = exactly(connection, struct.unpack(">I", header)[0])
                if body is None:
                    return
                connection.sendall(struct.pack(">I", len(body)) + body)
        except OSError:
            pass


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(128)
print("listening on", listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

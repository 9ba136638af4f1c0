"""An echo server of datagrams. Its argument is the port; 0 lets the system choose."""
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
print("listening on", server.getsockname()[1], flush=True)
while True:
    message, client = server.recvfrom(65536)
    server.sendto(message, client)

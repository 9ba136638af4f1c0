"""Answers any datagram with the time: seconds since 1970, 4 bytes in network order."""
import socket
import struct
import time

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("", 8090))
print("Time server listening on port 8090")

try:
    while True:
        question, client = server.recvfrom(1024)
        print(f"Asked by {client}")
        server.sendto(struct.pack("!I", int(time.time())), client)
except KeyboardInterrupt:
    print("Stopped")
finally:
    server.close()

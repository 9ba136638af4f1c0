"""Asks for the time, and prints it."""
import socket
import struct
import time

client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try:
    client.sendto(b"", ("127.0.0.1", 8090))
    client.settimeout(2)
    answer, _ = client.recvfrom(1024)
    if len(answer) == 4:
        print(f"Time: {time.ctime(struct.unpack('!I', answer)[0])}")
    else:
        print("That is no time")
except socket.timeout:
    print("No answer")
except ConnectionRefusedError:
    print("Nobody is there")
except KeyboardInterrupt:
    print("Stopped")
finally:
    client.close()

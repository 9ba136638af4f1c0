"""Shows the server one message in two pieces, and two messages in one."""
import json
import socket
import struct
import sys
import time

HOST, PORT = "127.0.0.1", 5006
REQUEST = 2


def packed(content):
    body = json.dumps(content).encode("utf-8")
    return struct.pack("!3I", len(body), REQUEST, 0) + body


if __name__ == "__main__":
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.connect((HOST, int(sys.argv[1]) if len(sys.argv) > 1 else PORT))
    split = packed({"text": "split"})
    client.send(split[:15])
    time.sleep(1)
    client.send(split[15:])
    client.send(packed({"text": "first"}) + packed({"text": "second"}))
    time.sleep(1)
    client.close()

"""Hands messages from stdin to the class, and what it receives to stdout: an addition, for the document's client is called by
other programs. A message there is a 4-byte big-endian length, then command and reply wanted as the class writes them, then JSON."""
import json
import os
import socket
import struct
import sys
import threading

from client_socket import ClientSocket


def main():
    client = ClientSocket(port=int(sys.argv[1]))
    threading.Thread(target=send, args=(client,), daemon=True).start()
    while True:
        messages = client.receive()
        if not messages:  # the class does not say whether that was the end, or half a message
            os._exit(0)  # whatever the other thread does
        for command, reply_wanted, content in messages:
            body = json.dumps(content, ensure_ascii=False).encode("utf-8")
            message = struct.pack("2I", command, reply_wanted) + body
            sys.stdout.buffer.write(struct.pack("!I", len(message)) + message)
            sys.stdout.buffer.flush()


def send(client):
    try:
        while length := sys.stdin.buffer.read(4):
            message = sys.stdin.buffer.read(struct.unpack("!I", length)[0])
            command, reply_wanted = struct.unpack("2I", message[:8])
            client.send(command, json.loads(message[8:].decode("utf-8")), reply_wanted)
        client.socket.shutdown(socket.SHUT_WR)
    except (OSError, ValueError) as error:
        sys.stderr.write("{}\n".format(error))
        os._exit(1)


if __name__ == "__main__":
    main()

"""The TCP demo's client: sends text messages to an echo server and prints what comes back.

    python3 client.py

It connects to 127.0.0.1:9000, sends three test messages at once, then sends every line that is typed. Ctrl+C ends it.
A message on the wire is its length in bytes (4 bytes, big endian) and then its text in UTF-8.

This is the program that a tutorial ("TCP Socket demo": an Erlang server, a Python client) describes, written anew from that
description with the same algorithm. It is kept as the tutorial would have it, flaws included: the harness has to find them.
`peer/` beside this file holds a client that is right. The flaws:

- A message that is not UTF-8 ends the receiving thread with a UnicodeDecodeError. The program goes on, and hears nothing more.
- `buffer += data` and `buffer = buffer[...]` copy the whole buffer for every 1,024 bytes: quadratic in the message's length.
- Any length is believed, up to 4 GiB; there is no limit above which the connection is given up.
- When the server closes, inside a message or not, the receiving thread stops and the program waits for input as before.
- The end of stdin is an EOFError that nobody handles. The connection is then closed at once: no half-close, answers that
  are still due are lost.
- A refused connection ends in a traceback.
- stdout is not flushed: in a pipe nothing is seen until the program ends.
- Host and port are fixed.

Python 3.6 or newer, standard library only.
"""
import socket
import struct
import threading

HOST = "127.0.0.1"
PORT = 9000
TEST_MESSAGES = ["hello", "你好", "How are you?"]


def encode(text):
    body = text.encode("utf-8")
    return struct.pack("!I", len(body)) + body


def decode_stream(sock):
    buffer = b""
    while True:
        data = sock.recv(1024)
        if not data:
            break
        buffer += data

        while len(buffer) >= 4:
            length = struct.unpack("!I", buffer[:4])[0]
            if len(buffer) < 4 + length:
                break  # half a message: wait for more
            body = buffer[4:4 + length]
            buffer = buffer[4 + length:]
            print("Received: " + body.decode("utf-8"))


def main():
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.connect((HOST, PORT))
    print("Connected to {}:{}. Type a message and press Enter; Ctrl+C ends.".format(HOST, PORT))

    threading.Thread(target=decode_stream, args=(sock,), daemon=True).start()

    try:
        for text in TEST_MESSAGES:
            sock.sendall(encode(text))
        while True:
            sock.sendall(encode(input()))
    except KeyboardInterrupt:
        print("\nBye.")
    finally:
        sock.close()


if __name__ == "__main__":
    main()

"""The Python peer's client: a netcat for messages.

    python3 echo_client.py 127.0.0.1 9000

stdin carries the messages to send, stdout the messages received, each as a 4-byte big-endian length and the body. Each is passed
on at once. The end of stdin half-closes the connection; the client then receives until the server closes, and exits 0. When the
server closes before, that is 0 if there was an answer to each message sent and no further one comes. Else it exits 1 with the
reason on stderr. Standard library only, Python 3.6+.

The main thread receives; a second one sends: it reads while it writes.
"""
import argparse
import os
import select
import socket
import sys
import threading
import time

import limits
from framing import Decoder, FramingError, U32be

STDIN, STDOUT = 0, 1


class Failure(Exception):
    """Why the client cannot go on, in words for the user."""


class Exchange:
    """What both threads know of the conversation."""

    def __init__(self):
        self.sent = 0  # counted before the first byte goes out: an answer never comes too early
        self.received = 0
        self.server_ended = False
        self.stdin_ended = False  # true before the server can see it
        self.failure = None  # of the sending side
        self.sending_ended = threading.Event()  # set also when it has failed
        self.waiting_since = None  # when the receiving side last began to wait for the server

    def check_all_answered(self):
        if self.received < self.sent:
            raise Failure("the server closed the connection, {} of {} answers are missing".format(
                self.sent - self.received, self.sent))

    def patience_left(self, since):
        """Seconds until the server, whose turn it is since then, is taken for dead. Ends the program when there are none."""
        now = time.monotonic()
        heard_at = self.waiting_since or now  # None: the server is not waited for, a slow reader of stdout is
        left = max(heard_at, since) + limits.SILENCE_SECONDS - now
        if left <= 0:
            complain("the server was silent for {:.0f} seconds".format(limits.SILENCE_SECONDS))
            os._exit(1)  # the main thread is blocked in recv
        return left


def send_all_input(sock, framing, exchange):
    """The sending thread: stdin to the server."""
    try:
        copy_input(sock, framing, exchange)
        sock.shutdown(socket.SHUT_WR)
    except FramingError as error:
        exchange.failure = "stdin: {}".format(error)
        half_close(sock)  # what was sent is still answered
    except OSError as error:
        exchange.failure = "cannot send: {}".format(error)
    except Failure as error:
        exchange.failure = error
    exchange.sending_ended.set()
    give_up_on_silence(exchange)


def copy_input(sock, framing, exchange):
    decoder = Decoder(framing)
    while True:
        data = os.read(STDIN, limits.READ_SIZE)  # takes what is there, never waits for a full buffer
        if not data:
            exchange.stdin_ended = True
            decoder.finish()
            return
        decoder.feed(data)
        for message in decoder.messages():
            frame = framing.encode(message)
            exchange.sent += 1
            if exchange.server_ended:
                raise Failure("the server closed the connection before the end of stdin")
            send_all(sock, frame, exchange)


def send_all(sock, data, exchange):
    """As sock.sendall, but gives up on a server that takes nothing, and sends nothing either."""
    rest = memoryview(data)
    taken_at = time.monotonic()
    while rest:
        _, writable, _ = select.select([], [sock], [], exchange.patience_left(taken_at))
        if writable:
            rest = rest[sock.send(rest, socket.MSG_DONTWAIT):]  # what fits, instead of waiting until all does
            taken_at = time.monotonic()


def half_close(sock):
    try:
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # already gone; the receiving side will say so


def give_up_on_silence(exchange):
    """A server that neither answers nor closes after the half-close is taken for dead."""
    half_closed_at = time.monotonic()
    while True:
        time.sleep(exchange.patience_left(half_closed_at))


def receive_all(sock, framing, exchange):
    """The main thread: the server to stdout. Returns when the conversation is complete, else raises."""
    decoder = Decoder(framing)
    while True:
        exchange.waiting_since = time.monotonic()
        data = sock.recv(limits.READ_SIZE)
        if not data:
            break
        exchange.waiting_since = None
        decoder.feed(data)
        for message in decoder.messages():
            write_all(framing.encode(message))
            exchange.received += 1
    decoder.finish()
    exchange.server_ended = True
    if not exchange.stdin_ended:
        exchange.check_all_answered()
    # The server closed in good order. Whether that was too early is known when stdin ends, or a further message comes.
    exchange.sending_ended.wait()
    if exchange.failure:
        raise Failure(exchange.failure)


def write_all(data):
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(STDOUT, rest):]
    except OSError as error:
        raise Failure("cannot write to stdout: {}".format(error))


def complain(reason):
    sys.stderr.write("echo_client: {}\n".format(reason))
    sys.stderr.flush()


def parse_arguments():
    parser = argparse.ArgumentParser(description="Sends the messages on stdin, writes the messages received to stdout.")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--max-frame", type=int, default=limits.MAX_FRAME, metavar="BYTES",
                        help="longest message sent or taken (default %(default)s)")
    return parser.parse_args()


def converse(arguments):
    try:
        sock = socket.create_connection((arguments.host, arguments.port), timeout=limits.CONNECT_SECONDS)
    except (OSError, OverflowError) as error:
        raise Failure("cannot connect to {}:{}: {}".format(arguments.host, arguments.port, error))
    sock.settimeout(None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    framing = U32be(arguments.max_frame)
    exchange = Exchange()
    threading.Thread(target=send_all_input, args=(sock, framing, exchange), daemon=True).start()
    receive_all(sock, framing, exchange)


def main():
    try:
        converse(parse_arguments())
    except (Failure, FramingError) as error:
        complain(error)
        sys.exit(1)
    except OSError as error:
        complain("connection lost: {}".format(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

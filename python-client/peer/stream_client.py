"""The client of everything that travels on a stream. The main thread receives; a second one sends: it reads while it writes."""
import os
import select
import socket
import threading
import time

import limits
import stdio
from framing import Decoder, FramingError, NotCarried
from stdio import Failure


def converse(address, framing):
    """Returns when the conversation is complete, else raises."""
    try:
        sock = socket.create_connection(address, timeout=limits.CONNECT_SECONDS)
    except (OSError, OverflowError) as error:
        raise Failure("cannot connect to {}:{}: {}".format(*address, error))
    sock.settimeout(None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    exchange = Exchange()
    threading.Thread(target=send_all_input, args=(sock, framing, exchange), daemon=True).start()
    receive_all(sock, framing, exchange)


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
            stdio.complain("the server was silent for {:.0f} seconds".format(limits.SILENCE_SECONDS))
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
    messages = stdio.Input(framing)
    while not exchange.stdin_ended:
        for message in messages.read():
            if exchange.sent and framing.ONE_MESSAGE:
                raise NotCarried("one message is all that a connection carries")
            frame = framing.encode(message)
            exchange.sent += 1
            if exchange.server_ended:
                raise Failure("the server closed the connection before the end of stdin")
            send_all(sock, frame, exchange)
        exchange.stdin_ended = messages.ended
    messages.check_end()


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
    output = stdio.Output(framing)
    while True:
        exchange.waiting_since = time.monotonic()
        data = sock.recv(limits.READ_SIZE)
        if not data:
            break
        exchange.waiting_since = None
        decoder.feed(data)
        for message in decoder.messages():
            output.write(message)
            exchange.received += 1
    for message in decoder.finish():
        output.write(message)
        exchange.received += 1
    exchange.server_ended = True
    if not exchange.stdin_ended:
        exchange.check_all_answered()
    # The server closed in good order. Whether that was too early is known when stdin ends, or a further message comes.
    exchange.sending_ended.wait()
    if exchange.failure:
        raise Failure(exchange.failure)

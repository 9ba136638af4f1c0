"""The client of the framing datagram: a UDP datagram is a message. There is no half-close, and datagrams may be lost."""
import select
import socket
import time

import limits
import stdio
from framing import FramingError
from stdio import STDIN, Failure


def converse(address, framing, wait):
    """Returns when there is an answer to each message, or none came for `wait` seconds behind the end of stdin; else raises."""
    exchange = Exchange(connect(address), framing)
    while not exchange.input.ended:
        exchange.take_turn([STDIN, exchange.socket], None)
    quiet_since = time.monotonic()
    while exchange.received < exchange.sent:
        if exchange.take_turn([exchange.socket], max(0.0, quiet_since + wait - time.monotonic())):
            quiet_since = time.monotonic()
        else:
            return


def connect(address):
    try:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, limits.DATAGRAM_BUFFER)
        sock.connect(address)  # so that nobody else is listened to, and the system tells when nobody is there
        return sock
    except (OSError, OverflowError) as error:
        raise Failure("cannot connect to {}:{}: {}".format(*address, error))


class Exchange:
    def __init__(self, sock, framing):
        self.socket = sock
        self.input = stdio.Input(framing)
        self.sent = 0
        self.received = 0
        self._framing = framing
        self._output = stdio.Output(framing)

    def take_turn(self, sources, seconds):
        """Passes on what is there; whether anything was."""
        ready, _, _ = select.select(sources, [], [], seconds)
        if self.socket in ready:
            self._receive()
        if STDIN in ready:
            self._send()
        return bool(ready)

    def _receive(self):
        message = self.socket.recv(limits.READ_SIZE)
        self.received += 1
        self._output.write(message)

    def _send(self):
        try:
            for message in self.input.read():
                self.socket.send(self._framing.encode(message))
                self.sent += 1
            if self.input.ended:
                self.input.check_end()
        except FramingError as error:
            raise Failure("stdin: {}".format(error))

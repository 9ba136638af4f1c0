"""The server of the framing datagram: a UDP datagram is a message, and has no connection."""
import selectors
import socket

import limits
from bell import Bell
from framing import FramingError
from services import End


class DatagramServer:
    def __init__(self, sock, framing, service):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, limits.DATAGRAM_BUFFER)
        self._socket = sock
        self._framing = framing
        self._answers = type(framing)(framing.CEILING)  # the limit is about what is taken
        self._service = service
        self._stopped = False
        self._stop_bell = Bell()
        self._stop_bell.ring_on_stop_signals()
        self._selector = selectors.DefaultSelector()
        self._selector.register(sock, selectors.EVENT_READ, self._read)
        self._selector.register(self._stop_bell, selectors.EVENT_READ, self._stop)

    def run(self):
        while not self._stopped:
            for key, _events in self._selector.select():
                key.data()

    def _read(self):
        for _ in range(limits.DATAGRAMS_A_TURN):
            try:
                message, client = self._socket.recvfrom(limits.READ_SIZE)
            except BlockingIOError:
                return
            except OSError:  # P11: about an earlier answer, which nobody wanted
                continue
            self._serve(message, client)

    def _serve(self, message, client):
        if len(message) > self._framing.longest:
            return
        try:
            self._answer(self._service(message, self._framing), client)
        except End as end:
            self._answer(end.answer, client)

    def _answer(self, answer, client):
        if answer is None:
            return
        try:
            self._socket.sendto(self._answers.encode(answer), client)
        except (FramingError, OSError):
            pass  # an answer that cannot be sent is one that is lost

    def _stop(self):
        self._stopped = True

"""The framing datagram: a UDP datagram is a message. A correct server, and a correct client, derived from those of streams."""
import select
import socket
import time

import bugs
from client import Client
from server import Server
from services import End

LONGEST = 65507  # bytes of a datagram, by IPv4
BUFFER = 4 * 1024 * 1024  # of a socket, so that little is lost
QUIET_SECONDS = 1.0  # behind the end of stdin, until an answer is taken for lost


class DatagramServer(Server):
    """Answers each datagram to its sender."""

    ROOM = LONGEST

    def listen(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.set_options(self.socket)
        self.socket.bind((self.host, self.port))
        self.socket.setblocking(False)
        self.codec = bugs.pick(self.speaks)()
        self.answers = bugs.pick(self.service)(self.codec)
        return self.socket

    def set_options(self, listener):
        """No SO_REUSEADDR: by that a second server would share the port (P12)."""
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)

    def accept_all(self, _listener):
        while True:
            self.wait_for(self.socket)
            try:
                message, client = self.receive()
            except BlockingIOError:
                continue
            except OSError as error:
                self.lost(error)
            else:
                self.asked(message, client)

    def receive(self):
        return self.socket.recvfrom(self.ROOM)

    def lost(self, error):
        """The system tells of an earlier answer that nobody has taken (P11)."""

    def asked(self, message, client):
        try:
            answer = self.answers.answer(self.codec.received(message))
        except End as end:
            answer = end.answer
        if answer is not None:
            self.answer(answer, client)

    def answer(self, answer, client):
        data = self.codec.encode(answer)
        try:
            self.send(data, client)
        except OSError:
            pass  # one that cannot be sent is one that is lost

    def send(self, data, client):
        self.socket.sendto(data, client)


class DatagramClient(Client):
    """Has no end of a connection to go by: it ends when there are as many answers as questions, or none comes any more."""

    ROOM = LONGEST

    def connect(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self.connect_socket()

    def connect_socket(self):
        """So that nobody else is listened to, and the system tells when nobody is there."""
        self.socket.connect((self.host, self.port))

    def send(self, data):
        self.socket.send(data)

    def half_close(self):
        """There is nothing to close."""

    def receive_answers(self):
        while not (self.input_ended and self.received >= self.sent):
            try:
                message = self.await_answer()
            except OSError as error:
                self.lost(error)
            if message is None:
                return
            self.received += 1
            self.deliver(self.codec.received(message))

    def await_answer(self):
        """The next one; None when none comes any more."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        quiet_since = time.monotonic()
        while not poll.poll(50):
            if not self.input_ended:
                quiet_since = time.monotonic()
            elif self.received >= self.sent or self.is_quiet_since(quiet_since):
                return None
        return self.receive()

    def is_quiet_since(self, moment):
        return time.monotonic() - moment > QUIET_SECONDS

    def receive(self):
        return self.socket.recv(self.ROOM)

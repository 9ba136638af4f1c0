"""The correct client: a netcat for messages. The main thread receives, a second one sends, so it reads while it writes."""
import os
import select
import socket
import sys
import threading
import time

import bugs
from frames import Codec, FramingError, Notation, TooLong, Truncated

STDIN = 0
CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 10.0  # without a byte in either direction, when it is the server's turn
TICK_MS = 500  # how often that is looked at
PIECE = 64 * 1024  # bytes handed to the system at once


class Client:
    def __init__(self, host, port, codec=Codec, _service=None):
        self.host, self.port = host, port
        self.codec = bugs.pick(codec)()  # on the wire; stdin and stdout always speak the contract's framing
        self.sent = self.received = 0
        self.input_ended = False
        self.input_error = None
        self.servers_turn = False
        self.moved_at = time.monotonic()  # when a byte last went or came

    def run(self):
        try:
            self.connect()
        except (OSError, OverflowError) as error:
            self.refused(error)
        self.converse()
        self.exit(0)

    def connect(self):
        self.socket = socket.create_connection((self.host, self.port), timeout=CONNECT_SECONDS)
        self.socket.settimeout(None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def refused(self, error):
        self.fail("cannot connect to {}:{}: {}".format(self.host, self.port, error))

    def converse(self):
        threading.Thread(target=self.send_input, daemon=True).start()
        self.receive_answers()

    def send_input(self):
        """stdin to the server."""
        try:
            for message in Notation().messages(self.read_stdin):
                self.sent += 1
                self.pass_on(message)
            self.end_of_input()
        except FramingError as error:
            self.input_error = "stdin: {}".format(error)
            self.half_close()  # what was sent is still answered
        except OSError as error:
            self.fail("cannot send: {}".format(error))

    def read_stdin(self, size):
        return os.read(STDIN, size)

    def pass_on(self, message):
        self.send(self.codec.encode(message))

    def send(self, data):
        self.servers_turn = True
        for start in range(0, len(data), PIECE):
            self.socket.sendall(data[start:start + PIECE])
            self.moved_at = time.monotonic()
        self.servers_turn = False

    def end_of_input(self):
        self.input_ended = True
        self.half_close()

    def half_close(self):
        self.moved_at = time.monotonic()
        self.servers_turn = True
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # already gone; the receiving side will say so

    def receive_answers(self):
        """The server to stdout."""
        try:
            for message in self.codec.messages(self.receive):
                self.received += 1
                self.deliver(message)
        except Truncated as error:
            self.truncated(error)
        except TooLong as error:
            self.bad_header(error)
        except OSError as error:
            self.lost(error)
        self.server_ended()

    def lost(self, error):
        self.fail("connection lost: {}".format(error))

    def receive(self, size):
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        while not poll.poll(TICK_MS):
            if self.servers_turn and time.monotonic() - self.moved_at > SILENCE_SECONDS:
                self.silent()
        self.moved_at = time.monotonic()
        return self.socket.recv(size)

    def deliver(self, message):
        self.write(Notation().encode(message))
        self.moved_at = time.monotonic()

    def write(self, data):
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except OSError as error:
            self.fail("cannot write to stdout: {}".format(error))

    def server_ended(self):
        """It closed at a boundary. That was too early if answers are missing, or if stdin was not to be understood."""
        if self.input_error:
            self.fail(self.input_error)
        if not self.input_ended and self.received < self.sent:
            self.fail("the server closed the connection, {} answers are missing".format(self.sent - self.received))

    def truncated(self, error):
        self.fail("from the server: {}".format(error))

    def bad_header(self, error):
        self.fail("from the server: {}".format(error))

    def silent(self):
        self.fail("the server was silent for {:.0f} seconds".format(SILENCE_SECONDS))

    def fail(self, reason):
        sys.stderr.write("client: {}\n".format(reason))
        sys.stderr.flush()
        self.exit(1)

    def exit(self, status):
        os._exit(status)  # not sys.exit: the other thread may be waiting for stdin

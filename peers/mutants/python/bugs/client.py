"""Mistakes of the client: what it sends when, what it writes, when it ends, and how it says so."""
import os
import select
import socket
import sys
import threading
import time
import traceback

from bugs import bug
from client import Client
from frames import HEADER_SIZE


# The exit status.

@bug("exit-always-zero")
class ExitAlwaysZero(Client):
    def exit(self, status):
        super().exit(0)


@bug("exit-always-one")
class ExitAlwaysOne(Client):
    def exit(self, status):
        super().exit(1)


@bug("exit-zero-after-trace")
class ExitZeroAfterTrace(Client):
    """A trace for people, success for scripts."""

    def fail(self, reason):
        traceback.print_stack()
        self.exit(0)


@bug("truncated-exits-zero")
class TruncatedExitsZero(Client):
    def truncated(self, error):
        self.exit(0)


@bug("reset-exits-zero")
class ResetExitsZero(Client):
    def lost(self, error):
        self.exit(0)


@bug("bad-header-exits-zero")
class BadHeaderExitsZero(Client):
    def bad_header(self, error):
        self.exit(0)


@bug("refused-exits-zero")
class RefusedExitsZero(Client):
    def refused(self, error):
        self.exit(0)


@bug("refused-tries-for-ever")
class RefusedTriesForEver(Client):
    def refused(self, error):
        time.sleep(0.1)
        self.run()


# The end of the input, and of the server.

@bug("half-close-missing")
class HalfCloseMissing(Client):
    def half_close(self):
        pass


@bug("half-close-full")
class FullClose(Client):
    """Closes both directions: what is still due cannot arrive."""

    def half_close(self):
        self.socket.shutdown(socket.SHUT_RDWR)


@bug("input-end-exits")
class InputEndExits(Client):
    def end_of_input(self):
        self.exit(0)


@bug("input-end-waits-briefly")
class InputEndWaitsBriefly(Client):
    """A tenth of a second must do for all answers."""

    def end_of_input(self):
        super().end_of_input()
        time.sleep(0.1)
        self.exit(0)


@bug("server-end-ignored")
class ServerEndIgnored(Client):
    def server_ended(self):
        threading.Event().wait()


@bug("truncated-waited-for")
class WaitsForTheRest(Client):
    """Waits for what is missing of an answer, though the server has said that nothing comes any more."""

    def truncated(self, error):
        threading.Event().wait()


# What is sent when.

@bug("sends-at-end-of-input")
class SendsAtEndOfInput(Client):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.collected = []

    def pass_on(self, message):
        self.collected.append(message)

    def end_of_input(self):
        for message in self.collected:
            super().pass_on(message)
        super().end_of_input()


@bug("sends-in-lockstep")
class SendsInLockstep(Client):
    """The next message waits for the answer to the one before."""

    def pass_on(self, message):
        super().pass_on(message)
        while self.received < self.sent:
            time.sleep(0.001)


@bug("sends-one-behind")
class SendsOneBehind(Client):
    """Sends a message when the next one comes, or the end."""

    held = None

    def pass_on(self, message):
        if self.held is not None:
            super().pass_on(self.held)
        self.held = message

    def end_of_input(self):
        if self.held is not None:
            super().pass_on(self.held)
        super().end_of_input()


@bug("writers-interleave")
class WritersInterleave(Client):
    """A thread for each message, and no lock between header and body."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.writers = []

    def pass_on(self, message):
        writer = threading.Thread(target=self.send_apart, args=(self.codec.encode(message),), daemon=True)
        self.writers.append(writer)
        writer.start()

    def send_apart(self, frame):
        self.send(frame[:HEADER_SIZE])
        time.sleep(0.001)
        self.send(frame[HEADER_SIZE:])

    def end_of_input(self):
        for writer in self.writers:
            writer.join()
        super().end_of_input()


@bug("send-partial")
class SendPartial(Client):
    """send() says how much it has taken; nobody listens."""

    def connect(self):
        super().connect()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)

    def send(self, data):
        try:
            self.socket.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass


@bug("header-and-body-apart")
class HeaderAndBodyApart(Client):
    """Two small writes for each message, and Nagle's algorithm between them."""

    def connect(self):
        super().connect()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)

    def send(self, data):
        super().send(data[:HEADER_SIZE])
        super().send(data[HEADER_SIZE:])


# What is read when.

@bug("writes-all-before-reading")
class WritesAllBeforeReading(Client):
    """One thread: all of stdin first, then the answers. Both sides write, and nobody reads."""

    def converse(self):
        self.send_input()
        self.receive_answers()


@bug("read-timeout")
class ReadTimeout(Client):
    """Inside a frame each read must bring something within 150 ms, however far the frame has come."""

    def receive(self, size):
        if self.codec.buffer and not select.select([self.socket], [], [], 0.15)[0]:
            return b""
        return super().receive(size)


# stdout.

@bug("stdout-logged")
class StdoutLogged(Client):
    def connect(self):
        super().connect()
        print("connected to {}:{}".format(self.host, self.port), flush=True)


@bug("stdout-unflushed")
class StdoutUnflushed(Client):
    """A large buffer, written when it is full and at a good end."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.stdout = open(sys.stdout.fileno(), "wb", buffering=1024 * 1024, closefd=False)

    def write(self, data):
        self.stdout.write(data)

    def exit(self, status):
        if status == 0:
            self.stdout.flush()
        os._exit(status)


@bug("delivers-one-behind")
class DeliversOneBehind(Client):
    """Writes an answer when the next one comes, or the end in good order."""

    held = None

    def deliver(self, message):
        if self.held is not None:
            super().deliver(self.held)
        self.held = message

    def server_ended(self):
        if self.held is not None:
            super().deliver(self.held)
        super().server_ended()


@bug("delivers-in-lines")
class DeliversInLines(Client):
    """Writes for people: a newline behind each message, which the contract has no place for."""

    def write(self, data):
        super().write(data + b"\n")

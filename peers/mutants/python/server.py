"""The correct server: a thread for each connection, which answers every message as the service says."""
import os
import select
import signal
import socket
import struct
import sys
import threading
import time

import bugs
from frames import READ_SIZE, Codec, FramingError, TooLong, Truncated
from services import Echo, End

BACKLOG = 1024  # above the 500 that may come at once
ACCEPT_PAUSE = 0.1  # seconds, when accept fails for want of descriptors
DRAIN_SECONDS = 1.0  # what a refused client still sends is read for so long, or the answers before are lost in a reset
STOP_SECONDS = 2.0  # from SIGTERM to the end at the latest
STACK_SIZE = 256 * 1024  # bytes for each thread
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # struct linger: on, zero seconds


class Stopping(Exception):
    """SIGTERM has come."""


class Server:
    """The process: it listens, accepts, and ends."""

    def __init__(self, host, port, codec=Codec, service=Echo):
        self.host, self.port = host, port
        self.speaks, self.service = codec, service
        self.connections = set()
        self.stop_reader, self.stop_writer = os.pipe()  # readable for everybody as soon as the server stops

    def run(self):
        threading.stack_size(STACK_SIZE)
        self.heed_signals()
        try:
            listener = self.listen()
        except (OSError, OverflowError) as error:
            self.cannot_listen(error)
        self.announce(listener.getsockname()[1])
        try:
            self.accept_all(listener)
        except Stopping:
            listener.close()
            self.stop()
        self.exit(0)

    def heed_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: os.write(self.stop_writer, b"!"))

    def listen(self):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.set_options(listener)
        listener.bind((self.host, self.port))
        listener.listen(BACKLOG)
        return listener

    def set_options(self, listener):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # P12: the port can be bound again at once

    def cannot_listen(self, error):
        sys.stderr.write("cannot listen on {}:{}: {}\n".format(self.host, self.port, error))
        self.exit(1)

    def announce(self, port):
        print("listening on port {}".format(port), flush=True)

    def accept_all(self, listener):
        listener.setblocking(False)
        while True:
            self.wait_for(listener)
            try:
                sock, _address = listener.accept()
            except (BlockingIOError, ConnectionError):
                continue  # gone before it was accepted
            except OSError:
                time.sleep(ACCEPT_PAUSE)
                continue
            self.accepted(sock)

    def accepted(self, sock):
        sock.setblocking(True)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = bugs.pick(Connection)(self, sock)
        self.connections.add(connection)
        self.start(connection)

    def start(self, connection):
        threading.Thread(target=connection.run, daemon=True).start()

    def wait_for(self, sock, seconds=None):
        """True as soon as there is something to read, False after the time; raises Stopping once SIGTERM has come."""
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        poll.register(self.stop_reader, select.POLLIN)
        ready = [descriptor for descriptor, _events in poll.poll(None if seconds is None else seconds * 1000)]
        if self.stop_reader in ready:
            raise Stopping
        return bool(ready)

    def stop(self):
        """The connections end by themselves, each behind its last whole answer."""
        deadline = time.monotonic() + STOP_SECONDS
        while self.connections and time.monotonic() < deadline:
            time.sleep(0.005)
        for connection in list(self.connections):
            connection.abort()

    def exit(self, status):
        sys.stderr.flush()
        os._exit(status)  # whatever the threads do


class Connection:
    """One client of the server. It answers before it reads on, so a client that does not read is held back (P10)."""

    def __init__(self, server, sock):
        self.server, self.socket = server, sock
        self.codec = bugs.pick(server.speaks)()
        self.service = bugs.pick(server.service)(self.codec)

    def run(self):
        try:
            self.serve()
        except OSError as error:
            self.lost(error)
        finally:
            self.close()
            self.server.connections.discard(self)

    def serve(self):
        try:
            for message in self.codec.messages(self.receive):
                self.answer(message)
            self.ended()
        except Truncated:
            self.truncated()
        except TooLong:
            self.refuse()
        except End as end:
            if end.answer is not None:
                self.send(self.codec.encode(end.answer))
            self.part()
        except FramingError:
            self.part()  # an answer that the framing cannot carry
        except Stopping:
            self.part()

    def receive(self, size):
        self.server.wait_for(self.socket)
        return self.socket.recv(size)

    def answer(self, message):
        answer = self.service.answer(message)
        if answer is not None:
            self.send(self.codec.encode(answer))

    def send(self, data):
        self.socket.sendall(data)

    def ended(self):
        """FIN at a boundary: all answers are on their way (P7)."""

    def truncated(self):
        """FIN inside a frame: half a message is answered by nothing (P8)."""

    def refuse(self):
        """A header above the limit ends this connection alone (P9)."""
        self.part()

    def lost(self, error):
        """A reset: nobody else is concerned (P11)."""

    def part(self):
        """FIN behind the last answer, then what still comes is thrown away: closing at once would reset the connection."""
        self.socket.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < deadline:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            if not self.socket.recv(READ_SIZE):
                return

    def close(self):
        self.socket.close()

    def abort(self):
        """What is unsent is reset away: half a frame and then FIN would look like the whole truth (P12)."""
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        except OSError:
            pass

"""The Python peer's server: answers every message with the same bytes.

    python3 echo_server.py --port 9000

One thread and one event loop: however many clients there are, none waits for another. Standard library only, Python 3.6+.
"""
import argparse
import functools
import resource
import selectors
import signal
import socket
import sys
import time

import limits
from connection import CLOSED, DRAINING, Connection
from framing import U32be


def echo(message):
    return message


class Server:
    def __init__(self, listener, framing, service):
        self._listener = listener
        self._framing = framing
        self._service = service
        self._selector = selectors.DefaultSelector()
        self._connections = set()
        self._draining = set()
        self._accept_at = None  # when to accept again after a failure
        self._stop_at = None  # set by SIGTERM: when to end at the latest
        self._selector.register(listener, selectors.EVENT_READ, self._accept)

    def stop_on_signals(self):
        # The signal's number arrives on a socket, so that it is one more event of the loop and interrupts nothing.
        self._signals, wake_up = socket.socketpair()
        self._signals.setblocking(False)
        wake_up.setblocking(False)
        self._wake_up = wake_up  # kept open
        signal.set_wakeup_fd(wake_up.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        self._selector.register(self._signals, selectors.EVENT_READ, self._stop)

    def run(self):
        while self._stop_at is None or self._connections:
            for key, events in self._selector.select(self._seconds_to_next_deadline()):
                key.data(events)
            self._keep_deadlines(time.monotonic())

    def _accept(self, _events):
        if self._stop_at is not None:
            return  # stopped earlier in this very turn
        for _ in range(limits.ACCEPTS_A_TURN):
            try:
                sock, _address = self._listener.accept()
            except BlockingIOError:
                return
            except ConnectionError:
                continue  # gone before it was accepted
            except OSError:  # no descriptors left, for one: goes on when some are free again
                self._selector.unregister(self._listener)
                self._accept_at = time.monotonic() + limits.ACCEPT_PAUSE
                return
            connection = Connection(sock, self._framing, self._service)
            self._connections.add(connection)
            self._selector.register(sock, connection.wanted_events(), functools.partial(self._serve, connection))

    def _serve(self, connection, events):
        if connection in self._connections:  # else it was closed earlier in this very turn
            connection.handle(events)
            self._follow(connection)

    def _follow(self, connection):
        """Brings the loop in line with what the connection wants now."""
        if connection.phase == CLOSED:
            self._close(connection)
            return
        if connection.phase == DRAINING:
            self._draining.add(connection)
        key = self._selector.get_key(connection.socket)
        wanted = connection.wanted_events()
        if key.events != wanted:
            self._selector.modify(connection.socket, wanted, key.data)

    def _close(self, connection):
        self._selector.unregister(connection.socket)
        self._connections.discard(connection)
        self._draining.discard(connection)
        connection.close()

    def _stop(self, _events):
        self._signals.recv(limits.READ_SIZE)
        if self._stop_at is not None:
            return
        self._stop_at = time.monotonic() + limits.STOP_SECONDS
        if self._accept_at is None:
            self._selector.unregister(self._listener)
        self._accept_at = None
        self._listener.close()
        for connection in list(self._connections):
            connection.stop()
            self._follow(connection)

    def _seconds_to_next_deadline(self):
        deadlines = [connection.drain_until for connection in self._draining]
        deadlines += [moment for moment in (self._accept_at, self._stop_at) if moment is not None]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _keep_deadlines(self, now):
        for connection in [late for late in self._draining if late.drain_until <= now]:
            self._close(connection)
        if self._accept_at is not None and self._accept_at <= now:
            self._accept_at = None
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        if self._stop_at is not None and self._stop_at <= now:
            for connection in list(self._connections):
                self._close(connection)


def allow_many_connections():
    """A process often starts with 256 or 1,024 descriptors although it may have more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):
        pass  # some systems report a hard limit that they do not grant: then it stays at the soft one


def listen(host, port):
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # every accepted socket inherits it
    listener.bind((host, port))
    listener.listen(limits.BACKLOG)
    listener.setblocking(False)
    return listener


def parse_arguments():
    parser = argparse.ArgumentParser(description="Answers every message with the same bytes.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one (default %(default)s)")
    parser.add_argument("--max-frame", type=int, default=limits.MAX_FRAME, metavar="BYTES",
                        help="longest message taken (default %(default)s)")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    allow_many_connections()
    try:
        listener = listen(arguments.host, arguments.port)
    except (OSError, OverflowError) as error:
        sys.exit("echo_server: cannot listen on {}:{}: {}".format(arguments.host, arguments.port, error))
    server = Server(listener, U32be(arguments.max_frame), echo)
    server.stop_on_signals()
    print("listening on {}:{}".format(*listener.getsockname()), flush=True)
    server.run()


if __name__ == "__main__":
    main()

"""Mistakes of the server as a process: its start, its port, its end, and what it leaves behind. The last also of the client."""
import os
import signal
import socket
import time

from bugs import bug
from client import Client
from frames import HEADER_SIZE
from server import Connection, Server


# The start.

@bug("ready-too-early")
class ReadyTooEarly(Server):
    """Says that it listens, and does so a little later."""

    def listen(self):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((self.host, self.port))
            self.port = probe.getsockname()[1]
        super().announce(self.port)
        time.sleep(1)
        return super().listen()

    def announce(self, port):
        pass


@bug("ready-with-wrong-port")
class WrongPort(Server):
    def announce(self, port):
        super().announce(port + 1)


@bug("every-interface")
class EveryInterface(Server):
    def __init__(self, _host, *arguments):
        super().__init__("0.0.0.0", *arguments)


@bug("port-not-reusable")
class PortNotReusable(Server):
    def set_options(self, listener):
        pass


@bug("port-shared")
class PortShared(Server):
    """A second server listens on the same port, and takes every other client from the first."""

    def set_options(self, listener):
        super().set_options(listener)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


@bug("port-taken-exits-zero")
class PortTakenExitsZero(Server):
    def cannot_listen(self, error):
        self.exit(0)


@bug("port-taken-moves-on")
class PortTakenMovesOn(Server):
    """Takes another port than it was told."""

    def listen(self):
        try:
            return super().listen()
        except OSError:
            self.port = 0
            return super().listen()


# The end.

@bug("sigterm-ignored")
class SigtermIgnored(Server):
    def heed_signals(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


@bug("sigterm-waits-for-clients")
class SigtermWaitsForClients(Server):
    """Ends when the last client has gone; no client knows that it is waited for."""

    def heed_signals(self):
        signal.signal(signal.SIGTERM, lambda *_: self.wait_and_exit())

    def wait_and_exit(self):
        while self.connections:
            time.sleep(0.01)
        self.exit(0)


@bug("sigterm-cuts-frames")
class SigtermCutsFrames(Server):
    """FIN at once, wherever an answer just is."""

    def stop(self):
        for connection in list(self.connections):
            try:
                connection.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        time.sleep(0.05)


@bug("sigterm-cuts-frames")
class WritesInTwoParts(Connection):
    """So that there is a middle."""

    def send(self, data):
        super().send(data[:HEADER_SIZE])
        time.sleep(0.002)
        super().send(data[HEADER_SIZE:])


# What is left behind.

def leave_child(own_session):
    """A process that lives on for a minute, does not care for SIGTERM, and holds no pipe of ours."""
    if os.fork() == 0:
        if own_session:
            os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.closerange(0, 64)
        os.execvp("sleep", ["sleep", "60"])


@bug("child-left-behind")
class ServerLeavesChild(Server):
    def announce(self, port):
        leave_child(own_session=False)
        super().announce(port)


@bug("child-left-behind")
class ClientLeavesChild(Client):
    def connect(self):
        super().connect()
        leave_child(own_session=False)


@bug("child-in-own-session")
class ServerLeavesDaemon(Server):
    def announce(self, port):
        leave_child(own_session=True)
        super().announce(port)


@bug("child-in-own-session")
class ClientLeavesDaemon(Client):
    def connect(self):
        super().connect()
        leave_child(own_session=True)


class Forking(Server):
    """A child for each connection, which heeds SIGTERM by itself."""

    def heed_signals(self):
        super().heed_signals()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them

    def start(self, connection):
        if os.fork() == 0:
            self.stop_reader, self.stop_writer = os.pipe()
            self.in_child()
            connection.run()
            self.exit(0)
        connection.socket.close()
        self.connections.discard(connection)


@bug("children-ignore-sigterm")
class ChildrenIgnoreSigterm(Forking):
    def in_child(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


@bug("children-in-own-sessions")
class ChildrenInOwnSessions(Forking):
    """No signal to the server's process group reaches them."""

    def in_child(self):
        os.setsid()


@bug("sigpipe-kills")
class SigpipeKills(Server):
    """As in a program in C that does not know of the signal."""

    def heed_signals(self):
        super().heed_signals()
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)

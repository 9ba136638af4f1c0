"""Mistakes with datagrams, most of which are habits of streams; and in the time. A mistake in what both programs share is in both."""
import socket
import struct
import time

from bugs import bug
from datagrams import DatagramClient, DatagramServer
from framings import Datagram
from services import Time

IP_RECVERR = 11  # Linux; socket.IP_RECVERR is younger than Python 3.8
PIECE = 1024


# Buffers.

@bug("datagram-buffer-of-512")
class ServersBufferOf512(DatagramServer):
    """The rest of a longer datagram is thrown away by the system."""

    ROOM = 512


@bug("datagram-buffer-of-512")
class ClientsBufferOf512(DatagramClient):
    ROOM = 512


@bug("datagram-buffer-of-1024")
class ServersBufferOf1024(DatagramServer):
    ROOM = 1024


@bug("datagram-buffer-of-1024")
class ClientsBufferOf1024(DatagramClient):
    ROOM = 1024


@bug("datagram-buffer-sent-whole")
class BufferSentWhole(Datagram):
    """sizeof(buffer) where the number of bytes in it was meant."""

    def encode(self, body):
        return body.ljust(PIECE, b"\0")


@bug("datagram-buffer-used-again")
class BufferUsedAgain(Datagram):
    """What a longer message has left behind a shorter one is taken for a part of it."""

    def __init__(self):
        super().__init__()
        self.reused = bytearray()

    def received(self, body):
        self.reused[:len(body)] = body
        return bytes(self.reused)


# Where a message ends.

@bug("datagram-with-length")
class WithLength(Datagram):
    """A length before the message, as on a stream. One that is received is not asked for."""

    def encode(self, body):
        return struct.pack(">I", len(body)) + body


@bug("datagram-newline-added")
class NewlineAdded(Datagram):
    def encode(self, body):
        return body + b"\n"


@bug("datagram-nul-added")
class NulAdded(Datagram):
    def encode(self, body):
        return body + b"\0"


@bug("datagram-in-pieces")
class ServerSendsPieces(DatagramServer):
    """A long message is several datagrams."""

    def send(self, data, client):
        for at in range(0, max(1, len(data)), PIECE):
            super().send(data[at:at + PIECE], client)


@bug("datagram-in-pieces")
class ClientSendsPieces(DatagramClient):
    def send(self, data):
        for at in range(0, max(1, len(data)), PIECE):
            super().send(data[at:at + PIECE])


@bug("datagrams-joined")
class DatagramsJoined(DatagramServer):
    """All that is there is one message, as if it were a stream, and is answered to its last sender."""

    def receive(self):
        message, client = super().receive()
        time.sleep(0.02)  # so that more may be there
        while True:
            try:
                more, client = super().receive()
            except BlockingIOError:
                return message, client
            message += more


@bug("datagrams-await-another")
class AwaitsAnother(DatagramServer):
    """Two of them are one message: the first is taken for a header."""

    def receive(self):
        head, _client = super().receive()
        self.wait_for(self.socket)
        body, client = super().receive()
        return head + body, client


# Empty datagrams.

@bug("datagram-empty-is-end")
class ServerEndsAtEmpty(DatagramServer):
    """As recv() says of a stream."""

    def asked(self, message, client):
        if not message:
            self.exit(0)
        super().asked(message, client)


@bug("datagram-empty-is-end")
class ClientEndsAtEmpty(DatagramClient):
    def await_answer(self):
        return super().await_answer() or None


@bug("datagram-empty-ignored")
class ServerIgnoresEmpty(DatagramServer):
    def asked(self, message, client):
        if message:
            super().asked(message, client)


@bug("datagram-empty-ignored")
class ClientSendsNoEmpty(DatagramClient):
    def send(self, data):
        if data:
            super().send(data)


# To whom, from where, and how often.

@bug("datagram-first-sender")
class FirstSender(DatagramServer):
    """Remembers its client, as if it had accepted a connection."""

    first = None

    def send(self, data, client):
        self.first = self.first or client
        super().send(data, self.first)


@bug("datagram-one-client")
class OneClient(DatagramServer):
    """Connects its socket to whoever comes first, and hears nobody else."""

    connected = False

    def send(self, data, client):
        if not self.connected:
            self.connected = True
            self.socket.connect(client)
        self.socket.send(data)


@bug("datagram-one-and-out")
class OneAndOut(DatagramServer):
    """One question, one answer, and the end, as many an example."""

    def asked(self, message, client):
        super().asked(message, client)
        self.exit(0)


@bug("datagram-other-port")
class OtherPort(DatagramServer):
    """A new socket for each answer, so that it comes from a port that nobody has asked."""

    def send(self, data, client):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind((self.host, 0))
            other.sendto(data, client)


@bug("datagram-fixed-port")
class FixedPort(DatagramServer):
    """Answers go to a port that all clients are thought to have."""

    def send(self, data, client):
        super().send(data, (client[0], 9))


@bug("datagram-sent-twice")
class ServerSendsTwice(DatagramServer):
    """To be on the safe side."""

    def send(self, data, client):
        super().send(data, client)
        super().send(data, client)


@bug("datagram-sent-twice")
class ClientSendsTwice(DatagramClient):
    def send(self, data):
        super().send(data)
        super().send(data)


@bug("datagram-refusal-kills")
class RefusalKills(DatagramServer):
    """Dies when the system says that a client has gone: a connected socket hears that, and so does one that asks for it."""

    def set_options(self, listener):
        super().set_options(listener)
        listener.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)

    def lost(self, error):
        self.exit(1)


@bug("datagram-port-shared")
class PortShared(DatagramServer):
    """SO_REUSEADDR, as servers of streams need it: a second server takes the port, and the questions."""

    def set_options(self, listener):
        super().set_options(listener)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


# Clients alone.

@bug("datagram-from-anybody")
class FromAnybody(DatagramClient):
    """A socket that is not connected: it takes answers from all who know its port, and hears of no refusal."""

    def connect_socket(self):
        pass

    def send(self, data):
        self.socket.sendto(data, (self.host, self.port))


@bug("datagram-awaited-for-ever")
class AwaitedForEver(DatagramClient):
    """An answer that is lost is waited for."""

    def is_quiet_since(self, moment):
        return False


@bug("datagram-refusal-ignored")
class RefusalIgnored(DatagramClient):
    def lost(self, error):
        self.exit(0)


# The time.

@bug("time-little-endian")
class TimeLittleEndian(Time):
    def pack(self, seconds):
        return struct.pack("<I", seconds)


@bug("time-since-1900")
class TimeSince1900(Time):
    """As the time protocol of 1983 has it."""

    def pack(self, seconds):
        return super().pack(seconds + 2208988800 & 0xFFFFFFFF)


@bug("time-in-8-bytes")
class TimeIn8Bytes(Time):
    def pack(self, seconds):
        return struct.pack(">Q", seconds)


@bug("time-as-float")
class TimeAsFloat(Time):
    def pack(self, seconds):
        return struct.pack(">d", seconds)


@bug("time-as-digits")
class TimeAsDigits(Time):
    def pack(self, seconds):
        return str(seconds).encode()


@bug("time-as-text")
class TimeAsText(Time):
    def pack(self, seconds):
        return time.ctime(seconds).encode()


@bug("time-of-a-zone")
class TimeOfAZone(Time):
    """The clock on the wall, an hour east of Greenwich, taken for UTC."""

    def pack(self, seconds):
        return super().pack(seconds + 3600)


@bug("time-of-day")
class TimeOfDay(Time):
    """Seconds since midnight."""

    def pack(self, seconds):
        return super().pack(seconds % 86400)

"""How messages lie on a byte stream: a 4-byte unsigned big-endian length, then the body (P1). Used by both programs."""
import struct

HEADER_SIZE = 4
MAX_FRAME = 16 * 1024 * 1024  # what peer.toml promises
READ_SIZE = 256 * 1024


class FramingError(Exception):
    """The stream breaks a rule; nothing behind the error can be trusted."""


class TooLong(FramingError):
    """A header announces more than the limit (P9)."""


class Truncated(FramingError):
    """The stream has ended inside a frame (P8)."""


class Codec:
    """One direction or both of one connection."""

    def __init__(self):
        self.buffer = bytearray()  # what has arrived and was not handed on yet

    def encode(self, body):
        """The bytes on the wire."""
        return self.header(body) + body

    def header(self, body):
        return struct.pack(">I", len(body))

    def length(self, header):
        return struct.unpack(">I", header)[0]

    def check(self, length):
        if length > MAX_FRAME:
            raise TooLong("{} bytes announced, the limit is {}".format(length, MAX_FRAME))

    def messages(self, receive):
        """Yields each message as soon as it is complete. receive(size) gives some bytes, none at the end of the stream."""
        while True:
            data = receive(READ_SIZE)
            if not data:
                break
            self.buffer += data
            yield from self.take()
        if self.buffer:
            raise Truncated("the stream ended inside a frame")

    def take(self):
        """Takes every whole message from the front of the buffer."""
        while len(self.buffer) >= HEADER_SIZE:
            length = self.length(self.buffer[:HEADER_SIZE])
            self.check(length)
            end = HEADER_SIZE + length
            if len(self.buffer) < end:
                return
            body = bytes(self.buffer[HEADER_SIZE:end])
            del self.buffer[:end]
            yield self.received(body)

    def received(self, body):
        """What is made of a body before it is handed on: nothing (P2)."""
        return body


class Notation(Codec):
    """Messages on stdin and stdout (P13): all that the wire carries, for which some framings count less than the message."""

    UNCOUNTED = 8  # command and reply wanted

    def check(self, length):
        super().check(max(0, length - self.UNCOUNTED))

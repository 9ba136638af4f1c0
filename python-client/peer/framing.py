"""How messages are laid on a byte stream. No input or output here: bytes in, messages out, and the other way round.

A framing is a class of three methods; a further framing is a further class of the same shape:

    encode(message)    the bytes on the wire
    split(buffer)      (message, bytes used) of the first message in the buffer, or None while it is incomplete
    truncated(buffer)  the error for a stream that ends with this buffer

`Decoder` does what is the same for all of them.
"""
import struct


class FramingError(Exception):
    """The byte stream breaks a rule of the framing. Nothing behind the error can be trusted."""


class TooLong(FramingError):
    def __init__(self, got, limit):
        super().__init__("frame too long: {} bytes announced, the limit is {}".format(got, limit))
        self.got, self.limit = got, limit


class TruncatedHeader(FramingError):
    def __init__(self, got, wanted):
        super().__init__("stream ended inside a header: got {} of {} bytes".format(got, wanted))
        self.got, self.wanted = got, wanted


class TruncatedBody(FramingError):
    def __init__(self, got, wanted):
        super().__init__("stream ended inside a body: got {} of {} bytes".format(got, wanted))
        self.got, self.wanted = got, wanted


class U32be:
    """4-byte unsigned big-endian length, then exactly that many body bytes (P1)."""

    HEADER = struct.Struct("!I")

    def __init__(self, max_frame):
        self.max_frame = max_frame

    def encode(self, body):
        self._check(len(body))
        return self.HEADER.pack(len(body)) + body

    def split(self, buffer):
        if len(buffer) < self.HEADER.size:
            return None
        (length,) = self.HEADER.unpack_from(buffer)
        self._check(length)
        end = self.HEADER.size + length
        if len(buffer) < end:
            return None
        return buffer[self.HEADER.size:end], end

    def truncated(self, buffer):
        if len(buffer) < self.HEADER.size:
            return TruncatedHeader(len(buffer), self.HEADER.size)
        (length,) = self.HEADER.unpack_from(buffer)
        return TruncatedBody(len(buffer) - self.HEADER.size, length)

    def _check(self, length):
        if length > self.max_frame:  # P9: from the header alone
            raise TooLong(length, self.max_frame)


class Decoder:
    """Turns pieces of a stream, cut anywhere (P4), into messages.

    It holds what has arrived and nothing more: an announced length reserves no memory. Taking bytes from the front of a
    bytearray is cheap, so the work is linear in the stream's length.
    """

    def __init__(self, framing):
        self._framing = framing
        self._buffer = bytearray()

    def feed(self, data):
        self._buffer += data

    def messages(self):
        """Yields every message that is complete (P5); raises FramingError where the stream goes wrong, after the good ones."""
        while True:
            found = self._framing.split(self._buffer)
            if found is None:
                return
            message, used = found
            del self._buffer[:used]
            yield message

    def finish(self):
        """The stream has ended: raises FramingError unless it ended between two messages."""
        if self._buffer:
            raise self._framing.truncated(self._buffer)

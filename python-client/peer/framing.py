"""How messages are laid on a byte stream. No input or output here: bytes in, messages out, and the other way round.

A framing is a class of one shape; a further framing is a further class, named in FRAMINGS:

    CEILING              the longest body that it can carry at all
    longest              the longest message that it takes, in bytes
    encode(message)      the bytes on the wire; raises FramingError where the framing cannot carry the message
    split(buffer, seen)  (message, bytes used) of the first message in the buffer, or None while it is incomplete; a message of
                         None are bytes that carry none. Its first `seen` bytes were there the last time
    end(buffer)          what a stream comes to that ends with this buffer, which is not empty: a last message, or None where
                         it carries none; raises FramingError where it ends inside a message

`Decoder` does what is the same for all of them.
"""
import struct
import sys


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


class TruncatedLine(FramingError):
    def __init__(self, got):
        super().__init__("stream ended inside a line: got {} bytes of it".format(got))
        self.got = got


class NotADigit(FramingError):
    def __init__(self, got, at):
        super().__init__("byte {} of a header is no digit: 0x{:02x}".format(at, got))
        self.got, self.at = got, at


class NotCarried(FramingError):
    """The message cannot be sent so that it would come back the same."""


class Framing:
    """What most framings have in common."""

    CEILING = sys.maxsize
    ONE_MESSAGE = False  # whether a direction of a connection carries one message only
    BYTE_ORDER = "big"  # of the numbers inside a message, for the services that know some

    def __init__(self, max_frame):
        self.max_frame = min(max_frame, self.CEILING)
        self.longest = self.max_frame

    def _check(self, length):
        if length > self.max_frame:  # P9: from the header alone
            raise TooLong(length, self.max_frame)


class U32be(Framing):
    """4-byte unsigned big-endian length, then exactly that many body bytes (P1)."""

    CEILING = 0xFFFFFFFF
    HEADER = struct.Struct("!I")

    def encode(self, body):
        self._check(len(body))
        return self.HEADER.pack(len(body)) + body

    def split(self, buffer, _seen):
        if len(buffer) < self.HEADER.size:
            return None
        (length,) = self.HEADER.unpack_from(buffer)
        self._check(length)
        end = self.HEADER.size + length
        if len(buffer) < end:
            return None
        return buffer[self.HEADER.size:end], end

    def end(self, buffer):
        if len(buffer) < self.HEADER.size:
            raise TruncatedHeader(len(buffer), self.HEADER.size)
        (length,) = self.HEADER.unpack_from(buffer)
        raise TruncatedBody(len(buffer) - self.HEADER.size, length)


class Line(Framing):
    """The message, then LF. ASCII white space around it is stripped on receipt, and a line of nothing else is no message."""

    LF = b"\n"

    def encode(self, line):
        self._check(len(line))
        if not line:
            raise NotCarried("a line cannot be empty")
        if self.LF in line:
            raise NotCarried("a line cannot hold a line feed")
        if line.strip() != line:
            raise NotCarried("a line cannot begin or end with white space")
        return line + self.LF

    def split(self, buffer, seen):
        end = buffer.find(self.LF, seen, self.max_frame + 1)
        if end < 0:
            self._check(min(len(buffer), self.max_frame + 1))  # not waiting for the LF
            return None
        return buffer[:end].strip() or None, end + 1

    def end(self, buffer):
        if not buffer.isspace():
            raise TruncatedLine(len(buffer))


class Fixed1024(Framing):
    """1024 bytes: the message, and NULs behind it."""

    CEILING = SIZE = 1024
    PADDING = b"\0"

    def encode(self, message):
        self._check(len(message))
        if message.endswith(self.PADDING):
            raise NotCarried("a padded message cannot end in NUL")
        return message.ljust(self.SIZE, self.PADDING)

    def split(self, buffer, _seen):
        if len(buffer) < self.SIZE:
            return None
        message = buffer[:self.SIZE].rstrip(self.PADDING)
        self._check(len(message))
        return message, self.SIZE

    def end(self, buffer):
        raise TruncatedBody(len(buffer), self.SIZE)


class Ascii4(Framing):
    """Four decimal digits in ASCII, then as many body bytes as they say."""

    CEILING = 9999
    DIGITS = b"0123456789"
    HEADER_SIZE = 4

    def encode(self, body):
        self._check(len(body))
        return b"%04d" % len(body) + body

    def split(self, buffer, _seen):
        header = buffer[:self.HEADER_SIZE]
        for at, byte in enumerate(header):
            if byte not in self.DIGITS:  # not waiting for all four
                raise NotADigit(byte, at)
        if len(header) < self.HEADER_SIZE:
            return None
        length = int(header)
        self._check(length)
        end = self.HEADER_SIZE + length
        if len(buffer) < end:
            return None
        return buffer[self.HEADER_SIZE:end], end

    def end(self, buffer):
        if len(buffer) < self.HEADER_SIZE:
            raise TruncatedHeader(len(buffer), self.HEADER_SIZE)
        raise TruncatedBody(len(buffer) - self.HEADER_SIZE, int(buffer[:self.HEADER_SIZE]))


class Mnet(Framing):
    """Three numbers of 4 bytes, then a body: its size, a command, whether a reply is wanted. All but the size is the message."""

    CEILING = 0xFFFFFFFF
    SIZE = struct.Struct("!I")
    COMMAND_SIZE = 8  # bytes of a message that the size does not count

    def __init__(self, max_frame):
        super().__init__(max_frame)
        self.longest = self.max_frame + self.COMMAND_SIZE

    def encode(self, message):
        size = len(message) - self.COMMAND_SIZE
        if size < 0:
            raise NotCarried("a message has {} bytes of command at least, this has {}".format(self.COMMAND_SIZE, len(message)))
        self._check(size)
        return self.SIZE.pack(size) + message

    def split(self, buffer, _seen):
        if len(buffer) < self.SIZE.size:
            return None
        (size,) = self.SIZE.unpack_from(buffer)
        self._check(size)
        end = self.SIZE.size + self.COMMAND_SIZE + size
        if len(buffer) < end:
            return None
        return buffer[self.SIZE.size:end], end

    def end(self, buffer):
        if len(buffer) < self.SIZE.size:
            raise TruncatedHeader(len(buffer), self.SIZE.size)
        (size,) = self.SIZE.unpack_from(buffer)
        raise TruncatedBody(len(buffer) - self.SIZE.size, self.COMMAND_SIZE + size)


class MnetLe(Mnet):
    """Mnet with its numbers in little-endian order."""

    BYTE_ORDER = "little"
    SIZE = struct.Struct("<I")


class Raw(Framing):
    """No frames: all bytes of one direction are one message, and no bytes are none."""

    ONE_MESSAGE = True

    def encode(self, message):
        self._check(len(message))
        if not message:
            raise NotCarried("no bytes are no message")
        return message

    def split(self, buffer, _seen):
        self._check(min(len(buffer), self.max_frame + 1))
        return None

    def end(self, buffer):
        return buffer


class Datagram(Framing):
    """A UDP datagram is a message: there is no stream to split."""

    CEILING = 65507

    def encode(self, message):
        self._check(len(message))
        return message


FRAMINGS = {
    "u32be": U32be,
    "line": Line,
    "fixed-1024": Fixed1024,
    "ascii4": Ascii4,
    "mnet": Mnet,
    "mnet-le": MnetLe,
    "raw": Raw,
    "datagram": Datagram,
}


class Decoder:
    """Turns pieces of a stream, cut anywhere (P4), into messages.

    It holds what has arrived and nothing more: an announced length reserves no memory. Taking bytes from the front of a
    bytearray is cheap, so the work is linear in the stream's length.
    """

    def __init__(self, framing):
        self._framing = framing
        self._buffer = bytearray()
        self._seen = 0

    def feed(self, data):
        self._buffer += data

    def messages(self):
        """Yields every message that is complete (P5); raises FramingError where the stream goes wrong, after the good ones."""
        while True:
            found = self._framing.split(self._buffer, self._seen)
            if found is None:
                self._seen = len(self._buffer)
                return
            message, used = found
            del self._buffer[:used]
            self._seen = 0
            if message is not None:
                yield message

    def finish(self):
        """The stream has ended. Yields the message that its end completes, if any; raises FramingError if it ended inside one."""
        if self._buffer:
            message = self._framing.end(self._buffer)
            if message is not None:
                yield message

"""The other framings (P1, P2): each a codec like the one in frames.py. What the docs say of each is not said again here."""
import struct

from frames import MAX_FRAME, Codec, FramingError, TooLong, Truncated

FIXED_SIZE = 1024
COMMAND_SIZE = 8  # command and reply wanted, which every message of mnet begins with
BLANKS = b"\t\n\x0b\x0c\r "


class NotCarried(FramingError):
    """A message that would not arrive as it is."""


class Headed(Codec):
    """Frames that begin with a header which says how much follows. What is said of sizes is said once, here."""

    HEADER_SIZE = 4

    def take(self):
        while True:
            self.check_begun(self.buffer[:self.HEADER_SIZE])
            if len(self.buffer) < self.HEADER_SIZE:
                return
            length = self.length(bytes(self.buffer[:self.HEADER_SIZE]))
            end = self.HEADER_SIZE + length
            if len(self.buffer) < end:
                return
            message = bytes(self.buffer[self.HEADER_SIZE:end])
            del self.buffer[:end]
            yield self.received(message)

    def check_begun(self, header):
        """Raises as soon as a header can no longer become a right one."""


class Ascii4(Headed):
    LARGEST = 9999

    def header(self, body):
        if len(body) > self.LARGEST:
            raise NotCarried("{} bytes, four digits say {} at most".format(len(body), self.LARGEST))
        return b"%04d" % len(body)

    def check_begun(self, header):
        if not all(48 <= byte <= 57 for byte in header):
            raise TooLong("no digits: {!r}".format(bytes(header)))

    def length(self, header):
        return int(header)


class Mnet(Headed):
    ORDER = ">"

    def number(self, value):
        return struct.pack(self.ORDER + "I", value)

    def encode(self, body):
        if len(body) < COMMAND_SIZE:
            raise NotCarried("{} bytes, a message has {} at least".format(len(body), COMMAND_SIZE))
        return self.size(body) + body

    def size(self, message):
        return self.number(len(message) - COMMAND_SIZE)

    def length(self, header):
        size = struct.unpack(self.ORDER + "I", header)[0]
        self.check(size)
        return COMMAND_SIZE + size


class MnetLittle(Mnet):
    ORDER = "<"


class Line(Codec):
    def encode(self, body):
        if not body or b"\n" in body or body.strip(BLANKS) != body:
            raise NotCarried("a line cannot carry this")
        return body + b"\n"

    def messages(self, receive):
        yield from super().messages(self.blanks_are_no_rest(receive))

    def blanks_are_no_rest(self, receive):
        def receive_or_end(size):
            data = receive(size)
            if not data and not self.buffer.strip(BLANKS):
                self.buffer.clear()
            return data
        return receive_or_end

    def take(self):
        while True:
            end = self.buffer.find(b"\n")
            if end > MAX_FRAME or (end < 0 and len(self.buffer) > MAX_FRAME):
                raise TooLong("no line end within {} bytes".format(MAX_FRAME))
            if end < 0:
                return
            line = bytes(self.buffer[:end])
            del self.buffer[:end + 1]
            message = self.stripped(line)
            if message:
                yield self.received(message)

    def stripped(self, line):
        return line.strip(BLANKS)


class Fixed(Codec):
    def encode(self, body):
        if len(body) > FIXED_SIZE or body.endswith(b"\0"):
            raise NotCarried("1024 bytes cannot carry this")
        return self.padded(body)

    def padded(self, body):
        return body.ljust(FIXED_SIZE, b"\0")

    def take(self):
        while len(self.buffer) >= FIXED_SIZE:
            frame = bytes(self.buffer[:FIXED_SIZE])
            del self.buffer[:FIXED_SIZE]
            yield self.received(self.unpadded(frame))

    def unpadded(self, frame):
        return frame.rstrip(b"\0")


class Raw(Codec):
    """All that comes until the end is one message."""

    def encode(self, body):
        return body

    def messages(self, receive):
        while True:
            data = receive(65536)
            if not data:
                break
            self.buffer += data
            if len(self.buffer) > MAX_FRAME:
                raise TooLong("more than {} bytes".format(MAX_FRAME))
        if self.buffer:
            yield bytes(self.buffer)


class Datagram(Codec):
    """A datagram is a message, so nothing is laid on it."""

    def encode(self, body):
        return body


BY_NAME = {
    "u32be": Codec,
    "ascii4": Ascii4,
    "mnet": Mnet,
    "mnet-le": MnetLittle,
    "line": Line,
    "fixed-1024": Fixed,
    "raw": Raw,
    "datagram": Datagram,
}

"""Mistakes in the length field and in what a length may be. All of them in both programs."""
import mmap
import struct

from bugs import bug
from frames import HEADER_SIZE, MAX_FRAME, Codec, TooLong


@bug("length-little-endian")
class LittleEndian(Codec):
    def header(self, body):
        return struct.pack("<I", len(body))

    def length(self, header):
        return struct.unpack("<I", header)[0]


@bug("length-counts-header")
class CountsHeader(Codec):
    def header(self, body):
        return struct.pack(">I", HEADER_SIZE + len(body))

    def length(self, header):
        return max(0, super().length(header) - HEADER_SIZE)


@bug("length-counts-header-in-answers")
class CountsHeaderWhenSending(Codec):
    def header(self, body):
        return struct.pack(">I", HEADER_SIZE + len(body))


@bug("length-missing")
class NoHeader(Codec):
    def header(self, body):
        return b""


@bug("length-in-characters")
class Characters(Codec):
    def header(self, body):
        return struct.pack(">I", len(body.decode("utf-8", "surrogateescape")))


@bug("length-in-utf16-units")
class Utf16Units(Codec):
    def header(self, body):
        text = body.decode("utf-8", "surrogateescape")
        return struct.pack(">I", len(text.encode("utf-16-le", "surrogatepass")) // 2)


@bug("length-8-bit")
class EightBits(Codec):
    def header(self, body):
        return struct.pack(">I", len(body) & 0xFF)


@bug("length-16-bit")
class SixteenBits(Codec):
    def header(self, body):
        return struct.pack(">I", len(body) & 0xFFFF)


@bug("length-24-bit")
class TwentyFourBits(Codec):
    def header(self, body):
        return struct.pack(">I", len(body) & 0xFFFFFF)


@bug("length-header-16-bit")
class ShortHeader(Codec):
    """A header of two bytes: only what fits it is understood."""

    def header(self, body):
        return struct.pack(">H", len(body) & 0xFFFF)


@bug("length-signed-bytes")
class SignedBytes(Codec):
    """(b[0] << 24) + (b[1] << 16) + ... where char is signed."""

    def length(self, header):
        value = 0
        for byte in struct.unpack("4b", header):
            value = (value << 8) + byte
        if value < 0:
            raise TooLong("a negative length")
        return value


@bug("length-bytes-swapped")
class MiddleBytesSwapped(Codec):
    """A shift by 16 where one by 8 was meant, and the other way round."""

    def length(self, header):
        return header[0] << 24 | header[2] << 16 | header[1] << 8 | header[3]


@bug("length-signed")
class Signed(Codec):
    """Above 0x7FFFFFFF a length is negative: below every limit, and nothing to wait for."""

    def length(self, header):
        return max(0, struct.unpack(">i", header)[0])


@bug("limit-missing")
class NoLimit(Codec):
    def check(self, length):
        pass


@bug("limit-refuses-exact")
class LimitTooLow(Codec):
    def check(self, length):
        super().check(length + 1)


@bug("limit-accepts-one-more")
class LimitTooHigh(Codec):
    def check(self, length):
        super().check(length - 1)


@bug("limit-counts-header")
class LimitOfTheWholeFrame(Codec):
    def check(self, length):
        super().check(HEADER_SIZE + length)


@bug("limit-after-body")
class LimitCheckedTooLate(Codec):
    """Refuses, but only when there is nothing left to refuse."""

    def check(self, length):
        if len(self.buffer) >= HEADER_SIZE + length:
            super().check(length)


@bug("length-line-feed")
class LineFeedInHeader(Codec):
    """As by the pattern "^(....)" in a language where a dot is any character but a line feed."""

    def take(self):
        while b"\n" not in self.buffer[:HEADER_SIZE]:
            before = len(self.buffer)
            yield from self.first()
            if len(self.buffer) == before:
                return

    def first(self):
        """The first whole message alone."""
        if len(self.buffer) >= HEADER_SIZE:
            length = self.length(self.buffer[:HEADER_SIZE])
            self.check(length)
            end = HEADER_SIZE + length
            if len(self.buffer) >= end:
                body = bytes(self.buffer[HEADER_SIZE:end])
                del self.buffer[:end]
                yield self.received(body)


@bug("claim-reserves-memory")
class ReservesMemory(Codec):
    """Believes the header before it looks at the limit, and touches what it has reserved."""

    AT_MOST = 512 * 1024 * 1024  # to be found by the harness, not by the machine

    def check(self, length):
        if length > MAX_FRAME:
            self.reserved = bytearray(b"?") * min(length, self.AT_MOST)
            del self.reserved
        super().check(length)


@bug("claim-reserves-addresses")
class ReservesAddresses(Codec):
    def check(self, length):
        if length > MAX_FRAME:
            self.reserved = mmap.mmap(-1, length)
        super().check(length)


@bug("claim-touches-body")
class TouchesBody(Codec):
    """Each client that announces a message has its memory at once: few of them are enough."""

    def check(self, length):
        super().check(length)
        self.reserved = bytearray(b"?") * length

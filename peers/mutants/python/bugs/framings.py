"""Mistakes in the other framings: what is written, and where a message ends. Those that servers make alone say so."""
import struct

from bugs import bug
from bugs.reading import read_exactly
from frames import READ_SIZE, TooLong
from framings import BLANKS, COMMAND_SIZE, FIXED_SIZE, Ascii4, Fixed, Line, Mnet, MnetLittle, Raw


class ExactReader:
    """Reads a header, then what it announces, as many programs do: correct, for each header whose length is known."""

    def messages(self, receive):
        while True:
            header = self.read_header(receive)
            if not header:
                return
            self.check_begun(header)
            length = self.length(header)
            yield self.received(read_exactly(receive, length))

    def read_header(self, receive):
        return read_exactly(receive, self.HEADER_SIZE)


# Four digits.

@bug("ascii4-five-digits")
class FiveDigits(Ascii4):
    def header(self, body):
        return b"%05d" % len(body)


@bug("ascii4-no-leading-zeros")
class NoLeadingZeros(Ascii4):
    def header(self, body):
        return b"%d" % len(body)


@bug("ascii4-spaces")
class SpacesForZeros(Ascii4):
    def header(self, body):
        return b"%4d" % len(body)


@bug("ascii4-in-characters")
class InCharacters(Ascii4):
    def header(self, body):
        return b"%04d" % len(body.decode(errors="replace"))


@bug("ascii4-header-one-read")
class DigitsInOneRead(ExactReader, Ascii4):
    def read_header(self, receive):
        return receive(self.HEADER_SIZE)


@bug("ascii4-any-number")
class AnyNumber(Ascii4):
    """Trusts int(), which takes signs, spaces, underscores and the digits of other scripts."""

    def check_begun(self, header):
        pass

    def length(self, header):
        try:
            return max(0, int(header.decode()))
        except ValueError as error:
            raise TooLong(str(error)) from None


@bug("ascii4-header-awaited")
class HeaderAwaited(Ascii4):
    def check_begun(self, header):
        if len(header) == self.HEADER_SIZE:
            super().check_begun(header)


# Three numbers.

@bug("mnet-size-counts-fields")
class SizeCountsFields(Mnet):
    """The size is that of all behind it. What is received is understood."""

    def size(self, message):
        return self.number(len(message))


@bug("mnet-mixed-order")
class MixedOrder(Mnet):
    """The size is in network order, the rest as the machine has it."""

    def encode(self, body):
        command, wanted = struct.unpack(">II", body[:COMMAND_SIZE])
        return super().encode(struct.pack("<II", command, wanted) + body[COMMAND_SIZE:])


@bug("mnet-le-size-big-endian")
class SizeBigEndian(MnetLittle):
    def size(self, message):
        return super().size(message)[::-1]


@bug("mnet-header-one-read")
class NumbersInOneRead(Mnet):
    def messages(self, receive):
        while True:
            header = receive(4 + COMMAND_SIZE)
            if len(header) < 4 + COMMAND_SIZE:
                return
            size = self.length(header[:4]) - COMMAND_SIZE
            yield header[4:] + read_exactly(receive, size)


# Lines.

@bug("line-one-read")
class ReadIsLine(Line):
    def messages(self, receive):
        while True:
            data = receive(READ_SIZE)
            if not data:
                return
            message = data.strip(BLANKS)
            if message:
                yield message

    def encode(self, body):
        return body + b"\n"


@bug("line-decoded-per-read")
class DecodedPerRead(Line):
    def messages(self, receive):
        return super().messages(lambda size: receive(size).decode(errors="replace").encode())


@bug("line-decode-fails")
class DecodeFails(Line):
    """An error in decoding a read ends the connection."""

    def messages(self, receive):
        def decoded(size):
            try:
                return receive(size).decode().encode()
            except UnicodeDecodeError as error:
                raise TooLong(str(error)) from None
        return super().messages(decoded)


@bug("line-cr-kept")
class CarriageReturnKept(Line):
    """Takes off spaces alone; what it then could not send back it sends all the same."""

    def stripped(self, line):
        return line.strip(b" ")

    def encode(self, body):
        return body + b"\n"


@bug("line-blank-answered")
class BlankIsMessage(Line):
    """A blank line is the empty message."""

    def take(self):
        while b"\n" in self.buffer:
            line, _, rest = bytes(self.buffer).partition(b"\n")
            self.buffer[:] = rest
            yield line.strip(BLANKS)

    def encode(self, body):
        return body + b"\n"


@bug("line-crlf-sent")
class CrLfSent(Line):
    def encode(self, body):
        return super().encode(body)[:-1] + b"\r\n"


@bug("line-end-is-message")
class LeftoverIsMessage(Line):
    """What stands behind the last line end when the stream ends is a message, even if it is nothing."""

    def messages(self, receive):
        def receive_or_end(size):
            data = receive(size)
            if not data and self.buffer:
                self.rest = bytes(self.buffer).strip(BLANKS)
                self.buffer.clear()
            return data
        self.rest = None
        yield from super().messages(receive_or_end)
        if self.rest is not None:
            yield self.rest

    def encode(self, body):
        return body + b"\n"


# 1024 bytes.

@bug("fixed-padding-kept")
class PaddingKept(Fixed):
    def unpadded(self, frame):
        return frame

    def encode(self, body):
        return self.padded(body[:FIXED_SIZE])


@bug("fixed-one-read")
class ReadIsFrame(Fixed):
    def messages(self, receive):
        while True:
            data = receive(FIXED_SIZE)
            if not data:
                return
            yield data.rstrip(b"\0")


@bug("fixed-not-padded")
class NotPadded(Fixed):
    def padded(self, body):
        return body


@bug("fixed-spaces")
class PaddedWithSpaces(Fixed):
    def padded(self, body):
        return body.ljust(FIXED_SIZE, b" ")


@bug("fixed-stale-tail")
class BufferUsedAgain(Fixed):
    def padded(self, body):
        last = getattr(self, "last", bytes(FIXED_SIZE))
        self.last = body + last[len(body):]
        return self.last


@bug("fixed-cut")
class CutToSize(Fixed):
    """What does not fit is cut off and sent."""

    def encode(self, body):
        return self.padded(body[:FIXED_SIZE])


@bug("fixed-c-string")
class EndsAtFirstNul(Fixed):
    def unpadded(self, frame):
        return frame.split(b"\0")[0]


# No frames.

@bug("raw-one-read")
class ReadIsAll(Raw):
    def messages(self, receive):
        data = receive(READ_SIZE)
        if data:
            yield data


@bug("raw-each-read")
class EachRead(Raw):
    def messages(self, receive):
        return iter(lambda: receive(READ_SIZE), b"")

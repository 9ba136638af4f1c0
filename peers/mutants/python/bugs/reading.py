"""Mistakes about where a message ends: reads that are trusted, leftovers that are lost. All of them in both programs."""
from bugs import bug
from frames import HEADER_SIZE, READ_SIZE, Codec, Truncated


def read_exactly(receive, size):
    """All of it; less at the end of the stream."""
    data = b""
    while len(data) < size:
        more = receive(size - len(data))
        if not more:
            break
        data += more
    return data


class ExactReader(Codec):
    """As correct as its base: reads a header, then a body. The next ones do either of them wrong."""

    def messages(self, receive):
        while True:
            header = self.read_header(receive)
            if not header:
                return
            length = self.length(header)
            self.check(length)
            yield self.read_body(receive, length)

    def read_header(self, receive):
        header = read_exactly(receive, HEADER_SIZE)
        if 0 < len(header) < HEADER_SIZE:
            raise Truncated("the stream ended inside a header")
        return header

    def read_body(self, receive, length):
        body = read_exactly(receive, length)
        if len(body) < length:
            raise Truncated("the stream ended inside a body")
        return body


# One read is trusted.

@bug("header-one-read")
class HeaderInOneRead(ExactReader):
    def read_header(self, receive):
        header = receive(HEADER_SIZE)
        return header and header.ljust(HEADER_SIZE, b"\0")


@bug("header-restarted")
class HeaderReadAgain(ExactReader):
    """A part of a header is thrown away, and the header read again."""

    def read_header(self, receive):
        while True:
            header = receive(HEADER_SIZE)
            if len(header) in (0, HEADER_SIZE):
                return header


@bug("header-needs-body")
class HeaderNeedsBody(Codec):
    """Reads a header with the first byte of its body; a read that brings less is thrown away."""

    def take(self):
        if len(self.buffer) <= HEADER_SIZE and bytes(self.buffer) != bytes(HEADER_SIZE):
            self.buffer.clear()
        return super().take()


@bug("body-one-read")
class BodyInOneRead(ExactReader):
    def read_body(self, receive, length):
        return receive(length) if length else b""


@bug("message-one-read")
class MessageInOneRead(Codec):
    def messages(self, receive):
        while True:
            data = receive(READ_SIZE)
            if not data:
                return
            length = self.length(data[:HEADER_SIZE].ljust(HEADER_SIZE, b"\0"))
            self.check(length)
            yield data[HEADER_SIZE:HEADER_SIZE + length]


@bug("second-part-lost")
class GivesUpAfterTwoReads(ExactReader):
    """Knows that a body may come in two parts, and has never seen three."""

    def read_body(self, receive, length):
        first = receive(length) if length else b""
        return first + (receive(length - len(first)) if len(first) < length else b"")


# What is left over when a message is complete.

class Leftover(Codec):
    def take(self):
        taken = 0
        for message in super().take():
            taken += 1
            yield message
        if taken and self.buffer:
            self.left_over()


@bug("leftover-dropped")
class LeftoverDropped(Leftover):
    def left_over(self):
        self.buffer.clear()


@bug("leftover-off-by-one")
class LeftoverOffByOne(Leftover):
    def left_over(self):
        del self.buffer[:1]


@bug("leftover-short-dropped")
class LeftoverShorterThanHeader(Leftover):
    def left_over(self):
        if len(self.buffer) < HEADER_SIZE:
            self.buffer.clear()


@bug("leftover-tail-lost")
class LeftoverAfterTail(Codec):
    """Where a read completes a message that was begun before, what follows in that read is forgotten."""

    def take(self):
        begun_before = getattr(self, "begun", False)
        for message in super().take():
            yield message
            if begun_before:
                self.buffer.clear()
        self.begun = bool(self.buffer)


# Several messages in one read.

@bug("read-first-only")
class FirstOfARead(Codec):
    def take(self):
        return iter(list(super().take())[:1])


@bug("read-last-only")
class LastOfARead(Codec):
    def take(self):
        return iter(list(super().take())[-1:])


@bug("read-at-most-64")
class SixtyFourOfARead(Codec):
    def take(self):
        return iter(list(super().take())[:64])


@bug("read-one-at-a-time")
class OneForEachRead(Codec):
    """The second message of a read waits for the next read."""

    def __init__(self):
        super().__init__()
        self.waiting = []

    def messages(self, receive):
        yield from super().messages(receive)
        yield from self.waiting

    def take(self):
        self.waiting += super().take()
        if self.waiting:
            yield self.waiting.pop(0)


@bug("read-late")
class AfterTheNextRead(Codec):
    """A message is handed on when something comes after it, be it the end of the stream."""

    def __init__(self):
        super().__init__()
        self.held = []

    def messages(self, receive):
        yield from super().messages(receive)
        yield from self.held

    def take(self):
        self.held += super().take()
        while len(self.held) > 1:
            yield self.held.pop(0)


@bug("read-when-clean")
class OnlyWhenNothingIsLeft(Codec):
    """Messages are handed on when the buffer is empty: a good one is held up, or lost, with the incomplete one behind it."""

    def __init__(self):
        super().__init__()
        self.held = []

    def take(self):
        self.held += super().take()
        if not self.buffer:
            yield from self.held
            self.held = []


@bug("read-merged")
class MergedInOne(Codec):
    def take(self):
        messages = list(super().take())
        if messages:
            yield b"".join(messages)


@bug("read-reversed")
class LastComesFirst(Codec):
    def take(self):
        return reversed(list(super().take()))


# Full buffers.

class CutAtBufferSize(Codec):
    """A full buffer is a whole message."""

    SIZE = NotImplemented

    def take(self):
        for message in super().take():
            yield message[:self.SIZE - HEADER_SIZE]


@bug("buffer-of-1024-cuts")
class CutAt1024(CutAtBufferSize):
    SIZE = 1024


@bug("buffer-of-65536-cuts")
class CutAt65536(CutAtBufferSize):
    SIZE = 65536


class FullBufferMeansMore(Codec):
    """A read that fills the buffer has not got all, it is thought: another one is waited for first."""

    SIZE = NotImplemented

    def messages(self, receive):
        def receive_until_short(_size):
            data = last = receive(self.SIZE)
            while len(last) == self.SIZE:
                last = receive(self.SIZE)
                data += last
            return data
        return super().messages(receive_until_short)


@bug("buffer-of-4096-waits")
class WaitsAfter4096(FullBufferMeansMore):
    SIZE = 4096


@bug("buffer-of-8192-waits")
class WaitsAfter8192(FullBufferMeansMore):
    SIZE = 8192


# The end of the stream.

@bug("truncated-body-as-whole")
class TruncatedBodyAsWhole(Codec):
    def messages(self, receive):
        try:
            yield from super().messages(receive)
        except Truncated:
            if len(self.buffer) > HEADER_SIZE:
                yield bytes(self.buffer[HEADER_SIZE:])


@bug("truncated-header-as-whole")
class TruncatedHeaderAsWhole(Codec):
    def messages(self, receive):
        try:
            yield from super().messages(receive)
        except Truncated:
            if len(self.buffer) >= HEADER_SIZE:
                raise
            yield b""

"""Mistakes in what is made of a body. Most of them in both programs, where a message is received."""
from bugs import bug
from frames import HEADER_SIZE, Codec, Truncated


# Empty and short messages.

@bug("empty-is-end")
class EmptyIsEnd(Codec):
    def messages(self, receive):
        for message in super().messages(receive):
            if not message:
                return
            yield message


@bug("empty-skipped")
class EmptySkipped(Codec):
    def take(self):
        return (message for message in super().take() if message)


@bug("empty-doubled")
class EmptyDoubled(Codec):
    def take(self):
        for message in super().take():
            yield message
            if not message:
                yield message


@bug("empty-runs-merged")
class EmptyRunsMerged(Codec):
    """Several empty messages in a row are one."""

    def take(self):
        last = None
        for message in super().take():
            if message or message != last:
                yield message
            last = message


@bug("empty-behind-large-lost")
class EmptyBehindLargeLost(Codec):
    """Takes an empty message behind one of more than 64 KiB for what is left of that."""

    last = b""

    def take(self):
        for message in super().take():
            if message or len(self.last) <= 64 * 1024:
                yield message
            self.last = message


@bug("one-byte-skipped")
class OneByteSkipped(Codec):
    """Takes a message of one byte for a keep-alive."""

    def take(self):
        return (message for message in super().take() if len(message) != 1)


# Every message.

@bug("doubled")
class Doubled(Codec):
    def take(self):
        for message in super().take():
            yield message
            yield message


@bug("newline-added")
class NewlineCounted(Codec):
    def received(self, body):
        return body + b"\n"


@bug("newline-added-uncounted")
class NewlineUncounted(Codec):
    def encode(self, body):
        return super().encode(body) + b"\n"


@bug("nul-added")
class NulCounted(Codec):
    def received(self, body):
        return body + b"\0"


@bug("nul-added-uncounted")
class NulUncounted(Codec):
    def encode(self, body):
        return super().encode(body) + b"\0"


# Text that is none.

@bug("stripped")
class Stripped(Codec):
    def received(self, body):
        return body.strip()


@bug("byte-order-mark-stripped")
class ByteOrderMarkStripped(Codec):
    def received(self, body):
        return body[3:] if body.startswith(b"\xef\xbb\xbf") else body


@bug("comments-skipped")
class CommentsSkipped(Codec):
    def take(self):
        return (message for message in super().take() if not message.startswith(b"#"))


@bug("newline-stripped")
class NewlineStripped(Codec):
    def received(self, body):
        return body.rstrip(b"\r\n")


@bug("c-string")
class CString(Codec):
    def received(self, body):
        return body.split(b"\0")[0]


@bug("nul-padding-stripped")
class NulPaddingStripped(Codec):
    def received(self, body):
        return body.rstrip(b"\0")


@bug("text-mode")
class TextMode(Codec):
    def received(self, body):
        return body.replace(b"\r\n", b"\n")


@bug("text-ends-at-control-z")
class ControlZ(Codec):
    def received(self, body):
        return body.split(b"\x1a")[0]


@bug("telnet-escapes")
class TelnetEscapes(Codec):
    """A doubled 0xFF stands for one, as in telnet."""

    def received(self, body):
        return body.replace(b"\xff\xff", b"\xff")


@bug("latin-1")
class Latin1(Codec):
    def received(self, body):
        return body.decode("latin-1").encode("utf-8")


@bug("ascii-only")
class AsciiOnly(Codec):
    def received(self, body):
        return body.decode("ascii", "replace").encode("ascii", "replace")


@bug("utf8-replaced")
class Utf8Replaced(Codec):
    def received(self, body):
        return body.decode("utf-8", "replace").encode("utf-8")


@bug("utf8-ignored")
class Utf8Ignored(Codec):
    def received(self, body):
        return body.decode("utf-8", "ignore").encode("utf-8")


@bug("utf8-by-chunk")
class Utf8ByChunk(Codec):
    """Each read is decoded by itself: a character that comes in two parts is none."""

    def messages(self, receive):
        while True:
            header = self.whole(receive, HEADER_SIZE, lambda part: part)
            if not header:
                return
            length = self.length(header)
            self.check(length)
            yield self.whole(receive, length, lambda part: part.decode("utf-8", "replace").encode("utf-8"))

    @staticmethod
    def whole(receive, size, decode):
        parts, missing = [], size
        while missing:
            part = receive(missing)
            if not part:
                if missing == size == HEADER_SIZE:
                    return b""
                raise Truncated("the stream ended inside a frame")
            parts.append(decode(part))
            missing -= len(part)
        return b"".join(parts)


# Buffers, and parsers that are too clever.

@bug("stale-tail")
class StaleTail(Codec):
    """A buffer that is used again, and handed on as long as its longest message was."""

    def __init__(self):
        super().__init__()
        self.reused = bytearray()

    def received(self, body):
        self.reused[:len(body)] = body
        return bytes(self.reused)


@bug("resynchronises")
class Resynchronises(Codec):
    """Three zeros look like the next header: the rest of the body is taken for lost bytes of another message."""

    def received(self, body):
        at = body.find(b"\0\0\0", 1)
        return body if at < 0 else body[:at]


@bug("zeros-are-padding")
class ZerosArePadding(Codec):
    """Zeros between messages are taken for padding; those of an empty message, and of every header, stay."""

    def received(self, body):
        return body if body.strip(b"\0") else b""


# Only now and then.

class Counting(Codec):
    def __init__(self):
        super().__init__()
        self.count = 0

    def received(self, body):
        self.count += 1
        return self.nth(body, self.count)


@bug("wrong-byte-in-4096")
class WrongByteNowAndThen(Counting):
    def nth(self, body, count):
        return body if count % 4096 else body[:-1] + b"?"


@bug("drifts-after-3000")
class Drifts(Counting):
    """From then on each message is the one before."""

    last = b""

    def nth(self, body, count):
        late, self.last = self.last, body
        return late if count > 3000 else body


@bug("stops-after-5000-messages")
class StopsAfter5000(Counting):
    def take(self):
        return (message for message in super().take() if self.count <= 5000)

    def nth(self, body, count):
        return body


@bug("large-bit-flipped")
class BitFlippedInLargeOnes(Codec):
    """One bit in the middle of each message of 512 KiB and more."""

    def received(self, body):
        if len(body) < 512 * 1024:
            return body
        wrong = bytearray(body)
        wrong[len(wrong) // 2] ^= 1
        return bytes(wrong)

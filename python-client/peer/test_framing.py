"""The golden vectors of tests/vectors/ through the Python framing, cut at every offset.

    python3 test_framing.py [VECTORS_DIR]

The format of the vectors is described in tests/vectors/README.md.
"""
import os
import sys
import unittest

from framing import FRAMINGS, Decoder, NotADigit, NotCarried, TooLong, TruncatedBody, TruncatedHeader, TruncatedLine, U32be

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS_DIR = os.path.join(HERE, "..", "..", "tests", "vectors")

# Streams up to this many bytes are cut at every offset, longer ones at this many first and last offsets: the work is quadratic.
EVERY_CUT_UP_TO = 4096
EDGE_CUTS = 16

# What a framing has no form for on the wire.
NOT_CARRIED = {
    "line": [b"", b"a\nb", b" a", b"a\r"],
    "fixed-1024": [b"a\0", b"\0"],
    "mnet": [b"1234567"],
    "mnet-le": [b"1234567"],
    "raw": [b""],
}


class Vector:
    def __init__(self, framing_name, line):
        name, limit, stream, messages, self.end = line.rstrip("\n").split(" | ")
        self.name = "{} {}".format(framing_name, name)
        self.framing = FRAMINGS[framing_name](int(limit))
        self.stream = bytes_value(stream)
        self.messages = [] if messages == "-" else [bytes_value(text) for text in messages.split(",")]


def bytes_value(text):
    if text == '""':
        return b""
    value = b""
    for part in text.split("+"):
        digits, _, count = part.partition("*")
        value += bytes.fromhex(digits) * int(count or 1)
    return value


def read_vectors(framing_name):
    with open(os.path.join(VECTORS_DIR, framing_name + ".txt"), encoding="utf-8") as lines:
        return [Vector(framing_name, line) for line in lines if line.strip() and not line.startswith("#")]


def read_all_vectors():
    """Of every framing that there are vectors of and that this peer speaks."""
    names = sorted(os.path.splitext(name)[0] for name in os.listdir(VECTORS_DIR))
    return [vector for name in names if name in FRAMINGS for vector in read_vectors(name)]


def cuts(length):
    if length <= EVERY_CUT_UP_TO:
        return range(length + 1)
    return [*range(EDGE_CUTS), *range(length - EDGE_CUTS, length + 1)]


def decode(framing, pieces):
    """What the decoder makes of the pieces: the messages, and the end in the words of the vectors."""
    decoder = Decoder(framing)
    messages = []
    try:
        for piece in pieces:
            decoder.feed(piece)
            for message in decoder.messages():
                messages.append(message)
        messages += decoder.finish()
    except TooLong as error:
        return messages, "too-long got={} limit={}".format(error.got, error.limit)
    except TruncatedHeader as error:
        return messages, "truncated-header got={} wanted={}".format(error.got, error.wanted)
    except TruncatedBody as error:
        return messages, "truncated-body got={} wanted={}".format(error.got, error.wanted)
    except TruncatedLine as error:
        return messages, "truncated-line got={}".format(error.got)
    except NotADigit as error:
        return messages, "not-a-digit at={} got={}".format(error.at, error.got)
    return messages, "clean"


class GoldenVectors(unittest.TestCase):
    def setUp(self):
        self.vectors = read_all_vectors()
        self.assertTrue(any(vector.name.startswith("u32be ") for vector in self.vectors))

    def check(self, vector, pieces):
        # Not assertEqual: its account of a difference between long messages would take minutes.
        self.assertTrue(decode(vector.framing, pieces) == (vector.messages, vector.end), vector.name)

    def test_a_stream_cut_in_two_anywhere_gives_the_same_messages(self):
        for vector in self.vectors:
            for cut in cuts(len(vector.stream)):
                with self.subTest(vector=vector.name, cut=cut):
                    self.check(vector, [vector.stream[:cut], vector.stream[cut:]])

    def test_a_stream_in_single_bytes_gives_the_same_messages(self):
        for vector in self.vectors:
            if len(vector.stream) <= EVERY_CUT_UP_TO:
                with self.subTest(vector=vector.name):
                    self.check(vector, [vector.stream[i:i + 1] for i in range(len(vector.stream))])

    def test_the_messages_of_a_clean_stream_encode_to_that_stream(self):
        for vector in self.vectors:
            if vector.end == "clean" and " received-" not in vector.name:  # those are only understood, not sent
                with self.subTest(vector=vector.name):
                    self.assertTrue(b"".join(map(vector.framing.encode, vector.messages)) == vector.stream)


class Encoding(unittest.TestCase):
    def test_a_message_above_the_limit_is_not_encoded(self):
        with self.assertRaises(TooLong):
            U32be(max_frame=4).encode(b"hello")

    def test_a_message_above_the_limit_is_not_encoded_in_any_framing(self):
        for name, framing in FRAMINGS.items():
            with self.subTest(framing=name), self.assertRaises(TooLong):
                framing(max_frame=4).encode(b"hello" * 3)

    def test_a_message_that_would_not_come_back_the_same_is_not_encoded(self):
        for name, messages in NOT_CARRIED.items():
            for message in messages:
                with self.subTest(framing=name, message=message), self.assertRaises(NotCarried):
                    FRAMINGS[name](max_frame=1024).encode(message)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        VECTORS_DIR = sys.argv.pop(1)
    unittest.main()

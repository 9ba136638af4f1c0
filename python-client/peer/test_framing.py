"""The golden vectors of tests/vectors/ through the Python framing, cut at every offset.

    python3 test_framing.py [VECTORS_DIR]

The format of the vectors is described in tests/vectors/README.md.
"""
import os
import sys
import unittest

from framing import Decoder, TooLong, TruncatedBody, TruncatedHeader, U32be

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS_DIR = os.path.join(HERE, "..", "..", "tests", "vectors")

# Streams up to this many bytes are cut at every offset, longer ones at this many first and last offsets: the work is quadratic.
EVERY_CUT_UP_TO = 4096
EDGE_CUTS = 16


class Vector:
    def __init__(self, line):
        self.name, limit, stream, messages, self.end = line.rstrip("\n").split(" | ")
        self.max_frame = int(limit)
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
        return [Vector(line) for line in lines if line.strip() and not line.startswith("#")]


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
        decoder.finish()
    except TooLong as error:
        return messages, "too-long got={} limit={}".format(error.got, error.limit)
    except TruncatedHeader as error:
        return messages, "truncated-header got={} wanted={}".format(error.got, error.wanted)
    except TruncatedBody as error:
        return messages, "truncated-body got={} wanted={}".format(error.got, error.wanted)
    return messages, "clean"


class GoldenVectors(unittest.TestCase):
    def setUp(self):
        self.vectors = read_vectors("u32be")
        self.assertTrue(self.vectors)

    def check(self, vector, pieces):
        # Not assertEqual: its account of a difference between long messages would take minutes.
        self.assertTrue(decode(U32be(vector.max_frame), pieces) == (vector.messages, vector.end), vector.name)

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
            if vector.end == "clean":
                with self.subTest(vector=vector.name):
                    framing = U32be(vector.max_frame)
                    self.assertTrue(b"".join(map(framing.encode, vector.messages)) == vector.stream)

    def test_a_message_above_the_limit_is_not_encoded(self):
        with self.assertRaises(TooLong):
            U32be(max_frame=4).encode(b"hello")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        VECTORS_DIR = sys.argv.pop(1)
    unittest.main()

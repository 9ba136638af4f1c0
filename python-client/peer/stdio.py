"""The client's side towards its user: messages on stdin and stdout, each as a 4-byte big-endian length and the body."""
import os
import sys

import limits
from framing import Decoder, U32be

STDIN, STDOUT = 0, 1


class Failure(Exception):
    """Why the client cannot go on, in words for the user."""


class Input:
    """The messages on stdin, as long as the framing takes them."""

    def __init__(self, framing):
        self._decoder = Decoder(U32be(framing.longest))
        self.ended = False

    def read(self):
        """Yields the messages that one read completes."""
        data = os.read(STDIN, limits.READ_SIZE)  # takes what is there, never waits for a full buffer
        self.ended = not data
        self._decoder.feed(data)
        yield from self._decoder.messages()

    def check_end(self):
        """Raises FramingError where stdin ended inside a message."""
        for _never in self._decoder.finish():
            pass


class Output:
    """Messages to stdout, each at once."""

    def __init__(self, framing):
        self._framing = U32be(framing.longest)

    def write(self, message):
        rest = memoryview(self._framing.encode(message))
        try:
            while rest:
                rest = rest[os.write(STDOUT, rest):]
        except OSError as error:
            raise Failure("cannot write to stdout: {}".format(error))


def complain(reason):
    sys.stderr.write("client: {}\n".format(reason))
    sys.stderr.flush()

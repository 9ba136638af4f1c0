"""The Python peer's client: a netcat for messages.

    python3 client.py --framing u32be 127.0.0.1 9000

stdin carries the messages to send, stdout the messages received, each as a 4-byte big-endian length and the body, whatever the
framing on the wire. Each is passed on at once. The end of stdin half-closes the connection; the client then receives until the
server closes, and exits 0. When the server closes before, that is 0 if there was an answer to each message sent and no further
one comes. Else it exits 1 with the reason on stderr. With the framing datagram, which cannot be half-closed, it receives behind
the end of stdin until there are as many answers as messages, or none came for --wait seconds. Standard library only, Python 3.6+.
"""
import argparse
import sys

import datagram_client
import limits
import stream_client
from framing import FRAMINGS, FramingError
from stdio import Failure, complain


def parse_arguments():
    parser = argparse.ArgumentParser(description="Sends the messages on stdin, writes the messages received to stdout.")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--framing", choices=FRAMINGS, default="u32be", help="what is a message (default %(default)s)")
    parser.add_argument("--max-frame", type=int, default=limits.MAX_FRAME, metavar="BYTES",
                        help="longest message sent or taken (default %(default)s)")
    parser.add_argument("--wait", type=float, default=limits.DATAGRAM_SECONDS, metavar="SECONDS",
                        help="datagram: how long to wait for each answer behind the end of stdin (default %(default)s)")
    return parser.parse_args()


def converse(arguments):
    address = (arguments.host, arguments.port)
    framing = FRAMINGS[arguments.framing](arguments.max_frame)
    if arguments.framing == "datagram":
        datagram_client.converse(address, framing, arguments.wait)
    else:
        stream_client.converse(address, framing)


def main():
    try:
        converse(parse_arguments())
    except (Failure, FramingError) as error:
        complain(error)
        sys.exit(1)
    except OSError as error:
        complain("connection lost: {}".format(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

"""The Python peer's server.

    python3 server.py --framing u32be --service echo --port 9000

Reads its arguments, takes its port, says that it listens. Standard library only, Python 3.6+.
"""
import argparse
import resource
import socket
import sys

import limits
from datagram_server import DatagramServer
from framing import FRAMINGS
from services import SERVICES, service
from stream_server import StreamServer


def allow_many_connections():
    """A process often starts with 256 or 1,024 descriptors although it may have more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):
        pass  # some systems report a hard limit that they do not grant: then it stays at the soft one


def bind(host, port, kind):
    sock = socket.socket(socket.AF_INET, kind)
    if kind == socket.SOCK_STREAM:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # for datagrams it would let two programs share the port
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # every accepted socket inherits it
    sock.bind((host, port))
    sock.setblocking(False)
    return sock


def parse_arguments():
    parser = argparse.ArgumentParser(description="Answers messages.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one (default %(default)s)")
    parser.add_argument("--framing", choices=FRAMINGS, default="u32be", help="what is a message (default %(default)s)")
    parser.add_argument("--service", choices=SERVICES, default="echo", help="what is the answer (default %(default)s)")
    parser.add_argument("--allow-exec", action="append", default=[], metavar="PROGRAM",
                        help="a program that the service exec may run; may be given again")
    parser.add_argument("--max-frame", type=int, default=limits.MAX_FRAME, metavar="BYTES",
                        help="longest message taken (default %(default)s)")
    arguments = parser.parse_args()
    if any("/" in program or not program for program in arguments.allow_exec):
        parser.error("--allow-exec takes the name of a program, not a path")
    if arguments.service == "exec":
        check_exec(parser, arguments)
    return arguments


def check_exec(parser, arguments):
    """It runs programs: only those that somebody chose, and not for other machines."""
    if not arguments.allow_exec:
        parser.error("--service exec needs --allow-exec PROGRAM")
    if arguments.framing == "datagram":
        parser.error("--service exec takes time, and --framing datagram has no connection that could wait")
    if not is_loopback(arguments.host):
        parser.error("--service exec listens on the loopback interface only, and {} is not there".format(arguments.host))


def is_loopback(host):
    try:
        return socket.gethostbyname(host).startswith("127.")
    except OSError:
        return False


def main():
    arguments = parse_arguments()
    allow_many_connections()
    datagrams = arguments.framing == "datagram"
    try:
        sock = bind(arguments.host, arguments.port, socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM)
        framing = FRAMINGS[arguments.framing](arguments.max_frame)
        answer = service(arguments.service, arguments.allow_exec)
        server = (DatagramServer if datagrams else StreamServer)(sock, framing, answer)
    except (OSError, OverflowError) as error:
        sys.exit("server: cannot listen on {}:{}: {}".format(arguments.host, arguments.port, error))
    print("listening on {}:{}".format(*sock.getsockname()), flush=True)
    server.run()


if __name__ == "__main__":
    main()

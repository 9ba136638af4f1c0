"""A peer that is correct, unless the environment variable MUTANT names one of its mistakes.

    MUTANT=length-little-endian python3 peer.py server 127.0.0.1 9000
    MUTANT=stdout-unflushed     python3 peer.py client 127.0.0.1 9000

What is correct stands in frames.py, framings.py, services.py, server.py, client.py and datagrams.py; each mistake is a small class in
bugs/ that takes the place of one of theirs. A MUTANT that nobody knows is an error, exit status 2. Standard library only, Python 3.8+.
"""
import os
import sys

import bugs
import framings
import services
from client import Client
from datagrams import DatagramClient, DatagramServer
from server import Server

STREAMS = {"server": Server, "client": Client}
DATAGRAMS = {"server": DatagramServer, "client": DatagramClient}


def main():
    if len(sys.argv) not in (4, 6) or sys.argv[1] not in STREAMS or not sys.argv[3].isdigit():
        return "usage: peer.py server|client HOST PORT [FRAMING SERVICE]"
    framing, service = sys.argv[4:] or ("u32be", "echo")
    if framing not in framings.BY_NAME or service not in services.BY_NAME:
        return "no such framing or service: {}/{}".format(framing, service)
    try:
        bugs.switch_on(os.environ.get("MUTANT", ""))
    except bugs.UnknownSwitch as error:
        return str(error)
    programs = DATAGRAMS if framing == "datagram" else STREAMS
    program = bugs.pick(programs[sys.argv[1]])
    program(sys.argv[2], int(sys.argv[3]), framings.BY_NAME[framing], services.BY_NAME[service]).run()  # does not return


if __name__ == "__main__":
    sys.stderr.write("{}\n".format(main()))
    sys.exit(2)

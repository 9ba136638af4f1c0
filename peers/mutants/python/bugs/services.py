"""Mistakes in what is answered. Servers alone make them."""
import os
import subprocess

from bugs import bug
from server import Connection
from services import Ack, Count, End, Exec, Mnet, Upper

# PING.

@bug("ack-ping-unknown")
class NoHeartbeat(Ack):
    def is_heartbeat(self, message):
        return False


@bug("ack-ping-any-case")
class HeartbeatInAnyCase(Ack):
    def is_heartbeat(self, message):
        return message.upper() == b"PING"


@bug("ack-ping-begins")
class HeartbeatBegins(Ack):
    def is_heartbeat(self, message):
        return message.startswith(b"PING")


@bug("ack-ping-stripped")
class HeartbeatStripped(Ack):
    def is_heartbeat(self, message):
        return message.strip() == b"PING"


# Capitals.

@bug("upper-length-before")
class LengthBefore(Connection):
    """The length is written before the message is upper-cased, and counts what came."""

    def answer(self, message):
        self.send(self.codec.header(message) + self.service.answer(message))


@bug("upper-ascii-only")
class AsciiOnly(Upper):
    def answer(self, message):
        super().answer(message)
        return message.upper()  # of bytes, which knows a to z


@bug("upper-one-by-one")
class OneByOne(Upper):
    """A character has one capital, or none."""

    def upper(self, text):
        return "".join(c.upper() if len(c.upper()) == 1 else c for c in text)


@bug("upper-turkish")
class Turkish(Upper):
    def upper(self, text):
        return text.replace("i", "İ").upper()


@bug("upper-text-replaced")
class TextReplaced(Upper):
    def text(self, message):
        return message.decode(errors="replace")


@bug("upper-text-dies")
class TextDies(Upper):
    def text(self, message):
        try:
            return message.decode()
        except UnicodeDecodeError:
            os._exit(1)


# EXIT.

@bug("upper-exit-answered")
class ExitAnswered(Upper):
    def is_exit(self, message):
        return False


@bug("upper-exit-exact")
class ExitExact(Upper):
    def is_exit(self, message):
        return message == b"EXIT"


@bug("upper-exit-begins")
class ExitBegins(Upper):
    def is_exit(self, message):
        return message.strip().upper().startswith(b"EXIT")


@bug("upper-exit-ends-server")
class ExitEndsServer(Upper):
    def is_exit(self, message):
        if super().is_exit(message):
            os._exit(0)
        return False


# Commands.

@bug("mnet-wanted-is-one")
class WantedIsOne(Mnet):
    def react(self, command, wanted, body):
        return super().react(command, int(wanted == 1), body)


@bug("mnet-answers-unwanted")
class AnswersUnwanted(Mnet):
    def react(self, command, wanted, body):
        return super().react(command, 1, body)


@bug("mnet-informs-back")
class InformsBack(Mnet):
    def react(self, command, wanted, body):
        return super().react(2 if command == 1 else command, wanted, body)


@bug("mnet-exit-ignored")
class ExitIgnored(Mnet):
    def react(self, command, wanted, body):
        return None if command == 4 else super().react(command, wanted, body)


@bug("mnet-command-kept")
class CommandKept(Mnet):
    def inform(self, command, _wanted, body):
        return self.message(command, 0, body)


@bug("mnet-wanted-kept")
class WantedKept(Mnet):
    def inform(self, _command, wanted, body):
        return self.message(1, wanted, body)


# Numbers.

@bug("count-characters")
class CountsCharacters(Count):
    def count(self, message):
        return len(message.decode(errors="replace"))


@bug("count-header")
class CountsHeader(Count):
    def count(self, message):
        return len(self.codec.header(message)) + len(message)


@bug("count-goes-on")
class CountGoesOn(Count):
    def answer(self, message):
        try:
            return super().answer(message)
        except End as end:
            return end.answer


# Programs.

@bug("exec-shell")
class ExecShell(Exec):
    """Given to a shell, which here finds no program and writes no file."""

    def run(self, message, words):
        command = b"ulimit -f 0; " + message
        done = subprocess.run(
            [b"/bin/sh", b"-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=5, cwd="/proc", env={"PATH": "/nowhere", "HOME": "/nowhere"})
        return done.stdout + done.stderr


@bug("exec-by-last-name")
class ExecByLastName(Exec):
    """The path does not count, so that any file of that name is run."""

    def is_allowed(self, program):
        return super().is_allowed(program.rpartition(b"/")[2])


@bug("exec-refusal-ends")
class ExecRefusalEnds(Exec):
    def refused(self, reason):
        raise End(super().refused(reason))


@bug("exec-refusal-empty")
class ExecRefusalEmpty(Exec):
    def refused(self, reason):
        return b""

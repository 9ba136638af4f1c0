"""What is answered (P3): each service is told a message and gives the answer, None for no answer, or raises End."""
import struct
import subprocess
import time

BLANKS = b"\t\n\x0b\x0c\r "
INFORM, REQUEST, PARAM = 1, 2, 3
ALLOWED = {b"echo"}


class End(Exception):
    """The service ends the connection; answer is still sent."""

    def __init__(self, answer=None):
        super().__init__()
        self.answer = answer


class Echo:
    def __init__(self, codec):
        self.codec = codec

    def answer(self, message):
        return message


class Ack(Echo):
    PREFIX = "服务器收到: ".encode()

    def answer(self, message):
        return b"PONG" if self.is_heartbeat(message) else self.PREFIX + message

    def is_heartbeat(self, message):
        return message == b"PING"


class Upper(Echo):
    def answer(self, message):
        if self.is_exit(message):
            raise End
        return self.upper(self.text(message)).encode()

    def is_exit(self, message):
        return message.strip(BLANKS).upper() == b"EXIT"

    def text(self, message):
        try:
            return message.decode()
        except UnicodeDecodeError:
            raise End from None

    def upper(self, text):
        return text.upper()


class Count(Echo):
    def answer(self, message):
        raise End("you messagge is {} bytes".format(self.count(message)).encode())

    def count(self, message):
        return len(message)


class Mnet(Echo):
    def answer(self, message):
        command, wanted = struct.unpack(self.codec.ORDER + "II", message[:8])
        return self.react(command, wanted, message[8:])

    def react(self, command, wanted, body):
        if command == INFORM:
            return None
        if command not in (REQUEST, PARAM):
            raise End
        return self.inform(command, wanted, body) if wanted else None

    def inform(self, _command, _wanted, body):
        return self.message(INFORM, 0, body)

    def message(self, command, wanted, body):
        return self.codec.number(command) + self.codec.number(wanted) + body


class Exec(Upper):
    def answer(self, message):
        if self.is_exit(message):
            raise End
        try:
            message.decode()
        except UnicodeDecodeError:
            return self.refused("not UTF-8")
        words = message.split()
        if not words or not self.is_allowed(words[0]):
            return self.refused("not allowed")
        return self.run(message, words)

    def is_allowed(self, program):
        return program in ALLOWED

    def refused(self, reason):
        return b"exec: " + reason.encode() + b"\n"

    def run(self, _message, words):
        try:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=5)
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            return self.refused(str(error))
        return done.stdout + done.stderr


class Time(Echo):
    def answer(self, message):
        return self.pack(int(time.time()))

    def pack(self, seconds):
        return struct.pack(">I", seconds)


BY_NAME = {"echo": Echo, "ack": Ack, "upper": Upper, "count": Count, "mnet": Mnet, "exec": Exec, "time": Time}

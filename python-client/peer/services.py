"""What a server answers (P3). A service is a function of the message and of the framing, in one of these ways:

    return an answer       the bytes of a message
    return None            there is no answer
    raise End              the conversation is over, with a last answer or without
    raise Later            the answer takes time: a function that returns it, to be called where nobody waits for it

A further service is a further function, named in SERVICES.
"""
import functools
import struct
import time

from execution import refusal, run

ACK = "服务器收到: ".encode("utf-8")
INFORM, REQUEST, PARAM, EXIT = 1, 2, 3, 4  # the commands of mnet


class End(Exception):
    def __init__(self, answer=None):
        super().__init__()
        self.answer = answer


class Later(Exception):
    def __init__(self, work):
        super().__init__()
        self.work = work


def echo(message, _framing):
    return message


def ack(message, _framing):
    return b"PONG" if message == b"PING" else ACK + message


def upper(message, _framing):
    if is_exit(message):
        raise End
    try:
        return message.decode("utf-8").upper().encode("utf-8")
    except UnicodeDecodeError:
        raise End


def count(message, _framing):
    raise End("you messagge is {} bytes".format(len(message)).encode("ascii"))


def mnet(message, framing):
    numbers = struct.Struct("<II" if framing.BYTE_ORDER == "little" else "!II")
    if len(message) < numbers.size:
        raise End
    command, reply_wanted = numbers.unpack_from(message)
    if command not in (INFORM, REQUEST, PARAM):  # EXIT, or nobody knows what
        raise End
    if command == INFORM or not reply_wanted:
        return None
    return numbers.pack(INFORM, 0) + message[numbers.size:]


def execute(allowed, message, _framing):
    if is_exit(message):
        raise End
    try:
        command = [word.decode("utf-8") for word in message.split()]
    except UnicodeDecodeError:
        return refusal("not UTF-8")
    if not command:
        return refusal("no command")
    if command[0] not in allowed:
        return refusal("not allowed: {}".format(command[0]))
    raise Later(functools.partial(run, command))


def clock(_message, _framing):
    return struct.pack("!I", int(time.time()) & 0xFFFFFFFF)


def is_exit(message):
    return message.strip().upper() == b"EXIT"  # bytes: of ASCII alone, both times


SERVICES = {
    "echo": echo,
    "ack": ack,
    "upper": upper,
    "count": count,
    "mnet": mnet,
    "exec": execute,
    "time": clock,
}


def service(name, allowed):
    """The service of that name; `allowed` are the programs that exec may run."""
    return functools.partial(execute, frozenset(allowed)) if name == "exec" else SERVICES[name]

"""The mistakes. Each is a class that takes the place of the correct one which it is derived from:

    @bug("length-little-endian")
    class LittleEndian(Codec):
        def header(self, body): ...

The name is the value of MUTANT that switches the mistake on. A mistake of both programs is a mistake of what they share, or
has a class for each. What each does wrong, in words, and which cases find it: ../mutants.toml, one folder up.

    lengths.py   the length field, and limits
    reading.py   where one message ends and the next begins
    bodies.py    what is made of a body
    serving.py   the server's dealings with one connection, and with several
    process.py   the server as a process: its start, its port, its end
    client.py    the client
    framings.py  what is written and read in other framings
    services.py  what is answered in other services
    datagrams.py what is sent and received by UDP
"""
_classes = {}  # switch -> the classes that make the mistake
_chosen = ()


class UnknownSwitch(Exception):
    """MUTANT names no mistake."""


def bug(switch):
    def register(mutant):
        _classes.setdefault(switch, []).append(mutant)
        return mutant
    return register


def switches():
    from . import bodies, client, datagrams, framings, lengths, process, reading, services, serving  # noqa: F401, they fill the table; late, as they import us
    return sorted(_classes)


def switch_on(switch):
    global _chosen
    if not switch:
        return
    known = switches()
    if switch not in known:
        raise UnknownSwitch("MUTANT={}: no such switch; there are: {}".format(switch, " ".join(known)))
    _chosen = _classes[switch]


def pick(correct):
    """The class to use in place of a correct one."""
    for mutant in _chosen:
        if issubclass(mutant, correct):
            return mutant
    return correct

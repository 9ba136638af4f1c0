"""Runs a program for the service exec: no shell, nothing on its stdin, and a bound on its time and on its output."""
import os
import selectors
import signal
import subprocess
import threading
import time

import limits

_slots = threading.BoundedSemaphore(limits.EXECS_AT_ONCE)
_lock = threading.Lock()
_running = set()
_stopped = False


class Refused(Exception):
    """Why there is no output, in words for the client."""


def refusal(reason):
    return "exec: {}\n".format(reason).encode("utf-8", "replace")


def run(command):
    """What the program wrote on stdout, then what on stderr; or the refusal. Blocks until the program has ended."""
    with _slots:
        try:
            process = _start(command)
            try:
                return b"".join(_output(process))
            finally:
                _end(process)
        except Refused as error:
            return refusal(error)


def stop():
    """Ends what runs, and lets nothing start any more."""
    global _stopped
    with _lock:
        _stopped = True
        for process in _running:
            _kill(process)


def _start(command):
    with _lock:
        if _stopped:
            raise Refused("the server stops")
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       start_new_session=True)
        except (OSError, ValueError) as error:  # ValueError: a NUL in a word
            raise Refused("cannot start {}: {}".format(command[0], error))
        _running.add(process)
        return process


def _output(process):
    """Reads both pipes as they fill, or the program could wait for ever to be read."""
    deadline = time.monotonic() + limits.EXEC_SECONDS
    output = {process.stdout: b"", process.stderr: b""}
    with selectors.DefaultSelector() as selector:
        for pipe in output:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise Refused("no end after {:.0f} seconds".format(limits.EXEC_SECONDS))
            for key, _ in ready:
                data = os.read(key.fd, limits.READ_SIZE)
                if not data:
                    selector.unregister(key.fileobj)
                output[key.fileobj] += data
            if sum(map(len, output.values())) > limits.EXEC_BYTES:
                raise Refused("more than {} bytes of output".format(limits.EXEC_BYTES))
    return output[process.stdout], output[process.stderr]


def _end(process):
    """Nothing of it is left, children that it started included."""
    with _lock:
        _running.discard(process)
        _kill(process)
    process.stdout.close()
    process.stderr.close()
    process.wait()


def _kill(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except OSError:
        pass  # it has ended, and all that it started

"""Rings in an event loop: something happened outside of it, in a thread or by a signal. One more event; it interrupts nothing."""
import signal
import socket

import limits


class Bell:
    def __init__(self):
        self._heard, self._rung = socket.socketpair()
        self._heard.setblocking(False)
        self._rung.setblocking(False)

    def fileno(self):
        """Readable from the first ring until quiet()."""
        return self._heard.fileno()

    def ring(self):
        try:
            self._rung.send(b"\0")
        except BlockingIOError:
            pass  # it rings already

    def ring_on_stop_signals(self):
        signal.set_wakeup_fd(self._rung.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)

    def quiet(self):
        self._heard.recv(limits.READ_SIZE)

"""The server of everything that travels on a stream: one thread and one event loop.

However many clients there are, none waits for another. Only an answer that takes time has a thread while it is worked out.
"""
import collections
import functools
import selectors
import threading
import time

import execution
import limits
from bell import Bell
from connection import CLOSED, DRAINING, NO_EVENTS, Connection


class StreamServer:
    def __init__(self, listener, framing, service):
        listener.listen(limits.BACKLOG)
        self._listener = listener
        self._framing = framing
        self._service = service
        self._selector = selectors.DefaultSelector()
        self._connections = set()
        self._draining = set()
        self._accept_at = None  # when to accept again after a failure
        self._stop_at = None  # set by SIGTERM: when to end at the latest
        self._stop_bell = Bell()
        self._stop_bell.ring_on_stop_signals()
        self._done_bell = Bell()
        self._done = collections.deque()  # (connection, answer) of each work that is done
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._stop_bell, selectors.EVENT_READ, self._stop)
        self._selector.register(self._done_bell, selectors.EVENT_READ, self._resume)

    def run(self):
        while self._stop_at is None or self._connections:
            for key, events in self._selector.select(self._seconds_to_next_deadline()):
                key.data(events)
            self._keep_deadlines(time.monotonic())
        execution.stop()

    def _accept(self, _events):
        if self._stop_at is not None:
            return  # stopped earlier in this very turn
        for _ in range(limits.ACCEPTS_A_TURN):
            try:
                sock, _address = self._listener.accept()
            except BlockingIOError:
                return
            except ConnectionError:
                continue  # gone before it was accepted
            except OSError:  # no descriptors left, for one: goes on when some are free again
                self._selector.unregister(self._listener)
                self._accept_at = time.monotonic() + limits.ACCEPT_PAUSE
                return
            connection = Connection(sock, self._framing, self._service)
            self._connections.add(connection)
            self._register(connection, connection.wanted_events())

    def _serve(self, connection, events):
        if connection in self._connections:  # else it was closed earlier in this very turn
            connection.handle(events)
            self._follow(connection)

    def _work(self, connection, work):
        """Runs in a thread of its own: the loop waits for nobody."""
        self._done.append((connection, work()))
        self._done_bell.ring()

    def _resume(self, _events):
        self._done_bell.quiet()
        while self._done:
            connection, answer = self._done.popleft()
            if connection in self._connections:
                connection.resume(answer)
                self._follow(connection)

    def _follow(self, connection):
        """Brings the loop in line with what the connection wants now."""
        if connection.phase == CLOSED:
            self._close(connection)
            return
        if connection.phase == DRAINING:
            self._draining.add(connection)
        if connection.work is not None:
            threading.Thread(target=self._work, args=(connection, connection.work), daemon=True).start()
            connection.work = None
        self._wait_for(connection, connection.wanted_events())

    def _wait_for(self, connection, wanted):
        key = self._selector.get_map().get(connection.socket)
        if key is None or not wanted:  # a selector cannot wait for nothing
            if key is not None:
                self._selector.unregister(connection.socket)
            if wanted:
                self._register(connection, wanted)
        elif key.events != wanted:
            self._selector.modify(connection.socket, wanted, key.data)

    def _register(self, connection, wanted):
        self._selector.register(connection.socket, wanted, functools.partial(self._serve, connection))

    def _close(self, connection):
        self._wait_for(connection, NO_EVENTS)
        self._connections.discard(connection)
        self._draining.discard(connection)
        connection.close()

    def _stop(self, _events):
        self._stop_bell.quiet()
        if self._stop_at is not None:
            return
        self._stop_at = time.monotonic() + limits.STOP_SECONDS
        if self._accept_at is None:
            self._selector.unregister(self._listener)
        self._accept_at = None
        self._listener.close()
        for connection in list(self._connections):
            connection.stop()
            self._follow(connection)

    def _seconds_to_next_deadline(self):
        deadlines = [connection.drain_until for connection in self._draining]
        deadlines += [moment for moment in (self._accept_at, self._stop_at) if moment is not None]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _keep_deadlines(self, now):
        for connection in [late for late in self._draining if late.drain_until <= now]:
            self._close(connection)
        if self._accept_at is not None and self._accept_at <= now:
            self._accept_at = None
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        if self._stop_at is not None and self._stop_at <= now:
            for connection in list(self._connections):
                self._close(connection)

"""One client of the server: bytes in, answers out. It knows neither the event loop nor the other clients (P6).

A connection goes through these phases, in this order:

    SERVING   reads messages, sends answers
    WORKING   waits for an answer that takes time, and reads nothing meanwhile; SERVING again when it is there
    FLUSHING  reads no more (end of stream, bad frame, or the server stops), sends the answers that are due
    DRAINING  has sent its FIN, throws away what the client still sends, so that no reset destroys the last answers
    CLOSED    nothing is left to do; the event loop closes it
"""
import socket
import struct
import time
from selectors import EVENT_READ, EVENT_WRITE

import limits
from framing import Decoder, FramingError
from services import End, Later

SERVING, WORKING, FLUSHING, DRAINING, CLOSED = "serving", "working", "flushing", "draining", "closed"

NO_EVENTS = 0
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # struct linger: on, zero seconds


class Connection:
    def __init__(self, sock, framing, service):
        sock.setblocking(False)
        self.socket = sock
        self.phase = SERVING
        self.drain_until = None
        self.work = None  # in phase WORKING: what to call, from another thread, and to hand to resume()
        self._framing = framing
        self._answers = type(framing)(framing.CEILING)  # the limit is about what is taken
        self._service = service
        self._decoder = Decoder(framing)
        self._unsent = bytearray()
        self._client_ended = False
        self._drained = 0
        self._stopping = False

    def wanted_events(self):
        """What to wait for: never nothing, except when working or closed, so that a dead client is always noticed."""
        if self.phase == SERVING:
            if len(self._unsent) > limits.UNSENT_MARK:
                return EVENT_WRITE  # P10: it must read before it is read again
            return EVENT_READ | (EVENT_WRITE if self._unsent else NO_EVENTS)
        if self.phase == WORKING:
            return EVENT_WRITE if self._unsent else NO_EVENTS
        return {FLUSHING: EVENT_WRITE, DRAINING: EVENT_READ, CLOSED: NO_EVENTS}[self.phase]

    def handle(self, events):
        events &= self.wanted_events()  # they may be from before the last change of phase
        try:
            if events & EVENT_READ:
                self._read()
            self._write()
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:  # P11: reset by the client; nobody else is concerned
            self.phase = CLOSED

    def resume(self, answer):
        """The work is done: goes on where it was left."""
        self.phase = FLUSHING if self._client_ended or self._stopping else SERVING
        self._give(answer)
        if self.phase == SERVING:
            self._answer(self._decoder.messages())
        self.handle(NO_EVENTS)

    def stop(self):
        """The server stops: what has been answered goes out whole, nothing more is read."""
        self._stopping = True
        if self.phase == SERVING:
            self.phase = FLUSHING
            self.handle(EVENT_WRITE)

    def close(self):
        """Answers that could not be delivered are reset away: half a frame and then FIN would look like the whole truth (P12)."""
        if self._unsent:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.socket.close()

    def _read(self):
        data = self.socket.recv(limits.READ_SIZE)
        if self.phase == DRAINING:
            self._drain(data)
        elif data:
            self._decoder.feed(data)
            self._answer(self._decoder.messages())
        else:  # P7 and P8: what is due is still sent; half a message is answered by nothing
            self._client_ended = True
            self.phase = FLUSHING
            self._answer(self._decoder.finish())

    def _drain(self, data):
        self._drained += len(data)
        if not data:
            self.phase = CLOSED
        elif self._stopping:  # it has done nothing wrong, and may be pipelining: only its silence ends it
            self.drain_until = time.monotonic() + limits.DRAIN_SECONDS
        elif self._drained > limits.DRAIN_BYTES:
            self.phase = CLOSED

    def _answer(self, messages):
        try:
            for message in messages:
                answer = self._service(message, self._framing)
                if answer is not None:
                    self._unsent += self._answers.encode(answer)
        except Later as later:  # resume() takes up the messages behind
            self.work = later.work
            self.phase = WORKING
        except End as end:
            self.phase = FLUSHING
            if end.answer is not None:
                self._give(end.answer)
        except FramingError:  # P9: ends this connection alone, after the answers to the messages before
            self.phase = FLUSHING

    def _give(self, answer):
        try:
            self._unsent += self._answers.encode(answer)
        except FramingError:
            self.phase = FLUSHING

    def _write(self):
        if self._unsent:
            sent = self.socket.send(self._unsent)
            del self._unsent[:sent]
        if self.phase == FLUSHING and not self._unsent:
            self._finish()

    def _finish(self):
        if self._client_ended:
            self.phase = CLOSED
        else:
            self.socket.shutdown(socket.SHUT_WR)
            self.phase = DRAINING
            self.drain_until = time.monotonic() + limits.DRAIN_SECONDS

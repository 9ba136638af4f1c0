"""Mistakes in how a server deals with its connections, one at a time and beside each other."""
import os
import queue
import select
import socket
import struct
import threading
import time

from bugs import bug
from frames import HEADER_SIZE, Codec
from server import Connection, Server


class Delayed(Connection):
    """As correct as its base, with answers that are sent a moment later by another thread. The next ones lose them."""

    DELAY = 0.1  # seconds: an end that follows at once comes first, on a busy machine too

    def __init__(self, server, sock):
        super().__init__(server, sock)
        self.due = []
        self.lock = threading.Lock()

    def answer(self, message):
        self.due.append(self.codec.encode(message))
        timer = threading.Timer(self.DELAY, self.flush)
        timer.daemon = True
        timer.start()

    def flush(self):
        with self.lock:
            due, self.due = self.due, []
            try:
                self.send(b"".join(due))
            except OSError:
                pass  # the reading side finds out

    def ended(self):
        self.flush()

    truncated = ended

    def part(self):
        self.flush()
        super().part()


@bug("half-close-drops-answers")
class HalfCloseDropsAnswers(Delayed):
    def ended(self):
        self.due = []


@bug("truncated-drops-answers")
class TruncatedDropsAnswers(Delayed):
    def truncated(self):
        self.due = []


@bug("refusal-drops-answers")
class RefusalDropsAnswers(Delayed):
    def refuse(self):
        self.due = []
        self.part()


# The end of a connection.

@bug("end-ignored")
class NeverCloses(Connection):
    forgotten = []

    def close(self):
        self.forgotten.append(self.socket)


@bug("truncated-waited-for")
class WaitsForTheRest(Connection):
    """Waits for what is missing of a frame, though the client has said that nothing comes any more."""

    def truncated(self):
        threading.Event().wait()


@bug("empty-connection-kills")
class EmptyConnectionKills(Connection):
    received_any = False

    def receive(self, size):
        data = super().receive(size)
        if not data and not self.received_any:
            self.server.exit(1)
        self.received_any = True
        return data


@bug("truncated-kills")
class TruncatedKills(Connection):
    def truncated(self):
        self.server.exit(1)


@bug("reset-kills")
class ResetKills(Connection):
    def lost(self, error):
        self.server.exit(1)


@bug("broken-pipe-kills")
class BrokenPipeKills(Connection):
    """Dies when the client goes while there are answers for it."""

    answered = False

    def answer(self, message):
        self.answered = True
        super().answer(message)

    def lost(self, error):
        if self.answered:
            self.server.exit(1)


@bug("early-reset-kills")
class EarlyResetKills(Server):
    """Asks for the client's name first, and takes it for granted that there is still a client."""

    def accepted(self, sock):
        time.sleep(0.005)
        sock.getpeername()
        super().accepted(sock)


@bug("bad-header-kills")
class BadHeaderKills(Connection):
    def refuse(self):
        self.server.exit(1)


@bug("bad-header-answered")
class BadHeaderAnswered(Connection):
    """Tells what it thinks of other protocols, in theirs."""

    def refuse(self):
        self.send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        super().refuse()


@bug("bad-header-skipped")
class BadHeaderSkipped(Connection):
    """Does not refuse, but goes on as if nothing had come."""

    def refuse(self):
        self.codec.buffer.clear()
        self.serve()


# Processor time.

@bug("end-spins")
class EndSpins(Connection):
    """Reads on behind the end, and gets nothing, at once, for ever."""

    def truncated(self):
        while not self.socket.recv(1):
            pass


@bug("half-frame-spins")
class HalfFrameSpins(Connection):
    """Polls for the rest of a frame, without waiting between two looks."""

    def receive(self, size):
        while self.codec.buffer and not self.server.wait_for(self.socket, 0):
            pass
        return super().receive(size)


@bug("refusal-spins")
class RefusalSpins(Connection):
    def refuse(self):
        self.socket.close()
        while True:
            pass


# Clients beside each other.

@bug("one-at-a-time")
class OneAtATime(Server):
    def start(self, connection):
        connection.run()


@bug("buffer-shared")
class BufferShared(Codec):
    shared = bytearray()

    def __init__(self):
        super().__init__()
        self.buffer = self.shared


@bug("answers-to-newest")
class AnswersToNewest(Connection):
    """Remembers its client in one place for all of them."""

    newest = None

    def __init__(self, server, sock):
        super().__init__(server, sock)
        AnswersToNewest.newest = sock

    def send(self, data):
        AnswersToNewest.newest.sendall(data)


@bug("write-lock-for-all")
class WriteLockForAll(Connection):
    lock = threading.Lock()

    def send(self, data):
        with self.lock:
            super().send(data)


@bug("eight-workers")
class EightWorkers(Server):
    """A pool of eight: whoever says nothing keeps one of them."""

    free = threading.Semaphore(8)

    def start(self, connection):
        run = connection.run

        def run_when_free():
            with self.free:
                run()
        connection.run = run_when_free
        super().start(connection)


@bug("at-most-200-connections")
class AtMost200(Server):
    def accepted(self, sock):
        if len(self.connections) >= 200:
            sock.close()
        else:
            super().accepted(sock)


@bug("stops-after-500-connections")
class StopsAfter500(Server):
    count = 0

    def accepted(self, sock):
        self.count += 1
        if self.count > 500:
            sock.close()
        else:
            super().accepted(sock)


# What a connection leaves behind.

@bug("descriptors-leak")
class DescriptorsLeak(Connection):
    def close(self):
        os.dup(self.server.stop_reader)
        super().close()


@bug("truncated-leaks")
class TruncatedLeaks(Connection):
    def truncated(self):
        os.dup(self.server.stop_reader)


@bug("reset-leaks")
class ResetLeaks(Connection):
    def lost(self, error):
        os.dup(self.server.stop_reader)


@bug("refused-leaks")
class RefusedLeaks(Connection):
    def refuse(self):
        os.dup(self.server.stop_reader)
        super().refuse()


@bug("memory-leaks")
class MemoryLeaks(Connection):
    history = []

    def close(self):
        self.history.append(bytearray(b"?") * 200 * 1024)
        super().close()


@bug("threads-leak")
class ThreadsLeak(Connection):
    def close(self):
        super().close()
        threading.Thread(target=threading.Event().wait, daemon=True).start()


# Many messages, and slow readers.

@bug("requests-dropped-while-busy")
class DropsWhileBusy(Connection):
    busy_until = 0.0

    def answer(self, message):
        if time.monotonic() > self.busy_until:
            super().answer(message)
            self.busy_until = time.monotonic() + 0.002


@bug("answers-out-of-order")
class AThreadForEachAnswer(Connection):
    """Short ones overtake."""

    def __init__(self, server, sock):
        super().__init__(server, sock)
        self.lock = threading.Lock()
        self.threads = []

    def answer(self, message):
        thread = threading.Thread(target=self.answer_later, args=(message, len(self.threads)), daemon=True)
        self.threads.append(thread)
        thread.start()

    def answer_later(self, message, number):
        time.sleep(0.01 if number % 2 == 0 else 0.0)
        try:
            with self.lock:
                super().answer(message)
        except OSError:
            pass

    def close(self):
        for thread in self.threads:
            thread.join()
        super().close()


@bug("unbounded-queue")
class UnboundedQueue(Connection):
    """Reads whatever comes, and keeps the answers until the client wants them."""

    def __init__(self, server, sock):
        super().__init__(server, sock)
        self.queue = queue.SimpleQueue()
        self.writer = threading.Thread(target=self.write_all, daemon=True)
        self.writer.start()

    def send(self, data):
        self.queue.put(data)

    def write_all(self):
        try:
            for data in iter(self.queue.get, None):
                self.socket.sendall(data)
        except OSError:
            pass

    def flush(self):
        self.queue.put(None)
        self.writer.join()

    def part(self):
        self.flush()
        super().part()

    def close(self):
        self.flush()
        super().close()


@bug("send-partial")
class SendPartial(Connection):
    """send() says how much it has taken; nobody listens."""

    def __init__(self, server, sock):
        super().__init__(server, sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)

    def send(self, data):
        try:
            self.socket.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass


@bug("fixed-1024-unbounded-queue")
class UnboundedQueueOfBlocks(UnboundedQueue):
    """With messages that no case has so short by itself."""


@bug("keeps-every-message")
class KeepsEveryMessage(Connection):
    """A history that nobody asks for."""

    def __init__(self, server, sock):
        super().__init__(server, sock)
        self.history = []

    def answer(self, message):
        self.history.append(message)
        super().answer(message)


@bug("keeps-every-read")
class KeepsEveryRead(Connection):
    """A buffer that is read on from, and never made shorter: it grows in leaps."""

    def __init__(self, server, sock):
        super().__init__(server, sock)
        self.everything = bytearray()

    def receive(self, size):
        data = super().receive(size)
        self.everything += data
        return data


@bug("slow-reader-given-up")
class SlowReaderGivenUp(Connection):
    """A client that takes nothing for half a second gets no answers any more, even when it reads at last."""

    given_up = False

    def send(self, data):
        if self.given_up:
            return
        self.socket.settimeout(0.5)
        try:
            super().send(data)
        except socket.timeout:
            self.given_up = True
        self.socket.settimeout(None)


@bug("idle-dropped")
class IdleDropped(Connection):
    def receive(self, size):
        if self.server.wait_for(self.socket, 0.3):
            return super().receive(size)
        return b""


@bug("read-timeout")
class ReadTimeout(Connection):
    """Inside a frame each read must bring something within 150 ms, however far the frame has come."""

    def receive(self, size):
        if self.codec.buffer and not self.server.wait_for(self.socket, 0.15):
            return b""
        return super().receive(size)


@bug("header-and-body-apart")
class HeaderAndBodyApart(Connection):
    """Two small writes for each message, and Nagle's algorithm between them."""

    def __init__(self, server, sock):
        super().__init__(server, sock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)

    def send(self, data):
        super().send(data[:HEADER_SIZE])
        super().send(data[HEADER_SIZE:])


@bug("answers-overwritten")
class AnswersOverwritten(Connection):
    """Keeps what a client does not take in one buffer, and puts the next answer over it."""

    def __init__(self, server, sock):
        super().__init__(server, sock)
        sock.setblocking(False)

    def receive(self, size):
        while True:
            self.server.wait_for(self.socket)
            try:
                return self.socket.recv(size)
            except BlockingIOError:
                pass

    def send(self, data):
        kept = bytearray(data)
        while kept:
            try:
                del kept[: self.socket.send(kept)]
            except BlockingIOError:
                select.select([], [self.socket], [])
                kept[:] = b"?" * len(kept) if len(data) < 1024 else kept

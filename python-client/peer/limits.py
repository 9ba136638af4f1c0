"""Every bound of the Python peer, with its unit and the reason for its size."""

# Bytes of body. The limit that peer.toml promises, and the default of --max-frame.
MAX_FRAME = 16 * 1024 * 1024

# Bytes taken by one read. Large enough that a 16 MiB message costs few reads, small enough to keep turns between clients short.
READ_SIZE = 256 * 1024

# Bytes of unsent answers above which a client is not read any more: it must first take what is due to it.
UNSENT_MARK = 64 * 1024

# Connections that the kernel holds until they are accepted. Above the 500 that may come at once; the kernel caps it further.
BACKLOG = 1024

# Connections accepted in one turn of the loop, so that a storm of them does not keep the others waiting.
ACCEPTS_A_TURN = 64

# Seconds without accepting after accept failed, mostly for want of descriptors: asking again at once would only burn the
# processor.
ACCEPT_PAUSE = 0.1

# What is read and thrown away behind a refused header, in bytes and in seconds. A socket closed with unread input is reset, and
# a reset destroys the last answers on their way; but nobody may hold the connection for ever. When the server stops, only
# seconds of silence count.
DRAIN_BYTES = 64 * 1024 * 1024
DRAIN_SECONDS = 1.0

# Seconds from SIGTERM to the end of the process, whatever the clients do.
STOP_SECONDS = 2.0

# Seconds that the client tries to connect. The system itself would try for minutes.
CONNECT_SECONDS = 10.0

# Seconds without a byte in either direction, while there is something to send or after the client's half-close, when the client
# takes the server for dead.
SILENCE_SECONDS = 10.0

# Bytes of datagrams that the kernel holds until they are read. As much as several of the longest; the kernel caps it further.
DATAGRAM_BUFFER = 4 * 1024 * 1024

# Datagrams taken in one turn of the loop, so that a storm of them does not keep SIGTERM waiting.
DATAGRAMS_A_TURN = 64

# Seconds without a datagram, behind the end of stdin, when the client waits no longer: they may be lost. The default of --wait.
DATAGRAM_SECONDS = 1.0

# Programs that the service exec runs at once; further ones wait for their turn.
EXECS_AT_ONCE = 16

# Seconds that such a program may take, and bytes that it may write.
EXEC_SECONDS = 5.0
EXEC_BYTES = 1024 * 1024

%% Every bound of the Erlang peer, with its unit and the reason for its size.

%% Bytes of body. The limit that peer.toml promises, and the default of --max-frame.
-define(MAX_FRAME, 16 * 1024 * 1024).

%% Bytes taken by one read of a socket.
-define(READ_SIZE, 64 * 1024).

%% Bytes of unsent answers in the socket's own queue: at the upper one gen_tcp:send/2 blocks, at the lower one it goes on.
-define(HIGH_WATERMARK, 64 * 1024).
-define(LOW_WATERMARK, 32 * 1024).

%% Connections that the kernel holds until they are accepted. Above the 500 that may come at once; the kernel caps it further.
-define(BACKLOG, 1024).

%% Milliseconds without accepting after accept failed, mostly for want of descriptors: asking again at once would only burn the
%% processor.
-define(ACCEPT_PAUSE_MS, 100).

%% What is read and thrown away behind a refused header, in bytes and in milliseconds. A socket closed with unread input is reset,
%% and a reset destroys the last answers on their way; but nobody may hold the connection for ever. When the server stops, only
%% milliseconds of silence count.
-define(DRAIN_BYTES, 64 * 1024 * 1024).
-define(DRAIN_MS, 1000).

%% Milliseconds from SIGTERM to the end of the process, whatever the clients do.
-define(STOP_MS, 2000).

%% Bytes of a message that the client sends in one piece. The server has to take one, or to send something, before the client
%% loses patience. One number: it stands in a binary pattern.
-define(SEND_SIZE, 65536).

%% Milliseconds that the client tries to connect. The system itself would try for minutes.
-define(CONNECT_MS, 10000).

%% Milliseconds without a byte in either direction, while there is something to send or after the client's half-close, when the
%% client takes the server for dead.
-define(SILENCE_MS, 10000).

%% Bytes of datagrams that the kernel holds until they are read. As much as several of the longest; the kernel caps it further.
-define(DATAGRAM_BUFFER, 4 * 1024 * 1024).

%% Milliseconds without a datagram, behind the end of stdin, when the client waits no longer: they may be lost. The default of
%% --wait, which is in seconds.
-define(DATAGRAM_MS, 1000).

%% Milliseconds that a program of the service exec may take, and bytes that it may write.
-define(EXEC_MS, 5000).
-define(EXEC_BYTES, 1024 * 1024).

//! Every bound of this crate in one place, each with its unit and its reason.
//! The framing, the server, the client and the command line take their numbers from here.

use std::num::NonZeroU32;
use std::time::Duration;

/// Bytes. The largest body unless told otherwise. Ample for messages, little enough that a thousand
/// clients that claim it cannot fill a machine (P9).
pub const DEFAULT_MAX_FRAME: u64 = 16 * 1024 * 1024;

/// Bytes. The largest body that the address space can hold in one piece, with room for a header.
pub const LARGEST_BODY: u64 = isize::MAX as u64 - 16;

/// Bytes. The largest datagram: what the 16-bit length of an IPv4 packet leaves behind the headers of
/// IP (20 bytes) and UDP (8 bytes).
pub const LARGEST_DATAGRAM: u64 = 65_507;

/// Bytes. How much room a decoder asks for at a time beyond what it has been sent. A header is a
/// claim, not a fact: memory follows the bytes that came, never the length that was announced (P9).
/// A buffer that has to grow doubles, so that it has at most as much again as has come, and this.
pub const RESERVE_STEP: usize = 64 * 1024;

/// Bytes. The room offered to one read of a client, or of a standard stream.
pub const READ_STEP: usize = 64 * 1024;

/// Bytes. The room offered to one read of a server. It belongs to the thread and not to the connection,
/// so it may be ample: smaller ones cost calls. The odd part lets a few whole frames of a power of
/// two in, headers included.
pub const READ_BUFFER: usize = 256 * 1024 + 64;

/// Bytes. A frame that is still unfinished when so much of it has come is read on into a buffer of its
/// own; of a shorter one the start is copied to where the rest will be read.
pub const LARGE_START: usize = 32 * 1024;

/// Bytes. The largest buffer that a thread keeps for the next large frame, with room for the usual
/// mebibyte and as much again.
pub const SPARE_BUFFER: usize = 2 * 1024 * 1024;

/// Buffers. How many of them a thread keeps: a few large frames come at a time, if any.
pub const SPARE_BUFFERS: usize = 4;

/// Bytes. When a connection has completed so many at a stretch the others of its thread have their
/// turn: a client that never pauses would hold them up otherwise (P6).
pub const TURN: usize = 512 * 1024;

/// Bytes. When so many bytes of answers are waiting they are written before another message is
/// answered. So a connection holds, for a client that does not read, at most this, the answers to
/// one message and the input that it had read already: one read, behind an unfinished frame (P10).
pub const ANSWER_BUFFER: usize = 256 * 1024;

/// Connections at once, unless told otherwise: more than any test or small deployment opens, and
/// within the usual hard limit of descriptors.
pub const DEFAULT_MAX_CONNECTIONS: usize = 4096;

/// Threads that a server may be told to have: far more than any machine has use for.
pub const MOST_THREADS: usize = 1024;

/// Descriptors that a server needs besides its connections: standard streams, the listener, the
/// runtime's poller and wake-up, and some to spare.
pub const SPARE_DESCRIPTORS: u64 = 64;

/// Time without a byte in either direction until a connection is ended, unless told otherwise. Far
/// longer than people pause, short enough that vanished clients do not hold descriptors for ever.
pub const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Time from the first byte of a frame to its last, unless told otherwise. Long enough for the
/// largest default frame at 5 Mbit/s, short enough against clients that hold half frames.
pub const DEFAULT_FRAME_TIMEOUT: Duration = Duration::from_secs(30);

/// Time. How long nobody is woken for having waited too long after somebody was: all connections are looked
/// at then. Nothing beside the time-outs, and ten thousand are looked at in some microseconds.
pub const ALARM_PAUSE: Duration = Duration::from_millis(10);

/// Time that connections have to finish after the server was told to stop, unless told otherwise.
/// Below the five seconds after which most supervisors and the harness lose patience.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(3);

/// Time. How long a second signal lets connections reset what they cannot finish. They need none of
/// it: it is there so that nothing can keep the process.
pub const CUT_TIME: Duration = Duration::from_millis(500);

/// Time. How long a connection that the server ends is drained after its last answer, so that the
/// kernel does not answer late input by a reset that destroys that answer on its way (P9).
pub const DRAIN_TIME: Duration = Duration::from_secs(2);

/// Time without a byte after which a connection is no longer drained when the server stops: silent
/// clients that do not heed its FIN do not hold it up. The grace time bounds those that talk on.
pub const DRAIN_SILENCE: Duration = Duration::from_millis(500);

/// Bytes. How much is drained at most, unless the server stops: the end of a connection is not to cost
/// more than its life. A client that sends more without reading may lose its last answers.
pub const DRAIN_BYTES: u64 = 64 * 1024 * 1024;

/// Time. The first pause after an accept that failed for want of descriptors or memory; doubled
/// each time it fails again.
pub const ACCEPT_PAUSE_FIRST: Duration = Duration::from_millis(5);

/// Time. The longest such pause: the delay that a client may see after descriptors are free again.
pub const ACCEPT_PAUSE_LONGEST: Duration = Duration::from_secs(1);

/// Time. How long a program that the service `exec` runs may take.
pub const EXEC_TIME: Duration = Duration::from_secs(5);

/// Bytes. How much such a program may write, on stdout and stderr together.
pub const EXEC_OUTPUT: u64 = 1024 * 1024;

/// Programs. How many a server runs at once, whatever clients ask for: further ones wait their turn.
pub const EXEC_AT_ONCE: usize = 32;

/// Time. How long a client tries to connect. The system itself tries for minutes when nothing answers.
pub const CONNECT_TIME: Duration = Duration::from_secs(10);

/// Tries. How often a client that retries tries to connect.
pub const RETRY_TRIES: NonZeroU32 = NonZeroU32::new(3).unwrap();

/// Time. The pause behind the first failed try; doubled behind each further one.
pub const RETRY_PAUSE_FIRST: Duration = Duration::from_secs(1);

/// Time. The longest such pause: that which a client may lose although the server is there again.
pub const RETRY_PAUSE_LONGEST: Duration = Duration::from_secs(60);

/// Time. How long a client that closes reads and drops what the server still sends.
pub const CLOSE_TIME: Duration = Duration::from_secs(5);

/// Messages. How many may be on their way without an answer in a pipelined call: enough to hide a
/// round trip, few enough to bound what either side holds.
pub const PIPELINE_DEPTH: usize = 1024;

/// Bytes. A client writes its messages together until so many wait.
pub const SEND_BUFFER: usize = 64 * 1024;

/// Time without a byte in either direction after which `rust-client` no longer waits for the server,
/// unless told otherwise. It runs while there is something to send, and from the end of the input on.
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(10);

/// Time without an answer after which `rust-client` no longer waits for datagrams, unless told
/// otherwise: long for an answer, short for one that was lost.
pub const DEFAULT_DATAGRAM_WAIT: Duration = Duration::from_secs(1);

/// Time. How long `rust-client` still delivers what is on its way after it failed to send.
pub const AFTER_SEND_FAILURE: Duration = Duration::from_secs(2);

//! Every bound of the harness, with its unit and its reason. Nothing here waits or grows without one.

use std::time::Duration;

use rust_server::framing::MaxFrame;

/// How long is waited for what does not come. How soon is not a rule, so every look that accuses somebody
/// waits long; most waits end much sooner, because the program is seen to sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long nothing may move while something is due.
    pub silent: Duration,
    /// The same, while the programs under test do nothing at all: they have read everything, they sleep,
    /// and will hardly go on.
    pub asleep: Duration,
}

impl Patience {
    /// So many times as patient.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self { silent: self.silent.mul_f64(factor), asleep: self.asleep.mul_f64(factor) }
    }
}

/// What a peer that promises no limit ought to take, and ought to refuse anything above (peer contract).
pub const CUSTOMARY_LIMIT: MaxFrame = MaxFrame::new(16 * 1024 * 1024);

/// How far the clock of a server that tells the time may be from ours, and how long a case may take until it asks.
pub const CLOCKS_APART: Duration = Duration::from_secs(120);

/// The longest message that is sent to try a peer's limit, in bytes. Peers with a larger one are only asked
/// whether they refuse what is above it.
pub const MESSAGE: u64 = 16 * 1024 * 1024;

/// The shortest message that may stand for a longer one, in bytes: what presses a peer in smaller ones costs more for
/// each than for its bytes.
pub const WORTH_SHORTENING: usize = 512;

/// How many bytes beyond those due are kept as evidence before a channel is not read any further.
pub const FLOOD: usize = 64 * 1024;

/// One read from a socket or a pipe, in bytes: large enough that a 1 MiB message costs few system calls.
pub const READ: usize = 64 * 1024;

/// The same of a connection that has more at once, in bytes. Much larger ones do not stay in a processor's cache
/// until they are compared and written.
pub const LONG_READ: usize = 256 * 1024;

/// The longest output line that is kept, in bytes; a longer one is cut there. Room for a 16 MiB message
/// delivered by a client of contract `lines`, and some more.
pub const LINE: usize = 17 * 1024 * 1024;

/// How many of a program's last output lines are kept as evidence.
pub const TAIL_LINES: usize = 40;

/// How much of each of them, in bytes.
pub const TAIL_LINE: usize = 500;

/// How long a program may take from its start until it is ready (server) or has connected (client). A
/// virtual machine on a loaded computer takes a second or two.
pub const START: Duration = Duration::from_secs(20);

/// How long is waited for what is due, until a peer has been seen to fail. A correct peer on a loaded machine is
/// silent for tens of milliseconds; one that sets itself an alarm sleeps for as long as it likes.
pub const PATIENCE: Patience =
    Patience { silent: Duration::from_secs(8), asleep: Duration::from_millis(2500) };

/// The same, when it has been waited for in vain before: in the looks that ask whether it happens again, with
/// peers that have shown often enough that they fail, and for cases that a peer is declared to fail. What they
/// do right, they do soon.
pub const LESS_PATIENCE: Patience =
    Patience { silent: Duration::from_secs(2), asleep: Duration::from_millis(400) };

/// How much longer than its slowest right answer so far a peer may sleep.
pub const SLOWER: u32 = 4;

/// How often it is looked whether the programs under test sleep.
pub const GLANCE: Duration = Duration::from_millis(40);

/// How much slower than by nature a peer is believed to be, in times of [`PATIENCE`]: a bound for what slow peers
/// can make a run take.
pub const SLOWEST: f64 = 4.0;

/// How often a failure is looked at again before anybody is accused of it.
pub const LOOKS_AGAIN: usize = 2;

/// How many players play beside the first, each with a server of its own: they do what waits, and help out
/// where much fails. Each costs the start of a server.
pub const BESIDE: usize = 3;

/// After how many confirmed failures a unit's others are believed at first sight. One that has failed so often
/// does fail, and looking again for each would only cost the user's time.
pub const SURE: usize = 2;

/// How many fragments of a case a peer may leave unread until it is not waited for any more.
pub const UNREAD: u32 = 3;

/// How long a server may leave a connection unaccepted before the next one is made all the same: as long as it
/// is seen to do anything.
pub const ACCEPT: Patience =
    Patience { silent: Duration::from_secs(8), asleep: Duration::from_millis(400) };

/// How long a process may take to be seen dead after its connections were.
pub const CRASH: Patience =
    Patience { silent: Duration::from_millis(500), asleep: Duration::from_millis(30) };

/// The same, of one that nobody watches closely any more.
pub const CRASH_LATE: Duration = Duration::from_millis(50);

/// How long a server that answers nothing has to answer one in another framing, once for all framings.
pub const DIALECT: Duration = Duration::from_millis(800);

/// How long a server may take for its first message of all: some only then load what they need. One that
/// does not answer it in this time is not asked again before its cases.
pub const WARM_UP: Duration = Duration::from_secs(6);

/// How long what did not come in time is waited for all the same, before the case is over: late is not lost. A peer
/// that has shown often enough that it fails has less.
pub const LATE: Patience =
    Patience { silent: Duration::from_secs(2), asleep: Duration::from_millis(1000) };
/// See [`LATE`].
pub const LESS_LATE: Patience =
    Patience { silent: Duration::from_secs(1), asleep: Duration::from_millis(200) };

/// How long it has to come when one more message is written then, and when the conversation is ended.
pub const AFTERWARDS: Patience =
    Patience { silent: Duration::from_millis(500), asleep: Duration::from_millis(120) };

/// How many bytes that come then are kept.
pub const LATE_BYTES: usize = 1 << 20;

/// How many bytes of a case in which a peer was right are kept, to see which mistakes it does not make.
pub const TESTIMONY: usize = 1 << 20;

/// How many bytes of all such cases of a unit, and of how many of them.
pub const TESTIMONIES: usize = 8 << 20;
/// See [`TESTIMONIES`].
pub const WITNESSES: usize = 200;

/// How long what follows a wrong byte is waited for, as evidence, and how long it may pause.
pub const EVIDENCE: Duration = Duration::from_millis(200);
/// See [`EVIDENCE`].
pub const EVIDENCE_QUIET: Duration = Duration::from_millis(20);

/// How long a peer has to send more datagrams than are due: it sleeps much sooner.
pub const STRAGGLERS: Patience =
    Patience { silent: Duration::from_secs(1), asleep: Duration::from_millis(60) };

/// How long an end is waited for that the case does not judge: only to see what may come before it.
pub const UNJUDGED_END: Patience =
    Patience { silent: Duration::from_secs(1), asleep: Duration::from_millis(100) };

/// How long the end of a stream is waited for whose server has ended: the kernel sends it behind what the server had
/// still to say, however busy the machine is. Where it does not come, a child of the server lives on.
pub const LAST_END: Patience =
    Patience { silent: Duration::from_secs(2), asleep: Duration::from_secs(1) };

/// How much longer a server that was told to end has for that: it may wait for its clients, and a while for
/// silence. With all patience, it is the grace time and a little.
pub const OBEY: f64 = 2.2;

/// How much longer a second server on a port that is taken has to end.
pub const ONE_MORE: f64 = 2.5;

/// How much longer a client may try to connect where nobody listens: some try again a few times, and wait in
/// between.
pub const GIVE_UP: f64 = 4.0;

/// How long a pressed peer has to take nothing more until it counts as holding us back: it waits for us, and
/// sleeps. One that is only slow goes on. Where it is slower than this, the pressure was less than it could have
/// been, and nobody is accused of anything.
pub const HELD_BACK: Patience =
    Patience { silent: Duration::from_secs(3), asleep: Duration::from_millis(200) };

/// The receive buffer of a raw end that does not read, in bytes: the less it holds, the sooner the peer is
/// held back.
pub const SMALL_BUFFER: u32 = 4096;

/// The longest segment that such an end takes, in bytes: Linux lets a server's send buffer grow to some forty segments,
/// and those of the loopback interface have 64 KiB. It is what every host has to take.
pub const SMALL_SEGMENT: u32 = 536;

/// How much is under way at once where much is said on one connection, in bytes: less than the buffers of both sides hold.
pub const SOAK_ROUND: usize = 256 * 1024;

/// How much is said between two looks at a program's memory, in bytes: what it takes once for all of it is small
/// beside that.
pub const SOAK_LOOK: u64 = 32 * 1024 * 1024;

/// How much is said at most, in bytes.
pub const SOAK_MOST: u64 = 2 * 1024 * 1024 * 1024;

/// For how long at most. Where that is not enough to know, nobody is accused.
pub const SOAK: Duration = Duration::from_secs(20);

/// How much more memory a program may have than when a little had been said, in bytes,
pub const SOAK_MEMORY: u64 = 160 * 1024 * 1024;

/// and which part of the machine's on top: as much garbage lets a virtual machine of Java lie at least that is not told
/// how large its heap may be.
pub const SOAK_HEAP: u64 = 64;

/// How many connections every server has to take at once (peer contract).
pub const CONNECTIONS: usize = 100;

/// How many lanes of a case are played at once: fewer connections than every server has to take.
pub const LANES: usize = 50;

/// How many lanes of a case may go wrong until no more of them are begun: by then it is clear that it is not one
/// offset in ten.
pub const WRONG_LANES: usize = 60;

/// For which part of the patience a program may use the processor until it counts as never coming to rest. Time
/// for which it only waits for a processor says nothing of it.
pub const REST: u32 = 8;

/// How many times the patience is waited, on a loaded machine, for a program to use the processor for so long.
pub const STARVED: u32 = 4;

/// How long one case may take in all, so that a peer which sends a byte now and then cannot hold a run.
pub const CASE: Duration = Duration::from_secs(120);

/// Which part of the patience a link holds bytes for that belong to a fragment not yet whole: a sender that
/// waits for an answer before it goes on must not be starved by us.
pub const HOLD: u32 = 4;

/// The largest capture of a case, in bytes: room for [`MESSAGE`] and its answer on both sides of a link, and half
/// as much again.
pub const CAPTURE: u64 = 96 * 1024 * 1024;

/// The pause between two fragments where the kernel cannot be asked whether the first was read.
pub const UNPROVEN_DELIVERY: Duration = Duration::from_millis(5);

/// How long a process group has to end after SIGTERM before it is killed (clause P12 and the peer contract).
pub const GRACE: Duration = Duration::from_secs(5);

/// The same, where nobody is judged by it.
pub const FAREWELL: Duration = Duration::from_secs(1);

/// How long the rest of a process group has to end once its leader has.
pub const LEFT_BEHIND: Duration = Duration::from_millis(500);

/// How long output pipes are drained after a process has ended: a grandchild may hold them open.
pub const DRAIN: Duration = Duration::from_millis(500);

/// How long one build command may take. Compilers are slow on a first run.
pub const BUILD: Duration = Duration::from_secs(600);

/// How long others may hold a hard-coded port, or a build, before we give up: another run of the harness, or
/// all other pairings of this one that use the same port.
pub const LOCK: Duration = Duration::from_secs(3600);

/// How many open files a run may need: each of its units holds up to a hundred connections at once, and what
/// their programs need. Peers inherit the limit, and some of them reserve memory by it, so it is not raised
/// further.
pub const OPEN_FILES: u64 = 8192;

/// How long a port may stay in TIME_WAIT: Linux keeps it for 60 seconds.
pub const TIME_WAIT: Duration = Duration::from_secs(65);

/// How long a port of ours may seem taken while a process is being started elsewhere.
pub const REBIND: Duration = Duration::from_secs(2);

/// How often it is tried again.
pub const REBIND_PAUSE: Duration = Duration::from_millis(20);

/// The largest peer folder that is fingerprinted, in files.
pub const FOLDER_FILES: usize = 10_000;

/// The largest peer folder that is fingerprinted, in bytes.
pub const FOLDER_BYTES: u64 = 256 * 1024 * 1024;

/// How many processes of one program are looked at, and how many threads of each.
pub const FAMILY: usize = 1024;
/// See [`FAMILY`].
pub const THREADS: usize = 4096;

/// How much of the environment of a process is read to find whose it is, in bytes: Linux allows 2 MiB.
pub const ENVIRONMENT: u64 = 2 * 1024 * 1024;

/// How often what belongs to a dead harness is looked for and killed.
pub const KILL_ROUNDS: usize = 10;

/// Into how many parts a run can be split: there are some thousand cases, and what each machine does before its
/// first is the same for all.
pub const SHARDS: usize = 1000;

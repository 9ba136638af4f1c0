//! Every bound of the harness, with its unit and its reason. Nothing here waits or grows without one.

use std::time::Duration;

use rust_server::framing::MaxFrame;

/// What a peer that promises no limit ought to take, and ought to refuse anything above (peer contract).
pub const CUSTOMARY_LIMIT: MaxFrame = MaxFrame::new(16 * 1024 * 1024);

/// How many bytes beyond those due are kept as evidence before a channel is not read any further.
pub const FLOOD: usize = 64 * 1024;

/// One read from a socket or a pipe, in bytes: large enough that a 1 MiB message costs few system calls.
pub const READ: usize = 64 * 1024;

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

/// How long nothing may move while something is due. A correct peer on a loaded machine is silent for tens
/// of milliseconds.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// The same, when a failure is looked at a second time before anybody is accused of it.
pub const MORE_PATIENCE: Duration = Duration::from_secs(8);

/// The same, for a peer that was seen to fail often enough, and for a case that it is declared to fail: what
/// it does right, it does soon.
pub const LESS_PATIENCE: Duration = Duration::from_secs(1);

/// How many failures of one unit are looked at twice. One that has failed so often in both looks does fail,
/// and waiting longer for it each time would only cost the user's time.
pub const SECOND_LOOKS: u32 = 2;

/// How long a server may leave a connection unaccepted before the next one is made all the same.
pub const ACCEPT: Duration = Duration::from_millis(200);

/// How long a process may take to be seen dead after its connections were.
pub const CRASH: Duration = Duration::from_millis(50);

/// How long a server that answers nothing has to answer one in another framing, once for all framings.
pub const DIALECT: Duration = Duration::from_millis(300);

/// How long what follows a wrong byte is waited for, as evidence, and how long it may pause.
pub const EVIDENCE: Duration = Duration::from_millis(200);
/// See [`EVIDENCE`].
pub const EVIDENCE_QUIET: Duration = Duration::from_millis(20);

/// How long an end is waited for that the case does not judge: only to see what may come before it.
pub const UNJUDGED_END: Duration = Duration::from_secs(1);

/// How long one case may take in all, so that a peer which sends a byte now and then cannot hold a run.
pub const CASE: Duration = Duration::from_secs(120);

/// Which part of the patience a link holds bytes for that belong to a fragment not yet whole: a sender that
/// waits for an answer before it goes on must not be starved by us.
pub const HOLD: u32 = 4;

/// The pause between two fragments where the kernel cannot be asked whether the first was read.
pub const UNPROVEN_DELIVERY: Duration = Duration::from_millis(5);

/// How long a process group has to end after SIGTERM before it is killed (clause P12 and the peer contract).
pub const GRACE: Duration = Duration::from_secs(5);

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

//! What all tasks of a case share: the events so far, and the ledger that says what is still due.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::limits;
use crate::model::ledger::{Account, Ledger, Progress};
use crate::model::names::Clause;
use crate::model::transcript::{Act, Channel, ChannelEnd, Event, Setting, Sight, Transcript, What};

/// One case being acted out.
#[derive(Debug)]
pub struct Scene {
    begun: Instant,
    clauses: Vec<Clause>,
    patience: Duration,
    books: Mutex<Books>,
    changed: Notify,
    /// An end that is not judged was waited for in vain.
    keeps_open: AtomicBool,
}

#[derive(Debug)]
struct Books {
    ledger: Ledger,
    transcript: Transcript,
    stalled: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Wait {
    Nothing,
    /// Something that the case judges.
    Due,
    /// An end that it does not judge: only to see what may come before it.
    UnjudgedEnd,
}

impl Scene {
    /// Opens the scene for a case that covers these clauses; nothing may be idle for longer than `patience`
    /// while something is due of it.
    #[must_use]
    pub fn new(setting: Setting, clauses: &[Clause], patience: Duration) -> Self {
        let ledger = Ledger::new(setting.clone());
        let transcript = Transcript { setting, events: Vec::new() };
        Self {
            begun: Instant::now(),
            clauses: clauses.to_vec(),
            patience,
            books: Mutex::new(Books { ledger, transcript, stalled: false }),
            changed: Notify::new(),
            keeps_open: AtomicBool::new(false),
        }
    }

    /// How long nothing may move while something is due.
    #[must_use]
    pub const fn patience(&self) -> Duration {
        self.patience
    }

    /// Writes down something that the harness does, before it does it.
    pub fn did(&self, act: Act) {
        self.enter(What::Did(act));
    }

    /// Writes down something that the harness saw.
    pub fn saw(&self, sight: Sight) {
        self.enter(What::Saw(sight));
    }

    /// Bytes came. `false` when there is no use in reading on.
    pub fn saw_bytes(&self, channel: Channel, bytes: Bytes) -> bool {
        self.saw(Sight::Bytes { channel, bytes });
        !self.books().ledger.is_flooded(channel)
    }

    /// A channel ended.
    pub fn saw_end(&self, channel: Channel, end: ChannelEnd) {
        self.saw(Sight::Ended { channel, end });
    }

    fn enter(&self, what: What) {
        let mut books = self.books();
        books.ledger.enter(&what);
        books.stalled |= matches!(what, What::Saw(Sight::Stalled { .. }));
        let at = self.begun.elapsed();
        books.transcript.events.push(Event { at, what });
        drop(books);
        self.changed.notify_waiters();
    }

    /// Waits until everything due has come, or nothing has moved for too long, or it cannot come any more.
    pub async fn settle(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let patience = match self.waits_for() {
                Wait::Nothing => return,
                Wait::Due => self.patience,
                // A peer that has kept one end open will not close the next.
                Wait::UnjudgedEnd if self.keeps_open.load(Relaxed) => return,
                Wait::UnjudgedEnd => limits::UNJUDGED_END,
            };
            if timeout(patience, changed).await.is_err() {
                self.keeps_open.store(true, Relaxed);
                if self.waits_for() == Wait::Due {
                    let waiting_for = self.books().ledger.waiting_for();
                    self.saw(Sight::Stalled { waiting_for });
                }
                return;
            }
        }
    }

    fn waits_for(&self) -> Wait {
        let books = self.books();
        match books.ledger.progress() {
            Progress::Settled | Progress::Broken => Wait::Nothing,
            Progress::BytesMissing => Wait::Due,
            Progress::EndsMissing if books.ledger.misses_an_end_of(&self.clauses) => Wait::Due,
            Progress::EndsMissing => Wait::UnjudgedEnd,
        }
    }

    /// Whether the verdict cannot change any more: something was wrong, or did not come in time.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        let books = self.books();
        books.stalled || books.ledger.progress() == Progress::Broken
    }

    /// Whether what was seen cannot become right any more.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.books().ledger.progress() == Progress::Broken
    }

    /// Where bytes were wrong, waits for the rest of them to come, so that all of the evidence is there.
    pub async fn linger(&self) {
        let deadline = Instant::now() + limits::EVIDENCE;
        let deviates = |(_, account): (Channel, &Account)| account.deviation.is_some();
        while self.books().ledger.accounts().any(deviates) && Instant::now() < deadline {
            let quiet = timeout(limits::EVIDENCE_QUIET, self.changed.notified()).await.is_err();
            if quiet {
                return;
            }
        }
    }

    /// How many bytes are due on a channel so far.
    #[must_use]
    pub fn due_len(&self, channel: Channel) -> usize {
        self.books().ledger.due_len(channel)
    }

    /// Closes the scene.
    #[must_use]
    pub fn transcript(&self) -> Transcript {
        self.books().transcript.clone()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

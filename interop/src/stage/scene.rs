//! What all tasks of a case share: the events so far, and the ledger that says what is still due.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::limits::{self, Patience};
use crate::model::ledger::{Account, Ledger, Progress, Scope};
use crate::model::names::Clause;
use crate::model::transcript::{
    Act, Channel, ChannelEnd, Conn, Event, Setting, Sight, Transcript, What,
};
use crate::peer::family::Family;

use super::forensics::Wire;
use super::sleep::Sleep;

/// One case being acted out.
#[derive(Debug)]
pub struct Scene {
    begun: Instant,
    clauses: Vec<Clause>,
    patience: Patience,
    books: Mutex<Books>,
    changed: Notify,
    /// An end that is not judged was waited for in vain.
    keeps_open: AtomicBool,
    /// How often a fragment was not read in time.
    unread: AtomicU32,
    /// The programs under test.
    programs: Mutex<Sleep>,
    /// Who connects to a server goes through here, one after the other: a short backlog is no fault.
    pub(super) door: tokio::sync::Mutex<()>,
    /// The connections with them.
    wires: Mutex<Vec<Wire>>,
}

#[derive(Debug)]
struct Books {
    ledger: Ledger,
    transcript: Transcript,
    stalled: Stalled,
    slowest: Slowness,
    /// The case is given up: what is done and seen from here on is written down by itself.
    given_up: bool,
    /// How many bytes have come since then.
    came_after: usize,
}

/// How slow a program is by nature: the longest waits for something due that came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Slowness {
    /// The whole wait.
    pub waited: Duration,
    /// The part of it for which the program slept, as far as that was seen.
    pub slept: Duration,
}

impl Slowness {
    /// The longer of both.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { waited: self.waited.max(other.waited), slept: self.slept.max(other.slept) }
    }
}

/// What was waited for in vain so far.
#[derive(Debug, Default)]
struct Stalled {
    conns: BTreeSet<Conn>,
    everywhere: bool,
}

impl Books {
    /// How many bytes have come on a channel since the case was given up.
    fn came_since(&self, from: Channel) -> usize {
        let came = |event: &Event| match &event.what {
            What::Saw(Sight::Bytes { channel, bytes }) if *channel == from => bytes.len(),
            _ => 0,
        };
        self.transcript.after.iter().map(came).sum()
    }
}

impl Stalled {
    fn note(&mut self, what: &What) {
        match what {
            What::Saw(Sight::Stalled { conn: Some(conn), .. }) => drop(self.conns.insert(*conn)),
            What::Saw(Sight::Stalled { conn: None, .. }) => self.everywhere = true,
            _ => {}
        }
    }

    fn concerns(&self, scope: &Scope) -> bool {
        self.everywhere || self.conns.iter().any(|conn| scope.has(*conn))
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Wait {
    Nothing,
    /// Something that the case judges.
    Due,
    /// The end of a server that was told to end.
    ServersEnd,
    /// The end of a stream that such a server left.
    LastEnd,
    /// An end that it does not judge: only to see what may come before it.
    UnjudgedEnd,
}

impl Scene {
    /// Opens the scene for a case that covers these clauses.
    #[must_use]
    pub fn new(setting: Setting, clauses: &[Clause], patience: Patience) -> Self {
        let ledger = Ledger::new(setting.clone());
        let transcript = Transcript { setting, events: Vec::new(), after: Vec::new() };
        let (stalled, slowest) = (Stalled::default(), Slowness::default());
        Self {
            begun: Instant::now(),
            clauses: clauses.to_vec(),
            patience,
            books: Mutex::new(Books {
                ledger,
                transcript,
                stalled,
                slowest,
                given_up: false,
                came_after: 0,
            }),
            changed: Notify::new(),
            keeps_open: AtomicBool::new(false),
            unread: AtomicU32::new(0),
            programs: Mutex::default(),
            door: tokio::sync::Mutex::default(),
            wires: Mutex::default(),
        }
    }

    /// A program is under test from here on.
    pub fn watch(&self, program: Family) {
        lock(&self.programs).watch(program);
    }

    /// A connection with a program under test stands, over which `from` comes.
    pub fn connected(&self, stream: &TcpStream, from: Channel) {
        if let Some(wire) = Wire::of(stream, from) {
            self.saw(Sight::Located { channel: from, program: wire.program, us: wire.us });
            lock(&self.wires).push(wire);
        }
    }

    /// Gives up: somebody was waited for in vain, in one conversation or in all of them.
    pub fn give_up(&self, conn: Option<Conn>, waiting_for: String) {
        let found = self.forensics(conn);
        self.saw(Sight::Stalled { conn, waiting_for, found });
    }

    /// What the programs do, and how far they have read.
    fn forensics(&self, conn: Option<Conn>) -> Vec<String> {
        let conn = conn.or_else(|| lock(&self.books).ledger.first_missing(&Scope::All));
        let wires = lock(&self.wires);
        let concerned = wires.iter().filter(|wire| conn.is_none_or(|conn| wire.conn() == conn));
        let read = concerned.filter_map(Wire::describe).take(2);
        let does = lock(&self.programs).describe().map(|does| format!("it was {does}"));
        read.chain(does).collect()
    }

    /// How long is waited for what does not come.
    #[must_use]
    pub const fn patience(&self) -> Patience {
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
    pub fn saw_bytes(&self, channel: Channel, bytes: &[u8]) -> bool {
        let mut books = lock(&self.books);
        let bytes = match books.given_up {
            true => Bytes::copy_from_slice(bytes),
            false => books.ledger.take(channel, bytes),
        };
        let flooded = books.ledger.is_flooded(channel);
        self.write_down(books, What::Saw(Sight::Bytes { channel, bytes }));
        !flooded
    }

    /// A channel ended.
    pub fn saw_end(&self, channel: Channel, end: ChannelEnd) {
        self.saw(Sight::Ended { channel, end });
    }

    fn enter(&self, what: What) {
        let mut books = lock(&self.books);
        if !books.given_up {
            books.ledger.enter(&what);
            books.stalled.note(&what);
        }
        self.write_down(books, what);
    }

    /// What the ledger knows already, or is not to know any more.
    fn write_down(&self, mut books: MutexGuard<'_, Books>, what: What) {
        let at = self.begun.elapsed();
        if books.given_up {
            books.came_after += what.bytes().len();
            if books.came_after <= limits::LATE_BYTES {
                books.transcript.after.push(Event { at, what });
            }
        } else {
            books.transcript.events.push(Event { at, what });
        }
        drop(books);
        self.changed.notify_waiters();
    }

    /// Waits until everything due in these conversations has come, or nothing has moved for too long, or it
    /// cannot come any more.
    pub async fn settle(&self, scope: &Scope) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let wait = self.waits_for(scope);
            let patience = match wait {
                Wait::Nothing => return,
                Wait::Due => self.patience,
                Wait::ServersEnd => self.patience.scaled(limits::OBEY),
                // A peer that has kept one end open will not close the next.
                Wait::UnjudgedEnd | Wait::LastEnd if self.keeps_open.load(Relaxed) => return,
                Wait::UnjudgedEnd => limits::UNJUDGED_END,
                Wait::LastEnd => limits::LAST_END,
            };
            let begun = Instant::now();
            let slept = AtomicU64::new(0);
            if self.within_noting(patience, changed, &slept).await.is_none() {
                self.keeps_open.store(true, Relaxed);
                if matches!(self.waits_for(scope), Wait::Due | Wait::ServersEnd) {
                    let (conn, waiting_for) = {
                        let books = lock(&self.books);
                        (books.ledger.first_missing(scope), books.ledger.waiting_for(scope))
                    };
                    self.give_up(conn.filter(|_| *scope != Scope::All), waiting_for);
                }
                return;
            }
            if wait == Wait::Due {
                let slept = Duration::from_millis(slept.into_inner());
                let mut books = lock(&self.books);
                books.slowest = books.slowest.max(Slowness { waited: begun.elapsed(), slept });
            }
        }
    }

    fn waits_for(&self, scope: &Scope) -> Wait {
        let books = lock(&self.books);
        match books.ledger.progress(scope) {
            Progress::Settled | Progress::Broken => Wait::Nothing,
            Progress::BytesMissing => Wait::Due,
            Progress::EndsMissing if books.ledger.misses_the_servers_end() => Wait::ServersEnd,
            Progress::EndsMissing if books.ledger.misses_an_end_of(&self.clauses, scope) => {
                Wait::Due
            }
            Progress::EndsMissing if books.ledger.misses_a_last_end(scope) => Wait::LastEnd,
            Progress::EndsMissing => Wait::UnjudgedEnd,
        }
    }

    /// Waits for something that a program under test has to do; `None` when it does not do it in time.
    pub async fn in_time<T>(&self, awaited: impl Future<Output = T>) -> Option<T> {
        self.within(self.patience, awaited).await
    }

    /// The same, with another patience.
    pub async fn within<T>(
        &self,
        patience: Patience,
        awaited: impl Future<Output = T>,
    ) -> Option<T> {
        self.within_noting(patience, awaited, &AtomicU64::new(0)).await
    }

    /// The same, and notes for how long the programs were seen to sleep, in milliseconds.
    async fn within_noting<T>(
        &self,
        patience: Patience,
        awaited: impl Future<Output = T>,
        slept: &AtomicU64,
    ) -> Option<T> {
        tokio::pin!(awaited);
        let mut waited = Duration::ZERO;
        loop {
            let begun = Instant::now();
            if let Ok(done) = timeout(limits::GLANCE, &mut awaited).await {
                return Some(done);
            }
            // Where it took much longer, it was we who did not get on: that says nothing of the others.
            waited += begun.elapsed().min(limits::GLANCE * 2);
            let asleep = lock(&self.programs).lasted().min(waited);
            slept.store(u64::try_from(asleep.as_millis()).unwrap_or(u64::MAX), Relaxed);
            if waited >= patience.silent || asleep >= patience.asleep {
                return None;
            }
        }
    }

    /// Whether the verdict on these conversations cannot change any more: something was wrong, or did not come
    /// in time.
    #[must_use]
    pub fn is_decided(&self, scope: &Scope) -> bool {
        let books = lock(&self.books);
        books.stalled.concerns(scope) || books.ledger.progress(scope) == Progress::Broken
    }

    /// Whether it is waited for as long as anything moves: who is known to fail is not.
    #[must_use]
    pub fn is_patient(&self) -> bool {
        self.patience.silent > limits::LESS_PATIENCE.silent
    }

    /// Whether there is no use in closing connections with good manners: the peer will not answer in kind, or
    /// nothing of it is of interest any more.
    #[must_use]
    pub fn is_past_manners(&self) -> bool {
        self.keeps_open.load(Relaxed) || self.is_decided(&Scope::All)
    }

    /// Whether the peer reads what it gets, as far as is known: one that has not read some fragments in time is
    /// not waited for with each of the others.
    #[must_use]
    pub fn reads(&self) -> bool {
        self.unread.load(Relaxed) < limits::UNREAD
    }

    /// A fragment was not read in time.
    pub fn saw_unread(&self) {
        self.unread.fetch_add(1, Relaxed);
    }

    /// Whether what was seen cannot become right any more.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        lock(&self.books).ledger.progress(&Scope::All) == Progress::Broken
    }

    /// How slow the programs were so far.
    #[must_use]
    pub fn slowest(&self) -> Slowness {
        lock(&self.books).slowest
    }

    /// Where bytes were wrong, waits for the rest of them to come, so that all of the evidence is there.
    pub async fn linger(&self) {
        let deadline = Instant::now() + limits::EVIDENCE;
        let deviates = |(_, account): (Channel, &Account)| account.deviation.is_some();
        while lock(&self.books).ledger.accounts().any(deviates) && Instant::now() < deadline {
            let quiet = timeout(limits::EVIDENCE_QUIET, self.changed.notified()).await.is_err();
            if quiet {
                return;
            }
        }
    }

    /// Where nothing tells the end of what a peer sends, waits until it sleeps, and so has sent all that it will.
    pub async fn hear_out(&self) {
        let _ = self.within(limits::STRAGGLERS, std::future::pending::<()>()).await;
    }

    /// Gives the case up, where bytes were waited for in vain and nothing else was wrong: on which channel, and how
    /// many. Whatever comes from here on has no part in the verdict.
    pub fn given_up(&self) -> Option<(Channel, usize)> {
        let mut books = lock(&self.books);
        let Books { ledger, stalled, .. } = &*books;
        if ledger.progress(&Scope::All) != Progress::BytesMissing {
            return None;
        }
        let missing = |(channel, account): (Channel, &Account)| {
            let concerned = stalled.everywhere || stalled.conns.contains(&channel.conn());
            let missing = account.bytes_missing();
            (concerned && missing > 0).then_some((channel, missing))
        };
        let missing = ledger.accounts().find_map(missing)?;
        books.given_up = true;
        Some(missing)
    }

    /// Waits until so many bytes have come on a channel since the case was given up.
    pub async fn comes_after_all(&self, from: Channel, many: usize, patience: Patience) -> bool {
        let come = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if lock(&self.books).came_since(from) >= many {
                    return;
                }
                changed.await;
            }
        };
        self.within(patience, come).await.is_some()
    }

    /// Whether the raw end has written the beginning of a message and not yet its end.
    pub fn is_mid_message(&self, conn: Conn) -> bool {
        lock(&self.books).ledger.is_mid_message(conn)
    }

    /// How many bytes are due on a channel so far.
    #[must_use]
    pub fn due_len(&self, channel: Channel) -> usize {
        lock(&self.books).ledger.due_len(channel)
    }

    /// Closes the scene.
    #[must_use]
    pub fn transcript(&self) -> Transcript {
        lock(&self.books).transcript.clone()
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

//! An open loop: messages are due at fixed times, so many a second over all connections, whatever the server
//! does. Latency counts from when a message was due, not from when it could be sent: a stall that keeps others
//! waiting is in the latency of each of them, where a closed loop leaves them out (coordinated omission).
//!
//! How late the generator itself was is told beside it.

use std::cell::{Cell as Flag, RefCell};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::{Answers, Durations, Frames, Job, LAG, Measured, Open, READ, Requests, Watch};

/// A sleeper is woken to the millisecond, and mostly later: with a core of its own the generator sleeps only
/// when nothing is due for longer.
const SLEEP: Duration = Duration::from_millis(3);

/// Short messages that are handed over in one piece when so many are due.
const IN_ONE: usize = 16;

/// When which message is due. Message `n` of all goes over connection `n % connections`.
#[derive(Debug, Clone, Copy)]
struct Schedule {
    begin: Instant,
    rate: u64,
    connections: u64,
    /// The first message of the time that is measured.
    first: u64,
    /// The first one behind it, which is not sent.
    last: u64,
}

impl Schedule {
    fn of(job: Job, rate: usize, begin: Instant) -> Self {
        let rate = rate as u64;
        let first = within(job.warm_up, rate);
        // Of the slowest rate there is one message all the same.
        let last = within(job.warm_up + job.time, rate).max(first + 1);
        Self { begin, rate, connections: job.cell.connections as u64, first, last }
    }

    /// When a message is due.
    fn due(&self, message: u64) -> Instant {
        let nanoseconds = (u128::from(message) * 1_000_000_000).div_ceil(u128::from(self.rate));
        self.begin + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    /// How many messages are due until then, of all.
    fn due_by(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.begin);
        (within(since, self.rate) + 1).min(self.last)
    }

    /// How many of so many messages go over this connection.
    fn share(&self, messages: u64, connection: u64) -> u64 {
        (messages + self.connections - 1).saturating_sub(connection) / self.connections
    }

    /// The nth message of a connection, among all.
    fn message(&self, connection: u64, nth: u64) -> u64 {
        connection + nth * self.connections
    }
}

/// How many whole intervals there are in a time.
fn within(time: Duration, rate: u64) -> u64 {
    u64::try_from(time.as_nanos() * u128::from(rate) / 1_000_000_000).unwrap_or(u64::MAX)
}

/// What all connections share.
struct Tally {
    schedule: Schedule,
    measuring: Flag<bool>,
    /// Answers that came while it measured, to whatever message.
    messages: Flag<u64>,
    latency: RefCell<Durations>,
    late: RefCell<Durations>,
    /// How many answers have come over each connection.
    answered: Vec<Flag<u64>>,
    /// Where all of them are read to.
    room: RefCell<Vec<u8>>,
}

/// Drives a server over these connections.
pub async fn drive(streams: Vec<TcpStream>, rate: usize, job: Job) -> anyhow::Result<Measured> {
    let wake: Vec<Notify> = streams.iter().map(|_| Notify::new()).collect();
    let schedule = Schedule::of(job, rate, Instant::now());
    let tally = Tally {
        schedule,
        measuring: Flag::new(false),
        messages: Flag::new(0),
        latency: RefCell::new(Durations::new()?),
        late: RefCell::new(Durations::new()?),
        answered: vec![Flag::new(0); streams.len()],
        room: RefCell::new(vec![0; READ]),
    };
    let conversations = streams.into_iter().zip(&wake).enumerate();
    let conversations =
        conversations.map(|(n, (stream, wake))| converse(stream, n, job, wake, &tally));
    let until = tokio::time::Instant::from_std(schedule.due(schedule.last)) + LAG;
    let (_, measured, all) =
        tokio::try_join!(pace(schedule, &wake, job.alone), watch(&tally, job), async {
            let all = tokio::time::timeout_at(until, try_join_all(conversations)).await;
            all.map_or(Ok(false), |ended| ended.map(|_| true))
        },)?;
    let (messages, seconds, at_work) = measured;
    let unanswered = if all { 0 } else { note_unanswered(&tally) };
    let late_us = tally.late.borrow().latency();
    let latency_us = tally.latency.borrow().latency();
    let open = Some(Open { due: schedule.last - schedule.first, unanswered, late_us });
    Ok(Measured { messages, seconds, at_work, latency_us, open, faults: None })
}

/// Wakes each connection when its next message is due.
async fn pace(schedule: Schedule, wake: &[Notify], alone: bool) -> anyhow::Result<()> {
    let mut woken = 0;
    while woken < schedule.last {
        let due = schedule.due_by(Instant::now());
        for message in woken..due.min(woken + schedule.connections) {
            wake[(message % schedule.connections) as usize].notify_one();
        }
        woken = due;
        let rest = schedule.due(woken).saturating_duration_since(Instant::now());
        match alone {
            true if rest < SLEEP => tokio::task::yield_now().await,
            true => sleep(rest - SLEEP).await,
            false => sleep(rest).await,
        }
    }
    Ok(())
}

/// Lets the clock run: answers in the time that is measured, its seconds, and those at work.
async fn watch(tally: &Tally, job: Job) -> anyhow::Result<(u64, f64, f64)> {
    sleep(job.warm_up.saturating_sub(tally.schedule.begin.elapsed())).await;
    let watch = Watch::start()?;
    tally.measuring.set(true);
    sleep(job.time).await;
    tally.measuring.set(false);
    let (seconds, at_work) = watch.stop()?;
    Ok((tally.messages.get(), seconds, at_work))
}

/// What has no answer has waited until now at least.
fn note_unanswered(tally: &Tally) -> u64 {
    let (schedule, now) = (&tally.schedule, Instant::now());
    let mut unanswered = 0;
    for (connection, answered) in (0..).zip(&tally.answered) {
        for nth in answered.get()..schedule.share(schedule.last, connection) {
            let message = schedule.message(connection, nth);
            if message >= schedule.first {
                tally
                    .latency
                    .borrow_mut()
                    .note(now.saturating_duration_since(schedule.due(message)));
                unanswered += 1;
            }
        }
    }
    unanswered
}

/// Sends over one connection what is due, and takes the answers, until all have come.
async fn converse(
    mut stream: TcpStream,
    number: usize,
    job: Job,
    wake: &Notify,
    tally: &Tally,
) -> anyhow::Result<()> {
    let (schedule, connection) = (&tally.schedule, number as u64);
    let frames = Frames::of(number, job.cell.size, IN_ONE)?;
    let (mut requests, mut answers) = (Requests::of(&frames), Answers::of(&frames));
    let (mut read, mut write) = stream.split();
    let (mut taken, mut answered) = (0, 0);
    let all = schedule.share(schedule.last, connection);
    while answered < all {
        let now = Instant::now();
        let due = schedule.share(schedule.due_by(now), connection);
        for nth in taken..due {
            let message = schedule.message(connection, nth);
            if message >= schedule.first {
                let late = now.saturating_duration_since(schedule.due(message));
                tally.late.borrow_mut().note(late);
            }
            requests.add(1);
        }
        taken = due;
        tokio::select! {
            biased;
            sent = requests.send(&mut write), if !requests.is_empty() => sent?,
            whole = answers.read(&mut read, &tally.room) => {
                let whole = whole?;
                let now = Instant::now();
                for _ in 0..whole {
                    let message = schedule.message(connection, answered);
                    answered += 1;
                    if message >= schedule.first {
                        let took = now.saturating_duration_since(schedule.due(message));
                        tally.latency.borrow_mut().note(took);
                    }
                    if tally.measuring.get() {
                        tally.messages.set(tally.messages.get() + 1);
                    }
                }
                tally.answered[number].set(answered);
            }
            () = wake.notified() => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::cell::{Cell, Pace};
    use crate::bench::load::OnFault;

    fn schedule(rate: usize, connections: usize) -> Schedule {
        let cell = Cell { connections, size: 1, pace: Pace::Rate(rate) };
        let on_fault = OnFault::End;
        let (warm_up, time) = (Duration::from_millis(500), Duration::from_secs(1));
        Schedule::of(Job { cell, warm_up, time, alone: false, on_fault }, rate, Instant::now())
    }

    #[test]
    fn a_message_is_due_when_its_time_has_come_and_not_before() {
        for rate in [1, 3, 7, 1000, 44_100, 1_000_000] {
            let schedule = schedule(rate, 3);
            for message in 0..schedule.last.min(1000) {
                let due = schedule.due(message);
                assert_eq!(schedule.due_by(due), message + 1, "{rate}");
                let before = due.checked_sub(Duration::from_nanos(1)).unwrap();
                assert_eq!(schedule.due_by(before), message.max(1), "{rate}");
            }
        }
    }

    #[test]
    fn every_message_goes_over_one_connection_and_those_behind_the_time_over_none() {
        let schedule = schedule(1000, 7);
        assert_eq!((schedule.first, schedule.last), (500, 1500));
        for messages in 0..50 {
            let shares: Vec<u64> = (0..7).map(|conn| schedule.share(messages, conn)).collect();
            assert_eq!(shares.iter().sum::<u64>(), messages);
            assert_eq!(schedule.message(3, shares[3]) % 7, 3);
            assert!(schedule.message(3, shares[3]) >= messages);
        }
        let long_after = schedule.begin + Duration::from_secs(60);
        assert_eq!(schedule.due_by(long_after), 1500);
    }

    #[tokio::test]
    async fn a_stall_is_in_the_latency_of_all_that_were_due_meanwhile() {
        const STALL: Duration = Duration::from_millis(300);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let stalling = async {
            sleep(STALL).await;
            let (mut read, mut write) = server.split();
            tokio::io::copy(&mut read, &mut write).await.unwrap();
        };
        let cell = Cell { connections: 1, size: 8, pace: Pace::Rate(1000) };
        let on_fault = OnFault::End;
        let job = Job { cell, warm_up: Duration::ZERO, time: STALL, alone: false, on_fault };
        let (measured, ()) = tokio::join!(drive(vec![stream], 1000, job), stalling);
        let measured = measured.unwrap();
        // Half of them were due in the first half of the stall, and waited for the other half at least. A closed
        // loop would have seen one latency alone.
        let half = STALL.as_micros() as f64 / 2.0;
        assert!(measured.latency_us.p50 > half * 0.95, "{measured:?}");
        let open = measured.open.unwrap();
        assert_eq!((open.due, open.unanswered), (300, 0));
    }
}

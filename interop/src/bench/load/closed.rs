//! A closed loop: each connection keeps so many messages on their way, and sends the next when an answer has come.
//! It finds out how much a server can do. A server that stalls is asked nothing meanwhile, so of its latency it
//! says only what those see who wait for each other.

use std::cell::{Cell as Flag, RefCell};
use std::collections::VecDeque;
use std::time::Instant;

use futures_util::future::try_join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Answers, Durations, Job, Measured, READ, Watch};

/// What all connections share.
struct Tally {
    measuring: Flag<bool>,
    messages: Flag<u64>,
    latency: RefCell<Durations>,
}

/// Drives a server over these connections.
pub async fn drive(streams: Vec<TcpStream>, depth: usize, job: Job) -> anyhow::Result<Measured> {
    let tally = Tally {
        measuring: Flag::new(false),
        messages: Flag::new(0),
        latency: RefCell::new(Durations::new()?),
    };
    let conversations = streams.into_iter().enumerate();
    let conversations =
        conversations.map(|(n, stream)| converse(stream, n, job.cell.size, depth, &tally));
    tokio::select! {
        ended = try_join_all(conversations) => {
            ended?;
            anyhow::bail!("every connection ended")
        }
        measured = watch(&tally, job) => measured,
    }
}

/// Lets the clock run; the conversations go on meanwhile.
async fn watch(tally: &Tally, job: Job) -> anyhow::Result<Measured> {
    tokio::time::sleep(job.warm_up).await;
    let watch = Watch::start()?;
    tally.measuring.set(true);
    tokio::time::sleep(job.time).await;
    let messages = tally.messages.get();
    let (seconds, at_work) = watch.stop()?;
    let latency_us = tally.latency.borrow().latency();
    Ok(Measured { messages, seconds, at_work, latency_us, open: None })
}

/// Keeps `depth` messages on their way over one connection, for ever.
async fn converse(
    mut stream: TcpStream,
    number: usize,
    size: usize,
    depth: usize,
    tally: &Tally,
) -> anyhow::Result<()> {
    let mut answers = Answers::of(number, size)?;
    let frames = answers.frame.repeat(depth);
    let (mut read, mut write) = stream.split();
    let mut buffer = vec![0; READ.min(frames.len())];
    let mut unsent = frames.len();
    let mut sent_to = 0;
    let mut on_the_way: VecDeque<Instant> = vec![Instant::now(); depth].into();
    loop {
        let next = &frames[sent_to..frames.len().min(sent_to + unsent)];
        tokio::select! {
            biased;
            written = write.write(next), if unsent > 0 => {
                let written = written?;
                unsent -= written;
                sent_to = (sent_to + written) % frames.len();
            }
            got = read.read(&mut buffer) => {
                let whole = answers.take(&buffer[..got?])?;
                let now = Instant::now();
                for _ in 0..whole {
                    unsent += answers.frame.len();
                    let sent = on_the_way.pop_front().unwrap_or(now);
                    on_the_way.push_back(now);
                    if tally.measuring.get() {
                        tally.messages.set(tally.messages.get() + 1);
                        tally.latency.borrow_mut().note(now - sent);
                    }
                }
            }
        }
    }
}

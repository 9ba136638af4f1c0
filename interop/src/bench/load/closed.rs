//! A closed loop: each connection keeps so many messages on their way, and sends the next when an answer has come.
//! It finds out how much a server can do. A server that stalls is asked nothing meanwhile, so of its latency it
//! says only what those see who wait for each other.

use std::cell::{Cell as Flag, RefCell};
use std::collections::VecDeque;
use std::time::Instant;

use futures_util::future::{join_all, try_join_all};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{
    Answers, Durations, Fault, Faults, Frames, Job, Measured, OnFault, PATIENCE, READ, Requests,
    Watch,
};

/// What all connections share.
struct Tally {
    measuring: Flag<bool>,
    /// Nothing more is sent.
    over: Flag<bool>,
    messages: Flag<u64>,
    latency: RefCell<Durations>,
    /// When the messages were sent that are on their way over each connection.
    on_the_way: Vec<RefCell<VecDeque<Instant>>>,
    faults: RefCell<Faults>,
    /// Where all of them are read to.
    room: RefCell<Vec<u8>>,
}

/// Drives a server over these connections.
pub async fn drive(streams: Vec<TcpStream>, depth: usize, job: Job) -> anyhow::Result<Measured> {
    let begun = || RefCell::new(vec![Instant::now(); depth].into());
    let tally = Tally {
        measuring: Flag::new(false),
        over: Flag::new(false),
        messages: Flag::new(0),
        latency: RefCell::new(Durations::new()?),
        on_the_way: streams.iter().map(|_| begun()).collect(),
        faults: RefCell::default(),
        room: RefCell::new(vec![0; READ]),
    };
    let conversations = streams.into_iter().enumerate();
    let conversations =
        conversations.map(|(n, stream)| converse(stream, n, job.cell.size, depth, &tally));
    match job.on_fault {
        OnFault::End => tokio::select! {
            ended = try_join_all(conversations) => {
                ended?;
                anyhow::bail!("every connection ended")
            }
            measured = watch(&tally, job) => measured,
        },
        OnFault::Count => {
            let counted = conversations.zip(&tally.on_the_way).map(|(one, on_the_way)| async {
                if let Err(fault) = one.await {
                    tally.faults.borrow_mut().count(&fault, on_the_way.take().len());
                }
            });
            let all = timeout(job.warm_up + job.time + PATIENCE, join_all(counted));
            let (measured, _) = tokio::join!(watch(&tally, job), all);
            note_unanswered(&tally);
            let latency_us = tally.latency.borrow().latency();
            Ok(Measured { latency_us, faults: Some(tally.faults.take()), ..measured? })
        }
    }
}

/// Lets the clock run; the conversations go on meanwhile.
async fn watch(tally: &Tally, job: Job) -> anyhow::Result<Measured> {
    tokio::time::sleep(job.warm_up).await;
    let watch = Watch::start()?;
    tally.measuring.set(true);
    tokio::time::sleep(job.time).await;
    let messages = tally.messages.get();
    tally.over.set(true);
    let (seconds, at_work) = watch.stop()?;
    let latency_us = tally.latency.borrow().latency();
    Ok(Measured { messages, seconds, at_work, latency_us, open: None, faults: None })
}

/// What has no answer has waited until now at least.
fn note_unanswered(tally: &Tally) {
    for on_the_way in &tally.on_the_way {
        let on_the_way = on_the_way.take();
        let mut latency = tally.latency.borrow_mut();
        on_the_way.iter().for_each(|sent| latency.note(sent.elapsed()));
        tally.faults.borrow_mut().count(&Fault::Late, on_the_way.len());
    }
}

/// Keeps `depth` messages on their way over one connection, until no more are to be sent and all are answered.
async fn converse(
    mut stream: TcpStream,
    number: usize,
    size: usize,
    depth: usize,
    tally: &Tally,
) -> Result<(), Fault> {
    let frames = Frames::of(number, size, depth)?;
    let (mut requests, mut answers) = (Requests::of(&frames), Answers::of(&frames));
    let (mut read, mut write) = stream.split();
    let on_the_way = &tally.on_the_way[number];
    requests.add(depth);
    loop {
        tokio::select! {
            biased;
            sent = requests.send(&mut write), if !requests.is_empty() => sent?,
            whole = answers.read(&mut read, &tally.room) => {
                let whole = whole?;
                let now = Instant::now();
                let mut on_the_way = on_the_way.borrow_mut();
                for _ in 0..whole {
                    let sent = on_the_way.pop_front().unwrap_or(now);
                    if !tally.over.get() {
                        requests.add(1);
                        on_the_way.push_back(now);
                    }
                    if tally.measuring.get() {
                        tally.messages.set(tally.messages.get() + 1);
                        tally.latency.borrow_mut().note(now - sent);
                    }
                }
                if on_the_way.is_empty() {
                    return Ok(());
                }
            }
        }
    }
}

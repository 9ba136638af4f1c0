//! `interop bench --siege` and `--soak`: servers under siege.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::{Args, among_servers, leave_out, size_in_bytes, tell};
use crate::bench::cell::{Cell, Pace};
use crate::bench::load::OnFault;
use crate::bench::results::LeftOut;
use crate::bench::rounds::{Contestant, Plan};
use crate::bench::siege::results::{Sieges, Stand};
use crate::bench::siege::soak::{self, Part};
use crate::bench::siege::{Course, Force, MOST_HOSTILE, MOST_IDLE, SiegeError, interleaved};
use crate::cli::exit::Failure;
use crate::cli::session::allow_open_files;
use crate::peer::registry::Peer;
use crate::report;

/// Who is there unless told otherwise.
const IDLE: usize = 10_000;
const BUSY: Cell = Cell { connections: 1000, size: 64, pace: Pace::Depth(1) };
const HOSTILE: usize = 100;
/// How long a part of a soak is unless told otherwise.
const PART: Duration = Duration::from_secs(60);

/// A siege as it was asked for.
struct Order {
    force: Force,
    plan: Plan,
    /// For how long it is held, of a soak.
    lasting: Option<Duration>,
    /// What a connection may take of a server's memory, in bytes.
    most_memory: Option<u64>,
    pin: bool,
    /// The user named the peers, so none of them may be left out.
    is_picky: bool,
}

pub fn main(
    args: &Args,
    plan: Plan,
    peers: Vec<Arc<Peer>>,
    left_out: Vec<LeftOut>,
    interop: &Path,
) -> Result<ExitCode, Failure> {
    let force = force(args)?;
    allow_open_files(force.descriptors()).map_err(|most| {
        Failure::environment(format!(
            "{} idle, {} busy and {} hostile connections need {} open files in each of three programs, and the \
             system allows {most}: raise its hard limit (ulimit -Hn), or ask for fewer (--idle, --connections, \
             --hostile)",
            force.idle,
            force.busy.connections,
            force.hostile,
            force.descriptors()
        ))
    })?;
    let is_soak = args.soak.is_some();
    let time = args.time.unwrap_or(if is_soak { PART } else { plan.time });
    for (what, time) in [("--time", time), ("--soak", args.soak.unwrap_or(time))] {
        if time.is_zero() {
            return Err(Failure::usage(format!("{what} is 0s (expected more)")));
        }
    }
    let order = Order {
        force,
        plan: Plan { on_fault: OnFault::Count, time, ..plan },
        lasting: args.soak,
        most_memory: args.memory_limit.map(rust_server::framing::MaxFrame::get),
        pin: !args.no_pin,
        is_picky: !args.peers.is_empty(),
    };
    let sieges = among_servers(interop, order.run(peers, left_out))?;
    tell(args.format, &sieges, report::bench::siege)?;
    Ok(ExitCode::from(u8::from(!sieges.is_well())))
}

fn force(args: &Args) -> Result<Force, Failure> {
    let connections = args.connections.unwrap_or(BUSY.connections);
    let depth = args.depth.map_or(BUSY.pace, Pace::Depth);
    let busy = Cell::new(connections, args.size.map_or(BUSY.size, size_in_bytes), depth);
    let within = |what: &str, got: usize, least: usize, most: usize| match got {
        got if (least..=most).contains(&got) => Ok(got),
        got => Err(Failure::usage(format!("{what} is {got} (expected {least} to {most})"))),
    };
    Ok(Force {
        idle: within("--idle", args.idle.unwrap_or(IDLE), 1, MOST_IDLE)?,
        busy: busy.map_err(Failure::usage)?,
        hostile: within("--hostile", args.hostile.unwrap_or(HOSTILE), 0, MOST_HOSTILE)?,
    })
}

impl Order {
    async fn run(
        &self,
        peers: Vec<Arc<Peer>>,
        mut left_out: Vec<LeftOut>,
    ) -> Result<Sieges, Failure> {
        if self.lasting.is_some() {
            // Nobody but the one was to take part.
            left_out.clear();
        }
        let mut courses = Vec::new();
        for peer in peers {
            let name = peer.name().to_string();
            match self.begin(peer).await {
                Ok(course) => courses.push(course),
                Err(e) => self.leave_out(&mut left_out, name, e)?,
            }
        }
        if courses.is_empty() {
            return Err(Failure::environment("none of these servers can be started"));
        }
        let (plan, stands) = match self.lasting {
            None => (self.plan.clone(), self.besiege(courses, &mut left_out).await?),
            Some(lasting) => {
                let course = courses.remove(0);
                let (parts, stand) = self.soak(course, lasting).await?;
                (Plan { rounds: parts, ..self.plan.clone() }, vec![stand])
            }
        };
        if stands.is_empty() {
            return Err(Failure::environment("none of these servers can be besieged"));
        }
        Ok(Sieges::of(stands, left_out, self.force, &plan, self.pin))
    }

    async fn begin(&self, peer: Arc<Peer>) -> Result<Course, String> {
        let contestant = Contestant::start(peer, &self.plan).await.map_err(|e| e.to_string())?;
        Course::of(contestant).await.map_err(|e| e.to_string())
    }

    fn leave_out(
        &self,
        left_out: &mut Vec<LeftOut>,
        server: String,
        why: String,
    ) -> Result<(), Failure> {
        if self.is_picky {
            return Err(Failure::environment(why));
        }
        leave_out(left_out, server, why);
        Ok(())
    }

    async fn besiege(
        &self,
        mut courses: Vec<Course>,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<Vec<Stand>, Failure> {
        let done = interleaved(&mut courses, self.force, &self.plan).await;
        done.map_err(Failure::environment)?;
        let mut stands = Vec::new();
        for course in courses {
            let stand = Stand::of(&course, self.force, self.most_memory, None);
            let is_at_fault = stand.faults.all() > 0 || course.contestant.exit().is_some();
            let never_stood = course.siege.is_empty() && !is_at_fault;
            match &course.broken {
                Some(e @ SiegeError::Cannot { server, .. }) if never_stood => {
                    self.leave_out(left_out, server.clone(), e.to_string())?;
                }
                _ => stands.push(stand),
            }
            course.contestant.end().await;
        }
        Ok(stands)
    }

    /// A soak of one server: how many parts it had under siege, and how the server stood it.
    async fn soak(&self, mut course: Course, lasting: Duration) -> Result<(usize, Stand), Failure> {
        let tell = |part: &Part| note!("{}", report::bench::part(part));
        let held = soak::hold(&mut course, self.force, &self.plan, lasting, tell).await;
        let soak = held.map_err(Failure::environment)?;
        let stand = Stand::of(&course, self.force, self.most_memory, Some(soak));
        let parts = course.siege.len();
        course.contestant.end().await;
        Ok((parts, stand))
    }
}

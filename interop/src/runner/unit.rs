//! One unit: a server, a client, or both, and its cases, one after the other.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use regex::Regex;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::model::case::Case;
use crate::model::names::Level;
use crate::model::oracle::judge;
use crate::model::outcome::{Blame, Outcome, Verdict};
use crate::peer::build::{self, BuildError};
use crate::peer::command::{Template, Values};
use crate::peer::manifest::{ServerSide, Start};
use crate::peer::port::{self, Lease, PortError};
use crate::peer::process::Launch;
use crate::peer::registry::Peer;
use crate::peer::server::RunningServer;
use crate::peer::start::StartError;
use crate::stage::{Acted, Cast, ClientCast, ServerCast, act};

use super::event::CaseResult;
use super::known;
use super::plan::Unit;
use super::run::{Context, Teller};
use super::together::Together;

/// Plays all cases of a unit, once it has a seat, and tells what they come to.
pub(super) async fn play(unit: &Unit, context: &Context, seats: &Semaphore, tell: &Teller) {
    if let Some(reason) = unit.unavailable() {
        let end = End { outcome: Outcome::Skipped, blame: Blame::Environment, summary: reason };
        return end_all(unit, &unit.cases, &end, tell).await;
    }
    // Ports first: a unit that waits for one must not keep a seat from those that could play.
    let ports = match hard_coded_ports(unit).await {
        Ok(ports) => ports,
        Err(error) => {
            let end = End::of(&error.into(), Blame::Environment);
            return end_all(unit, &unit.cases, &end, tell).await;
        }
    };
    let Ok(_seat) = seats.acquire().await else {
        return;
    };
    tell.unit(unit).await;
    let mut house = match House::open(unit, context, ports).await {
        Ok(house) => house,
        Err(error) => {
            let end = End::of(&error.into(), Blame::Environment);
            return end_all(unit, &unit.cases, &end, tell).await;
        }
    };
    if let Err(error) = house.play_all(tell).await {
        let end = End::of(&error.error, Blame::Server);
        end_all(unit, &error.unplayed, &end, tell).await;
    }
    house.take_down().await;
}

/// The server does not come up (any more).
struct NoServer {
    error: StartError,
    unplayed: Vec<(Arc<Case>, Level)>,
}

/// The ports that the unit's programs hard-code: ours for as long as the unit plays.
async fn hard_coded_ports(unit: &Unit) -> Result<Vec<Lease>, PortError> {
    let server = unit.server_side().and_then(|side| side.port);
    let client = unit.client_side().and_then(|side| side.port);
    // Always in the same order, so that two units cannot wait for each other.
    let wanted: BTreeSet<u16> = server.into_iter().chain(client).collect();
    let mut leases = Vec::new();
    for port in wanted {
        leases.push(Lease::fixed(port).await?);
    }
    Ok(leases)
}

/// Why cases could not be played.
struct End {
    outcome: Outcome,
    blame: Blame,
    summary: String,
}

impl End {
    fn of(error: &StartError, role: Blame) -> Self {
        Self { outcome: error.outcome(), blame: error.blame(role), summary: error.to_string() }
    }
}

async fn end_all(unit: &Unit, cases: &[(Arc<Case>, Level)], end: &End, tell: &Teller) {
    for (case, level) in cases {
        let mut result = blank(unit, case, *level);
        result.outcome = end.outcome;
        result.blame = Some(end.blame);
        result.summary.clone_from(&end.summary);
        tell.case(result).await;
    }
}

fn blank(unit: &Unit, case: &Case, level: Level) -> CaseResult {
    CaseResult {
        case: case.id.clone(),
        requirement: case.clauses.clone(),
        level,
        role: case.role,
        server: unit.server_name().cloned(),
        client: unit.client_name().cloned(),
        framing: unit.protocol.framing,
        service: unit.protocol.service,
        transport: unit.protocol.transport,
        outcome: Outcome::Pass,
        blame: None,
        summary: String::new(),
        diagnosis: None,
        close: None,
        confirmed: false,
        duration_us: std::time::Duration::ZERO,
        evidence: None,
        reason: None,
        excerpt: None,
        tail: Vec::new(),
    }
}

/// What was found when cases were played together.
struct Suspect(CaseResult);

impl Suspect {
    /// Each case by itself has the last word. Where none of them shows what was found, it still was found.
    fn settle(mut self, mut alone: Vec<CaseResult>) -> Vec<CaseResult> {
        let shown = alone.iter().any(|result| result.outcome != Outcome::Pass);
        let same = alone.iter_mut().find(|result| result.case == self.0.case);
        if let Some(result) = same.filter(|_| !shown) {
            self.0.summary.push_str(" (only after other cases on the same connection)");
            *result = self.0;
        }
        alone
    }
}

/// What a unit's cases share: build products, ports, and the server while it stands.
struct House<'a> {
    unit: &'a Unit,
    context: &'a Context,
    server_out: PathBuf,
    client_out: PathBuf,
    _ports: Vec<Lease>,
    server: Option<Standing>,
}

enum Standing {
    Program { server: RunningServer, _port: Option<Lease> },
    Elsewhere(std::net::SocketAddr),
}

impl<'a> House<'a> {
    async fn open(
        unit: &'a Unit,
        context: &'a Context,
        ports: Vec<Lease>,
    ) -> Result<Self, BuildError> {
        let build = async |peer: &Option<Arc<Peer>>| match peer {
            Some(peer) => context.built(peer).await,
            None => Ok(PathBuf::new()),
        };
        let server_out = build(&unit.server).await?;
        let client_out = build(&unit.client).await?;
        Ok(Self { unit, context, server_out, client_out, _ports: ports, server: None })
    }

    /// Sees to it that the server stands, where there is one.
    async fn stand_up(&mut self) -> Result<(), StartError> {
        let died = matches!(&self.server, Some(Standing::Program { server, .. }) if server.exit().is_some());
        if died {
            self.take_down().await;
        }
        let Some(side) = self.unit.server_side().filter(|_| self.server.is_none()) else {
            return Ok(());
        };
        self.server = Some(match &side.start {
            Start::Running(address) => Standing::Elsewhere(*address),
            Start::Command(command) => match self.start(side, command).await {
                Err(StartError::Exited { .. }) if self.outwaited(side.port).await => {
                    self.start(side, command).await?
                }
                started => started?,
            },
        });
        Ok(())
    }

    /// A program that does not set SO_REUSEADDR cannot bind while connections of its predecessor are in
    /// TIME_WAIT. That is judged elsewhere; here it is waited for.
    async fn outwaited(&self, port: Option<u16>) -> bool {
        match port {
            Some(port) if port::is_in_time_wait(port) => port::outwait(port).await,
            _ => false,
        }
    }

    async fn start(&self, side: &ServerSide, command: &Template) -> Result<Standing, StartError> {
        let names_port = |ready: &Regex| ready.capture_names().any(|name| name == Some("port"));
        let reports_port = side.ready.as_ref().is_some_and(names_port);
        let chosen = match side.port {
            None if !reports_port => Some(Lease::free()?),
            _ => None,
        };
        let port = side.port.or_else(|| chosen.as_ref().map(Lease::port)).unwrap_or(0);
        let values = self.context.values(port, self.server_out.clone(), self.unit);
        let launch = Launch {
            argv: command.fill(&values),
            folder: self.unit.server.as_ref().map(|peer| peer.folder.clone()).unwrap_or_default(),
            env: side.env.clone(),
        };
        let server = RunningServer::start(&launch, side.ready.as_ref(), port).await?;
        Ok(Standing::Program { server, _port: chosen })
    }

    async fn take_down(&mut self) {
        if let Some(Standing::Program { server, _port }) = self.server.take() {
            server.stop().await;
        }
    }

    /// Plays what can be played together first, then the rest case by case.
    async fn play_all(&mut self, tell: &Teller) -> Result<(), NoServer> {
        let unit = self.unit;
        let mut alone: Vec<usize> = (0..unit.cases.len()).collect();
        let mut suspect = None;
        if let Some(together) = Together::of(&unit.cases) {
            match self.play_together(&together).await {
                Ok(Ok(results)) => {
                    alone.retain(|at| !together.parts.contains(at));
                    for result in results {
                        tell.case(result).await;
                    }
                }
                Ok(Err(found)) => suspect = Some(found),
                Err(error) => return Err(NoServer { error, unplayed: unit.cases.clone() }),
            }
        }
        let mut results = Vec::new();
        for (nth, &at) in alone.iter().enumerate() {
            if let Err(error) = self.stand_up().await {
                let unplayed = alone[nth..].iter().map(|&at| unit.cases[at].clone()).collect();
                return Err(NoServer { error, unplayed });
            }
            let (case, level) = &unit.cases[at];
            let result = self.play(case, *level).await;
            // What went wrong may have left the server in a state that is not the next case's business.
            if result.outcome != Outcome::Pass {
                self.take_down().await;
            }
            match suspect {
                None => tell.case(result).await,
                Some(_) => results.push(result),
            }
        }
        if let Some(suspect) = suspect {
            for result in suspect.settle(results) {
                tell.case(result).await;
            }
        }
        Ok(())
    }

    /// All results, or what was found in one of them.
    async fn play_together(
        &mut self,
        together: &Together,
    ) -> Result<Result<Vec<CaseResult>, Suspect>, StartError> {
        self.stand_up().await?;
        let begun = Instant::now();
        let acted = act(&together.case, self.cast()).await?;
        let share = begun.elapsed() / u32::try_from(together.parts.len()).unwrap_or(1);
        let at = together.reached(&acted.transcript);
        let result_of = |at: usize| {
            let (case, level) = &self.unit.cases[at];
            CaseResult { duration_us: share, ..blank(self.unit, case, *level) }
        };
        let mut found = result_of(at);
        self.judged(&together.case, acted, &mut found);
        if found.outcome == Outcome::Pass {
            let same = |at: &usize| CaseResult {
                close: found.close,
                confirmed: found.confirmed,
                ..result_of(*at)
            };
            return Ok(Ok(together.parts.iter().map(same).collect()));
        }
        self.take_down().await;
        Ok(Err(Suspect(found)))
    }

    async fn play(&self, case: &Case, level: Level) -> CaseResult {
        let begun = Instant::now();
        let acted = act(case, self.cast()).await;
        let mut result = blank(self.unit, case, level);
        match acted {
            Ok(acted) => self.judged(case, acted, &mut result),
            Err(error) => {
                result.outcome = error.outcome();
                result.blame = Some(error.blame(Blame::Client));
                result.summary = error.to_string();
            }
        }
        result.duration_us = begun.elapsed();
        result
    }

    fn judged(&self, case: &Case, acted: Acted, result: &mut CaseResult) {
        let Verdict { finding, close, confirmed } = judge(case, &acted.transcript);
        result.close = close;
        result.confirmed = confirmed;
        let Some(finding) = finding else {
            if !acted.transcript.has_stimulus() {
                result.outcome = Outcome::Error;
                result.blame = Some(Blame::Harness);
                result.summary = "nothing was put before the peer".to_owned();
            }
            return;
        };
        result.blame = Some(finding.blame);
        result.summary = format!("{}: {}", finding.clause, finding.summary);
        result.diagnosis = finding.diagnosis;
        result.excerpt = finding.excerpt;
        result.tail = match (finding.blame, &self.server) {
            (Blame::Server, Some(Standing::Program { server, .. })) => server.tail(),
            _ => acted.client_tail,
        };
        result.reason = known::reason(self.unit, case, result.blame);
        result.outcome = if result.reason.is_some() { Outcome::Known } else { Outcome::Fail };
    }

    fn cast(&self) -> Cast<'_> {
        let server = self.server.as_ref().map(|standing| {
            let (address, exit) = match standing {
                Standing::Program { server, .. } => (server.address(), Some(server.watch_exit())),
                Standing::Elsewhere(address) => (*address, None),
            };
            let max_frame = self.unit.server_side().and_then(|side| side.max_frame);
            ServerCast { address, max_frame, exit }
        });
        let client = self.unit.client_side().map(|side| ClientCast {
            launch: Box::new(|port| Launch {
                argv: side.command.fill(&self.context.values(
                    port,
                    self.client_out.clone(),
                    self.unit,
                )),
                folder: self
                    .unit
                    .client
                    .as_ref()
                    .map(|peer| peer.folder.clone())
                    .unwrap_or_default(),
                env: side.env.clone(),
            }),
            contract: &side.contract,
            port: side.port,
            max_frame: side.max_frame,
        });
        Cast { protocol: self.unit.protocol, server, client }
    }
}

impl Context {
    /// The build products of a peer, made at most once in a run.
    async fn built(&self, peer: &Peer) -> Result<PathBuf, BuildError> {
        let cell = self.build_cell(peer.name());
        let build = async || {
            let protocol = crate::model::protocol::Protocol::default();
            let interop = self.interop.clone();
            let values = |out| Values { port: 0, out, protocol, interop: interop.clone() };
            build::prepare(&peer.manifest, &peer.folder, &self.cache, values).await
        };
        cell.get_or_init(build).await.clone()
    }

    fn values(&self, port: u16, out: PathBuf, unit: &Unit) -> Values {
        Values { port, out, protocol: unit.protocol, interop: self.interop.clone() }
    }
}

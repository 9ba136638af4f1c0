//! `interop bench`: servers side by side under load.

mod siege;

use std::fs::File;
use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use super::exit::Failure;
use super::output::{self, Format};
use super::run::registry;
use super::session::raise_open_files;
use crate::bench::cell::{Cell, Pace};
use crate::bench::cores::Cores;
use crate::bench::harness::{self, Harness};
use crate::bench::idle::Idle;
use crate::bench::load::OnFault;
use crate::bench::results::{self, LeftOut, Results, Row};
use crate::bench::rounds::{Contestant, Plan, interleaved};
use crate::model::alike;
use crate::model::protocol::Protocol;
use crate::peer::guard;
use crate::peer::manifest::ServerSide;
use crate::peer::project::Project;
use crate::peer::registry::{Peer, Registry};
use crate::report;

/// Where the baselines are, from the folder of the interop.toml.
const BASELINES: &str = "peers/baselines/*";
/// The baseline unless told otherwise, where it is here: nothing that reads whole messages does less.
const LIMIT: &str = "c-epoll";
/// The server that the harness is measured with, where it is here.
const REFERENCE: &str = "rust";
/// How long a turn is measured unless told otherwise.
const TIME: Duration = Duration::from_secs(1);
/// The load of `--rate` as far as it is not said.
const PACED: Cell = Cell { connections: 64, size: 64, pace: Pace::Rate(1) };

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Peers by name: servers of u32be/echo [default: all, and those in peers/baselines]
    #[arg(value_name = "PEERS")]
    peers: Vec<String>,
    /// The server that the others are compared with [default: c-epoll where it can run, else the first]
    #[arg(long, value_name = "NAME")]
    baseline: Option<String>,
    /// The loads: four in some minutes, or seven
    #[arg(long, value_enum, default_value_t, conflicts_with_all = ["connections", "size", "depth", "rate"])]
    grid: Grid,
    /// One load instead of a grid: how many connections [with --rate: 64 unless told; with --siege: 1000]
    #[arg(long, value_name = "N")]
    connections: Option<usize>,
    /// ... bytes of each message, as in 1KiB [with --rate or --siege: 64 B unless told]
    #[arg(long, value_name = "SIZE")]
    size: Option<rust_server::framing::MaxFrame>,
    /// ... and how many messages each connection keeps on their way
    #[arg(long, value_name = "N", group = "pace", requires_all = ["connections", "size"])]
    depth: Option<usize>,
    /// ... or how many messages a second are sent over all connections, at fixed times whatever the server does;
    /// latency then counts from those times, so that a stall is in all that had to wait for it
    #[arg(long, value_name = "N", group = "pace")]
    rate: Option<usize>,
    /// How many connections stand idle when the memory is looked at that each takes [default: 1000 with a grid, else
    /// 0: none], or while a server is besieged [default: 10000]
    #[arg(long, value_name = "N")]
    idle: Option<usize>,
    /// How often each server has its turn under each load
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// How long one turn is measured [default: 1s; of --soak 1m]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    time: Option<Duration>,
    /// How long it runs before
    #[arg(long, value_name = "TIME", default_value = "300ms", value_parser = humantime::parse_duration)]
    warm_up: Duration,
    /// Measure the harness itself, with one server: its link, its proofs that a fragment was read, its cases
    #[arg(long, conflicts_with_all = [
        "baseline", "grid", "connections", "size", "depth", "rate", "idle", "time", "warm_up", "no_pin", "output",
    ])]
    harness: bool,
    /// Besiege each server: what busy honest clients see while others are idle and hostile ones break the rules,
    /// beside what they see alone
    #[arg(long, conflicts_with_all = ["baseline", "grid", "rate", "harness", "output"])]
    siege: bool,
    /// Hold a siege of one server for so long, with a line a minute: whether it loses anything, or takes more memory the
    /// longer it lasts [default: of the reference server]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, conflicts_with_all = [
        "baseline", "grid", "rate", "harness", "output", "rounds",
    ])]
    soak: Option<Duration>,
    /// How many hostile clients besiege a server: a quarter each leave frames unfinished, do not read, claim too
    /// much, and reset [default: 100]
    #[arg(long, value_name = "N")]
    hostile: Option<usize>,
    /// Fail when a besieged server takes more memory than this for each connection, as in 16KiB
    #[arg(long, value_name = "SIZE")]
    memory_limit: Option<rust_server::framing::MaxFrame>,
    /// Do not bind the servers to one core and the load generator to another
    #[arg(long)]
    no_pin: bool,
    /// The form of the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Also write it into a file, in the form that its name says: .html, a page with charts, or .json; repeatable
    #[arg(long, value_name = "FILE")]
    output: Vec<Output>,
}

/// A file that the result is written to.
#[derive(Debug, Clone)]
struct Output {
    path: PathBuf,
    write: fn(&Results) -> Result<String, Failure>,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, String> {
        let path = PathBuf::from(path);
        let write = match path.extension().and_then(|extension| extension.to_str()) {
            Some("html") => |results: &Results| Ok(report::bench::page(results)),
            Some("json") => |results: &Results| output::json(results),
            _ => return Err("no form is known by such a name (known: .html, .json)".to_owned()),
        };
        Ok(Self { path, write })
    }
}

impl Output {
    /// Before anything is measured: minutes later it would be too late to say that it cannot be.
    fn create(&self) -> Result<File, Failure> {
        File::create(&self.path).map_err(|e| self.broken(&e))
    }

    fn write(&self, mut file: File, results: &Results) -> Result<(), Failure> {
        file.write_all((self.write)(results)?.as_bytes()).map_err(|e| self.broken(&e))
    }

    fn broken(&self, e: &io::Error) -> Failure {
        Failure::environment(format!("cannot write {}: {e}", self.path.display()))
    }
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Grid {
    /// Short messages, pipelined ones, a kibibyte, 64 KiB
    #[default]
    Quick,
    /// Also one connection, a thousand, and a mebibyte
    Full,
}

pub fn main(args: &Args) -> Result<ExitCode, Failure> {
    let is_siege = args.siege || args.soak.is_some();
    if !is_siege && (args.hostile.is_some() || args.memory_limit.is_some()) {
        return Err(Failure::usage("--hostile and --memory-limit need --siege or --soak"));
    }
    let cells = if is_siege { Vec::new() } else { cells(args)? };
    let (mut peers, left_out) = choose(&args.peers)?;
    if args.harness && args.peers.len() > 1 {
        return Err(Failure::usage("--harness is measured with one server"));
    }
    if args.soak.is_some() {
        if args.peers.len() > 1 {
            return Err(Failure::usage("--soak is of one server"));
        }
        peers = vec![reference(&peers)];
    }
    let baseline = Baseline::of(args.baseline.as_deref(), &peers)?;
    let interop = std::env::current_exe()
        .map_err(|e| Failure::environment(format!("cannot find our own executable: {e}")))?;
    let plan = Plan {
        cells,
        rounds: usize::from(args.rounds),
        time: args.time.unwrap_or(TIME),
        warm_up: args.warm_up,
        on_fault: OnFault::End,
        // The harness has several threads, and would be another one on one core.
        cores: (!args.no_pin && !args.harness).then(Cores::choose).flatten(),
        interop: interop.clone(),
    };
    let files = args.output.iter().map(Output::create).collect::<Result<Vec<File>, _>>()?;
    if args.harness {
        let harness = among_servers(&interop, harness(peers, &plan))?;
        return tell(args.format, &harness, report::bench::harness);
    }
    if is_siege {
        return siege::main(args, plan, peers, left_out, &interop);
    }
    let doubts = results::doubts(&plan, !args.no_pin);
    let bench = Bench { plan, baseline, idle: idle(args)?, is_picky: !args.peers.is_empty() };
    let results = among_servers(&interop, bench.run(peers, left_out, doubts))?;
    for (output, file) in args.output.iter().zip(files) {
        output.write(file, &results)?;
    }
    tell(args.format, &results, report::bench::text)
}

/// Runs what starts servers, and leaves none of them behind.
fn among_servers<T>(
    interop: &Path,
    what: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    // Servers inherit it, and some count on more than a thousand.
    raise_open_files();
    guard::start(interop)
        .map_err(|e| Failure::environment(format!("cannot start the guard process: {e}")))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::environment)?;
    let done = runtime.block_on(what);
    guard::dismiss();
    runtime.shutdown_background();
    done
}

fn tell<T: Serialize>(
    format: Format,
    results: &T,
    text: fn(&T) -> String,
) -> Result<ExitCode, Failure> {
    match format {
        Format::Json => output::print_json(results)?,
        Format::Human => output::print(&text(results))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn size_in_bytes(size: rust_server::framing::MaxFrame) -> usize {
    usize::try_from(size.get()).unwrap_or(usize::MAX)
}

fn cells(args: &Args) -> Result<Vec<Cell>, Failure> {
    let pace = match (args.rate, args.depth) {
        (Some(rate), _) => Pace::Rate(rate),
        (None, Some(depth)) => Pace::Depth(depth),
        (None, None) if args.connections.is_some() || args.size.is_some() => {
            let needed = "--connections and --size need --depth, --rate, --siege or --soak";
            return Err(Failure::usage(needed));
        }
        (None, None) => {
            return Ok(match args.grid {
                Grid::Quick => Cell::QUICK.to_vec(),
                Grid::Full => Cell::FULL.to_vec(),
            });
        }
    };
    let connections = args.connections.unwrap_or(PACED.connections);
    let cell = Cell::new(connections, args.size.map_or(PACED.size, size_in_bytes), pace);
    Ok(vec![cell.map_err(Failure::usage)?])
}

/// How many idle connections are looked at.
fn idle(args: &Args) -> Result<Option<NonZeroUsize>, Failure> {
    const WITH_A_GRID: usize = 1000;
    const MOST: usize = 4000;
    let by_hand = args.rate.is_some() || args.depth.is_some();
    match args.idle.unwrap_or(if by_hand { 0 } else { WITH_A_GRID }) {
        count @ ..=MOST => Ok(NonZeroUsize::new(count)),
        count => Err(Failure::usage(format!("--idle is {count} (expected 0 to {MOST})"))),
    }
}

/// The peers that are measured, those that cannot run here left out with a word.
fn choose(names: &[String]) -> Result<(Vec<Arc<Peer>>, Vec<LeftOut>), Failure> {
    let here = std::env::current_dir().map_err(Failure::environment)?;
    let root = Project::root(&here).map_err(Failure::usage)?;
    let project = registry(&[])?;
    let baselines = match root.join(Path::new(BASELINES).parent().unwrap_or(root)).is_dir() {
        true => Registry::of_folders(root, &[BASELINES.to_owned()]).map_err(Failure::usage)?,
        false => Registry::default(),
    };
    let all: Vec<&Arc<Peer>> = baselines.peers().chain(project.peers()).collect();
    let echoes = |side: &ServerSide| side.protocols.contains(&Protocol::default());
    // One that hard-codes its port may well take one client at a time, so it has to be named.
    let default = |peer: &&&Arc<Peer>| {
        let server = peer.manifest.server.as_ref();
        server.is_some_and(|side| echoes(side) && side.port.is_none())
    };
    let chosen: Vec<&Arc<Peer>> = match names {
        [] => all.iter().filter(default).copied().collect(),
        names => names
            .iter()
            .map(|name| {
                let known = || all.iter().map(|peer| peer.name().to_string()).collect::<Vec<_>>();
                let found = all.iter().find(|peer| peer.name().to_string() == *name).copied();
                found.ok_or_else(|| {
                    Failure::usage(format!("no peer `{name}`: {}", alike::one_of(name, &known())))
                })
            })
            .collect::<Result<_, _>>()?,
    };
    let (mut able, mut left_out) = (Vec::new(), Vec::new());
    for peer in chosen {
        if !peer.manifest.server.as_ref().is_some_and(&echoes) {
            return Err(Failure::usage(format!("{} has no server of u32be/echo", peer.name())));
        }
        match peer.unavailable() {
            None => able.push(peer.clone()),
            Some(why) => leave_out(&mut left_out, peer.name().to_string(), why.to_string()),
        }
    }
    match able.is_empty() {
        true => Err(Failure::nothing_selected("none of these servers can run here")),
        false => Ok((able, left_out)),
    }
}

fn leave_out(left_out: &mut Vec<LeftOut>, server: String, why: String) {
    note!("{server} is left out: {why}");
    left_out.push(LeftOut { server, why });
}

/// The reference server where it is here, else the first.
fn reference(peers: &[Arc<Peer>]) -> Arc<Peer> {
    let reference = peers.iter().find(|peer| peer.name().to_string() == REFERENCE);
    reference.unwrap_or(&peers[0]).clone()
}

/// Measures the harness with the reference server where it is here, else with the first.
async fn harness(peers: Vec<Arc<Peer>>, plan: &Plan) -> Result<Harness, Failure> {
    let server = Contestant::start(reference(&peers), plan).await.map_err(Failure::environment)?;
    let measured = harness::measure(&server, plan).await;
    server.end().await;
    measured.map_err(|e| Failure::environment(format!("{e:#}")))
}

/// The server that the others are compared with.
enum Baseline {
    /// This one, as the user said.
    Asked(String),
    /// The limit where it can run, else the first.
    Usual,
}

impl Baseline {
    fn of(asked: Option<&str>, peers: &[Arc<Peer>]) -> Result<Self, Failure> {
        let names: Vec<String> = peers.iter().map(|peer| peer.name().to_string()).collect();
        match asked {
            None => Ok(Self::Usual),
            Some(name) if names.iter().any(|one| one == name) => Ok(Self::Asked(name.to_owned())),
            Some(name) => {
                let names = alike::one_of(name, &names);
                Err(Failure::usage(format!("--baseline {name} is not among them: {names}")))
            }
        }
    }

    fn among(&self, names: &[String]) -> String {
        let wanted = match self {
            Self::Asked(name) => name,
            Self::Usual => LIMIT,
        };
        names.iter().find(|name| *name == wanted).unwrap_or(&names[0]).clone()
    }
}

struct Bench {
    plan: Plan,
    baseline: Baseline,
    /// So many connections are looked at that stand idle.
    idle: Option<NonZeroUsize>,
    /// The user named the peers, so none of them may be left out.
    is_picky: bool,
}

impl Bench {
    async fn run(
        &self,
        peers: Vec<Arc<Peer>>,
        mut left_out: Vec<LeftOut>,
        doubts: Vec<String>,
    ) -> Result<Results, Failure> {
        let plan = &self.plan;
        let mut contestants = Vec::new();
        for peer in peers {
            let name = peer.name().to_string();
            let is_asked_for = matches!(&self.baseline, Baseline::Asked(asked) if *asked == name);
            match Contestant::start(peer, plan).await {
                Ok(contestant) => contestants.push(contestant),
                Err(e) if self.is_picky || is_asked_for => return Err(Failure::environment(e)),
                Err(e) => leave_out(&mut left_out, name, e.to_string()),
            }
        }
        if contestants.is_empty() {
            return Err(Failure::environment("none of these servers can be started"));
        }
        let servers: Vec<String> = contestants.iter().map(Contestant::name).collect();
        let baseline = self.baseline.among(&servers);
        let mut idle = Vec::new();
        for (contestant, connections) in contestants.iter().flat_map(|one| Some((one, self.idle?)))
        {
            note!("{connections} idle connections to {}", contestant.name());
            let failed =
                |e| format!("{} with {connections} idle connections: {e}", contestant.name());
            let one = Idle::of(contestant, connections.get()).await;
            idle.push(one.map_err(|e| Failure::environment(failed(e)))?);
        }
        let mut results = Vec::new();
        for &cell in &plan.cells {
            note!("{cell}");
            let rounds =
                interleaved(&contestants, cell, plan).await.map_err(Failure::environment)?;
            results.extend(Row::of(cell, &servers, &rounds, &baseline));
        }
        for contestant in contestants {
            contestant.end().await;
        }
        Ok(Results {
            schema_version: 1,
            baseline,
            rounds: plan.rounds,
            seconds: plan.time.as_secs_f64(),
            cores: plan.cores,
            doubts,
            left_out,
            idle,
            results,
        })
    }
}

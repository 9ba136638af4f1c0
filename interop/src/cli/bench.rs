//! `interop bench`: servers side by side under load.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::exit::Failure;
use super::output::{self, Format};
use super::run::registry;
use crate::bench::cell::Cell;
use crate::bench::compare::{Figures, Ratio};
use crate::bench::rounds::{Contestant, Plan, interleaved};
use crate::model::alike;
use crate::model::protocol::Protocol;
use crate::peer::guard;
use crate::peer::manifest::ServerSide;
use crate::peer::project::Project;
use crate::peer::registry::{Peer, Registry};

/// Where the baselines are, from the folder of the interop.toml.
const BASELINES: &str = "peers/baselines/*";
/// The baseline unless told otherwise, where it is here: nothing that reads whole messages does less.
const LIMIT: &str = "c-epoll";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Peers by name: servers of u32be/echo [default: all, and those in peers/baselines]
    #[arg(value_name = "PEERS")]
    peers: Vec<String>,
    /// The server that the others are compared with [default: c-epoll where it can run, else the first]
    #[arg(long, value_name = "NAME")]
    baseline: Option<String>,
    /// The loads: four in a minute or two, or seven
    #[arg(long, value_enum, default_value_t, conflicts_with_all = ["connections", "size", "depth"])]
    grid: Grid,
    /// One load instead of a grid: how many connections
    #[arg(long, value_name = "N", requires_all = ["size", "depth"])]
    connections: Option<usize>,
    /// ... bytes of each message, as in 1KiB
    #[arg(long, value_name = "SIZE", requires = "connections")]
    size: Option<rust_server::framing::MaxFrame>,
    /// ... and how many messages each connection keeps on their way
    #[arg(long, value_name = "N", requires = "connections")]
    depth: Option<usize>,
    /// How often each server has its turn under each load
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// How long one turn is measured
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = humantime::parse_duration)]
    time: Duration,
    /// How long it runs before
    #[arg(long, value_name = "TIME", default_value = "300ms", value_parser = humantime::parse_duration)]
    warm_up: Duration,
    /// The form of the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Grid {
    /// Short messages, pipelined ones, a kibibyte, 64 KiB
    #[default]
    Quick,
    /// Also one connection, a thousand, and a mebibyte
    Full,
}

/// One server under one load.
#[derive(Debug, Serialize)]
struct Row {
    load: Cell,
    server: String,
    /// Processor time a message by the baseline's; none for the baseline itself.
    processor_ratio: Option<Ratio>,
    messages_ratio: Option<Ratio>,
    figures: Figures,
}

#[derive(Debug, Serialize)]
struct Report {
    schema_version: u8,
    baseline: String,
    rounds: usize,
    /// What makes all figures doubtful.
    doubts: Vec<String>,
    results: Vec<Row>,
}

pub fn main(args: &Args) -> Result<ExitCode, Failure> {
    let cells = cells(args)?;
    let peers = choose(&args.peers)?;
    let interop = std::env::current_exe()
        .map_err(|e| Failure::environment(format!("cannot find our own executable: {e}")))?;
    let plan = Plan {
        cells,
        rounds: usize::from(args.rounds),
        time: args.time,
        warm_up: args.warm_up,
        interop: interop.clone(),
    };
    let baseline = baseline(args.baseline.as_deref(), &peers)?;
    guard::start(&interop)
        .map_err(|e| Failure::environment(format!("cannot start the guard process: {e}")))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::environment)?;
    let report = runtime.block_on(bench(peers, &baseline, &plan));
    guard::dismiss();
    let report = report?;
    match args.format {
        Format::Json => output::print_json(&report)?,
        Format::Human => output::print(&shown(&report))?,
    }
    runtime.shutdown_background();
    Ok(ExitCode::SUCCESS)
}

fn cells(args: &Args) -> Result<Vec<Cell>, Failure> {
    match (args.connections, args.size, args.depth) {
        (Some(connections), Some(size), Some(depth)) => {
            let size = usize::try_from(size.get()).unwrap_or(usize::MAX);
            Ok(vec![Cell::new(connections, size, depth).map_err(Failure::usage)?])
        }
        _ => Ok(match args.grid {
            Grid::Quick => Cell::QUICK.to_vec(),
            Grid::Full => Cell::FULL.to_vec(),
        }),
    }
}

/// The peers that are measured, those that cannot run here left out with a word.
fn choose(names: &[String]) -> Result<Vec<Arc<Peer>>, Failure> {
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
    let mut able = Vec::new();
    for peer in chosen {
        if !peer.manifest.server.as_ref().is_some_and(&echoes) {
            return Err(Failure::usage(format!("{} has no server of u32be/echo", peer.name())));
        }
        match peer.unavailable() {
            None => able.push(peer.clone()),
            Some(why) => eprintln!("{} is left out: {why}", peer.name()),
        }
    }
    match able.is_empty() {
        true => Err(Failure::nothing_selected("none of these servers can run here")),
        false => Ok(able),
    }
}

fn baseline(asked: Option<&str>, peers: &[Arc<Peer>]) -> Result<String, Failure> {
    let names: Vec<String> = peers.iter().map(|peer| peer.name().to_string()).collect();
    let is_there = |name: &str| names.iter().any(|one| one == name);
    match asked {
        Some(name) if is_there(name) => Ok(name.to_owned()),
        Some(name) => {
            let names = alike::one_of(name, &names);
            Err(Failure::usage(format!("--baseline {name} is not among them: {names}")))
        }
        None if is_there(LIMIT) => Ok(LIMIT.to_owned()),
        None => Ok(names[0].clone()),
    }
}

async fn bench(peers: Vec<Arc<Peer>>, baseline: &str, plan: &Plan) -> Result<Report, Failure> {
    let mut contestants = Vec::new();
    for peer in peers {
        let started = Contestant::start(peer, plan.interop.clone()).await;
        contestants.push(started.map_err(Failure::environment)?);
    }
    let mut results = Vec::new();
    for cell in &plan.cells {
        eprintln!("{cell}");
        let rounds = interleaved(&contestants, *cell, plan).await.map_err(Failure::environment)?;
        let figures: Vec<Figures> =
            rounds.iter().map(|rounds| Figures::of(rounds, cell.size, cell.connections)).collect();
        let names: Vec<String> = contestants.iter().map(Contestant::name).collect();
        let base = names.iter().zip(&figures).find(|(name, _)| *name == baseline);
        let base = base.map(|(_, figures)| figures.clone());
        for (server, figures) in names.into_iter().zip(figures) {
            let base = base.as_ref().filter(|_| server != baseline);
            results.push(Row {
                load: *cell,
                server,
                processor_ratio: base.map(|base| figures.processor_ns.by(&base.processor_ns)),
                messages_ratio: base.map(|base| figures.messages.by(&base.messages)),
                figures,
            });
        }
    }
    for contestant in contestants {
        contestant.end().await;
    }
    let mut doubts = Vec::new();
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        doubts.push(
            "there is one processor alone: server and generator take it from each other".to_owned(),
        );
    }
    if cfg!(debug_assertions) {
        let slow =
            "this build is not optimised, and neither are the generator and the Rust server in it";
        doubts.push(slow.to_owned());
    }
    if plan.rounds < 3 {
        doubts.push("fewer than three rounds do not show how noisy they are".to_owned());
    }
    let (schema_version, baseline) = (1, baseline.to_owned());
    Ok(Report { schema_version, baseline, rounds: plan.rounds, doubts, results })
}

fn shown(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "load",
        "server",
        "ns/message",
        "ratio",
        "messages/s",
        "ratio",
        "MiB/s",
        "p50 us",
        "p99 us",
        "max us",
        "",
    ]);
    let ratio = |ratio: Option<Ratio>| match ratio {
        None => "1".to_owned(),
        Some(Ratio { ratio, certain: true }) => format!("{ratio:.2}"),
        Some(Ratio { ratio, certain: false }) => format!("~{ratio:.2}"),
    };
    for row in &report.results {
        let figures = &row.figures;
        table.add_row([
            row.load.to_string(),
            row.server.clone(),
            format!("{:.0}", figures.processor_ns.median),
            ratio(row.processor_ratio),
            format!("{:.0}", figures.messages.median),
            ratio(row.messages_ratio),
            format!("{:.0}", figures.mebibytes.median),
            format!("{:.0}", figures.p50_us.median),
            format!("{:.0}", figures.p99_us.median),
            format!("{:.0}", figures.max_us.median),
            if figures.doubts.is_empty() { String::new() } else { "?".to_owned() },
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = format!("{table}\n\n");
    let _ = writeln!(
        text,
        "Medians of {} rounds; ratios to {}. ~ the rounds of the two overlap: no difference was shown.",
        report.rounds, report.baseline
    );
    for doubt in &report.doubts {
        let _ = writeln!(text, "doubtful: {doubt}");
    }
    for row in &report.results {
        for doubt in &row.figures.doubts {
            let _ = writeln!(text, "? {} {}: {doubt}", row.load, row.server);
        }
    }
    text
}

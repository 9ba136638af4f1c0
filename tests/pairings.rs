//! Every pairing of the project's peers, and every peer on its own: one test for each case, named
//! `rust_server::python_client::line/ack::framing.single`, `rust_server::alone::line/ack::framing.single` or
//! `python_client::alone::line/ack::framing.single`; without the protocol where there is only one.
//!
//! What is tested follows from the catalogue and from the `peer.toml` files. A pairing is run once, by
//! the program that users run, as soon as the first of its tests asks; each test then looks at the
//! outcome of its own case. Where one test alone is wanted, as cargo-nextest does, only its case is run, in its
//! protocol.

#[path = "support/needs.rs"]
mod needs;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::Duration;

use assert_cmd::cargo::cargo_bin_cmd;
use interop::catalogue;
use interop::model::names::{PeerName, Role};
use interop::peer::manifest::Known;
use interop::peer::project::Project;
use interop::peer::registry::Registry;
use interop::runner::{Plan, Selection, Unit};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

/// Far more than any pairing takes, ports that have to be waited for included: turns a hang into a failure.
const HANG: Duration = Duration::from_secs(15 * 60);

/// Peers, in both roles, and what each of them speaks with each, whatever the manifests say: an empty list is
/// never green.
const PROMISED_PEERS: [&str; 3] = ["rust", "python", "erlang"];
const PROMISED_PROTOCOLS: [&str; 14] = [
    "u32be/echo",
    "mnet/mnet",
    "mnet-le/mnet",
    "line/ack",
    "u32be/ack",
    "fixed-1024/ack",
    "u32be/upper",
    "raw/upper",
    "datagram/upper",
    "u32be/exec",
    "raw/exec",
    "datagram/time",
    "raw/count",
    "ascii4/count",
];
/// The tutorial's two programs, and with whom they are paired beside these peers.
const PROMISED_OF_THE_DOCUMENT: [&str; 7] = [
    "rust_server::document_python_client",
    "python_server::document_python_client",
    "erlang_server::document_python_client",
    "document_erlang_server::rust_client",
    "document_erlang_server::python_client",
    "document_erlang_server::erlang_client",
    "document_erlang_server::document_python_client",
];
/// And so many cases in each, at least.
const PROMISED_CASES: usize = 9;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let project = Project::nearest(&root()).ok().flatten().expect("the project");
    let registry = Registry::of_project(&project).expect("the project's peers");
    let plan = Plan::new(&registry, &catalogue::cases(), &Selection::default());
    let pairings = Pairing::all(&plan);
    // A thread for each pairing, which mostly waits; the seats say how many run at once.
    arguments.test_threads = arguments.test_threads.or(Some(pairings.len()));
    let one_alone = arguments.exact && arguments.filter.is_some();
    libtest_mimic::run(&arguments, trials(&plan, &pairings, one_alone)).exit_code()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All tests, so ordered that neighbours are of different pairings and do not wait for the same run.
fn trials(plan: &Plan, pairings: &BTreeMap<String, Arc<Pairing>>, one_alone: bool) -> Vec<Trial> {
    let mut trials = vec![Trial::test("the_list::has_every_promised_pairing", {
        let of_unit =
            |unit: &Unit| ((Pairing::name(unit), unit.protocol.to_string()), unit.cases.len());
        let cases = plan.units.iter().map(of_unit).collect();
        move || every_promised_pairing_is_there(&cases)
    })];
    let mut of_cases = Vec::new();
    for unit in &plan.units {
        let name = Pairing::name(unit);
        let pairing = &pairings[&name];
        for (case, _) in &unit.cases {
            let id = case.id.to_string();
            let (protocol, test) = match pairing.protocols {
                1 => (unit.protocol.to_string(), format!("{name}::{id}")),
                _ => (unit.protocol.to_string(), format!("{name}::{}::{id}", unit.protocol)),
            };
            let (wanted, pairing) = (id.clone(), pairing.clone());
            let missing = pairing.missing.clone();
            let as_expected = move || pairing.case_is_as_expected(&wanted, &protocol, one_alone);
            of_cases.push((id, needs::trial(test, missing, as_expected)));
        }
    }
    of_cases.sort_by(|(one, _), (other, _)| one.cmp(other));
    trials.extend(of_cases.into_iter().map(|(_, trial)| trial));
    for (name, pairing) in pairings.iter().filter(|(_, pairing)| pairing.declares_deviations) {
        let (pairing, missing) = (pairing.clone(), pairing.missing.clone());
        let name = format!("{name}::declared_deviations");
        trials.push(needs::trial(name, missing, move || pairing.declarations_hold()));
    }
    trials
}

fn every_promised_pairing_is_there(
    cases: &BTreeMap<(String, String), usize>,
) -> Result<(), Failed> {
    let pair = |server| PROMISED_PEERS.map(|client| format!("{server}_server::{client}_client"));
    let pairs: Vec<String> = PROMISED_PEERS.into_iter().flat_map(pair).collect();
    let speak = |name: &String| PROMISED_PROTOCOLS.map(|it| (name.clone(), it.to_owned()));
    let document =
        PROMISED_OF_THE_DOCUMENT.map(|name| (name.to_owned(), PROMISED_PROTOCOLS[0].to_owned()));
    for promised in pairs.iter().flat_map(speak).chain(document) {
        let found = cases.get(&promised).copied().unwrap_or_default();
        if found < PROMISED_CASES {
            let ((name, protocol), least) = (promised, PROMISED_CASES);
            let message =
                format!("{name} has {found} cases of {protocol}: expected {least} or more");
            return Err(message.into());
        }
    }
    Ok(())
}

/// A server and a client, or one of them alone.
struct Pairing {
    server: Option<PeerName>,
    client: Option<PeerName>,
    missing: Vec<String>,
    has_fixed_port: bool,
    declares_deviations: bool,
    protocols: usize,
    run: OnceLock<Result<Value, String>>,
}

impl Pairing {
    /// By name. Peers that have several protocols in common are one pairing with several units.
    fn all(plan: &Plan) -> BTreeMap<String, Arc<Self>> {
        let mut pairings = BTreeMap::new();
        for unit in &plan.units {
            let pairing = pairings.entry(Self::name(unit)).or_insert_with(|| Self::of(unit));
            pairing.protocols += 1;
        }
        pairings.into_iter().map(|(name, pairing)| (name, Arc::new(pairing))).collect()
    }

    fn of(unit: &Unit) -> Self {
        let peers = || [&unit.server, &unit.client].into_iter().flatten();
        let mut missing: Vec<String> = peers().flat_map(|peer| peer.missing.clone()).collect();
        missing.sort();
        missing.dedup();
        let (server, client) = (unit.server_side(), unit.client_side());
        let declared: &[Known] = match unit.role() {
            Role::Server => server.map_or(&[], |side| &side.known),
            Role::Client => client.map_or(&[], |side| &side.known),
            Role::Pairing => &[],
        };
        let ports = [server.and_then(|side| side.port), client.and_then(|side| side.port)];
        Self {
            server: unit.server_name().cloned(),
            client: unit.client_name().cloned(),
            missing,
            has_fixed_port: ports.iter().any(Option::is_some),
            declares_deviations: !declared.is_empty(),
            protocols: 0,
            run: OnceLock::new(),
        }
    }

    fn name(unit: &Unit) -> String {
        let word = |name: &PeerName| name.as_str().replace('-', "_");
        match (unit.server_name(), unit.client_name()) {
            (Some(server), Some(client)) => {
                format!("{}_server::{}_client", word(server), word(client))
            }
            (Some(server), None) => format!("{}_server::alone", word(server)),
            (None, Some(client)) => format!("{}_client::alone", word(client)),
            (None, None) => unreachable!("a unit without a peer"),
        }
    }

    /// It passed, or it failed as its peer declares.
    fn case_is_as_expected(&self, id: &str, protocol: &str, alone: bool) -> Result<(), Failed> {
        let document = self.result(alone.then_some((id, protocol)))?;
        let results = document["results"].as_array().map_or(&[][..], Vec::as_slice);
        let is_it = |result: &&Value| {
            let spoken = format!("{}/{}", text(&result["framing"]), text(&result["service"]));
            result["case"] == id && spoken == protocol
        };
        let result = results.iter().find(is_it);
        let result =
            result.ok_or_else(|| format!("the run has no result for {id}: {document:#}"))?;
        match text(&result["outcome"]) {
            "pass" | "known" => Ok(()),
            outcome => Err(format!(
                "{outcome}: {}\n    blame:  {}\n    likely: {}\n    again:  interop {} --case {id}",
                text(&result["summary"]),
                text(&result["blame"]),
                text(&result["diagnosis"]),
                self.selection().join(" "),
            )
            .into()),
        }
    }

    /// What a manifest declares still deviates, and nothing else does.
    fn declarations_hold(&self) -> Result<(), Failed> {
        match &self.result(None)?["summary"]["stale"] {
            Value::Array(stale) if stale.is_empty() => Ok(()),
            stale => Err(format!("declared deviations that are none: {stale:#}").into()),
        }
    }

    /// The run's JSON document; of one case in one protocol, or of all, which are run once.
    fn result(&self, case: Option<(&str, &str)>) -> Result<&Value, String> {
        self.run.get_or_init(|| self.play(case)).as_ref().map_err(Clone::clone)
    }

    fn selection(&self) -> Vec<String> {
        let mut words = vec!["run".to_owned()];
        for (flag, peer) in [("--server", &self.server), ("--client", &self.client)] {
            words.extend(peer.iter().flat_map(|name| [flag.to_owned(), name.to_string()]));
        }
        match (&self.server, &self.client) {
            (Some(_), None) => words.extend(["--role", "server"].map(str::to_owned)),
            (None, Some(_)) => words.extend(["--role", "client"].map(str::to_owned)),
            _ => {}
        }
        words
    }

    fn play(&self, case: Option<(&str, &str)>) -> Result<Value, String> {
        let _turn = Turn::of(self.has_fixed_port);
        let mut command = cargo_bin_cmd!("interop");
        command
            .current_dir(root())
            .env("INTEROP_CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/build"))
            .args(self.selection())
            .args(case.iter().flat_map(|(id, protocol)| ["--case", id, "--protocol", protocol]))
            .args(["--format", "json"])
            .timeout(HANG);
        let output = command.output().map_err(|e| format!("interop cannot be run: {e}"))?;
        serde_json::from_slice(&output.stdout).map_err(|_| {
            format!(
                "interop ended with {}, and its stdout is no JSON; stderr:\n{}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            )
        })
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

/// The right to run now. Two runs share a machine well, more only slow each other down; those that need
/// a port of their own mostly wait, and for each other.
struct Turn(&'static Seats);

struct Seats {
    taken: Mutex<usize>,
    limit: usize,
    left: Condvar,
}

impl Turn {
    fn of(has_fixed_port: bool) -> Self {
        static FIXED: Seats = Seats::new(1);
        static FREE: Seats = Seats::new(2);
        let seats = if has_fixed_port { &FIXED } else { &FREE };
        let taken = seats.taken.lock().expect("no panic while it is held");
        let wait = seats.left.wait_while(taken, |taken| *taken == seats.limit);
        *wait.expect("no panic while it is held") += 1;
        Self(seats)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self.0.taken.lock().expect("no panic while it is held") -= 1;
        self.0.left.notify_one();
    }
}

impl Seats {
    const fn new(limit: usize) -> Self {
        Self { taken: Mutex::new(0), limit, left: Condvar::new() }
    }
}

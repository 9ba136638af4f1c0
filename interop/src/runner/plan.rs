//! The plan: which cases are played with which peers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rust_server::framing::MaxFrame;

use crate::model::case::{Case, Step};
use crate::model::fit::NotAsked;
use crate::model::names::{CaseId, Level, PeerName, Role};
use crate::model::protocol::{Protocol, Transport};
use crate::peer::manifest::{ClientSide, Contract, ServerSide, Start};
use crate::peer::registry::{Peer, Registry};

use super::select::Selection;
use super::shard::{Deal, Shard};

/// Everything that a run will play, in the order of its results.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The pairings, and the peers on their own.
    pub units: Vec<Unit>,
    /// Which part of a run it is, where it is one.
    pub shard: Option<Shard>,
    /// The cases that were selected, and are no business of some peers that were; by the reason.
    pub not_asked: BTreeMap<String, BTreeSet<CaseId>>,
}

/// A server, a client, or both, and the cases to play with them.
#[derive(Debug, Clone)]
pub struct Unit {
    /// The server under test.
    pub server: Option<Arc<Peer>>,
    /// The client under test.
    pub client: Option<Arc<Peer>>,
    /// What they speak.
    pub protocol: Protocol,
    /// The cases, each with the level that it has for these peers.
    pub cases: Vec<(Arc<Case>, Level)>,
    /// Those that are told of all the same, and cannot be played.
    pub unsupported: Vec<Unsupported>,
}

/// A case that peers cannot be asked, by what they say of themselves.
#[derive(Debug, Clone)]
pub struct Unsupported {
    /// The case.
    pub case: Arc<Case>,
    /// The level that it has for these peers.
    pub level: Level,
    /// Why.
    pub since: String,
}

impl Plan {
    /// Plans all that is selected: every pairing whose protocols agree, and every peer on its own.
    #[must_use]
    pub fn new(registry: &Registry, cases: &[Arc<Case>], selection: &Selection) -> Self {
        let mut fitting = Fitting { cases, fitted: HashMap::new() };
        let servers = || registry.peers().filter(|peer| peer.manifest.server.is_some());
        let clients = || registry.peers().filter(|peer| peer.manifest.client.is_some());
        let alone_as_server = servers().map(|server| (Some(server), None));
        let alone_as_client = clients().map(|client| (None, Some(client)));
        let paired =
            servers().flat_map(|server| clients().map(move |client| (Some(server), Some(client))));
        let mut not_asked = BTreeMap::new();
        let mut units: Vec<Unit> = alone_as_client
            .chain(alone_as_server)
            .chain(paired)
            .flat_map(|(server, client)| {
                units_of(server, client, &mut fitting, selection, &mut not_asked)
            })
            .filter(|unit| !unit.is_empty())
            .collect();
        units.sort_by_key(Unit::key);
        Self { units, shard: None, not_asked }
    }

    /// Keeps one part of the cases, each part as long as the others.
    pub fn keep(&mut self, shard: Shard) {
        self.shard = Some(shard);
        let mut deal = Deal::among(shard);
        self.retain(|unit, case| deal.falls_to(shard, (unit.role(), case.id.clone())));
    }

    /// Keeps what is wanted of each unit.
    pub fn retain(&mut self, mut wanted: impl FnMut(&Unit, &Case) -> bool) {
        self.not_asked.clear(); // of what is not wanted nobody asks why
        for unit in &mut self.units {
            let mut cases = std::mem::take(&mut unit.cases);
            cases.retain(|(case, _)| wanted(unit, case));
            unit.cases = cases;
            let mut unsupported = std::mem::take(&mut unit.unsupported);
            unsupported.retain(|it| wanted(unit, &it.case));
            unit.unsupported = unsupported;
        }
        self.units.retain(|unit| !unit.is_empty());
    }

    /// How many cases it tells of.
    #[must_use]
    pub fn cases(&self) -> usize {
        self.units.iter().map(|unit| unit.cases.len() + unit.unsupported.len()).sum()
    }
}

/// A case as it is asked, or why it is not.
type Fitted = Result<Arc<Case>, NotAsked>;

/// The cases as they are asked in each protocol. Finding that out takes its time, and many units ask the same.
struct Fitting<'a> {
    cases: &'a [Arc<Case>],
    /// By protocol, promised limit and place in the list.
    fitted: HashMap<(Protocol, Option<MaxFrame>, usize), Fitted>,
}

impl<'a> Fitting<'a> {
    /// Those that are `asked_for`, as they stand in the list and as they are asked.
    fn cases(
        &mut self,
        protocol: &Protocol,
        promised: Option<MaxFrame>,
        asked_for: impl Fn(&Arc<Case>) -> bool,
    ) -> Vec<(&'a Arc<Case>, Fitted)> {
        let asked_for = self.cases.iter().enumerate().filter(|(_, case)| asked_for(case));
        let fit = |(at, case): (usize, &'a Arc<Case>)| {
            let fitted = self.fitted.entry((*protocol, promised, at));
            (case, fitted.or_insert_with(|| case.as_asked(protocol, promised)).clone())
        };
        asked_for.map(fit).collect()
    }
}

/// One unit for each protocol that these peers have in common.
fn units_of(
    server: Option<&Arc<Peer>>,
    client: Option<&Arc<Peer>>,
    fitting: &mut Fitting<'_>,
    selection: &Selection,
    not_asked: &mut BTreeMap<String, BTreeSet<CaseId>>,
) -> Vec<Unit> {
    let server_name = server.map(|peer| peer.name().as_str());
    let client_name = client.map(|peer| peer.name().as_str());
    if !selection.takes_unit(server_name, client_name) {
        return Vec::new();
    }
    let server_speaks =
        server.and_then(|peer| peer.manifest.server.as_ref()).map(|side| &side.protocols);
    let client_speaks =
        client.and_then(|peer| peer.manifest.client.as_ref()).map(|side| &side.protocols);
    let shared: Vec<Protocol> = match (server_speaks, client_speaks) {
        (Some(server), Some(client)) => {
            server.iter().filter(|protocol| client.contains(protocol)).copied().collect()
        }
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => Vec::new(),
    };
    let unit = |protocol| {
        let (server, client) = (server.cloned(), client.cloned());
        let mut unit =
            Unit { server, client, protocol, cases: Vec::new(), unsupported: Vec::new() };
        let asked_for = |case: &Arc<Case>| {
            case.role == unit.role() && selection.takes_case(case, unit.level(case))
        };
        let promised = unit.limits().into_iter().flatten().min();
        for (case, fitted) in fitting.cases(&protocol, promised, asked_for) {
            let level = unit.level(case);
            // What is no business of these peers anyway is not told to be too long for them.
            match (unit.unsuited(fitted.as_ref().unwrap_or(case)), fitted) {
                (None, Ok(fitted)) => unit.cases.push((fitted, level)),
                (None, Err(since @ NotAsked::Limit { .. })) => {
                    let since = since.to_string();
                    unit.unsupported.push(Unsupported { case: case.clone(), level, since });
                }
                (_, Err(since)) => {
                    not_asked.entry(since.to_string()).or_default().insert(case.id.clone());
                }
                (Some(since), Ok(_)) => {
                    not_asked.entry(since.to_owned()).or_default().insert(case.id.clone());
                }
            }
        }
        unit.cases.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
        unit
    };
    shared.into_iter().filter(|protocol| selection.takes_protocol(protocol)).map(unit).collect()
}

impl Unit {
    /// Who is under test.
    #[must_use]
    pub fn role(&self) -> Role {
        match (&self.server, &self.client) {
            (Some(_), Some(_)) => Role::Pairing,
            (Some(_), None) => Role::Server,
            (None, _) => Role::Client,
        }
    }

    /// The cases that are told of, played or not.
    pub fn told(&self) -> impl Iterator<Item = &Arc<Case>> {
        let unsupported = self.unsupported.iter().map(|it| &it.case);
        self.cases.iter().map(|(case, _)| case).chain(unsupported)
    }

    /// Its server's name.
    #[must_use]
    pub fn server_name(&self) -> Option<&PeerName> {
        self.server.as_deref().map(Peer::name)
    }

    /// Its client's name.
    #[must_use]
    pub fn client_name(&self) -> Option<&PeerName> {
        self.client.as_deref().map(Peer::name)
    }

    /// What its server says of itself as a server.
    #[must_use]
    pub fn server_side(&self) -> Option<&ServerSide> {
        self.server.as_ref()?.manifest.server.as_ref()
    }

    /// What its client says of itself as a client.
    #[must_use]
    pub fn client_side(&self) -> Option<&ClientSide> {
        self.client.as_ref()?.manifest.client.as_ref()
    }

    /// Why it cannot be played here, and how to change that.
    #[must_use]
    pub fn unavailable(&self) -> Option<String> {
        [&self.server, &self.client]
            .into_iter()
            .flatten()
            .find_map(|peer| peer.unavailable().map(|reason| format!("{}: {reason}", peer.name())))
    }

    /// The order of results: server, client.
    fn key(&self) -> (Option<PeerName>, Option<PeerName>, String) {
        let (server, client) = (self.server_name().cloned(), self.client_name().cloned());
        (server, client, self.protocol.to_string())
    }

    /// Whether it has nothing to tell of.
    fn is_empty(&self) -> bool {
        self.cases.is_empty() && self.unsupported.is_empty()
    }

    /// Why a case is no business of these peers, in words that go on from "not asked, since".
    fn unsuited(&self, case: &Case) -> Option<&'static str> {
        if case.has_own_server() && !self.can_be_restarted() {
            return Some("it starts servers, and no command with a {port} is given for this one");
        }
        let patient = self.server_side().and_then(|side| side.idle_timeout);
        if patient.is_some_and(|timeout| timeout <= case.idles()) {
            return Some("it is silent for longer than idle_timeout");
        }
        // Datagrams of several clients cannot be told apart where all are sent to one port.
        let shares_its_port = self.client_side().is_some_and(|side| side.port.is_some());
        if shares_its_port
            && self.protocol.transport == Transport::Udp
            && case.steps.iter().flat_map(Step::conns).any(|conn| conn != 0)
        {
            return Some("it has several clients, and this one hard-codes its port");
        }
        let suits = self.client_side().is_none_or(|side| match side.contract {
            Contract::Frames => true,
            Contract::Lines { stop, .. } => case.suits_lines(stop),
        });
        (!suits).then_some("a client of contract lines cannot be told to do it")
    }

    /// Whether a server of this kind can be started on the port of another.
    fn can_be_restarted(&self) -> bool {
        self.server_side().is_some_and(|side| match &side.start {
            Start::Command(command) => side.port.is_some() || command.mentions("port"),
            Start::Running(_) => false,
        })
    }

    /// The level of a case for these peers: some bind only those that promise a limit.
    fn level(&self, case: &Case) -> Level {
        let [server, client] = self.limits();
        let limited = match case.role {
            Role::Client => client.is_some(),
            Role::Server | Role::Pairing => server.is_some(),
        };
        case.level_with_limit.filter(|_| limited).unwrap_or(case.level)
    }

    /// The limits that its server and its client promise to enforce.
    fn limits(&self) -> [Option<MaxFrame>; 2] {
        let server = self.server_side().and_then(|side| side.max_frame);
        let client = self.client_side().and_then(|side| side.max_frame);
        [server, client]
    }
}

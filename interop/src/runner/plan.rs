//! The plan: which cases are played with which peers.

use std::collections::HashMap;
use std::sync::Arc;

use rust_server::framing::MaxFrame;

use crate::model::case::{Case, Step};
use crate::model::names::{Level, PeerName, Role};
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
        let mut units: Vec<Unit> = alone_as_client
            .chain(alone_as_server)
            .chain(paired)
            .flat_map(|(server, client)| units_of(server, client, &mut fitting, selection))
            .filter(|unit| !unit.cases.is_empty())
            .collect();
        units.sort_by_key(Unit::key);
        Self { units, shard: None }
    }

    /// Keeps one part of the cases, each part as long as the others.
    pub fn keep(&mut self, shard: Shard) {
        self.shard = Some(shard);
        let mut deal = Deal::among(shard);
        self.retain(|unit, case| deal.falls_to(shard, (unit.role(), case.id.clone())));
    }

    /// Keeps what is wanted of each unit.
    pub fn retain(&mut self, mut wanted: impl FnMut(&Unit, &Case) -> bool) {
        for unit in &mut self.units {
            let mut cases = std::mem::take(&mut unit.cases);
            cases.retain(|(case, _)| wanted(unit, case));
            unit.cases = cases;
        }
        self.units.retain(|unit| !unit.cases.is_empty());
    }

    /// How many cases it plays.
    #[must_use]
    pub fn cases(&self) -> usize {
        self.units.iter().map(|unit| unit.cases.len()).sum()
    }
}

/// The cases as they are asked in each protocol. Finding that out takes its time, and many units ask the same.
struct Fitting<'a> {
    cases: &'a [Arc<Case>],
    /// By protocol, promised limit and place in the list; `None` for a case that does not fit.
    fitted: HashMap<(Protocol, Option<MaxFrame>, usize), Option<Arc<Case>>>,
}

impl Fitting<'_> {
    /// Those that are `asked_for` and fit.
    fn cases(
        &mut self,
        protocol: &Protocol,
        promised: Option<MaxFrame>,
        asked_for: impl Fn(&Arc<Case>) -> bool,
    ) -> Vec<Arc<Case>> {
        let asked_for = self.cases.iter().enumerate().filter(|(_, case)| asked_for(case));
        let fit = |(at, case): (usize, &Arc<Case>)| {
            let fitted = self.fitted.entry((*protocol, promised, at));
            fitted.or_insert_with(|| case.as_asked(protocol, promised).ok()).clone()
        };
        asked_for.filter_map(fit).collect()
    }
}

/// One unit for each protocol that these peers have in common.
fn units_of(
    server: Option<&Arc<Peer>>,
    client: Option<&Arc<Peer>>,
    fitting: &mut Fitting<'_>,
    selection: &Selection,
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
        let mut unit = Unit { server, client, protocol, cases: Vec::new() };
        let asked_for = |case: &Arc<Case>| {
            case.role == unit.role() && selection.takes_case(case, unit.level(case))
        };
        let promised = unit.limits().into_iter().flatten().min();
        let suiting = fitting.cases(&protocol, promised, asked_for);
        let suiting = suiting.into_iter().filter(|case| unit.suits(case));
        let mut taken: Vec<_> = suiting.map(|case| (case.clone(), unit.level(&case))).collect();
        taken.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
        unit.cases = taken;
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

    fn suits(&self, case: &Case) -> bool {
        if case.has_own_server() && !self.can_be_restarted() {
            return false;
        }
        let patient = self.server_side().and_then(|side| side.idle_timeout);
        if patient.is_some_and(|timeout| timeout <= case.idles()) {
            return false; // it says that it drops who is silent for so long
        }
        // Datagrams of several clients cannot be told apart where all are sent to one port.
        let shares_its_port = self.client_side().is_some_and(|side| side.port.is_some());
        if shares_its_port
            && self.protocol.transport == Transport::Udp
            && case.steps.iter().flat_map(Step::conns).any(|conn| conn != 0)
        {
            return false;
        }
        self.client_side().is_none_or(|side| match side.contract {
            Contract::Frames => true,
            Contract::Lines { stop, .. } => case.suits_lines(stop),
        })
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

//! Where the time of a unit goes: for whoever wonders why a run takes as long as it does.

use std::time::Duration;

use tokio::time::Instant;

use super::plan::Unit;
use crate::model::names::PeerName;
use crate::model::protocol::Protocol;

/// Where the time of one unit went. What it does not contain, such as ending its programs, is little.
#[derive(Debug, Clone, Default)]
pub struct UnitTimes {
    /// The server peer.
    pub server: Option<PeerName>,
    /// The client peer.
    pub client: Option<PeerName>,
    /// What they spoke.
    pub protocol: Protocol,
    /// How many cases it had to play.
    pub cases: usize,
    /// Waiting for hard-coded ports and for a seat.
    pub waited: Duration,
    /// Building its programs, or waiting until another unit has built them.
    pub built: Duration,
    /// Playing its cases, and ending its programs.
    pub played: Duration,
    /// The part of it that went into bringing its servers up, summed over its players, who play side by side.
    /// A client's start is a part of its cases.
    pub started: Duration,
}

impl UnitTimes {
    /// From the beginning of the run until its programs were gone.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.waited + self.seated()
    }

    /// How long it kept a seat.
    #[must_use]
    pub fn seated(&self) -> Duration {
        self.built + self.played
    }
}

/// Takes the time of one unit.
#[derive(Debug)]
pub(super) struct Clock {
    since: Instant,
    times: UnitTimes,
}

impl Clock {
    /// A unit begins to wait.
    pub fn start(unit: &Unit) -> Self {
        let times = UnitTimes {
            server: unit.server_name().cloned(),
            client: unit.client_name().cloned(),
            protocol: unit.protocol,
            cases: unit.cases.len(),
            ..UnitTimes::default()
        };
        Self { since: Instant::now(), times }
    }

    /// It has its seat.
    pub fn seated(&mut self) {
        self.times.waited = self.lap();
    }

    /// Its programs are built.
    pub fn built(&mut self) {
        self.times.built = self.lap();
    }

    /// Its programs are gone. Bringing servers up took so long in all.
    pub fn stop(mut self, started: Duration) -> UnitTimes {
        self.times.played = self.lap();
        self.times.started = started;
        self.times
    }

    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now - std::mem::replace(&mut self.since, now)
    }
}

//! What is kept of a case beside its result: a capture, where one is wanted.

use std::fmt::Write as _;

use crate::capture::About;
use crate::capture::pcapng::Interface;
use crate::capture::wire::Wrong;
use crate::model::names::{PeerName, Role};
use crate::model::transcript::{Channel, Transcript, Wire};

use super::event::CaseResult;
use super::table::Table;

/// What was seen in a look at a case.
pub(super) struct Seen {
    pub transcript: Transcript,
    /// Where the first wrong byte is.
    pub wrong: Option<(Channel, usize)>,
}

impl Table<'_> {
    /// Writes the capture of a case of which everything is known, if one is wanted, and forgets what was seen.
    pub async fn keep(&self, result: &mut CaseResult, seen: Option<Seen>) {
        let captures = self.captures.filter(|captures| captures.want(result.outcome));
        let (Some(captures), Some(seen)) = (captures.cloned(), seen) else { return };
        let about = about(result, &seen);
        let write = move || captures.write(&about, &seen.transcript);
        // It fails only when the run is being given up.
        let path = tokio::task::spawn_blocking(write).await.ok().flatten();
        result.evidence = path.map(|path| path.to_string_lossy().into_owned());
    }
}

fn about(result: &CaseResult, seen: &Seen) -> About {
    let wrong = seen.wrong.map(|(channel, offset)| {
        let likely = result.diagnosis.as_ref().map(|likely| format!("; likely: {likely}"));
        let what = format!(
            "byte {offset} of what the {} sent: {}{}",
            sender(channel),
            result.summary,
            likely.unwrap_or_default()
        );
        Wrong { channel, offset, what }
    });
    let interfaces = interfaces(result);
    About { name: name(result), comment: comment(result, seen, &interfaces), interfaces, wrong }
}

/// Names of peers, framings, services and cases have no `_`, so no two results have the same.
fn name(result: &CaseResult) -> String {
    let named = |role: &str, peer: &PeerName| format!("{role}_{peer}_");
    let client = result.client.as_ref().map(|peer| named("client", peer));
    let server = result.server.as_ref().map(|peer| named("server", peer));
    let peers = client.unwrap_or_default() + &server.unwrap_or_default();
    format!("{peers}{}_{}_{}", result.framing, result.service, result.case)
}

fn comment(result: &CaseResult, seen: &Seen, interfaces: &[Interface]) -> String {
    const MADE: &str = "of what the harness wrote and read. Addresses, times, bytes, FIN and RST are as they \
        were; into which segments bytes were parted, sequence numbers and acknowledgements are not known, and \
        are made up";
    let mut comment = format!("{}: {}\n", result.case, result.outcome);
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(comment, "{name:<8} {}", value.replace('\n', " "));
        }
    };
    line("what", &result.summary);
    line("likely", result.diagnosis.as_deref().unwrap_or_default());
    line("known", result.reason.as_deref().unwrap_or_default());
    line("blame", &result.blame.map(|blame| blame.to_string()).unwrap_or_default());
    line("level", &result.level.to_string());
    for interface in interfaces {
        line("between", &interface.description);
    }
    if seen.transcript.setting.wire == Wire::Unseen {
        line(
            "unseen",
            "both programs hard-code the same port, so they talked to each other and not to us",
        );
    }
    line("made", MADE);
    comment.trim_end().to_owned()
}

/// With whom bytes are exchanged: a link stands between two. `docs/wireshark/interop.lua` reads what is spoken.
fn interfaces(result: &CaseResult) -> Vec<Interface> {
    let protocol = result.protocol();
    let us = if result.role == Role::Pairing { "link" } else { "harness" };
    let client = result.client.as_ref().map(|peer| Interface {
        name: "client",
        description: format!("the client {peer} and the {us}, in {protocol}"),
    });
    let server = result.server.as_ref().map(|peer| Interface {
        name: "server",
        description: format!("the {us} and the server {peer}, in {protocol}"),
    });
    client.into_iter().chain(server).collect()
}

const fn sender(channel: Channel) -> &'static str {
    match channel {
        Channel::Requests(_) | Channel::Delivered(_) => "client",
        Channel::Answers(_) => "server",
    }
}

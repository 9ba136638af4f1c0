//! How a program conducts itself beside what it says on the wire: what it uses (clauses P9 to P11), how it
//! starts and ends (clause P12).

use std::fmt;
use std::net::IpAddr;

use super::case::{Budget, Case, Resource, Step};
use super::names::{Clause, Role};
use super::outcome::{Blame, Finding, Weight};
use super::transcript::{Exit, Sight, Transcript, What};

/// What in the program's conduct is not right: the first of what binds most.
#[must_use]
pub fn finding(case: &Case, transcript: &Transcript) -> Option<Finding> {
    let judge = Conduct { case, blame: program_under_test(transcript.setting.role) };
    let findings = sights(transcript).filter_map(|sight| judge.look_at(sight));
    findings.min_by_key(|finding| finding.weight.of(case.level))
}

/// What is worth telling although it is right.
#[must_use]
pub fn note(transcript: &Transcript) -> Option<String> {
    sights(transcript).find_map(|sight| match sight {
        Sight::Ready { listens_on } if !listens_on.is_empty() => {
            Some(format!("listens on {}", listed(listens_on)))
        }
        Sight::HeldBack { .. } => Some("held back when it was not read from".to_owned()),
        _ => None,
    })
}

fn sights(transcript: &Transcript) -> impl Iterator<Item = &Sight> {
    transcript.events.iter().filter_map(|event| match &event.what {
        What::Saw(sight) => Some(sight),
        What::Did(_) => None,
    })
}

const fn program_under_test(role: Role) -> Blame {
    match role {
        Role::Server => Blame::Server,
        Role::Client => Blame::Client,
        Role::Pairing => Blame::Undecided,
    }
}

struct Conduct<'a> {
    case: &'a Case,
    blame: Blame,
}

impl Conduct<'_> {
    fn look_at(&self, sight: &Sight) -> Option<Finding> {
        let (clause, summary, weight) = match sight {
            Sight::Measured { budget, growth } if *growth > budget.growth => {
                let weight = if budget.warns { Weight::Warns } else { Weight::OfCase };
                (self.main_clause(), self.uses_too_much(*budget, *growth), weight)
            }
            Sight::Rested { at_rest: false } => {
                let summary = format!(
                    "the {} keeps a processor busy although there is nothing to do",
                    self.blame
                );
                (self.main_clause(), summary, Weight::OfCase)
            }
            Sight::TookAll { bytes, .. } => {
                let summary = format!(
                    "the {} took {} without being read from: what it has to answer is queued without bound",
                    self.blame,
                    Amount(Resource::Memory, *bytes)
                );
                (Clause::P10, summary, Weight::OfCase)
            }
            Sight::Soaked { said, growth, right, .. } if growth > right => {
                let amount = |bytes| Amount(Resource::Memory, bytes);
                let summary = format!(
                    "the {} has {} more since {} came on one connection and were answered, where at most {} would be right: it keeps what is done with",
                    self.blame,
                    amount(*growth),
                    amount(*said),
                    amount(*right)
                );
                (self.main_clause(), summary, Weight::OfCase)
            }
            Sight::Exposed { on } if !on.is_empty() => {
                let summary = format!(
                    "the server listens on {}: every machine that reaches this one can connect",
                    listed(on)
                );
                (Clause::P12, summary, Weight::OfCase)
            }
            // Now and then one is cut or joined on its way; a habit shows in every message.
            Sight::Segments { channel, segments } if *segments >= 2 * self.messages() => {
                let summary = format!(
                    "the {} sends {} messages in {segments} segments: {channel} headers and bodies are written apart, each waiting for an acknowledgement where Nagle's algorithm is on",
                    self.blame,
                    self.messages()
                );
                (self.main_clause(), summary, Weight::Informs)
            }
            Sight::NotReady { reason, .. } => {
                let summary = format!("the server did not come up again on its port: {reason}");
                (Clause::P12, summary, Weight::OfCase)
            }
            Sight::Second { exit } => (Clause::P12, second_server(*exit)?, Weight::OfCase),
            Sight::LeftBehind { commands, listen } if !commands.is_empty() => {
                let listen = if *listen { ", which hold its port" } else { "" };
                let summary = format!(
                    "the {} ended, and left processes behind{listen}: {}",
                    self.blame,
                    counted(commands)
                );
                (Clause::P12, summary, Weight::OfCase)
            }
            _ => return None,
        };
        Some(Finding::new(clause, self.blame, summary).weighing(weight))
    }

    /// How many messages the case exchanges.
    fn messages(&self) -> u32 {
        let fed_or_written = |step: &Step| match (step, self.case.role) {
            (Step::Feed { messages, .. }, Role::Client) => messages.len(),
            (Step::Write(write), Role::Server) => write.parts.len(),
            _ => 0,
        };
        u32::try_from(self.case.all_steps().map(fed_or_written).sum::<usize>()).unwrap_or(u32::MAX)
    }

    fn main_clause(&self) -> Clause {
        self.case.clauses.first().copied().unwrap_or(Clause::P11)
    }

    fn uses_too_much(&self, Budget { of, growth: right, .. }: Budget, growth: u64) -> String {
        let what = match of {
            Resource::Memory => "touched",
            Resource::AddressSpace => "reserved",
            Resource::Descriptors | Resource::Threads | Resource::Processes => "holds",
        };
        format!(
            "the {} {what} {} more than before, where at most {} would be right",
            self.blame,
            Amount(of, growth),
            Amount(of, right)
        )
    }
}

/// P12: a taken port is a loud error.
fn second_server(exit: Option<Exit>) -> Option<String> {
    match exit {
        Some(Exit::Code(0)) => {
            Some("a second server on a port that is taken exited with status 0".to_owned())
        }
        Some(_) => None,
        None => Some(
            "a second server on a port that is taken did not end: it may share the port, or wait"
                .to_owned(),
        ),
    }
}

/// Each once; how often, where children of a server have one name.
fn counted(commands: &[String]) -> String {
    let mut each: Vec<(&str, usize)> = Vec::new();
    for command in commands {
        match each.iter_mut().find(|(same, _)| same == command) {
            Some((_, times)) => *times += 1,
            None => each.push((command, 1)),
        }
    }
    let words = each.into_iter().map(|(command, times)| match times {
        1 => command.to_owned(),
        times => format!("{command} ({times} times)"),
    });
    words.collect::<Vec<_>>().join(", ")
}

fn listed(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// So much of a resource, in words.
struct Amount(Resource, u64);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: u64 = 1024 * 1024;
        let Self(of, amount) = *self;
        let unit = match of {
            Resource::Memory if amount >= MIB => return write!(f, "{} MiB", amount / MIB),
            Resource::AddressSpace if amount >= MIB => {
                return write!(f, "{} MiB of addresses", amount / MIB);
            }
            Resource::Memory | Resource::AddressSpace => "bytes",
            Resource::Descriptors => "open files",
            Resource::Threads => "threads",
            Resource::Processes => "processes",
        };
        write!(f, "{amount} {unit}")
    }
}

#[cfg(test)]
mod tests;

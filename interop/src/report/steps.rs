//! What a case does, in words: a line for each step, and not too many.

use crate::model::body::Body;
use crate::model::case::{Budget, Part, Resource, Step, Write};
use crate::model::cut::Cut;
use crate::model::names::Role;

use super::words::counted;

/// How many steps are told, and how many parts of a write.
const TOLD: usize = 16;
const PARTS: usize = 4;
/// How many characters of a text are shown.
const SHOWN: usize = 24;

/// The steps of a case in which `role` is under test.
#[must_use]
pub fn lines(steps: &[Step], role: Role) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for step in steps.iter().take(TOLD) {
        lines.extend(line(step, role));
    }
    if steps.len() > TOLD {
        lines.push(format!("and {} more", counted(steps.len() - TOLD, "step")));
    }
    lines
}

fn line(step: &Step, role: Role) -> Vec<String> {
    let who = |conn: &u16| if *conn == 0 { String::new() } else { format!(" (connection {conn})") };
    let line = match step {
        Step::Feed { conn, messages } => {
            format!("tell the client to send {}{}", several(messages), who(conn))
        }
        Step::Recut { conn, cut } => format!("from here on, {}{}", cut_words(cut), who(conn)),
        Step::Write(write) => format!("{}{}", write_words(write), who(&write.conn)),
        Step::Mixed { writes, .. } => {
            format!("write on {}, fragments mixed", counted(writes.len(), "connection"))
        }
        Step::Settle => "wait until all that is due has come".to_owned(),
        Step::EndInput { conn } => format!("end the client's input{}", who(conn)),
        Step::Finish { conn } => format!("end our direction of the connection (FIN){}", who(conn)),
        Step::Close { conn } => format!("close the connection, whatever still comes{}", who(conn)),
        Step::Abort { conn } => format!("reset the connection (RST){}", who(conn)),
        Step::AskInPassing { .. } => {
            "send the server a datagram from a port where nobody takes the answer".to_owned()
        }
        Step::Intrude { conn, .. } => {
            format!("send the client a datagram from another port than it asked{}", who(conn))
        }
        Step::Lanes(lanes) => {
            let title = format!("side by side, {}; one of them:", counted(lanes.len(), "run"));
            let first = lanes.get(lanes.len() / 2).map(|lane| lines(lane, role));
            let first = first.unwrap_or_default().into_iter().map(|line| format!("  {line}"));
            return [title].into_iter().chain(first).collect();
        }
        Step::StopReading { conn } => format!("read nothing from here on{}", who(conn)),
        Step::ReadOn { conn } => format!("read on{}", who(conn)),
        Step::Press { conn, bodies, at_most, .. } => format!(
            "write {} again and again, {at_most} times at most, until no more is taken{}",
            several(bodies),
            who(conn)
        ),
        Step::Answered { conn } => format!("wait until an answer has begun to come{}", who(conn)),
        Step::Soak { conn, body } => format!(
            "have {} answered again and again, until memory is seen not to grow with them{}",
            one(body),
            who(conn)
        ),
        Step::Drip { write, ms } => {
            format!("{}, with a pause of {ms} ms after each fragment", write_words(write))
        }
        Step::CountSegments { .. } => "count the segments in which the answers came".to_owned(),
        Step::Idle { ms } => format!("leave everybody alone for {ms} ms"),
        Step::Rest => "wait until the program does nothing any more".to_owned(),
        Step::ComeToRest => "wait until the program does nothing any more, as it must".to_owned(),
        Step::StayOnLoopback => "look on which addresses it listens".to_owned(),
        Step::Measure => "note what the program uses".to_owned(),
        Step::Within(budget) => format!("look that it uses {}", budget_words(budget)),
        Step::Start => "start a server".to_owned(),
        Step::Listening => "wait until it listens".to_owned(),
        Step::StartSecond => "start another one on the same port".to_owned(),
        Step::Terminate => "send SIGTERM to the server".to_owned(),
        Step::Refuse { .. } => "start the client where nobody listens".to_owned(),
        Step::LookBehind => "look for what it left behind".to_owned(),
    };
    vec![line]
}

fn write_words(write: &Write) -> String {
    let parts: Vec<String> = write.parts.iter().take(PARTS).map(part_words).collect();
    let more = match write.parts.len().saturating_sub(PARTS) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let cut = match &write.cut {
        Cut::AsItComes | Cut::Whole => String::new(),
        cut => format!("; {}", cut_words(cut)),
    };
    format!("write {}{more}{cut}", parts.join(", "))
}

fn part_words(part: &Part) -> String {
    match part {
        Part::Frame(body) => one(body),
        Part::Head { body, keep } => {
            format!("the first {} of {}", counted(*keep, "byte"), one(body))
        }
        Part::Tail { body, skip } => {
            format!("the rest of {} from byte {skip} on", one(body))
        }
        Part::Claim(bytes) => format!("a header that claims {bytes} bytes, alone"),
        Part::ClaimOver(bytes) => {
            format!("a header that claims {bytes} more than the peer's limit, alone")
        }
        Part::Raw(body) => format!("{} that are no frame", counted(body.len(), "byte")),
    }
}

fn cut_words(cut: &Cut) -> String {
    match cut {
        Cut::AsItComes => "bytes go on as they come".to_owned(),
        Cut::Whole => "all bytes go on in one write".to_owned(),
        Cut::EachByte => "each byte goes by itself".to_owned(),
        Cut::At(offsets) if offsets.len() <= PARTS => {
            let offsets: Vec<String> = offsets.iter().map(ToString::to_string).collect();
            format!("cut behind byte {}", offsets.join(", "))
        }
        Cut::At(offsets) => format!("cut in {} places", offsets.len()),
        Cut::Random { cuts, .. } => format!("cut in up to {cuts} places by chance"),
    }
}

fn several(messages: &[Body]) -> String {
    match messages {
        [only] => one(only),
        messages => {
            let bytes = messages.iter().map(Body::len).sum::<usize>();
            format!("{} with {} in all", counted(messages.len(), "message"), counted(bytes, "byte"))
        }
    }
}

fn one(body: &Body) -> String {
    match body {
        Body::Text(text) if text.chars().count() <= SHOWN && !text.is_empty() => {
            format!("the message {text:?}")
        }
        Body::AtLimit => "a message as long as the peer's limit".to_owned(),
        body if body.is_empty() => "an empty message".to_owned(),
        body => format!("a message of {}", counted(body.len(), "byte")),
    }
}

fn budget_words(budget: &Budget) -> String {
    let (what, unit) = match budget.of {
        Resource::Memory => ("memory", " bytes"),
        Resource::AddressSpace => ("address space", " bytes"),
        Resource::Descriptors => ("files and sockets", ""),
        Resource::Threads => ("threads", ""),
        Resource::Processes => ("processes", ""),
    };
    format!("at most {}{unit} of {what} more", budget.growth)
}

#[cfg(test)]
mod tests {
    use super::{TOLD, lines};
    use crate::model::script::cases;

    #[test]
    fn every_case_has_words_for_its_steps_and_not_too_many() {
        for case in cases() {
            let lines = lines(&case.steps, case.role);
            assert!(!lines.is_empty() && lines.len() <= 2 * (TOLD + 2), "{}: {lines:#?}", case.id);
            assert!(lines.iter().all(|line| line.len() < 400), "{}: {lines:#?}", case.id);
        }
    }
}

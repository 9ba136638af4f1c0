//! A dialogue drawn as a small sequence diagram: the client on the left, the server on the right, times before.

use std::time::Duration;

use super::mark::Charset;
use super::words::clip;
use crate::model::dialogue::{Dialogue, Moment, Way};
use crate::model::names::Role;

/// How wide the column of times is.
const TIMES: usize = 11;
/// The narrowest arrow that says anything.
const NARROWEST: usize = 30;

/// The lines of a dialogue, none wider than `width` columns.
#[must_use]
pub fn lines(dialogue: &Dialogue, role: Role, width: usize, charset: Charset) -> String {
    let room = width.saturating_sub(TIMES + 4).max(NARROWEST);
    let (client, server) = match role {
        Role::Server => ("harness", "server"),
        Role::Client => ("client", "harness"),
        Role::Pairing => ("client", "server"),
    };
    let gap = room.saturating_sub(client.len() + server.len()) + 2;
    let mut text = format!("{:TIMES$} {client}{:gap$}{server}\n", "", "");
    for (at, moment) in dialogue.moments.iter().enumerate() {
        if let Some(missing) = dialogue.gap.filter(|missing| missing.behind == at) {
            text += &format!("{:>TIMES$} .. {} more ..\n", "", missing.moments);
        }
        text += &line(moment, room, charset);
    }
    text
}

fn line(moment: &Moment, room: usize, charset: Charset) -> String {
    let (rail, dash, left, right) = match charset {
        Charset::Unicode => ('│', '─', '◀', '▶'),
        Charset::Ascii => ('|', '-', '<', '>'),
    };
    let what = clip(&moment.what, room.saturating_sub(6));
    let free = room.saturating_sub(what.chars().count());
    let dashes = |count: usize| dash.to_string().repeat(count);
    let middle = match moment.way {
        Way::Request => format!("{} {what} {}{right}", dashes(2), dashes(free.saturating_sub(5))),
        Way::Answer => format!("{left}{} {what} {}", dashes(1), dashes(free.saturating_sub(4))),
        Way::AtClient => format!(" {what}{}", " ".repeat(free.saturating_sub(1))),
        Way::AtServer => format!("{}{what} ", " ".repeat(free.saturating_sub(1))),
        Way::Both => {
            let before = free / 2;
            format!("{}{what}{}", " ".repeat(before), " ".repeat(free - before))
        }
    };
    format!("{:>TIMES$} {rail}{middle}{rail}\n", time(moment.at_us))
}

/// `0.3 ms`, `2.51 s`.
fn time(at: Duration) -> String {
    let ms = at.as_secs_f64() * 1000.0;
    if ms < 1000.0 { format!("{ms:.1} ms") } else { format!("{:.2} s", ms / 1000.0) }
}

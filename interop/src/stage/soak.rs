//! Much on one connection, all of it answered: whether the memory of the program under test grows with it.
//!
//! Memory that grows is no leak by itself: a runtime which collects garbage lets it lie until its heap is full, and a
//! buffer that doubles grows in leaps. So it is looked at each time that twice as much has been said. Whoever keeps
//! what was said grows each time by at least about as much; all others stop somewhere, most of them at once.

use bytes::Bytes;
use tokio::time::Instant;

use super::act::Actor;
use crate::limits;
use crate::model::body::Body;
use crate::model::protocol::{Protocol, frame};
use crate::model::transcript::{Conn, Sight};
use crate::peer::start::StartError;
use crate::peer::vitals::{self, Vitals};

/// What was said, and the memory that there was, at the last look; all in bytes.
#[derive(Debug)]
struct Looks {
    /// What is right to be used more than at the first look.
    right: u64,
    first: Option<u64>,
    last: (u64, u64),
}

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// It may still come to an end.
    Grows,
    /// It has come to an end.
    Steady,
    /// It has grown more than is right, by this much.
    GrewBy(u64),
}

impl Looks {
    const fn new(right: u64) -> Self {
        Self { right, first: None, last: (0, 0) }
    }

    /// So much has been said, and there is so much memory.
    fn look(&mut self, said: u64, memory: u64) -> Seen {
        let Some(first) = self.first else {
            self.first = Some(memory);
            self.last = (said, memory);
            return Seen::Grows;
        };
        let growth = memory.saturating_sub(first);
        if growth > self.right {
            return Seen::GrewBy(growth);
        }
        let (said_then, memory_then) = self.last;
        if said < 2 * said_then {
            return Seen::Grows;
        }
        self.last = (said, memory);
        match memory.saturating_sub(memory_then) < (said - said_then) / 2 {
            true => Seen::Steady,
            false => Seen::Grows,
        }
    }
}

impl Actor<'_> {
    /// Has a message answered again and again, and writes down by how much memory has grown when that is known. A round
    /// in which something is wrong ends it, and stands in the books.
    pub(super) async fn soak(&mut self, conn: Conn, body: &Body) -> Result<(), StartError> {
        let Some((asked, due)) = round(&self.cast.protocol, body) else { return Ok(()) };
        let right = limits::SOAK_MEMORY + vitals::machine_memory() / limits::SOAK_HEAP;
        let (begun, mut said, mut looks) = (Instant::now(), 0, Looks::new(right));
        while said < limits::SOAK_MOST && begun.elapsed() < limits::SOAK {
            let till = said + limits::SOAK_LOOK;
            while said < till {
                let Some(end) = self.stream_end(conn).await? else { return Ok(()) };
                if !end.round(&asked, &due).await {
                    return Ok(());
                }
                said += asked.len() as u64;
            }
            let Some(memory) = self.memory() else { return Ok(()) };
            match looks.look(said, memory) {
                Seen::Grows => {}
                Seen::Steady => break,
                Seen::GrewBy(_) => {
                    // What is only late to be given back is so when the program does nothing any more.
                    let _ = self.rest().await;
                    let Some(memory) = self.memory() else { return Ok(()) };
                    if let Seen::GrewBy(growth) = looks.look(said, memory) {
                        self.scene.saw(Sight::Soaked { conn, said, growth, right });
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn memory(&self) -> Option<u64> {
        Some(Vitals::of(&self.program()?)?.resident)
    }
}

/// As many messages as are under way at once, and the answers to them; `None` where they cannot be known before.
fn round(protocol: &Protocol, body: &Body) -> Option<(Bytes, Bytes)> {
    let asked = protocol.frame(body);
    let answer = protocol.answer(&protocol.message(body))?;
    let due = frame(protocol.framing, &answer);
    let times = (limits::SOAK_ROUND / asked.len().max(1)).max(1);
    Some((asked.repeat(times).into(), due.repeat(times).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    /// What comes of looks at each 32 MiB that are said, of a program whose memory, in MiB, is this.
    fn looked(right: u64, memory: impl IntoIterator<Item = u64>) -> (u64, Seen) {
        let mut looks = Looks::new(right * MIB);
        let mut seen = (0, Seen::Grows);
        for (said, memory) in (1..).map(|nth| 32 * nth).zip(memory) {
            seen = (said, looks.look(said * MIB, memory * MIB));
            if seen.1 != Seen::Grows {
                break;
            }
        }
        seen
    }

    #[test]
    fn one_that_keeps_nothing_is_looked_at_twice() {
        assert_eq!(looked(500, [13, 13, 13]), (64, Seen::Steady));
        assert_eq!(looked(500, [79, 80, 80]), (64, Seen::Steady));
    }

    #[test]
    fn one_that_keeps_all_is_seen_when_it_has_more_than_is_right() {
        let keeps = (1..).map(|nth| 13 + 32 * nth);
        assert_eq!(looked(500, keeps), (544, Seen::GrewBy(512 * MIB)));
    }

    #[test]
    fn garbage_that_lies_until_a_heap_is_full_is_right() {
        let heap = [56, 72, 87, 122, 154, 190, 221, 252, 270, 273, 274];
        let heap = heap.into_iter().chain(std::iter::repeat(274));
        assert_eq!(looked(500, heap), (512, Seen::Steady));
    }

    #[test]
    fn a_buffer_that_grows_in_leaps_is_not_taken_for_one_that_does_not_grow() {
        let doubles = (1..).map(|nth: u64| 10 + (32 * nth + 1).next_power_of_two());
        let (_, seen) = looked(500, doubles);
        assert!(matches!(seen, Seen::GrewBy(_)), "{seen:?}");
    }
}

//! Where the time went, by unit and by case: shown behind the result where somebody asks for it.

use std::io::{self, Write};
use std::time::Duration;

use anstyle::Style;

use super::words::seconds;
use super::{Reporter, failure};
use crate::model::names::PeerName;
use crate::runner::clock::UnitTimes;
use crate::runner::{CaseResult, Event};

/// How many cases are shown.
const SLOWEST: usize = 10;

/// Keeps the times of a run, and writes them when it is over.
#[derive(Debug)]
pub struct Timings<W> {
    out: W,
    units: Vec<UnitTimes>,
    results: Vec<CaseResult>,
}

impl<W: Write> Timings<W> {
    /// Writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out, units: Vec::new(), results: Vec::new() }
    }

    fn finished(&mut self, wall: Duration) -> io::Result<()> {
        self.units.sort_by_key(|unit| std::cmp::Reverse(unit.seated()));
        let bold = Style::new().bold();
        let widest = |name: fn(&UnitTimes) -> &Option<PeerName>, title: &str| {
            let names = self.units.iter().map(|unit| text(name(unit)).len());
            names.chain([title.len()]).max().unwrap_or_default()
        };
        let server = widest(|unit| &unit.server, "server");
        let client = widest(|unit| &unit.client, "client");
        writeln!(
            self.out,
            "\n{bold}{:<server$} {:<client$} cases  waited   built  played   total  starts{bold:#}",
            "server", "client"
        )?;
        for unit in &self.units {
            let names = format!("{:<server$} {:<client$}", text(&unit.server), text(&unit.client));
            writeln!(self.out, "{names} {}", columns(unit))?;
        }
        let all = self.sum();
        writeln!(
            self.out,
            "{bold}{:<width$}{bold:#} {}",
            "all",
            columns(&all),
            width = server + 1 + client
        )?;
        let at_once = all.seated().as_secs_f64() / wall.as_secs_f64().max(f64::MIN_POSITIVE);
        writeln!(
            self.out,
            "{} of work in {}: {at_once:.1} at once",
            seconds(all.seated()),
            seconds(wall)
        )?;

        self.results.sort_by_key(|result| std::cmp::Reverse(result.duration_us));
        writeln!(self.out, "\n{bold}the slowest cases{bold:#}")?;
        for result in self.results.iter().take(SLOWEST) {
            let took = seconds(result.duration_us);
            let who = failure::who(result);
            writeln!(self.out, "{took:>8}  {:<32} {who}", result.case)?;
        }
        self.out.flush()
    }

    fn sum(&self) -> UnitTimes {
        let add = |mut sum: UnitTimes, unit: &UnitTimes| {
            sum.cases += unit.cases;
            sum.waited += unit.waited;
            sum.built += unit.built;
            sum.started += unit.started;
            sum.played += unit.played;
            sum
        };
        self.units.iter().fold(UnitTimes::default(), add)
    }
}

fn text(name: &Option<PeerName>) -> &str {
    name.as_ref().map_or("-", PeerName::as_str)
}

fn columns(unit: &UnitTimes) -> String {
    let times = [unit.waited, unit.built, unit.played, unit.total(), unit.started];
    let times = times.map(|time| format!("{:>8.2}", time.as_secs_f64()));
    format!("{:>5}{}", unit.cases, times.concat())
}

impl<W: Write> Reporter for Timings<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Planned { .. } | Event::UnitStarted { .. } => Ok(()),
            Event::CaseFinished(result) => {
                self.results.push((**result).clone());
                Ok(())
            }
            Event::UnitFinished(times) => {
                self.units.push((**times).clone());
                Ok(())
            }
            Event::Finished(summary) => self.finished(summary.duration),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::Summary;

    fn unit(server: &str, waited: u64, played: u64) -> UnitTimes {
        UnitTimes {
            server: server.parse().ok(),
            cases: 7,
            waited: Duration::from_secs(waited),
            started: Duration::from_millis(500),
            played: Duration::from_secs(played),
            ..UnitTimes::default()
        }
    }

    #[test]
    fn the_unit_that_keeps_its_seat_longest_comes_first_and_all_are_summed() {
        let mut out = Vec::new();
        let mut timings = Timings::new(&mut out);
        for times in [unit("quick", 9, 1), unit("slow-one", 0, 4)] {
            timings.event(&Event::UnitFinished(Box::new(times))).unwrap();
        }
        let summary = Summary { duration: Duration::from_secs(3), ..Summary::default() };
        timings.event(&Event::Finished(summary)).unwrap();
        let text = anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1..6],
            [
                "server   client cases  waited   built  played   total  starts",
                "slow-one -          7    0.00    0.00    4.00    4.00    0.50",
                "quick    -          7    9.00    0.00    1.00   10.00    0.50",
                "all                14    9.00    0.00    5.00   14.00    1.00",
                "5.00 s of work in 3.00 s: 1.7 at once",
            ]
        );
    }
}

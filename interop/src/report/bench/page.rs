//! A bench as one page for a browser, which needs nothing beside it and no script: charts first, then the figures.

use std::fmt::Write as _;

use super::chart::{self, Bar, Line, colour, escaped};
use crate::bench::cell::{Cell, Pace};
use crate::bench::compare::{Figure, Figures, Ratio};
use crate::bench::results::{Results, Row};
use crate::report::words::counted;

/// The look of the report of a run.
const STYLE: &str = include_str!("../html/page.css");
/// What is added to it.
const OWN_STYLE: &str = include_str!("page.css");

const PERCENTILES: [&str; 5] = ["p50", "p90", "p99", "p99.9", "max"];

/// The whole page.
#[must_use]
pub fn page(results: &Results) -> String {
    let servers = Servers::of(results);
    let mut loads: Vec<Cell> = Vec::new();
    for row in &results.results {
        if loads.last() != Some(&row.load) {
            loads.push(row.load);
        }
    }
    let mut main = String::new();
    for load in loads {
        let rows: Vec<&Row> = results.results.iter().filter(|row| row.load == load).collect();
        main.push_str(&section(load, &rows, &servers, results));
    }
    if !results.idle.is_empty() {
        main.push_str(&memory(results, &servers));
    }
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>interop bench</title>
<style>
{STYLE}{OWN_STYLE}</style>
</head>
<body class="bench">
<header>
<h1>interop bench</h1>
{}</header>
<main>
{main}</main>
<footer>Compare figures of one run only: on another day the machine is another one.</footer>
</body>
</html>
"#,
        preface(results)
    )
}

/// Who is drawn in which colour: the baseline in the first.
struct Servers(Vec<String>);

impl Servers {
    fn of(results: &Results) -> Self {
        let mut names = vec![results.baseline.clone()];
        for row in &results.results {
            if !names.contains(&row.server) {
                names.push(row.server.clone());
            }
        }
        Self(names)
    }

    fn colour(&self, server: &str) -> usize {
        let Self(names) = self;
        names.iter().position(|name| name == server).unwrap_or(0)
    }
}

fn preface(results: &Results) -> String {
    let place = match results.cores {
        Some(cores) => cores.to_string(),
        None => "server and generator on whatever core the system chose".to_owned(),
    };
    let rounds = counted(results.rounds, "round");
    let mut text = format!(
        "<p>Servers of u32be/echo in turn, {rounds} of {} s under each load; {place}.</p>\n\
         <p class=\"quiet\">Figures are medians of the rounds. A ratio to <b>{}</b> is taken round by round; whiskers reach \
         from the least to the most. Pale, and marked with ~: no difference was shown.</p>\n",
        results.seconds,
        escaped(&results.baseline)
    );
    let left_out =
        results.left_out.iter().map(|one| format!("{} is left out: {}", one.server, one.why));
    let doubts = results.doubts.iter().map(|doubt| format!("doubtful: {doubt}"));
    text.push_str(&list("troubles", doubts.chain(left_out)));
    text
}

fn list(class: &str, items: impl Iterator<Item = String>) -> String {
    let items: String = items.map(|item| format!("<li>{}</li>\n", escaped(&item))).collect();
    if items.is_empty() { items } else { format!("<ul class=\"{class}\">\n{items}</ul>\n") }
}

fn section(load: Cell, rows: &[&Row], servers: &Servers, results: &Results) -> String {
    let mut html = format!("<section>\n<h2>{}</h2>\n", in_words(load));
    let processor = "Processor time a message, by that of the baseline: less is better";
    html.push_str(&ratios(processor, rows, servers, |row| row.processor_ratio));
    if let Pace::Depth(_) = load.pace {
        let messages = "Messages a second, by those of the baseline: more is better";
        html.push_str(&ratios(messages, rows, servers, |row| row.messages_ratio));
    }
    html.push_str(&latency(load, rows, servers));
    html.push_str(&table(rows, results));
    let doubted = rows.iter().filter(|row| !row.figures.doubts.is_empty());
    let doubts = doubted.map(|row| {
        let doubts: Vec<String> = row.figures.doubts.iter().map(ToString::to_string).collect();
        format!("? {}: {}", row.server, doubts.join("; "))
    });
    html.push_str(&list("doubts", doubts));
    html.push_str("</section>\n");
    html
}

fn in_words(load: Cell) -> String {
    let size = rust_server::framing::MaxFrame::new(load.size as u64);
    let pace = match load.pace {
        Pace::Depth(1) => "one on its way on each".to_owned(),
        Pace::Depth(depth) => format!("{depth} on their way on each"),
        Pace::Rate(rate) => format!("{rate} messages a second over all"),
    };
    format!("{}, messages of {size}, {pace}", counted(load.connections, "connection"))
}

fn figure(title: &str, svg: &str, below: &str) -> String {
    let name = escaped(title);
    format!(
        "<figure>\n<figcaption>{name}</figcaption>\n\
         <div class=\"scrolls\" tabindex=\"0\" role=\"region\" aria-label=\"{name}\">{svg}</div>\n{below}</figure>\n"
    )
}

fn ratios(title: &str, rows: &[&Row], servers: &Servers, of: fn(&Row) -> Option<Ratio>) -> String {
    let bar = |row: &&Row| {
        let ratio = of(row);
        let label = ratio.map_or("baseline".to_owned(), |Ratio { ratio, least, most, certain }| {
            let sign = if certain { "" } else { "~" };
            format!("{sign}{ratio:.2}  ({least:.2} to {most:.2})")
        });
        Bar {
            name: row.server.clone(),
            colour: servers.colour(&row.server),
            value: ratio.map_or(1.0, |ratio| ratio.ratio),
            spread: ratio.map(|ratio| (ratio.least, ratio.most)),
            faint: ratio.is_some_and(|ratio| !ratio.certain),
            label,
        }
    };
    let bars: Vec<Bar> = rows.iter().map(bar).collect();
    figure(title, &chart::ratios(title, &bars), "")
}

fn percentiles(figures: &Figures) -> [&Figure; 5] {
    [&figures.p50_us, &figures.p90_us, &figures.p99_us, &figures.p999_us, &figures.max_us]
}

fn latency(load: Cell, rows: &[&Row], servers: &Servers) -> String {
    let title = match load.pace {
        Pace::Depth(_) => "Latency, from sending a message to its whole answer",
        Pace::Rate(_) => "Latency, from when a message was due to be sent to its whole answer",
    };
    let line = |row: &&Row| Line {
        name: row.server.clone(),
        colour: servers.colour(&row.server),
        values: percentiles(&row.figures).map(|figure| figure.median).to_vec(),
    };
    let lines: Vec<Line> = rows.iter().map(line).collect();
    let svg = chart::lines(title, &PERCENTILES, &lines, microseconds);
    let key = rows.iter().map(|row| {
        let colour = colour(servers.colour(&row.server));
        format!("<li><span class=\"key {colour}\"></span>{}</li>", escaped(&row.server))
    });
    figure(title, &svg, &format!("<ul class=\"keys\">{}</ul>\n", key.collect::<String>()))
}

fn microseconds(value: f64) -> String {
    match value {
        ..1e3 => format!("{value:.0} us"),
        1e3..1e6 => format!("{} ms", rounded(value / 1e3)),
        _ => format!("{} s", rounded(value / 1e6)),
    }
}

/// With a place behind the point where that says something.
fn rounded(value: f64) -> String {
    if value < 10.0 && value.fract() != 0.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn table(rows: &[&Row], results: &Results) -> String {
    let is_open = rows.iter().any(|row| row.figures.late_us.is_some());
    let late = if is_open { "<th scope=\"col\">late p99 us</th>" } else { "" };
    let mut html = format!(
        "<details>\n<summary>Figures</summary>\n\
         <div class=\"scrolls\" tabindex=\"0\" role=\"region\" aria-label=\"Figures\">\n<table>\n<thead><tr>\
         <th scope=\"col\">server</th><th scope=\"col\">ns/message</th><th scope=\"col\">messages/s</th>\
         <th scope=\"col\">MiB/s</th>{}{late}</tr></thead>\n<tbody>\n",
        PERCENTILES.map(|name| format!("<th scope=\"col\">{name} us</th>")).concat(),
    );
    for row in rows {
        let figures = &row.figures;
        let base = if row.server == results.baseline { " (baseline)" } else { "" };
        let doubt = if figures.doubts.is_empty() { "" } else { " ?" };
        let _ = write!(html, "<tr><th scope=\"row\">{}{base}{doubt}</th>", escaped(&row.server));
        let amounts = [&figures.processor_ns, &figures.messages, &figures.mebibytes];
        for figure in amounts.into_iter().chain(percentiles(figures)).chain(&figures.late_us) {
            let Figure { median, least, most } = figure;
            let _ = write!(html, "<td title=\"{least:.0} to {most:.0}\">{median:.0}</td>");
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table>\n</div>\n</details>\n");
    html
}

fn memory(results: &Results, servers: &Servers) -> String {
    let mut bars = Vec::new();
    for idle in &results.idle {
        let (fresh, after) = (idle.fresh.private / 1024.0, idle.after_a_message.private / 1024.0);
        for (value, when) in [(fresh, "fresh"), (after, "after 64 KiB")] {
            bars.push(Bar {
                name: if when == "fresh" { idle.server.clone() } else { String::new() },
                colour: servers.colour(&idle.server),
                value,
                spread: None,
                faint: when == "fresh",
                label: format!("{value:.1} KiB {when}"),
            });
        }
    }
    let connections = results.idle.first().map_or(0, |idle| idle.connections);
    let title = "Memory of a connection that says nothing: pale as it was opened, full after one message of 64 KiB";
    format!(
        "<section>\n<h2>{}</h2>\n{}</section>\n",
        counted(connections, "idle connection"),
        figure(title, &chart::amounts(title, &bars, "KiB"), "")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_the_unit_that_fits() {
        for (value, shown) in [
            (7.4, "7 us"),
            (100.0, "100 us"),
            (1000.0, "1 ms"),
            (1520.0, "1.5 ms"),
            (10_000.0, "10 ms"),
            (2_500_000.0, "2.5 s"),
        ] {
            assert_eq!(microseconds(value), shown);
        }
    }

    #[test]
    fn a_load_is_told_in_words() {
        let load = |text: &str| in_words(text.parse().unwrap());
        assert_eq!(load("1:16B:1"), "1 connection, messages of 16 B, one on its way on each");
        assert_eq!(
            load("64:1KiB:16"),
            "64 connections, messages of 1 KiB, 16 on their way on each"
        );
        let open = "64 connections, messages of 64 B, 20000 messages a second over all";
        assert_eq!(load("64:64B:20000/s"), open);
    }
}

//! Charts as SVG, which needs no script. Their colours are the page's.

use std::fmt::Write as _;

/// Pixels, of a drawing that is scaled to its place.
const WIDTH: f64 = 800.0;
/// Room for the names of servers.
const NAMES: f64 = 170.0;
/// Room for the values behind the bars.
const VALUES: f64 = 190.0;
/// A bar and the gap below it.
const ROW: f64 = 26.0;
/// Of a bar.
const THICK: f64 = 14.0;
/// Room for the scale.
const SCALE: f64 = 26.0;
/// Of a chart of lines.
const HEIGHT: f64 = 300.0;

/// A bar, of a value and how far it lies apart.
pub struct Bar {
    /// Of whom.
    pub name: String,
    /// Which colour; see [`colour`].
    pub colour: usize,
    /// Its length.
    pub value: f64,
    /// From where to where it was seen.
    pub spread: Option<(f64, f64)>,
    /// It is no more than noise.
    pub faint: bool,
    /// What stands behind it.
    pub label: String,
}

/// A line over the points of a chart.
pub struct Line {
    /// Of whom.
    pub name: String,
    /// Which colour; see [`colour`].
    pub colour: usize,
    /// A value for each point.
    pub values: Vec<f64>,
}

/// A scale of powers of ten, from a round number to a round one.
struct Scale {
    ticks: Vec<f64>,
    from: f64,
    to: f64,
}

/// The class of a colour: of the baseline it is the first.
#[must_use]
pub fn colour(number: usize) -> String {
    const COLOURS: usize = 8;
    format!("c{}", number % COLOURS)
}

/// Text that is no markup.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Bars that begin at 1: what is more goes to the right, and what is less to the left, as far as it is more.
#[must_use]
pub fn ratios(title: &str, bars: &[Bar]) -> String {
    let spread = bars.iter().filter_map(|bar| bar.spread).flat_map(|(least, most)| [least, most]);
    let values = bars.iter().map(|bar| bar.value).chain(spread);
    let scale = Scale::around(values.chain([0.8, 1.25]), &[1.0, 2.0, 5.0]);
    let x = |value: f64| scale.at(value, NAMES, WIDTH - VALUES);
    drawn_bars(title, bars, &scale.ticks, x, 1.0, |tick| format!("{tick}"))
}

/// Bars that begin at 0.
#[must_use]
pub fn amounts(title: &str, bars: &[Bar], unit: &str) -> String {
    let most = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let step = round_step(most);
    let ticks: Vec<f64> =
        (0..=8).map(|n| f64::from(n) * step).take_while(|tick| *tick < most + step).collect();
    let end = ticks.last().copied().unwrap_or(1.0);
    let x = |value: f64| NAMES + value.max(0.0) / end * (WIDTH - VALUES - NAMES);
    drawn_bars(title, bars, &ticks, x, 0.0, |tick| format!("{tick} {unit}"))
}

fn drawn_bars(
    title: &str,
    bars: &[Bar],
    ticks: &[f64],
    x: impl Fn(f64) -> f64,
    origin: f64,
    tick_label: impl Fn(f64) -> String,
) -> String {
    let height = bars.len() as f64 * ROW + SCALE;
    let mut svg = open(title, height);
    for &tick in ticks {
        let (at, class) = (x(tick), if tick == origin { "origin" } else { "grid" });
        let bottom = height - SCALE;
        let _ = write!(
            svg,
            r#"<line class="{class}" x1="{at:.1}" y1="0" x2="{at:.1}" y2="{bottom}"/>"#
        );
        let _ = write!(
            svg,
            r#"<text class="time" x="{at:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            height - 8.0,
            escaped(&tick_label(tick))
        );
    }
    for (n, bar) in bars.iter().enumerate() {
        let middle = n as f64 * ROW + ROW / 2.0;
        let (one, other) = (x(origin), x(bar.value));
        let (left, width) = (one.min(other), (one - other).abs().max(2.0));
        let faint = if bar.faint { " faint" } else { "" };
        let _ = write!(
            svg,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
            NAMES - 10.0,
            middle + 4.0,
            escaped(&bar.name)
        );
        let _ = write!(
            svg,
            r#"<rect class="bar {}{faint}" x="{left:.1}" y="{:.1}" width="{width:.1}" height="{THICK}"/>"#,
            colour(bar.colour),
            middle - THICK / 2.0
        );
        if let Some((least, most)) = bar.spread {
            let (from, to) = (x(least), x(most));
            let (top, bottom) = (middle - 5.0, middle + 5.0);
            let path = format!(
                "M{from:.1} {middle:.1}H{to:.1}M{from:.1} {top:.1}V{bottom:.1}M{to:.1} {top:.1}V{bottom:.1}"
            );
            // A rim keeps it apart from a bar of much the same brightness.
            let _ =
                write!(svg, r#"<path class="rim" d="{path}"/><path class="whisker" d="{path}"/>"#);
        }
        let _ = write!(
            svg,
            r#"<text x="{:.1}" y="{:.1}">{}</text>"#,
            WIDTH - VALUES + 14.0,
            middle + 4.0,
            escaped(&bar.label)
        );
    }
    svg.push_str("</svg>");
    svg
}

/// Lines over named points, on a scale of powers of ten.
#[must_use]
pub fn lines(title: &str, points: &[&str], lines: &[Line], label: fn(f64) -> String) -> String {
    let (left, right, bottom) = (80.0, WIDTH - 20.0, HEIGHT - SCALE);
    let values = lines.iter().flat_map(|line| line.values.iter().copied());
    let scale = Scale::around(values.filter(|value| *value > 0.0), &[1.0]);
    let y = |value: f64| scale.at(value, bottom, 12.0);
    let x = |n: usize| {
        let step = (right - left) / points.len() as f64;
        left + step * (n as f64 + 0.5)
    };
    let mut svg = open(title, HEIGHT);
    for &tick in &scale.ticks {
        let at = y(tick);
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{left}" y1="{at:.1}" x2="{right}" y2="{at:.1}"/>"#
        );
        let _ = write!(
            svg,
            r#"<text class="time" x="{}" y="{:.1}" text-anchor="end">{}</text>"#,
            left - 10.0,
            at + 4.0,
            escaped(&label(tick))
        );
    }
    for (n, point) in points.iter().enumerate() {
        let _ = write!(
            svg,
            r#"<text class="time" x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            x(n),
            HEIGHT - 6.0,
            escaped(point)
        );
    }
    for line in lines {
        let at: Vec<(f64, f64)> =
            line.values.iter().enumerate().map(|(n, value)| (x(n), y(*value))).collect();
        let path: Vec<String> = at.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let colour = colour(line.colour);
        let _ = write!(svg, r#"<g class="line {colour}"><title>{}</title>"#, escaped(&line.name));
        let _ = write!(svg, r#"<polyline points="{}"/>"#, path.join(" "));
        for ((x, y), value) in at.iter().zip(&line.values) {
            let what = format!("{}: {}", escaped(&line.name), escaped(&label(*value)));
            let _ = write!(
                svg,
                r#"<circle cx="{x:.1}" cy="{y:.1}" r="4"><title>{what}</title></circle>"#
            );
        }
        svg.push_str("</g>");
    }
    svg.push_str("</svg>");
    svg
}

fn open(title: &str, height: f64) -> String {
    format!(r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{}">"#, escaped(title))
}

/// The least step of 1, 2 or 5 times a power of ten that divides an amount into six parts at most.
fn round_step(most: f64) -> f64 {
    const PARTS: f64 = 6.0;
    if most <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf((most / PARTS).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|step| step * power)
        .into_iter()
        .find(|step| step * PARTS >= most)
        .unwrap_or(most)
}

impl Scale {
    /// Around these values, with ticks at these multiples of the powers of ten.
    fn around(values: impl Iterator<Item = f64>, multiples: &[f64]) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for value in values.filter(|value| value.is_finite() && *value > 0.0) {
            (least, most) = (least.min(value), most.max(value));
        }
        if most == 0.0 {
            (least, most) = (1.0, 1.0);
        }
        let powers = least.log10().floor() as i32..=most.log10().ceil() as i32;
        let ticks =
            powers.flat_map(|power| multiples.iter().map(move |one| one * 10_f64.powi(power)));
        let mut ticks: Vec<f64> = ticks.collect();
        // The last one that is not above the least, and the first one that is not below the most.
        let first = ticks.iter().rposition(|tick| *tick <= least).unwrap_or(0);
        let last = ticks.iter().position(|tick| *tick >= most).unwrap_or(ticks.len() - 1);
        ticks.truncate(last.max(first + 1).min(ticks.len() - 1) + 1);
        ticks.drain(..first.min(ticks.len() - 1));
        let (from, to) = (ticks[0], ticks[ticks.len() - 1]);
        Self { ticks, from, to }
    }

    /// Where a value lies between two places.
    fn at(&self, value: f64, begin: f64, end: f64) -> f64 {
        let share =
            |value: f64| (value / self.from).ln() / (self.to / self.from).ln().max(f64::EPSILON);
        begin + share(value.max(self.from)).clamp(0.0, 1.0) * (end - begin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_goes_from_a_round_number_to_a_round_one_around_all_values() {
        let scale = |values: &[f64]| Scale::around(values.iter().copied(), &[1.0, 2.0, 5.0]).ticks;
        assert_eq!(scale(&[0.8, 1.25]), [0.5, 1.0, 2.0]);
        assert_eq!(scale(&[0.8, 1.25, 11.0]), [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]);
        assert_eq!(scale(&[1.0]), [1.0, 2.0]);
        assert_eq!(scale(&[]), [1.0, 2.0]);
        assert_eq!(scale(&[f64::NAN, f64::INFINITY, 0.0, 3.0]), [2.0, 5.0]);
    }

    #[test]
    fn amounts_are_divided_into_round_steps() {
        for (most, step) in [(0.0, 1.0), (4.1, 1.0), (10.0, 2.0), (23.0, 5.0), (790.0, 200.0)] {
            assert_eq!(round_step(most), step, "{most}");
        }
    }

    #[test]
    fn what_a_server_is_called_is_text() {
        let bar = Bar {
            name: "<b>\"&".to_owned(),
            colour: 0,
            value: 1.0,
            spread: None,
            faint: false,
            label: String::new(),
        };
        let svg = ratios("a \"title\"", &[bar]);
        assert!(svg.contains("&lt;b&gt;&quot;&amp;") && !svg.contains("<b>"), "{svg}");
        assert!(svg.contains("aria-label=\"a &quot;title&quot;\""), "{svg}");
    }
}

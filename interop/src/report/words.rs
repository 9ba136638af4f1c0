//! Counts and times in words, and how wide the reader's lines are.

use std::os::fd::AsFd;
use std::time::Duration;

/// How wide lines are where nobody says: no terminal, and no COLUMNS.
const WIDTH: usize = 100;
/// Narrower than this nothing can be laid out.
const NARROWEST: usize = 40;

/// `1 case`, `2 cases`.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// `0.84 s`, `12.3 s`.
#[must_use]
pub fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 10.0 { format!("{seconds:.2} s") } else { format!("{seconds:.1} s") }
}

/// As many of these as fit into so many characters, one at least, and how many more there are.
#[must_use]
pub fn list(words: &[&str], width: usize) -> String {
    let more = |left: usize| if left > 0 { format!(" +{left}") } else { String::new() };
    let fits = |&taken: &usize| {
        let text = words[..taken].join(", ") + &more(words.len() - taken);
        taken <= 1 || text.chars().count() <= width
    };
    let taken = (0..=words.len()).rev().find(fits).unwrap_or_default();
    words[..taken].join(", ") + &more(words.len() - taken)
}

/// How many of these fit into a line, with commas between them; one at least.
#[must_use]
pub fn fitting(words: &[&str], width: usize) -> usize {
    let fits = |&taken: &usize| taken <= 1 || words[..taken].join(", ").chars().count() <= width;
    (0..=words.len()).rev().find(fits).unwrap_or_default()
}

/// The first so many characters; an ellipsis says that there were more.
#[must_use]
pub fn clip(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(3)).collect();
    format!("{}...", kept.trim_end())
}

/// The lines of a text, each broken at its spaces where it is wider than so many characters. A word that is wider
/// by itself stays whole.
#[must_use]
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut full = String::new();
        for word in line.split(' ') {
            let fits = full.chars().count() + 1 + word.chars().count() <= width;
            if !full.is_empty() && !fits {
                lines.push(std::mem::take(&mut full));
            }
            if !full.is_empty() {
                full.push(' ');
            }
            full.push_str(word);
        }
        lines.push(full);
    }
    lines
}

/// How many columns a line on stdout has, by COLUMNS or by the terminal.
#[must_use]
pub fn width() -> usize {
    width_of(std::io::stdout())
}

/// How many columns a line on stderr has, by COLUMNS or by the terminal.
#[must_use]
pub fn width_of_stderr() -> usize {
    width_of(std::io::stderr())
}

fn width_of(stream: impl AsFd) -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let terminal = || rustix::termios::tcgetwinsize(&stream).ok();
    let asked = || terminal().map(|size| usize::from(size.ws_col)).filter(|&columns| columns > 0);
    said.or_else(asked).unwrap_or(WIDTH).max(NARROWEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_never_is_wider_than_it_may_be_and_counts_what_is_left_out() {
        let words = ["framing.single", "payload.empty", "limits.spin"];
        assert_eq!(list(&words, 60), "framing.single, payload.empty, limits.spin");
        assert_eq!(list(&words, 32), "framing.single, payload.empty +1");
        assert_eq!(list(&words, 31), "framing.single +2");
        assert_eq!(list(&words, 3), "framing.single +2", "one is always said");
        assert_eq!(list(&[], 10), "");
    }

    #[test]
    fn what_is_wrapped_keeps_its_words_and_its_own_lines() {
        assert_eq!(wrapped("one two three\nfour", 8), ["one two", "three", "four"]);
        assert_eq!(wrapped("incomprehensible", 8), ["incomprehensible"]);
        assert_eq!(wrapped("", 8), Vec::<String>::new());
    }

    #[test]
    fn what_is_clipped_says_so() {
        assert_eq!(clip("little-endian", 13), "little-endian");
        assert_eq!(clip("little-endian", 10), "little-...");
    }
}

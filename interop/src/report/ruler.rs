//! Where a sweep goes wrong, with a sign for each byte of the frame: whether it is wrong when it is cut behind
//! that byte.

use rust_server::framing::Framing;

use super::mark::Charset;
use crate::model::outcome::Outcome;
use crate::model::sweep::{Row, Ruler};

/// The longest frame that is drawn, header included, in bytes: with all that stands beside it, it fits a line.
const DRAWN: usize = 40;
/// How many ranges of offsets are named.
const NAMED: usize = 4;

/// A line for each length of body that goes wrong. Header and body are told apart by `|`; `?` was not tried.
#[must_use]
pub fn lines(ruler: &Ruler, framing: Framing, charset: Charset) -> String {
    let header = framing.header_len();
    let cells = |row: &Row| {
        let after = format!("after {} of {}", row.wrong(NAMED), row.tried(NAMED));
        [format!("body of {}", row.len), signs(row, header, charset), after]
    };
    let rows: Vec<[String; 3]> = ruler.failing().map(cells).collect();
    let width = |column: usize| {
        rows.iter().map(|cells| cells[column].chars().count()).max().unwrap_or_default()
    };
    let (name, drawn) = (width(0), width(1));
    let gap = if drawn == 0 { "" } else { "   " };
    let line = |[body, signs, after]: &[String; 3]| {
        format!("{body:<name$}{gap}{signs:<drawn$}   {after}\n")
    };
    rows.iter().map(line).collect()
}

/// Nothing for a frame that is too long.
fn signs(row: &Row, header: usize, charset: Charset) -> String {
    let len = header + row.len;
    if len > DRAWN {
        return String::new();
    }
    let sign = |at: usize| match row.offsets.get(&at) {
        Some(true) => charset.mark(Outcome::Fail),
        Some(false) => ".",
        None if at == len => ".", // behind the last byte there is nothing to cut
        None => "?",
    };
    let part = |range: std::ops::RangeInclusive<usize>| range.map(sign).collect::<String>();
    format!("{}|{}", part(1..=header), part(header + 1..=len))
}

#[cfg(test)]
mod tests {
    use super::lines;
    use crate::model::case::{Case, Part, Step, Write};
    use crate::model::cut::Cut;
    use crate::model::script::cases;
    use crate::model::sweep::{Ruler, failing};
    use crate::report::mark::Charset;
    use rust_server::framing::Framing;

    /// Of frames with bodies of these lengths, cut at each offset; `None` where that was not tried.
    fn ruler(lens: &[usize], wrong: impl Fn(usize, usize) -> Option<bool>) -> Ruler {
        let cuts: Vec<(usize, usize)> =
            lens.iter().flat_map(|len| (1..4 + len).map(move |offset| (*len, offset))).collect();
        let lane = |(conn, (len, offset)): (u16, &(usize, usize))| {
            let parts = vec![Part::Frame("x".repeat(*len).as_str().into())];
            vec![Step::Write(Write { conn, parts, cut: Cut::At(vec![*offset]) })]
        };
        let mut case = Case::clone(&cases()[0]);
        case.steps = vec![Step::Lanes((0..).zip(&cuts).map(lane).collect())];
        let of_conn = |conn: u16| {
            let (len, offset) = cuts[usize::from(conn)];
            wrong(len, offset)
        };
        failing(&case, of_conn).expect("something is wrong")
    }

    fn drawn(ruler: &Ruler) -> String {
        lines(ruler, Framing::DEFAULT, Charset::Unicode)
    }

    #[test]
    fn a_sign_for_each_byte_tells_header_from_body_and_right_from_wrong() {
        let in_header = ruler(&[5], |_, offset| Some(offset < 4));
        assert_eq!(drawn(&in_header), "body of 5   ✗✗✗.|.....   after 1-3 of 1-8\n");
        let between = ruler(&[2], |_, offset| Some(offset == 4));
        assert_eq!(drawn(&between), "body of 2   ...✗|..   after 4 of 1-5\n");
        let in_body = ruler(&[3], |_, offset| Some(offset > 4));
        assert_eq!(drawn(&in_body), "body of 3   ....|✗✗.   after 5-6 of 1-6\n");
    }

    #[test]
    fn a_terminal_without_unicode_gets_letters() {
        let ruler = ruler(&[5], |_, offset| Some(offset < 4));
        let ascii = lines(&ruler, Framing::DEFAULT, Charset::Ascii);
        assert_eq!(ascii, "body of 5   XXX.|.....   after 1-3 of 1-8\n");
    }

    #[test]
    fn what_was_not_tried_is_no_success() {
        let ruler = ruler(&[3], |_, offset| (offset < 5).then_some(offset == 2));
        assert_eq!(drawn(&ruler), "body of 3   .✗..|??.   after 2 of 1-4\n");
    }

    #[test]
    fn long_frames_are_told_in_ranges_alone_and_the_columns_stand_below_each_other() {
        let ruler = ruler(&[0, 36, 37, 128], |_, offset| Some(offset < 4));
        let drawn = drawn(&ruler);
        let rows: Vec<&str> = drawn.lines().collect();
        let [empty, longest, too_long, long] = rows[..] else { panic!("four lines: {drawn}") };
        assert!(empty.starts_with("body of 0     ✗✗✗.|   "), "{empty}");
        assert!(longest.contains(&format!("✗✗✗.|{}   after", ".".repeat(36))), "{longest}");
        assert!(!too_long.contains('✗') && !long.contains('✗'), "{too_long}\n{long}");
        assert!(long.ends_with("   after 1-3 of 1-131"), "{long}");
        let column =
            |line: &str| line.split_once("after").map(|(before, _)| before.chars().count());
        for line in [longest, too_long, long] {
            assert_eq!(column(line), column(empty), "{line}");
            assert!(line.chars().count() + 14 <= 100, "{line}");
        }
    }

    #[test]
    fn many_ranges_are_cut_short() {
        let ruler = ruler(&[100], |_, offset| Some(offset % 2 == 0));
        assert_eq!(drawn(&ruler), "body of 100   after 2, 4, 6, 8, .. of 1-103\n");
    }
}

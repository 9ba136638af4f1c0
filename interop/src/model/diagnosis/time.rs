//! Mistaken clocks: what else than four bytes of seconds since 1970, most significant first, is sent for the time.

use super::evidence::Evidence;
use super::wire::messages;
use crate::limits::CLOCKS_APART;
use crate::model::service::Service;

/// Names in what form the time came, or since when it is counted.
pub(super) fn diagnose(evidence: &Evidence<'_>) -> Option<String> {
    if evidence.service != Some(Service::Time) {
        return None;
    }
    let due = messages(evidence.out, evidence.due);
    let seen = messages(evidence.out, evidence.seen);
    let (due, said) = due.iter().zip(&seen).find(|(due, said)| due != said)?;
    let now = u64::from(u32::from_be_bytes(due[..].try_into().ok()?));
    MISTAKES.iter().find(|(_, is_it)| is_it(now, said)).map(|(words, _)| (*words).to_owned())
}

/// A mistake in words that the peer's author understands, and whether this answer is its work at that time.
type Mistake = (&'static str, fn(u64, &[u8]) -> bool);

const MISTAKES: &[Mistake] = &[
    ("the time is little-endian", |now, said| {
        <[u8; 4]>::try_from(said).is_ok_and(|said| is_near(now, u32::from_le_bytes(said).into()))
    }),
    ("the time is counted since 1900, not since 1970", |now, said| {
        seconds(said).is_some_and(|said| is_near(since_1900(now), said))
    }),
    ("the time is that of a time zone, not UTC", |now, said| {
        let of_a_zone = |said| {
            let (quarters, rest) = (now.abs_diff(said) / QUARTER, now.abs_diff(said) % QUARTER);
            quarters <= ZONES && is_near(0, rest.min(QUARTER - rest))
        };
        seconds(said).is_some_and(of_a_zone)
    }),
    ("the seconds of this day are told, not those since 1970", |now, said| {
        seconds(said).is_some_and(|said| is_near(now % DAY, said))
    }),
    ("the time has 8 bytes", |now, said| {
        let is_now = |said| is_near(now, said) || is_near(now, said / 1000);
        let number = <[u8; 8]>::try_from(said);
        number
            .is_ok_and(|said| is_now(u64::from_be_bytes(said)) || is_now(u64::from_le_bytes(said)))
    }),
    ("the time is a floating-point number", |now, said| {
        let is_now = |said: f64| (said - now as f64).abs() <= CLOCKS_APART.as_secs_f64();
        let double = <[u8; 8]>::try_from(said);
        double
            .is_ok_and(|said| is_now(f64::from_be_bytes(said)) || is_now(f64::from_le_bytes(said)))
    }),
    ("the seconds are written out as digits", |now, said| {
        let text = std::str::from_utf8(said).unwrap_or_default().trim();
        text.parse::<f64>().is_ok_and(|said| said >= 0.0 && is_near(now, said as u64))
    }),
    ("the time is written as text for people", |_, said| {
        let is_text = |text: &str| text.contains(':') && !text.contains(char::is_control);
        std::str::from_utf8(said).is_ok_and(|text| is_text(text.trim_end()))
    }),
];

const DAY: u64 = 24 * 60 * 60;

/// Time zones are so many seconds apart.
const QUARTER: u64 = 15 * 60;

/// And none is further from UTC than so many of them, 14 hours.
const ZONES: u64 = 14 * 4;

fn is_near(one: u64, other: u64) -> bool {
    one.abs_diff(other) <= CLOCKS_APART.as_secs()
}

fn seconds(said: &[u8]) -> Option<u64> {
    said.try_into().ok().map(|said| u32::from_be_bytes(said).into())
}

/// As the four bytes of RFC 868 have it, which began again in 2036.
const fn since_1900(now: u64) -> u64 {
    (now + 2_208_988_800) % (1 << 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-11-20 16:12:48 UTC.
    const NOW: u64 = 0x691f_3e00;

    #[track_caller]
    fn names(said: &[u8], words: Option<&str>) {
        let found = MISTAKES.iter().find(|(_, is_it)| is_it(NOW, said)).map(|(words, _)| *words);
        assert_eq!(found, words, "{said:x?}");
    }

    #[test]
    fn each_form_of_the_time_is_told_from_the_others() {
        let seconds = |seconds: u64| (seconds as u32).to_be_bytes();
        names(&(NOW as u32 + 1).to_le_bytes(), Some("the time is little-endian"));
        names(&seconds(since_1900(NOW)), Some("the time is counted since 1900, not since 1970"));
        let zone = Some("the time is that of a time zone, not UTC");
        names(&seconds(NOW + 3600), zone);
        names(&seconds(NOW - 5 * 3600 - 1800 - 1), zone);
        let today = Some("the seconds of this day are told, not those since 1970");
        names(&seconds(NOW % DAY), today);
        names(&NOW.to_be_bytes(), Some("the time has 8 bytes"));
        names(&(NOW * 1000 + 7).to_le_bytes(), Some("the time has 8 bytes"));
        names(&(NOW as f64).to_be_bytes(), Some("the time is a floating-point number"));
        let digits = Some("the seconds are written out as digits");
        names(NOW.to_string().as_bytes(), digits);
        names(format!("{NOW}.25\n").as_bytes(), digits);
        let text = Some("the time is written as text for people");
        names(b"Thu Nov 20 16:12:48 2025\n", text);
        names(b"2025-11-20T16:12:48Z", text);
    }

    #[test]
    fn what_may_be_anything_is_not_named() {
        for said in [&b""[..], b"1", &[0; 4], &[0; 8], &[0xff; 4], b"12:4\x07"] {
            names(said, None);
        }
        names(&(NOW as u32 - 500).to_be_bytes(), None);
    }
}

//! Framings by name, as `--framing` and the `framing` key of a `peer.toml` say them.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{
    Ascii4, ByteOrder, Counts, Datagram, Fixed1024, Framing, LengthPrefix, Line, Mnet, Raw, Width,
};

/// Every framing with its name, the default first. One byte has no order, so `u8` stands for both.
const NAMED: &[(&str, Framing)] = &[
    ("u32be", prefix(Width::Four, ByteOrder::Big, Counts::Body)),
    ("u8", prefix(Width::One, ByteOrder::Big, Counts::Body)),
    ("u16be", prefix(Width::Two, ByteOrder::Big, Counts::Body)),
    ("u16le", prefix(Width::Two, ByteOrder::Little, Counts::Body)),
    ("u32le", prefix(Width::Four, ByteOrder::Little, Counts::Body)),
    ("u64be", prefix(Width::Eight, ByteOrder::Big, Counts::Body)),
    ("u64le", prefix(Width::Eight, ByteOrder::Little, Counts::Body)),
    ("u8-counted", prefix(Width::One, ByteOrder::Big, Counts::HeaderAndBody)),
    ("u16be-counted", prefix(Width::Two, ByteOrder::Big, Counts::HeaderAndBody)),
    ("u16le-counted", prefix(Width::Two, ByteOrder::Little, Counts::HeaderAndBody)),
    ("u32be-counted", prefix(Width::Four, ByteOrder::Big, Counts::HeaderAndBody)),
    ("u32le-counted", prefix(Width::Four, ByteOrder::Little, Counts::HeaderAndBody)),
    ("u64be-counted", prefix(Width::Eight, ByteOrder::Big, Counts::HeaderAndBody)),
    ("u64le-counted", prefix(Width::Eight, ByteOrder::Little, Counts::HeaderAndBody)),
    ("line", Framing::Line(Line)),
    ("fixed-1024", Framing::Fixed1024(Fixed1024)),
    ("ascii4", Framing::Ascii4(Ascii4)),
    ("mnet", Framing::Mnet(Mnet { order: ByteOrder::Big })),
    ("mnet-le", Framing::Mnet(Mnet { order: ByteOrder::Little })),
    ("raw", Framing::Raw(Raw)),
    ("datagram", Framing::Datagram(Datagram)),
];

const fn prefix(width: Width, order: ByteOrder, counts: Counts) -> Framing {
    Framing::LengthPrefix(LengthPrefix { width, order, counts })
}

impl Framing {
    /// The names of all framings, the default first. `-counted`: the length counts the header too.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|(name, _)| *name)
    }
}

/// A name that no framing has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown framing {0:?} (known: {names})", names = Framing::names().collect::<Vec<_>>().join(", "))]
pub struct UnknownFraming(String);

impl FromStr for Framing {
    type Err = UnknownFraming;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match NAMED.iter().find(|(known, _)| *known == name) {
            Some((_, framing)) => Ok(*framing),
            None => Err(UnknownFraming(name.to_owned())),
        }
    }
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let same = self.with_one_name();
        let named = NAMED.iter().find(|(_, framing)| *framing == same);
        f.pad(named.map_or("unnamed", |(name, _)| name))
    }
}

impl Framing {
    /// This framing as [`NAMED`] has it: one byte has no order.
    fn with_one_name(self) -> Self {
        match self {
            Self::LengthPrefix(prefix) if prefix.width == Width::One => {
                Self::LengthPrefix(LengthPrefix { order: ByteOrder::Big, ..prefix })
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_and_shown_the_same() {
        for (name, framing) in NAMED {
            assert_eq!(name.parse().as_ref(), Ok(framing));
            assert_eq!(framing.to_string(), *name);
        }
    }

    #[test]
    fn every_length_prefix_has_a_name() {
        for width in [Width::One, Width::Two, Width::Four, Width::Eight] {
            for order in [ByteOrder::Big, ByteOrder::Little] {
                for counts in [Counts::Body, Counts::HeaderAndBody] {
                    assert_ne!(prefix(width, order, counts).to_string(), "unnamed");
                }
            }
        }
    }

    #[test]
    fn the_first_name_is_the_default() {
        assert_eq!(Framing::names().next(), Some("u32be"));
        assert_eq!("u32be".parse(), Ok(Framing::DEFAULT));
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let refused = "u24be".parse::<Framing>().expect_err("no such framing");
        assert!(refused.to_string().contains("u32be, u8, u16be"), "{refused}");
    }
}

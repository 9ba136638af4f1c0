//! How long something may take. Read from text such as `30s`, `5min` or `1m 30s` by the command
//! line; [`Timeout`] can be `off`, [`Grace`] can be nothing at all.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

/// How long to wait for something that may never come; or [`Timeout::OFF`], for ever. Never zero,
/// which would leave no time at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeout(Option<Duration>);

impl Timeout {
    /// No time-out: waits for ever. `off` as text.
    pub const OFF: Self = Self(None);

    /// Times out after this long. A duration of zero is taken for the shortest that can be waited.
    pub const fn after(duration: Duration) -> Self {
        match duration.is_zero() {
            true => Self(Some(Duration::from_millis(1))),
            false => Self(Some(duration)),
        }
    }

    /// When the time-out has passed since `start`; `None` when it is off.
    pub(crate) fn deadline(self, start: Instant) -> Option<Instant> {
        self.0.and_then(|duration| start.checked_add(duration))
    }

    /// Completes when the time-out has passed since `start`; never, when it is off. Cancel-safe.
    pub(crate) async fn since(self, start: Instant) {
        match self.deadline(start) {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    }
}

/// How long those that are at work may still take when all is to end. May be zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace(Duration);

impl Grace {
    /// So much time.
    pub const fn new(duration: Duration) -> Self {
        Self(duration)
    }

    /// How long.
    pub const fn get(self) -> Duration {
        self.0
    }
}

/// Text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a duration: {text:?} (expected {expected})")]
pub struct ParseDurationError {
    text: String,
    expected: &'static str,
}

impl FromStr for Timeout {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self::OFF);
        }
        match humantime::parse_duration(text) {
            Ok(duration) if !duration.is_zero() => Ok(Self(Some(duration))),
            _ => Err(ParseDurationError {
                text: text.to_owned(),
                expected: "more than none, such as 30s or 5min, or off",
            }),
        }
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(duration) => humantime::format_duration(duration).fmt(f),
            None => f.write_str("off"),
        }
    }
}

impl FromStr for Grace {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match humantime::parse_duration(text) {
            Ok(duration) => Ok(Self(duration)),
            Err(_) => Err(ParseDurationError {
                text: text.to_owned(),
                expected: "such as 3s, or 0s for none",
            }),
        }
    }
}

impl fmt::Display for Grace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_shown() {
        let five_minutes = Timeout::after(Duration::from_secs(300));
        assert_eq!("5min".parse(), Ok(five_minutes));
        assert_eq!(five_minutes.to_string().parse(), Ok(five_minutes));
        assert_eq!("0s".parse(), Ok(Grace::new(Duration::ZERO)));
    }

    #[test]
    fn off_is_no_time_out_and_zero_is_refused() {
        assert_eq!("off".parse(), Ok(Timeout::OFF));
        assert_eq!(Timeout::OFF.to_string(), "off");
        assert!("0s".parse::<Timeout>().is_err());
        assert!("soon".parse::<Timeout>().is_err());
    }
}

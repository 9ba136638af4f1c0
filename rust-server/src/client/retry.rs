//! Trying again, with pauses that grow, so that a server that is coming up is found and one that is
//! overloaded is not pressed. Used by `Config::connect`.

use std::io;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::limits;

/// How often something is tried that may fail, and how long the pauses between are: the first as told,
/// each next one twice as long, none longer than [`limits::RETRY_PAUSE_LONGEST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    tries: NonZeroU32,
    first_pause: Duration,
}

impl Default for Retry {
    /// [`limits::RETRY_TRIES`] tries, the first pause [`limits::RETRY_PAUSE_FIRST`].
    fn default() -> Self {
        Self { tries: limits::RETRY_TRIES, first_pause: limits::RETRY_PAUSE_FIRST }
    }
}

impl Retry {
    /// One try.
    pub const NEVER: Self = Self { tries: NonZeroU32::MIN, first_pause: limits::RETRY_PAUSE_FIRST };

    /// So many tries, the first included, with this pause behind the first.
    pub const fn new(tries: NonZeroU32, first_pause: Duration) -> Self {
        Self { tries, first_pause }
    }

    /// Tries until it succeeds, or to the last error.
    pub(super) async fn run<T, F>(self, mut once: impl FnMut() -> F) -> io::Result<T>
    where
        F: Future<Output = io::Result<T>>,
    {
        let mut pause = self.first_pause;
        for tried in 1..self.tries.get() {
            match once().await {
                Ok(value) => return Ok(value),
                Err(error) => {
                    pause = pause.min(limits::RETRY_PAUSE_LONGEST);
                    tracing::info!(%error, tried, ?pause, "trying again");
                }
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
        once().await
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// When each try was made, in seconds from the first; the last `failing` of them fail not.
    async fn times_of_tries(retry: Retry, failing: usize) -> (Vec<u64>, io::Result<()>) {
        let begin = Instant::now();
        let mut times = Vec::new();
        let ended = retry
            .run(|| {
                times.push(begin.elapsed().as_secs());
                let fails = times.len() <= failing;
                std::future::ready(match fails {
                    true => Err(io::ErrorKind::ConnectionRefused.into()),
                    false => Ok(()),
                })
            })
            .await;
        (times, ended)
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_three_tries_a_second_and_two_seconds_apart_unless_told_otherwise() {
        let (times, ended) = times_of_tries(Retry::default(), usize::MAX).await;
        assert_eq!(times, [0, 1, 3]);
        assert_eq!(ended.expect_err("in vain").kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_is_the_last_try() {
        let (times, ended) = times_of_tries(Retry::default(), 1).await;
        assert_eq!(times, [0, 1]);
        assert!(ended.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn one_try_is_followed_by_no_pause() {
        let (times, ended) = times_of_tries(Retry::NEVER, usize::MAX).await;
        assert_eq!(times, [0]);
        assert!(ended.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_do_not_grow_beyond_their_bound() {
        let ten = NonZeroU32::new(10).expect("more than none");
        let (times, _) = times_of_tries(Retry::new(ten, Duration::from_secs(8)), usize::MAX).await;
        let pauses: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let longest = limits::RETRY_PAUSE_LONGEST.as_secs();
        assert_eq!(pauses[..3], [8, 16, 32]);
        assert!(pauses[3..].iter().all(|pause| *pause == longest), "{pauses:?}");
    }
}

//! An answer that takes time: the one place where a service and a connection wait for each other.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;

/// The one answer to a message, to be awaited. It is dropped when the client resets its connection or
/// the server is done waiting, and has to give up what it holds then.
pub struct Pending(Pin<Box<dyn Future<Output = Bytes> + Send>>);

impl Pending {
    /// The answer that this future gives.
    pub fn new(answer: impl Future<Output = Bytes> + Send + 'static) -> Self {
        Self(Box::pin(answer))
    }
}

impl Future for Pending {
    type Output = Bytes;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Bytes> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending")
    }
}

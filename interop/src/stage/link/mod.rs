//! The link: what stands between two real peers, writes down what each puts on the wire, and passes it on.

mod datagram;
mod stream;

use crate::model::cut::Cut;

pub use datagram::DatagramLink;
pub use stream::StreamLink;

/// A conversation that runs through us.
#[derive(Debug)]
pub enum Link {
    /// Of a connection.
    Stream(StreamLink),
    /// Of datagrams.
    Datagram(DatagramLink),
}

impl Link {
    /// From here on, both directions are cut so. A datagram cannot be.
    pub fn recut(&self, cut: Cut) {
        if let Self::Stream(link) = self {
            link.recut(cut);
        }
    }

    /// Lets both directions come to their end, where they have one.
    pub async fn close(self) {
        if let Self::Stream(link) = self {
            link.close().await;
        }
    }
}

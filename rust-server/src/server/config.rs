//! How a server is set up. Filled by the command line or by hand, read by all of the server.

use crate::framing::{Framing, MaxFrame};
use crate::limits;
use crate::settings::{Address, Grace, MaxConnections, Timeout};

/// The knobs of a server. [`Config::default`] is what `rust-server` does without arguments; each
/// method changes one of them.
#[derive(Debug, Clone)]
pub struct Config {
    pub(super) listen: Address,
    pub(super) framing: Framing,
    pub(super) max_frame: MaxFrame,
    pub(super) max_connections: MaxConnections,
    pub(super) idle_timeout: Timeout,
    pub(super) frame_timeout: Timeout,
    pub(super) grace: Grace,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Self::default_listen(),
            framing: Framing::DEFAULT,
            max_frame: MaxFrame::DEFAULT,
            max_connections: MaxConnections::DEFAULT,
            idle_timeout: Timeout::after(limits::DEFAULT_IDLE_TIMEOUT),
            frame_timeout: Timeout::after(limits::DEFAULT_FRAME_TIMEOUT),
            grace: Grace::new(limits::DEFAULT_GRACE),
        }
    }
}

impl Config {
    /// 127.0.0.1:9000: loopback unless told otherwise (P12).
    pub(crate) fn default_listen() -> Address {
        std::net::SocketAddr::from(([127, 0, 0, 1], 9000)).into()
    }

    /// Where to listen; 127.0.0.1:9000 by default. Port 0 lets the system choose.
    pub fn listen(mut self, address: Address) -> Self {
        self.listen = address;
        self
    }

    /// How messages are laid on the stream.
    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// The largest message that is taken and answered (P9).
    pub fn max_frame(mut self, max: MaxFrame) -> Self {
        self.max_frame = max;
        self
    }

    /// How many connections are served at once. Further clients are not turned away: they wait in
    /// the listener's backlog until one ends.
    pub fn max_connections(mut self, max: MaxConnections) -> Self {
        self.max_connections = max;
        self
    }

    /// How long a connection may go without a byte in either direction, also while an answer waits
    /// for a client that does not read. It is ended then.
    pub fn idle_timeout(mut self, timeout: Timeout) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// How long a frame may take from its first byte to its last, however its bytes drip. Time in
    /// which the server does not read because its answers are not read (P10) does not count.
    pub fn frame_timeout(mut self, timeout: Timeout) -> Self {
        self.frame_timeout = timeout;
        self
    }

    /// How long connections may take to finish after the server was told to stop. In the first three
    /// quarters frames that have begun may be finished, the last is for writing what is due.
    pub fn grace(mut self, grace: Grace) -> Self {
        self.grace = grace;
        self
    }
}

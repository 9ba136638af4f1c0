//! Where a server listens and a client connects: `host:port`, looked up when it is used.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use thiserror::Error;

/// A host and a port: `127.0.0.1:9000`, `[::1]:9000` or `localhost:9000`. Port 0 lets the system
/// choose where one listens. That the host exists is found out when it is used.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address(String);

impl Address {
    /// The address in the form that it was given, as `tokio::net` takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is sure to be of this machine alone: a loopback number, or `localhost`.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.0.parse::<SocketAddr>() {
            Ok(address) => address.ip().is_loopback(),
            Err(_) => self.0.starts_with("localhost:"),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self(address.to_string())
    }
}

/// Text that is no `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "not an address: {0:?} (expected HOST:PORT, such as 127.0.0.1:9000, [::1]:9000 or localhost:9000)"
)]
pub struct ParseAddressError(String);

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numeric = text.parse::<SocketAddr>().is_ok();
        let named = text.rsplit_once(':').is_some_and(|(host, port)| {
            let host_is_name = !host.is_empty() && !host.contains([':', '[', ']', ' ', '/']);
            host_is_name && port.parse::<u16>().is_ok()
        });
        if numeric || named {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseAddressError(text.to_owned()))
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_with_a_port_are_addresses() {
        for text in ["127.0.0.1:9000", "[::1]:0", "localhost:9000", "a-b.example:1"] {
            assert_eq!(text.parse::<Address>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn only_numbers_of_the_loopback_interface_and_localhost_are_sure_to_be_of_this_machine() {
        let is_loopback = |text: &str| text.parse::<Address>().expect(text).is_loopback();
        for text in ["127.0.0.1:9000", "127.1.2.3:0", "[::1]:0", "localhost:9000"] {
            assert!(is_loopback(text), "{text}");
        }
        for text in ["0.0.0.0:9000", "[::]:0", "192.0.2.1:1", "localhost.example:1", "a:1"] {
            assert!(!is_loopback(text), "{text}");
        }
    }

    #[test]
    fn what_lacks_a_host_or_a_port_is_refused() {
        for text in ["", "127.0.0.1", ":9000", "::1:9000", "localhost:", "h:99999", "http://h:80"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}

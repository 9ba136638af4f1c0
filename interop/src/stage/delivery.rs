//! Delivery of fragments: each is read by the receiver before the next is sent, with proof where the
//! kernel gives it (clause P4 is tested by nothing less).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::sleep;

use super::scene::Scene;
use crate::limits;

/// The sending side of one connection.
#[derive(Debug)]
pub struct Delivery {
    stream: Arc<TcpStream>,
    scene: Arc<Scene>,
    proof: Proof,
    written: u64,
}

/// Whether the receiver is known to have read what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// The kernel said so.
    Confirmed,
    /// It is likely, after a pause.
    Likely,
}

#[derive(Debug)]
enum Proof {
    #[cfg(target_os = "linux")]
    SockDiag {
        receiver: SocketAddr,
        us: SocketAddr,
    },
    Pause,
}

impl Delivery {
    /// Sends on `stream`, which gets TCP_NODELAY: a fragment must not wait for an acknowledgement.
    ///
    /// # Errors
    /// When the connection is gone already.
    pub fn new(stream: Arc<TcpStream>, scene: Arc<Scene>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let proof = Proof::find(stream.peer_addr()?, stream.local_addr()?);
        Ok(Self { stream, scene, proof, written: 0 })
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// When the connection is gone, or takes nothing for too long.
    pub async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let mut taken_before = None;
        while !bytes.is_empty() {
            match self.stream.try_write(bytes) {
                Ok(taken) => {
                    self.written += taken as u64;
                    bytes = &bytes[taken..];
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    // Who takes all at once is asked nothing.
                    let taken_before = taken_before.get_or_insert_with(|| self.taken());
                    self.writable(taken_before).await?;
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Waits until the connection takes more, as long as the receiver reads, if only a little at a time.
    async fn writable(&self, taken_before: &mut u64) -> io::Result<()> {
        loop {
            if let Some(ready) = self.scene.in_time(self.stream.writable()).await {
                return ready;
            }
            let taken = self.taken();
            if taken <= *taken_before || !self.scene.is_patient() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            *taken_before = taken;
        }
    }

    /// How many bytes the receiver has read, as far as that is known.
    fn taken(&self) -> u64 {
        self.proof.received().unwrap_or(0)
    }

    /// Waits until the receiver has read everything written so far. Where it does not, or the kernel
    /// cannot be asked, the rest of this connection goes on without proof.
    pub async fn read_by_receiver(&mut self) -> Read {
        if self.scene.reads() {
            match self.scene.in_time(self.proof.confirm(self.written)).await {
                Some(true) => return Read::Confirmed,
                Some(false) => {}
                None => self.scene.saw_unread(),
            }
        }
        self.proof = Proof::Pause;
        sleep(limits::UNPROVEN_DELIVERY).await;
        Read::Likely
    }
}

impl Proof {
    #[cfg(target_os = "linux")]
    fn find(receiver: SocketAddr, us: SocketAddr) -> Self {
        match super::sock_diag::received(receiver, us) {
            Ok(Some(_)) => Self::SockDiag { receiver, us },
            Ok(None) | Err(_) => Self::Pause,
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn find(_receiver: SocketAddr, _us: SocketAddr) -> Self {
        Self::Pause
    }

    /// How many bytes the receiver has read; `None` where that is not known.
    #[cfg(target_os = "linux")]
    fn received(&self) -> Option<u64> {
        let Self::SockDiag { receiver, us } = self else { return None };
        let received = super::sock_diag::received(*receiver, *us).ok()??;
        Some(received.total.saturating_sub(received.unread.into()))
    }

    #[cfg(not(target_os = "linux"))]
    fn received(&self) -> Option<u64> {
        None
    }

    #[cfg(target_os = "linux")]
    async fn confirm(&self, written: u64) -> bool {
        let Self::SockDiag { receiver, us } = self else {
            return false;
        };
        for asked in 0.. {
            match super::sock_diag::received(*receiver, *us) {
                Ok(Some(received)) if received.total >= written && received.unread == 0 => {
                    return true;
                }
                Ok(Some(_)) => pause(asked).await,
                _ => return false,
            }
        }
        false
    }

    #[cfg(not(target_os = "linux"))]
    async fn confirm(&self, _written: u64) -> bool {
        false
    }
}

/// The pause between two questions to the kernel about a program that is about to act, after so many. A
/// program that is awake needs microseconds, so the first questions follow each other closely; the
/// runtime's clock is too coarse for these pauses. One that has not acted for long is not asked often.
pub(super) async fn pause(asked: u32) {
    const CLOSELY: u32 = 20;
    const SOON: u32 = CLOSELY + 20;
    match asked {
        ..CLOSELY => {
            std::thread::sleep(Duration::from_micros(20));
            tokio::task::yield_now().await;
        }
        CLOSELY..SOON => sleep(Duration::from_millis(1)).await,
        SOON.. => sleep(Duration::from_millis(10)).await,
    }
}

//! The file format pcapng, as far as a capture needs it: a section, its interfaces, and packets with comments.

use std::io::{self, Write};
use std::time::Duration;

/// Of packets that begin with an IP header, of version 4 or 6 (LINKTYPE_RAW).
const RAW_IP: u16 = 101;
/// How much of a comment is written, in bytes: the format has room for 64 KiB.
const COMMENT: usize = 8 * 1024;
/// Room for what is said where a capture is cut.
const RESERVE: u64 = 256;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
/// By it readers see which byte of a number comes first.
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// How long the section is: not known beforehand.
const UNKNOWN_LEN: u64 = u64::MAX;
/// How much of a packet is kept: all of it.
const UNLIMITED: u32 = 0;

/// Options of any block.
const OPT_END: u16 = 0;
const OPT_COMMENT: u16 = 1;
/// Of a section.
const OPT_APPLICATION: u16 = 4;
/// Of an interface.
const OPT_NAME: u16 = 2;
const OPT_DESCRIPTION: u16 = 3;
const OPT_RESOLUTION: u16 = 9;
/// Times are in units of 10^-9 s.
const NANOSECONDS: u8 = 9;

/// Where packets are seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// A short name.
    pub name: &'static str,
    /// Between whom it is.
    pub description: String,
}

/// A packet that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// On which of the interfaces.
    pub interface: u32,
    /// Since 1970-01-01 UTC.
    pub at: Duration,
    /// From its IP header on.
    pub bytes: Vec<u8>,
    /// What is to be said of it.
    pub comment: Option<String>,
}

/// Writes a capture, up to a limit.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    limit: u64,
    written: u64,
    /// The last packet that fits: what is said of it may have to say that no more do.
    held: Option<Packet>,
    left_out: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a capture of at most `limit` bytes.
    ///
    /// # Errors
    /// When `out` takes no more.
    pub fn new(
        out: W,
        limit: u64,
        comment: &str,
        application: &str,
        interfaces: &[Interface],
    ) -> io::Result<Self> {
        let mut writer = Self { out, limit, written: 0, held: None, left_out: 0 };
        let mut section = Vec::new();
        section.extend(BYTE_ORDER.to_le_bytes());
        section.extend(1_u16.to_le_bytes()); // version 1.0
        section.extend(0_u16.to_le_bytes());
        section.extend(UNKNOWN_LEN.to_le_bytes());
        option(&mut section, OPT_COMMENT, clip(comment));
        option(&mut section, OPT_APPLICATION, application);
        end_of_options(&mut section);
        writer.block(SECTION_HEADER, &[&section])?;
        for Interface { name, description } in interfaces {
            let mut interface = Vec::new();
            interface.extend(RAW_IP.to_le_bytes());
            interface.extend([0; 2]);
            interface.extend(UNLIMITED.to_le_bytes());
            option(&mut interface, OPT_NAME, name);
            option(&mut interface, OPT_DESCRIPTION, clip(description));
            option(&mut interface, OPT_RESOLUTION, [NANOSECONDS]);
            end_of_options(&mut interface);
            writer.block(INTERFACE_DESCRIPTION, &[&interface])?;
        }
        Ok(writer)
    }

    /// Adds a packet. The first that does not fit is left out, and so are all behind it.
    ///
    /// # Errors
    /// When `out` takes no more.
    pub fn packet(&mut self, packet: Packet) -> io::Result<()> {
        if self.left_out > 0 {
            self.left_out += 1;
            return Ok(());
        }
        if let Some(before) = &self.held {
            let both = before.room() + packet.room();
            if self.written + both + RESERVE > self.limit {
                self.left_out = 1;
                return Ok(());
            }
        }
        match self.held.replace(packet) {
            Some(before) => self.write(&before),
            None => Ok(()),
        }
    }

    /// Ends the capture, and says of its last packet how many were left out.
    ///
    /// # Errors
    /// When `out` takes no more.
    pub fn finish(mut self) -> io::Result<W> {
        if let Some(mut last) = self.held.take() {
            if self.left_out > 0 {
                let cut = format!(
                    "the capture is cut here, for it may have {} bytes: {} more packets are left out",
                    self.limit, self.left_out
                );
                let said = last.comment.take().map(|said| said + "\n");
                last.comment = Some(said.unwrap_or_default() + &cut);
            }
            self.write(&last)?;
        }
        self.out.flush()?;
        Ok(self.out)
    }

    fn write(&mut self, packet: &Packet) -> io::Result<()> {
        let at = u64::try_from(packet.at.as_nanos()).unwrap_or(u64::MAX);
        let len = u32::try_from(packet.bytes.len()).map_err(io::Error::other)?;
        let mut head = Vec::new();
        head.extend(packet.interface.to_le_bytes());
        head.extend(((at >> 32) as u32).to_le_bytes());
        head.extend((at as u32).to_le_bytes());
        head.extend(len.to_le_bytes()); // as it is here
        head.extend(len.to_le_bytes()); // as it was
        let mut options = vec![0; padding(packet.bytes.len())];
        if let Some(comment) = &packet.comment {
            option(&mut options, OPT_COMMENT, clip(comment));
            end_of_options(&mut options);
        }
        self.block(ENHANCED_PACKET, &[&head, &packet.bytes, &options])
    }

    /// Writes a block of these parts, whose length together is a multiple of four.
    fn block(&mut self, kind: u32, parts: &[&[u8]]) -> io::Result<()> {
        let body: usize = parts.iter().map(|part| part.len()).sum();
        let total = u32::try_from(body + FRAME).map_err(io::Error::other)?;
        self.out.write_all(&kind.to_le_bytes())?;
        self.out.write_all(&total.to_le_bytes())?;
        for part in parts {
            self.out.write_all(part)?;
        }
        self.out.write_all(&total.to_le_bytes())?;
        self.written += u64::from(total);
        Ok(())
    }
}

impl Packet {
    /// How many bytes of a file it takes at most.
    fn room(&self) -> u64 {
        const HEAD: usize = 20;
        const OPTIONS: usize = 16;
        let comment = self.comment.as_ref().map_or(0, |comment| comment.len().min(COMMENT));
        (FRAME + HEAD + self.bytes.len() + OPTIONS + comment) as u64
    }
}

/// The type of a block, and its length, before it and behind it.
const FRAME: usize = 12;

fn option(block: &mut Vec<u8>, code: u16, value: impl AsRef<[u8]>) {
    let value = value.as_ref();
    // Clipped comments and short words alone are given to it.
    let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
    block.extend(code.to_le_bytes());
    block.extend(len.to_le_bytes());
    block.extend(value);
    block.extend(std::iter::repeat_n(0, padding(value.len())));
}

fn end_of_options(block: &mut Vec<u8>) {
    option(block, OPT_END, []);
}

/// How many bytes are missing to a multiple of four.
const fn padding(len: usize) -> usize {
    len.next_multiple_of(4) - len
}

fn clip(text: &str) -> &str {
    let end = (0..=COMMENT.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or_default()]
}

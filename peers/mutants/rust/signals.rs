//! SIGTERM as something that can be waited for beside a socket, and what the standard library cannot do with a socket. These few functions of the C library are linked to every Rust program anyway.

use std::io;
use std::mem::size_of_val;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

const SIGTERM: i32 = 15;
const POLLIN: i16 = 1;
/// As Linux numbers them.
const SOL_SOCKET: i32 = 1;
const SO_SNDBUF: i32 = 7;
const SO_LINGER: i32 = 13;
const MSG_DONTWAIT: i32 = 0x40;

#[repr(C)]
struct PollFd {
    descriptor: RawFd,
    events: i16,
    revents: i16,
}

extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
    fn pipe(descriptors: *mut RawFd) -> i32;
    fn write(descriptor: RawFd, bytes: *const u8, count: usize) -> isize;
    fn setsockopt(
        descriptor: RawFd,
        level: i32,
        name: i32,
        value: *const i32,
        size: u32,
    ) -> i32;
    fn send(socket: RawFd, bytes: *const u8, count: usize, flags: i32) -> isize;
    fn poll(descriptors: *mut PollFd, count: u64, timeout_ms: i32) -> i32;
}

static STOP_READER: AtomicI32 = AtomicI32::new(-1); // readable for everybody as soon as the server stops
static STOP_WRITER: AtomicI32 = AtomicI32::new(-1);

extern "C" fn stop(_number: i32) {
    // SAFETY: write is allowed in a signal handler, and the byte lives long enough.
    unsafe { write(STOP_WRITER.load(Ordering::SeqCst), b"!".as_ptr(), 1) };
}

pub fn heed_sigterm() -> io::Result<()> {
    let mut ends: [RawFd; 2] = [0; 2];
    // SAFETY: the array has room for the two descriptors that pipe writes.
    if unsafe { pipe(ends.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    STOP_READER.store(ends[0], Ordering::SeqCst);
    STOP_WRITER.store(ends[1], Ordering::SeqCst);
    // SAFETY: the handler does nothing that is not allowed in one.
    unsafe { signal(SIGTERM, stop) };
    Ok(())
}

/// Waits until there is something to read; `false` once SIGTERM has come.
pub fn wait_for(source: &impl AsRawFd) -> io::Result<bool> {
    let entry = |descriptor| PollFd { descriptor, events: POLLIN, revents: 0 };
    let mut entries = [entry(STOP_READER.load(Ordering::SeqCst)), entry(source.as_raw_fd())];
    loop {
        // SAFETY: the array is as long as is said.
        if unsafe { poll(entries.as_mut_ptr(), entries.len() as u64, -1) } >= 0 {
            return Ok(entries[0].revents == 0);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Closing a socket resets its connection from here on.
pub fn reset_on_close(descriptor: RawFd) {
    set_option(descriptor, SO_LINGER, &[1, 0]); // on, zero seconds
}

/// What a non-blocking socket with a small buffer takes of these bytes, at once.
pub fn send_what_fits(socket: &impl AsRawFd, bytes: &[u8]) -> usize {
    set_option(socket.as_raw_fd(), SO_SNDBUF, &[16 * 1024]);
    // SAFETY: the bytes are as many as is said.
    let sent = unsafe { send(socket.as_raw_fd(), bytes.as_ptr(), bytes.len(), MSG_DONTWAIT) };
    sent.try_into().unwrap_or(0)
}

/// A descriptor that is none any more is an error without consequence.
fn set_option(descriptor: RawFd, name: i32, value: &[i32]) {
    // SAFETY: the value is as long as is said.
    unsafe { setsockopt(descriptor, SOL_SOCKET, name, value.as_ptr(), size_of_val(value) as u32) };
}

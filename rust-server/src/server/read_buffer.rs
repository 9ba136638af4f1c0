//! The room that reads go to. It belongs to the thread: who has been told that there is something to read
//! borrows it, takes what came, and keeps of it only what he cannot be done with at once. So a thousand
//! idle connections hold no room at all, and a busy one has plenty of it. Used by `connection` and
//! `ending`.

use std::cell::RefCell;

use crate::limits;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; limits::READ_BUFFER]);
}

/// Lends the thread's [`limits::READ_BUFFER`] bytes to `reader`, which must not ask for them again.
/// What stands in them is of no meaning.
pub(super) fn lend<T>(reader: impl FnOnce(&mut [u8]) -> T) -> T {
    BUFFER.with_borrow_mut(|buffer| reader(buffer))
}

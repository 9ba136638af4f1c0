//! The buffers that belong to the thread and not to a connection. Who has been told that there is
//! something to read borrows the room for it, takes what came, and keeps of it only what he cannot be done
//! with at once. So a thousand idle connections hold no room at all, and a busy one has plenty of it.
//! Used by `connection` and `ending`.

use std::cell::RefCell;

use bytes::BytesMut;

use crate::limits;

thread_local! {
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; limits::READ_BUFFER]);
    static SPARE: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// Lends the thread's [`limits::READ_BUFFER`] bytes to `reader`, which must not ask for them again.
/// What stands in them is of no meaning.
pub(super) fn lend<T>(reader: impl FnOnce(&mut [u8]) -> T) -> T {
    READ.with_borrow_mut(|buffer| reader(buffer))
}

/// An empty buffer for something large, from those that were given back, or one without any room: the
/// pages of a fresh one would cost as much as what is read into them.
pub(super) fn take_spare() -> BytesMut {
    SPARE.with_borrow_mut(|spare| {
        let largest = (0..spare.len()).max_by_key(|at| spare[*at].capacity());
        largest.map(|at| spare.swap_remove(at)).unwrap_or_default()
    })
}

/// Gives back a buffer that is no longer needed, whatever it holds. The few largest are kept.
pub(super) fn give_back(mut buffer: BytesMut) {
    let worth_keeping = limits::LARGE_START..=limits::SPARE_BUFFER;
    if !worth_keeping.contains(&buffer.capacity()) {
        return;
    }
    buffer.clear();
    SPARE.with_borrow_mut(|spare| {
        spare.push(buffer);
        if spare.len() > limits::SPARE_BUFFERS {
            let smallest = (0..spare.len()).min_by_key(|at| spare[*at].capacity());
            smallest.map(|at| spare.swap_remove(at));
        }
    });
}

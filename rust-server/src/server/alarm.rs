//! What wakes a connection that waits for its client: an order, and the time. Used by `connection`.
//!
//! It is asked before each wait, that is once a message when messages come one by one. So it does as little
//! as can be: a task that is to be woken by an order already is not put on that list again, and a timer
//! that will strike too early is left alone until it has.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::time::{Instant, Sleep};

/// Wakes a task when `order` completes, and at the deadline of its wait.
pub(super) struct Alarm<'a, O> {
    order: Pin<&'a mut O>,
    timer: Pin<&'a mut Sleep>,
    /// The task that both wake.
    task: Option<Waker>,
}

impl<'a, O: Future> Alarm<'a, O> {
    /// An alarm that nobody hears yet; when `timer` strikes does not matter.
    pub(super) fn new(order: Pin<&'a mut O>, timer: Pin<&'a mut Sleep>) -> Self {
        Self { order, timer, task: None }
    }

    /// Ready when the deadline is over `now`; else the task will be woken in time, or earlier. It is
    /// also woken by the order, and has to find out itself that it was.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        deadline: Option<Instant>,
    ) -> Poll<()> {
        if deadline.is_some_and(|deadline| deadline <= now) {
            return Poll::Ready(());
        }
        let known = self.task.as_ref().is_some_and(|task| task.will_wake(cx.waker()));
        let mut woken = false;
        if !known {
            self.task = Some(cx.waker().clone());
            woken |= self.order.as_mut().poll(cx).is_ready();
        }
        if let Some(deadline) = deadline {
            let strikes_in_time = !self.timer.is_elapsed() && self.timer.deadline() <= deadline;
            if !strikes_in_time {
                self.timer.as_mut().reset(deadline);
            }
            if !strikes_in_time || !known {
                woken |= self.timer.as_mut().poll(cx).is_ready();
            }
        }
        if woken {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

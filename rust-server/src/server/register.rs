//! The register of a server's connections: how many there are, the order that holds for them, and who of
//! them is to be woken when. `accept` keeps it and gives the orders, each connection has an [`Entry`].
//!
//! One list and one timer for all, since a timer, a place among the listeners and a place among the tasks
//! of its own would be half of what an idle connection takes of memory.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use slab::Slab;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::limits;

/// How far the end of the server has come. Each order goes beyond those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Order {
    /// Serve: the end is not near.
    Serve,
    /// Answer what has come, finish the frame that has begun, then end.
    Stop,
    /// Most of the grace time is over: read no more, write the answers that are due, end. Without it
    /// a client that never pauses would be served to the last moment and cut inside an answer.
    LastCall,
    /// The grace time is over: end now, whatever is unsent.
    Cut,
}

impl Order {
    const ALL: [Self; 4] = [Self::Serve, Self::Stop, Self::LastCall, Self::Cut];
}

/// The connections of a server.
#[derive(Debug)]
pub(super) struct Register {
    /// An [`Order`].
    order: AtomicU8,
    list: Mutex<List>,
    /// Told when a connection has ended.
    left: Notify,
    /// Told when somebody is to be woken earlier than all others.
    earlier: Notify,
}

#[derive(Debug, Default)]
struct List {
    connections: Slab<Waiter>,
    /// The earliest deadline of all, or an earlier time.
    next: Option<Instant>,
}

/// A connection, as the register knows it.
#[derive(Debug)]
struct Waiter {
    task: Waker,
    /// When it is to be woken, if nothing else wakes it.
    deadline: Option<Instant>,
}

impl Register {
    /// A register without connections, of a server that serves.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            order: AtomicU8::new(Order::Serve as u8),
            list: Mutex::default(),
            left: Notify::new(),
            earlier: Notify::new(),
        })
    }

    /// Enters a connection, until the entry is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> Entry {
        let waiter = Waiter { task: Waker::noop().clone(), deadline: None };
        let key = self.list().connections.insert(waiter);
        Entry { register: self.clone(), key, heard: self.order(), task: None, deadline: None }
    }

    /// Gives an order, to all at once.
    pub(super) fn give(&self, order: Order) {
        self.order.store(order as u8, Ordering::Release);
        for (_, waiter) in &self.list().connections {
            waiter.task.wake_by_ref();
        }
    }

    /// The order that holds.
    fn order(&self) -> Order {
        Order::ALL[usize::from(self.order.load(Ordering::Acquire))]
    }

    /// How many connections there are.
    pub(super) fn len(&self) -> usize {
        self.list().connections.len()
    }

    /// Completes when a connection has ended, or one had before that nobody waited for. Cancel-safe.
    pub(super) async fn left(&self) {
        self.left.notified().await;
    }

    /// Wakes each connection at its deadline, or a little later. Never completes.
    pub(super) async fn keep_time(&self) {
        let mut earliest = Instant::now();
        loop {
            match self.next() {
                None => self.earlier.notified().await,
                // Whoever waits is looked at each time, so that is not done without end.
                Some(next) => tokio::select! {
                    () = sleep_until(next.max(earliest)) => {
                        let now = Instant::now();
                        self.wake_who_is_due(now);
                        earliest = now + limits::ALARM_PAUSE;
                    }
                    () = self.earlier.notified() => {}
                },
            }
        }
    }

    /// When somebody may be due next.
    fn next(&self) -> Option<Instant> {
        self.list().next
    }

    fn wake_who_is_due(&self, now: Instant) {
        let List { connections, next } = &mut *self.list();
        for (_, Waiter { task, deadline }) in &mut *connections {
            if deadline.take_if(|deadline| *deadline <= now).is_some() {
                task.wake_by_ref();
            }
        }
        *next = connections.iter().filter_map(|(_, waiter)| waiter.deadline).min();
    }

    fn list(&self) -> MutexGuard<'_, List> {
        // Whoever panicked left each waiter whole.
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's own part of the register: the order that it hears, and its alarm.
///
/// The alarm is asked before each wait, that is once a message when messages come one by one. So it does as
/// little as can be: one that will strike too early is left alone until it has.
#[derive(Debug)]
pub(super) struct Entry {
    register: Arc<Register>,
    key: usize,
    /// The last order that was taken note of.
    heard: Order,
    /// The task that the register wakes.
    task: Option<Waker>,
    /// When it does.
    deadline: Option<Instant>,
}

impl Entry {
    /// The order that holds, as far as it was taken note of.
    pub(super) fn heard(&self) -> Order {
        self.heard
    }

    /// Takes note of the order that holds. Costs next to nothing.
    pub(super) fn hear(&mut self) -> Order {
        self.heard = self.register.order();
        self.heard
    }

    /// Ready when the deadline is over `now`; else the task will be woken in time, or earlier. It is
    /// also woken by a new order, and has to find out itself that it was.
    pub(super) fn poll_alarm(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        deadline: Option<Instant>,
    ) -> Poll<()> {
        if deadline.is_some_and(|deadline| deadline <= now) {
            return Poll::Ready(());
        }
        let known = self.task.as_ref().is_some_and(|task| task.will_wake(cx.waker()));
        let strikes_in_time = deadline.is_none_or(|deadline| {
            self.deadline.is_some_and(|strikes| now < strikes && strikes <= deadline)
        });
        if !known || !strikes_in_time {
            self.task = Some(cx.waker().clone());
            self.deadline = deadline;
            self.set_alarm(cx.waker());
        }
        Poll::Pending
    }

    /// Has the register wake this task.
    fn set_alarm(&self, task: &Waker) {
        let mut list = self.register.list();
        let waiter = &mut list.connections[self.key];
        waiter.task.clone_from(task);
        waiter.deadline = self.deadline;
        if let Some(deadline) = self.deadline
            && list.next.is_none_or(|next| deadline < next)
        {
            list.next = Some(deadline);
            self.register.earlier.notify_one();
        }
        drop(list);
        // One that was given before the register knew of this task did not wake it.
        if self.register.order() != self.heard {
            task.wake_by_ref();
        }
    }

    /// Completes when this order holds, or a sterner one. Cancel-safe.
    pub(super) async fn reach(&mut self, order: Order) {
        poll_fn(|cx| match self.hear() >= order {
            true => Poll::Ready(()),
            false => self.poll_alarm(cx, Instant::now(), None),
        })
        .await;
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.register.list().connections.remove(self.key);
        self.register.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// Waits by the alarm of an entry until `deadline`, or for an order.
    async fn wait(entry: &mut Entry, deadline: Option<Instant>) -> Option<Order> {
        let before = entry.hear();
        poll_fn(|cx| match entry.hear() {
            order if order != before => Poll::Ready(Some(order)),
            _ => entry.poll_alarm(cx, Instant::now(), deadline).map(|()| None),
        })
        .await
    }

    #[tokio::test(start_paused = true)]
    async fn each_connection_is_woken_at_its_own_deadline() {
        let register = Register::new();
        let begun = Instant::now();
        let waits = [3, 1, 2].map(|hours| {
            let mut entry = register.enter();
            async move {
                wait(&mut entry, Some(begun + HOUR * hours)).await;
                begun.elapsed().as_secs() / HOUR.as_secs()
            }
        });
        let [first, second, third] = waits;
        let woken = tokio::select! {
            () = register.keep_time() => unreachable!("time has no end"),
            (a, b, c) = async { tokio::join!(first, second, third) } => [a, b, c],
        };
        assert_eq!(woken, [3, 1, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_comes_nearer_is_kept() {
        let register = Register::new();
        let mut entry = register.enter();
        let (begun, late) = (Instant::now(), Instant::now() + HOUR * 24);
        let waits = async {
            assert!(timeout(HOUR, wait(&mut entry, Some(late))).await.is_err());
            wait(&mut entry, Some(begun + HOUR * 2)).await;
        };
        tokio::select! {
            () = register.keep_time() => unreachable!("time has no end"),
            () = waits => assert!(begun.elapsed() < HOUR * 3),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_wakes_who_waits_without_a_deadline() {
        let register = Register::new();
        let mut entry = register.enter();
        let waiting = tokio::spawn(async move { wait(&mut entry, None).await });
        tokio::task::yield_now().await;
        register.give(Order::Stop);
        assert!(matches!(timeout(HOUR, waiting).await, Ok(Ok(Some(Order::Stop)))));
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_given_before_somebody_waits_is_heard_when_he_does() {
        let register = Register::new();
        let mut entry = register.enter();
        register.give(Order::LastCall);
        assert!(timeout(HOUR, entry.reach(Order::Stop)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_left_is_told_of_and_no_longer_counted() {
        let register = Register::new();
        let (stays, leaves) = (register.enter(), register.enter());
        assert_eq!(register.len(), 2);
        drop(leaves);
        assert!(timeout(HOUR, register.left()).await.is_ok());
        assert_eq!(register.len(), 1);
        drop(stays);
        assert_eq!(register.len(), 0);
    }
}

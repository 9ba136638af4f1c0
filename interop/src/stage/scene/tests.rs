//! How long is waited: what nothing can come of any more is given up soon, and what is at work is waited for.
//!
//! No test looks at a clock. Where one patience must not be used up, it is far longer than anything here takes.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use rust_server::framing::Framing;

use super::Scene;
use crate::limits::Patience;
use crate::model::ledger::Scope;
use crate::model::names::{Clause, Role};
use crate::model::protocol::{Protocol, frame};
use crate::model::transcript::{Act, Channel, Conn, Setting, Sight, What};
use crate::peer::process::{Launch, Lines, Pipes, Process};

/// Longer than any test may take.
const NEVER: Duration = Duration::from_secs(3600);
/// Soon, for whoever may give up at all.
const SOON: Duration = Duration::from_millis(200);

fn scene(silent: Duration, asleep: Duration) -> Scene {
    let setting = Setting::new(Role::Server, Protocol::default());
    Scene::new(setting, &[Clause::P3], Patience { silent, asleep })
}

fn lane(conn: Conn) -> Scope {
    Scope::Lane(BTreeSet::from([conn]))
}

fn asked(scene: &Scene, conn: Conn) {
    scene.did(Act::Wrote { conn, bytes: frame(Framing::DEFAULT, b"hello") });
}

fn answered(scene: &Scene, conn: Conn) {
    let (channel, bytes) = (Channel::Answers(conn), frame(Framing::DEFAULT, b"hello"));
    scene.saw(Sight::Bytes { channel, bytes });
}

/// The conversations that stalls were written down for.
fn stalls(scene: &Scene) -> Vec<Option<Conn>> {
    let stall = |what: &What| match what {
        What::Saw(Sight::Stalled { conn, .. }) => Some(*conn),
        _ => None,
    };
    scene.transcript().events.iter().filter_map(|event| stall(&event.what)).collect()
}

#[tokio::test]
async fn a_stall_in_one_lane_is_written_down_and_does_not_decide_another() {
    let scene = scene(SOON, NEVER);
    asked(&scene, 1);
    asked(&scene, 2);
    scene.settle(&lane(1)).await;
    assert_eq!(stalls(&scene), [Some(1)]);
    let decided = |scope: &Scope| scene.is_decided(scope);
    assert!(decided(&lane(1)) && !decided(&lane(2)) && decided(&Scope::All));
    answered(&scene, 2);
    scene.settle(&lane(2)).await;
    assert_eq!(stalls(&scene), [Some(1)], "the other one was right");
}

#[tokio::test]
async fn a_stall_everywhere_decides_every_lane() {
    let scene = scene(SOON, NEVER);
    asked(&scene, 1);
    scene.settle(&Scope::All).await;
    assert_eq!(stalls(&scene), [None]);
    assert!(scene.is_decided(&lane(2)));
}

#[tokio::test]
async fn an_end_that_the_case_does_not_judge_is_no_stall() {
    let scene = scene(Duration::from_secs(60), NEVER);
    asked(&scene, 1);
    answered(&scene, 1);
    scene.did(Act::Finished { conn: 1 });
    scene.settle(&Scope::All).await;
    assert_eq!(stalls(&scene), []);
    assert!(!scene.is_decided(&Scope::All));
    assert!(scene.is_past_manners(), "whoever kept one end open will keep the next one open");
}

#[tokio::test]
async fn nothing_is_waited_for_that_is_there() {
    let scene = scene(NEVER, NEVER);
    scene.settle(&Scope::All).await;
    asked(&scene, 1);
    answered(&scene, 1);
    scene.settle(&Scope::All).await;
    assert_eq!(stalls(&scene), []);
}

#[tokio::test]
async fn where_nobody_is_watched_nobody_sleeps() {
    let scene = scene(NEVER, Duration::from_millis(1));
    assert!(scene.in_time(tokio::time::sleep(SOON)).await.is_some());
}

#[cfg(target_os = "linux")]
mod of_programs {
    use super::*;

    /// A watched program, which has said that it is where the test wants it.
    async fn watched(scene: &Scene, script: &str) -> (Process, Pipes) {
        let launch = Launch {
            argv: ["sh", "-c", script].map(OsString::from).to_vec(),
            folder: PathBuf::from("/"),
            env: BTreeMap::new(),
        };
        let (process, mut pipes) = Process::start(&launch).await.unwrap();
        assert_eq!(Lines::of(&mut pipes.stdout).next().await.as_deref(), Some("ready"));
        scene.watch(process.family().clone());
        (process, pipes)
    }

    /// Waits for the next line of a program as for something that is due.
    async fn line(scene: &Scene, pipes: &mut Pipes) -> Option<String> {
        scene.in_time(Lines::of(&mut pipes.stdout).next()).await.flatten()
    }

    /// What comes too late, and would come at last if nobody looked whether programs sleep.
    async fn a_minute() {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }

    /// Some work of the processor: much more than housekeeping, and little enough.
    const WORK: &str = "i=0; while [ $i -lt 50000 ]; do i=$((i + 1)); done";

    #[tokio::test]
    async fn nothing_is_waited_for_of_a_program_that_sleeps() {
        let scene = scene(NEVER, SOON);
        let _sleeper = watched(&scene, "echo ready; exec sleep 1000").await;
        assert_eq!(scene.in_time(a_minute()).await, None);
    }

    #[tokio::test]
    async fn a_program_at_work_is_waited_for_as_long_as_it_works() {
        let scene = scene(NEVER, SOON);
        let work =
            format!("echo ready; for round in 1 2 3 4 5 6 7 8 9 10; do {WORK}; done; echo done");
        let (_worker, mut pipes) = watched(&scene, &work).await;
        assert_eq!(line(&scene, &mut pipes).await.as_deref(), Some("done"));
    }

    #[tokio::test]
    async fn a_program_whose_child_is_at_work_does_not_sleep() {
        let scene = scene(NEVER, SOON);
        let work =
            format!("echo ready; (for round in 1 2 3 4 5 6 7 8 9 10; do {WORK}; done); echo done");
        let (_parent, mut pipes) = watched(&scene, &work).await;
        assert_eq!(line(&scene, &mut pipes).await.as_deref(), Some("done"));
    }

    #[tokio::test]
    async fn a_program_that_wakes_up_in_time_is_waited_for() {
        let scene = scene(NEVER, Duration::from_secs(60));
        let (_sleeper, mut pipes) = watched(&scene, "echo ready; sleep 0.5; echo awake").await;
        assert_eq!(line(&scene, &mut pipes).await.as_deref(), Some("awake"));
    }

    #[tokio::test]
    async fn sleep_counts_from_the_last_time_that_a_program_was_awake() {
        // It sleeps longer in all than is waited for, and never so long at a time.
        let scene = scene(NEVER, Duration::from_secs(2));
        let naps =
            format!("echo ready; for nap in 1 2 3 4 5 6; do sleep 0.5; {WORK}; done; echo done");
        let (_napper, mut pipes) = watched(&scene, &naps).await;
        assert_eq!(line(&scene, &mut pipes).await.as_deref(), Some("done"));
    }

    #[tokio::test]
    async fn as_long_as_one_program_is_at_work_the_sleep_of_others_says_nothing() {
        let scene = scene(NEVER, SOON);
        let _sleeper = watched(&scene, "echo ready; exec sleep 1000").await;
        let work = format!(
            "echo ready; for round in 1 2 3 4 5 6 7 8 9 10; do {WORK}; done; echo done; exec sleep 1000"
        );
        let (_worker, mut pipes) = watched(&scene, &work).await;
        assert_eq!(line(&scene, &mut pipes).await.as_deref(), Some("done"));
        assert_eq!(scene.in_time(a_minute()).await, None, "now both sleep");
    }

    #[tokio::test]
    async fn a_program_that_has_ended_does_not_keep_others_awake() {
        let scene = scene(NEVER, SOON);
        let (ended, _pipes) = watched(&scene, "echo ready").await;
        let mut exit = ended.watch_exit();
        crate::peer::process::wait_exit(&mut exit).await;
        let _sleeper = watched(&scene, "echo ready; exec sleep 1000").await;
        assert_eq!(scene.in_time(a_minute()).await, None);
    }

    #[tokio::test]
    async fn a_sleeper_that_owes_something_has_stalled() {
        let scene = scene(NEVER, SOON);
        let _sleeper = watched(&scene, "echo ready; exec sleep 1000").await;
        asked(&scene, 0);
        tokio::select! {
            () = scene.settle(&Scope::All) => {}
            () = a_minute() => panic!("it is still waited for"),
        }
        assert_eq!(stalls(&scene), [None]);
    }
}

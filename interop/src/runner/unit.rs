//! One unit: a server, a client, or both, and its cases.
//!
//! What can be played together is, first. What waits is played beside the others, by players with servers of
//! their own. Whoever fails is asked again, twice, on a fresh server and with more patience, before he is
//! accused.

use futures_util::future::{join, join_all};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::limits;
use crate::model::outcome::Blame;

use super::clock::Clock;
use super::event::CaseResult;
use super::house::{House, hard_coded_ports};
use super::plan::{Unit, Unsupported};
use super::player::{JointLook, Player};
use super::run::{Context, Teller};
use super::table::{End, PLAIN, Table, is_telling};
use super::together::Together;

/// Plays all cases of a unit, once it has a seat, and tells what they come to.
pub(super) async fn play(unit: &Unit, context: &Context, seats: &Semaphore, teller: &Teller) {
    let table = Table::new(unit, context, teller);
    for Unsupported { case, level, since } in &unit.unsupported {
        let mut result = CaseResult::blank(unit, case, *level);
        End::unsupported(case.role, since.clone()).mark(&mut result);
        teller.case(result).await;
    }
    if unit.cases.is_empty() {
        return;
    }
    let every = 0..unit.cases.len();
    if let Some(reason) = unit.unavailable() {
        return table.tell_all(every, &End::skipped(reason)).await;
    }
    let mut clock = Clock::start(unit);
    // Ports first: a unit that waits for one must not keep a seat from those that could play.
    let _ports = match hard_coded_ports(unit).await {
        Ok(ports) => ports,
        Err(error) => {
            return table.tell_all(every, &End::of(&error.into(), Blame::Environment)).await;
        }
    };
    let Ok(_seat) = seats.acquire().await else { return };
    clock.seated();
    teller.started(unit).await;
    let house = match House::open(unit, context).await {
        Ok(house) => house,
        Err(error) => {
            return table.tell_all(every, &End::of(&error.into(), Blame::Environment)).await;
        }
    };
    clock.built();
    let others = (0..limits::BESIDE).map_while(|_| house.one_more());
    let mut others: Vec<Player> = others.map(|house| Player::beside(&table, house)).collect();
    let mut player = Player::new(&table, house);

    // A capture of its own needs a connection of its own.
    let apart = context.captures.as_ref().is_some_and(|captures| captures.want_all());
    let together = if apart { None } else { Together::of(&unit.protocol, &unit.cases) };
    table.put(order(unit, together.as_ref(), !others.is_empty()));
    let first = async {
        if let Some(together) = &together {
            play_together(&table, &mut player, together).await;
        }
        table.close();
        player.play().await;
    };
    join(first, join_all(others.iter_mut().map(Player::play))).await;
    player.play().await; // what another could not

    if let (Some((result, others_pass)), Some(together)) = (table.take_kept(), &together) {
        let result = player.judge_suspect(result, others_pass, together).await;
        table.tell(result).await;
    }
    player.leave().await;
    teller.unit(clock.stop(table.started())).await;
}

/// In which order cases are played by themselves. What waits comes first where others play beside it; where
/// there is only one port, what starts servers of its own comes last, for it leaves connections in TIME_WAIT.
fn order(unit: &Unit, together: Option<&Together>, beside: bool) -> Vec<usize> {
    let is_joined = |at: &usize| together.is_some_and(|together| together.parts.contains(at));
    let mut alone: Vec<usize> = (0..unit.cases.len()).filter(|at| !is_joined(at)).collect();
    alone.sort_by_key(|&at| {
        let case = &unit.cases[at].0;
        let later = if beside { !case.is_played_apart() } else { case.has_own_server() };
        (case.id.as_str() != PLAIN, later, !is_telling(case))
    });
    alone
}

/// When something is wrong among cases that are played together, each by itself has the next word.
async fn play_together(table: &Table<'_>, player: &mut Player<'_>, together: &Together) {
    let parts = || together.parts.iter().copied();
    let begun = Instant::now();
    match player.look_at_all(together, table.patience(limits::PATIENCE)).await {
        Err(error) => table.tell_all(parts(), &End::of(&error, Blame::Server)).await,
        // A client that cannot be started says so for each case.
        Ok(None) => table.put(parts()),
        Ok(Some(JointLook { verdict, .. })) if verdict.finding.is_none() => {
            let share = begun.elapsed() / u32::try_from(together.parts.len()).unwrap_or(1);
            for at in parts() {
                table.tell(player.passed_together(at, &verdict, share)).await;
            }
        }
        Ok(Some(look)) => {
            table.suspect(look.reached, &together.parts);
            table.put(parts());
        }
    }
}

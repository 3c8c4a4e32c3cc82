//! Every order of the requests of a few processes, instead of random ones: a stateless model checker over the real
//! code.
//!
//! A schedule is a list of choices and runs from the start each time. After each step the state (what is stored,
//! what each task has learnt and waits for, the time) is looked up, so that what two orders have in common is
//! explored once. Time stands still but for jumps longer than the grace period, at any moment: whoever waits
//! then is a process that froze.
//!
//! Left alone, one process after the other runs to its end. A disturbance is what is unlikely: a process gets on
//! while another one could, an answer that is learnt late, a jump, a death. Everything with one disturbance is
//! explored, then everything with two, and so on, since faults that need few are found first.

use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tradai_domain::{IdSource, ManualClock, Millis, SequentialIds};

use crate::disk::Disk;
use crate::faults::{Faults, MIN_GRACE, MINUTE};
use crate::history::History;
use crate::random::Random;
use crate::schedule::{Aftermath, Executor, fresh, now, read_new_versions, store_of};
use crate::script::{self, Step};
use crate::storage::Storage;
use crate::world::{Role, State, World};

/// How far a jump goes.
const JUMP: Millis = MIN_GRACE + MINUTE;

/// What is explored.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Done before, one after the other.
    pub(crate) before: Vec<Step>,
    /// What each process does.
    pub(crate) processes: Vec<Vec<Step>>,
    pub(crate) bounds: Bounds,
}

/// How many disturbances of each kind a schedule may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Bounds {
    /// Jumps of the time.
    pub(crate) jumps: u32,
    /// Answers that their task learns late.
    pub(crate) holds: u32,
    /// Processes that die.
    pub(crate) crashes: u32,
    /// Times that another process gets on while one could.
    pub(crate) preemptions: u32,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Explored {
    pub(crate) schedules: u64,
    pub(crate) complete: u64,
    pub(crate) states: usize,
    pub(crate) longest: usize,
    /// Everything with so many disturbances was explored, if anything was.
    pub(crate) disturbances: Option<u32>,
    /// Whether that is everything within the bounds.
    pub(crate) is_whole: bool,
    pub(crate) violation: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    /// A request has its effect and its task learns the answer.
    Do(u64, usize),
    /// A request has its effect.
    Hold(u64, usize),
    /// A task learns the answer to a request that had its effect.
    Deliver(u64, usize),
    Jump,
    Crash(usize),
}

/// One schedule on its way.
struct Run {
    world: Arc<World>,
    left: Bounds,
    /// Disturbances left, of whatever kind.
    disturbances: u32,
    /// The task that got on last, unless it sleeps.
    last: Option<usize>,
}

impl Scenario {
    /// Explores until everything was or about `schedules` have run.
    pub(crate) fn explore(&self, schedules: u64) -> Explored {
        let start = self.prepare();
        let Bounds { jumps, holds, crashes, preemptions } = self.bounds;
        let most = jumps + holds + crashes + preemptions;
        let mut explored = Explored::default();
        for disturbances in 0..=most {
            if !self.explore_with(&start, disturbances, schedules, &mut explored) {
                return explored;
            }
            explored.disturbances = Some(disturbances);
        }
        explored.is_whole = true;
        explored
    }

    /// Explores everything with so many disturbances; `false` when it ends before.
    fn explore_with(
        &self,
        start: &(Disk, History, Millis),
        disturbances: u32,
        schedules: u64,
        explored: &mut Explored,
    ) -> bool {
        let mut visited = HashSet::new();
        let mut path: Vec<(usize, usize)> = Vec::new();
        loop {
            if explored.schedules >= schedules {
                return false;
            }
            explored.schedules += 1;
            let choices: Vec<usize> = path.iter().map(|&(choice, _)| choice).collect();
            let (steps, violation) = self.run(start, disturbances, &choices, Some(&mut visited), false);
            explored.complete += u64::from(steps.is_complete);
            path.extend(steps.options[choices.len()..].iter().map(|&options| (0, options)));
            explored.longest = explored.longest.max(path.len());
            explored.states = explored.states.max(visited.len());
            if violation.is_some() {
                let choices: Vec<usize> = path.iter().map(|&(choice, _)| choice).collect();
                let (steps, violation) = self.run(start, disturbances, &choices, None, true);
                explored.violation = violation.map(|what| format!("{}broke: {what}", steps.log));
                return false;
            }
            while path.last().is_some_and(|&(choice, options)| choice + 1 >= options) {
                path.pop();
            }
            let Some(last) = path.last_mut() else { return true };
            last.0 += 1;
        }
    }

    /// Commits what was there before.
    fn prepare(&self) -> (Disk, History, Millis) {
        let symbols = [script::key(0).store_symbol()];
        let world = World::new(Random::new(0), Faults::none(), None, History::new(&symbols));
        world.state().add_process(Role::Writer, 1, 0);
        let store = fresh(&world, Storage::Direct(Arc::clone(&world)));
        now(script::run_steps(Arc::clone(&world), store, 0, self.before.clone()));
        world.state().history.unread.clear();
        let state = world.state();
        assert_eq!(state.history.violation, None, "{}", self.name);
        (state.disk.clone(), state.history.clone(), state.now)
    }

    /// Runs one schedule: the given choices, then always the first. Ends early in a state that was visited.
    fn run(
        &self,
        (disk, history, now): &(Disk, History, Millis),
        disturbances: u32,
        choices: &[usize],
        mut visited: Option<&mut HashSet<u64>>,
        with_log: bool,
    ) -> (Steps, Option<String>) {
        let world = World::new(Random::new(0), Faults::none(), None, history.clone());
        {
            let mut state = world.state();
            state.disk.clone_from(disk);
            state.now = *now;
            state.by_hand = true;
            if with_log {
                state.keep_log();
            }
            for _ in &self.processes {
                state.add_process(Role::Writer, 1, 0);
            }
            // All clocks agree; the simulation tries what happens when they do not.
            state.processes.iter_mut().for_each(|process| process.skew = 0);
        }
        let mut steps = Steps::default();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut executor = Executor::new(&world);
            for (task, script) in self.processes.iter().enumerate() {
                let store = store_of(&world, task, ids(task));
                let running = script::run_steps(Arc::clone(&world), store, task, script.clone());
                executor.set(task, Box::pin(running));
            }
            executor.poll_ready();
            let mut run = Run { world: Arc::clone(&world), left: self.bounds, disturbances, last: None };
            loop {
                if world.state().history.violation.is_some() {
                    return;
                }
                let at = steps.options.len();
                if at >= choices.len()
                    && let Some(visited) = visited.as_mut()
                    && !visited.insert(run.digest())
                {
                    return;
                }
                let moves = run.moves();
                if moves.is_empty() {
                    break;
                }
                steps.options.push(moves.len());
                run.make(moves[choices.get(at).copied().unwrap_or(0)], &mut executor);
                read_new_versions(&world);
            }
            steps.is_complete = true;
            drop(executor);
            world.state().by_hand = false;
            Aftermath { world: &world }.check();
        }));
        let mut state = world.state();
        if outcome.is_err() {
            state.history.violate("something panicked".to_owned());
        }
        steps.log = state.take_log();
        (steps, state.history.violation.take())
    }
}

/// What became of a schedule.
#[derive(Debug, Default)]
struct Steps {
    /// How many moves there were to choose from at each step.
    options: Vec<usize>,
    is_complete: bool,
    log: String,
}

impl Run {
    /// Returns what may happen next; first that the same task gets on.
    fn moves(&self) -> Vec<Move> {
        let state = self.world.state();
        let waiting = state.waiting();
        let mut tasks: Vec<usize> = waiting.iter().map(|&(_, task, _)| task).collect();
        tasks.dedup();
        tasks.sort_unstable();
        tasks.dedup();
        let may_go_on = self.last.filter(|last| tasks.contains(last));
        tasks.sort_by_key(|&task| may_go_on != Some(task));
        let may_disturb = |left: u32, besides: u32| left > 0 && self.disturbances > besides;
        let mut moves = Vec::new();
        for &task in &tasks {
            let preempts = may_go_on.is_some_and(|last| last != task);
            if preempts && !may_disturb(self.left.preemptions, 0) {
                continue;
            }
            let own: Vec<(u64, bool)> = waiting.iter().filter(|w| w.1 == task).map(|w| (w.0, w.2)).collect();
            // Of many alike, such as the manifests that a collector reads, one order is enough.
            let choice = if own.len() > 2 { 1 } else { own.len() };
            for &(id, has_effect) in &own[..choice] {
                if has_effect {
                    moves.push(Move::Deliver(id, task));
                    continue;
                }
                moves.push(Move::Do(id, task));
                if may_disturb(self.left.holds, u32::from(preempts)) {
                    moves.push(Move::Hold(id, task));
                }
            }
            if may_disturb(self.left.crashes, 0) {
                moves.push(Move::Crash(task));
            }
        }
        if may_disturb(self.left.jumps, 0) && !moves.is_empty() {
            moves.push(Move::Jump);
        }
        moves
    }

    fn make(&mut self, choice: Move, executor: &mut Executor<'_>) {
        if let Move::Do(_, task) | Move::Hold(_, task) | Move::Deliver(_, task) = choice {
            let waits = |last: usize| self.world.state().waiting().iter().any(|&(_, task, _)| task == last);
            if self.last.is_some_and(|last| last != task && waits(last)) {
                self.left.preemptions -= 1;
                self.disturbances -= 1;
            }
            self.last = Some(task);
        }
        match choice {
            Move::Do(id, _) => {
                let mut state = self.world.state();
                state.perform(id);
                state.deliver(id);
            }
            Move::Hold(id, _) => {
                self.left.holds -= 1;
                self.disturbances -= 1;
                // It sleeps: that others get on is no further disturbance.
                self.last = None;
                self.world.state().perform(id);
            }
            Move::Deliver(id, task) => {
                let mut state = self.world.state();
                state.note(|| format!("T{task} learns an answer"));
                state.deliver(id);
            }
            Move::Jump => {
                self.left.jumps -= 1;
                self.disturbances -= 1;
                let mut state = self.world.state();
                state.now += JUMP;
                state.note(|| "time passes".to_owned());
            }
            Move::Crash(task) => {
                self.left.crashes -= 1;
                self.disturbances -= 1;
                self.world.state().note(|| format!("P{task} dies"));
                executor.crash(task);
            }
        }
        executor.poll_ready();
    }

    /// Returns a number that tells this state from others.
    fn digest(&self) -> u64 {
        let state = self.world.state();
        let State { disk, tasks, now, history, .. } = &*state;
        let mut hasher = DefaultHasher::new();
        let last = self.last.filter(|last| state.waiting().iter().any(|(_, task, _)| task == last));
        (disk, now, history.digest(), self.left, self.disturbances, last).hash(&mut hasher);
        for task in tasks {
            task.seen.hash(&mut hasher);
        }
        state.hash_waiting(&mut hasher);
        hasher.finish()
    }
}

/// Ids of a process, which do not depend on what the others do.
fn ids(process: usize) -> Arc<SequentialIds> {
    let ids = SequentialIds::default();
    let clock = ManualClock::at(0);
    for _ in 0..200 * process {
        ids.next(&clock);
    }
    Arc::new(ids)
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let disturbances = self.disturbances.map_or("nothing".to_owned(), |most| most.to_string());
        let whole = if self.is_whole { " (all within bounds)" } else { "" };
        write!(
            f,
            "all with {disturbances} disturbances{whole}: {} schedules, {} to the end, {} states, {} steps at most",
            self.schedules, self.complete, self.states, self.longest
        )
    }
}

//! One schedule from its seed to its verdict.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use futures_util::FutureExt;
use tradai_domain::{Clock, Millis, SequentialIds};
use tradai_timeseries::{AsOf, Retention, Severity, Store};

use crate::counts::Counts;
use crate::faults::{Fault, Faults, HOUR, MIN_GRACE};
use crate::history::{History, NOBODY};
use crate::model::{ALL_HOURS, Change, Rows, is_read, range};
use crate::random::Random;
use crate::sabotage::Sabotage;
use crate::script;
use crate::storage::Storage;
use crate::world::{Event, ProcessClock, Role, State, Tempo, World};

/// What a schedule consists of; everything else is told from the seed.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// Role, tasks and operations per task of each process.
    pub(crate) processes: Vec<(Role, usize, u32)>,
    pub(crate) symbols: usize,
    pub(crate) tempo: Tempo,
    /// Whether collectors keep the newest version only.
    pub(crate) is_eager: bool,
    pub(crate) faults: Faults,
    pub(crate) sabotage: Option<Sabotage>,
}

/// What came of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) counts: Counts,
    /// Differs when anything that happened differs.
    pub(crate) digest: u64,
    /// The first law that was broken.
    pub(crate) violation: Option<String>,
    pub(crate) log: String,
}

impl Plan {
    /// Returns the schedule of a seed.
    pub(crate) fn of(seed: u64, sabotage: Option<Sabotage>) -> Self {
        let mut random = Random::new(seed);
        // In one schedule of three collectors are eager and nobody has time: versions go as fast as they may.
        let is_eager = sabotage.is_some() || random.chance(3_300);
        let mut processes = Vec::new();
        let mut add = |role, least, most, steps: i64, random: &mut Random| {
            for _ in 0..random.between(least, most) {
                let tasks = if random.chance(2_500) { 2 } else { 1 };
                let steps = u32::try_from(random.between(1, steps)).unwrap();
                processes.push((role, tasks, steps));
            }
        };
        let least = i64::from(is_eager);
        add(Role::Writer, 1 + least, 4, 6, &mut random);
        add(Role::Reader, least, 2, 5, &mut random);
        add(Role::Keeper, i64::from(sabotage.is_some()), 1, 5, &mut random);
        add(Role::Collector, least, 2, 8, &mut random);
        let symbols = if random.chance(2_000) { 2 } else { 1 };
        let tempo = match is_eager || random.chance(2_500) {
            true => Tempo::Slow,
            false => Tempo::Fast,
        };
        Self { seed, processes, symbols, tempo, is_eager, faults: Faults::random(&mut random), sabotage }
    }

    /// Returns smaller schedules that may break the same law.
    fn smaller(&self) -> Vec<Self> {
        let mut plans = Vec::new();
        for without in 0..self.processes.len() {
            let mut plan = self.clone();
            plan.processes.remove(without);
            plans.push(plan);
        }
        for (at, &(role, tasks, steps)) in self.processes.iter().enumerate() {
            if tasks > 1 || steps > 1 {
                let mut plan = self.clone();
                plan.processes[at] = (role, 1, (steps - 1).max(1));
                plans.push(plan);
            }
        }
        plans.extend(self.faults.kinds().into_iter().map(|fault: Fault| {
            let faults = self.faults.without(fault);
            Self { faults, ..self.clone() }
        }));
        if self.symbols > 1 {
            plans.push(Self { symbols: 1, ..self.clone() });
        }
        plans
    }

    /// Runs the schedule.
    pub(crate) fn run(&self, with_log: bool) -> Verdict {
        let keys: Vec<String> = (0..self.symbols).map(|symbol| script::key(symbol).store_symbol()).collect();
        let random = Random::new(self.seed.rotate_left(32));
        let world = World::new(random, self.faults.clone(), self.sabotage, History::new(&keys));
        {
            let mut state = world.state();
            state.tempo = self.tempo;
            state.is_eager = self.is_eager;
            if with_log {
                state.keep_log();
            }
            for &(role, tasks, steps) in &self.processes {
                state.add_process(role, tasks, steps);
            }
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            Executor::new(&world).run();
            if world.state().history.violation.is_none() {
                Aftermath { world: &world }.check();
            }
        }));
        let mut state = world.state();
        if outcome.is_err() {
            state.history.violate("something panicked".to_owned());
        }
        let mut counts = state.counts.clone();
        counts.schedules = 1;
        counts.versions = state.history.symbols.iter().map(|symbol| symbol.newest()).sum();
        counts.stale = state.history.stale;
        counts.collected = state.history.collected;
        counts.files_deleted = state.history.files_deleted;
        let violation = state.history.violation.take();
        Verdict { counts, digest: state.digest(), violation, log: state.take_log() }
    }

    /// Looks for a small schedule that breaks a law too, and returns it with what it broke.
    pub(crate) fn shrink(&self, violation: Option<&str>, attempts: u64) -> (Self, Verdict) {
        let violation = violation.map(law);
        let mut best = self.clone();
        let mut left = attempts;
        'smaller: loop {
            for plan in best.smaller() {
                // Another seed for the same processes and faults: what happens differs in any case.
                for salt in 0..12 {
                    let Some(rest) = left.checked_sub(1) else { break 'smaller };
                    left = rest;
                    let plan = Self { seed: self.seed.wrapping_add(salt), ..plan.clone() };
                    if plan.run(false).violation.as_deref().map(law) == violation {
                        best = plan;
                        continue 'smaller;
                    }
                }
            }
            break;
        }
        let verdict = best.run(true);
        (best, verdict)
    }
}

pub(crate) type Running = Pin<Box<dyn Future<Output = ()>>>;

/// Polls tasks as the world wakes them.
pub(crate) struct Executor<'a> {
    world: &'a Arc<World>,
    tasks: Vec<Option<Running>>,
    ready: Arc<Mutex<VecDeque<usize>>>,
}

struct TaskWaker {
    task: usize,
    ready: Arc<Mutex<VecDeque<usize>>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.lock().unwrap().push_back(self.task);
    }
}

impl<'a> Executor<'a> {
    pub(crate) fn new(world: &'a Arc<World>) -> Self {
        let tasks = world.state().tasks.iter().map(|_| None).collect();
        Self { world, tasks, ready: Arc::default() }
    }

    fn run(mut self) {
        loop {
            let event = self.world.state().advance();
            let Some(event) = event else { return };
            match event {
                Event::Start(process) => self.start(process),
                Event::Crash(process) => self.crash(process),
                Event::Apply(_) => read_new_versions(self.world),
                Event::Answer(..) => {}
            }
            self.poll_ready();
            if self.world.state().history.violation.is_some() {
                return self.tasks.clear();
            }
        }
    }

    fn tasks_of(&self, process: usize) -> Vec<usize> {
        let state = self.world.state();
        let tasks = state.tasks.iter().enumerate();
        tasks.filter(|(_, task)| task.process == process).map(|(at, _)| at).collect()
    }

    fn start(&mut self, process: usize) {
        let ids = self.world.state().ids.clone();
        let store = store_of(self.world, process, ids);
        for task in self.tasks_of(process) {
            self.set(task, Box::pin(script::run(Arc::clone(self.world), store.clone(), task)));
        }
    }

    /// Gives a task something to do.
    pub(crate) fn set(&mut self, task: usize, running: Running) {
        self.tasks[task] = Some(running);
        self.ready.lock().unwrap().push_back(task);
    }

    pub(crate) fn crash(&mut self, process: usize) {
        for task in self.tasks_of(process) {
            self.tasks[task] = None;
            let mut state = self.world.state();
            state.tasks[task].operation = None;
            state.history.end_deletion(task);
        }
    }

    pub(crate) fn poll_ready(&mut self) {
        loop {
            let next = self.ready.lock().unwrap().pop_front();
            let Some(task) = next else { return };
            let Some(future) = self.tasks[task].as_mut() else { continue };
            self.world.state().running = task;
            let waker = Waker::from(Arc::new(TaskWaker { task, ready: Arc::clone(&self.ready) }));
            if future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                self.tasks[task] = None;
            }
        }
    }
}

/// Opens the store in a process, which remembers nothing yet.
pub(crate) fn store_of(world: &Arc<World>, process: usize, ids: Arc<SequentialIds>) -> Store {
    let clock = ProcessClock { world: Arc::clone(world), process };
    let storage = Storage::Scheduled(Arc::clone(world));
    let pauses = Arc::clone(world);
    Store::new(Arc::new(storage), Arc::new(clock), ids).with_waiter(Arc::new(move |pause| {
        let world = Arc::clone(&pauses);
        let millis = Millis::try_from(pause.as_millis()).unwrap();
        async move { drop(world.pause(millis).await) }.boxed()
    }))
}

/// Reads what was just committed as a process without a memory would, and compares it with the model.
pub(crate) fn read_new_versions(world: &Arc<World>) {
    let (unread, disk) = {
        let mut state = world.state();
        let unread = std::mem::take(&mut state.history.unread);
        if unread.is_empty() {
            return;
        }
        (unread, state.disk.clone())
    };
    let store = fresh(world, Storage::Still(Arc::new(Mutex::new(disk))));
    for (symbol, version) in unread {
        let read = now(store.read(&script::key(symbol), range(&ALL_HOURS), AsOf::Latest));
        let mut state = world.state();
        let rows = state.history.symbols[symbol].series(version).flatten();
        let wrong = match (&read, rows) {
            (Ok(None), None) => false,
            (Ok(Some(read)), Some(content)) => read.version != version || !is_read(&content, ALL_HOURS, read),
            _ => true,
        };
        if wrong {
            let rows = state.history.symbols[symbol].series(version).flatten();
            state.history.violate(format!("version {version} reads as {read:?}; it should be {rows:?}"));
        }
    }
}

/// A store without a memory whose clock is the storage's.
pub(crate) fn fresh(world: &Arc<World>, storage: Storage) -> Store {
    let clock: Arc<dyn Clock> = Arc::new(ProcessClock { world: Arc::clone(world), process: usize::MAX });
    Store::new(Arc::new(storage), clock, world.state().ids.clone())
        .with_waiter(Arc::new(|_| async {}.boxed()))
}

/// Takes the result of what never waits.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    future.now_or_never().expect("a direct storage answers at once")
}

/// What must hold when all faults have stopped.
pub(crate) struct Aftermath<'a> {
    pub(crate) world: &'a Arc<World>,
}

impl Aftermath<'_> {
    pub(crate) fn check(&self) {
        self.world.state().calm();
        let symbols = 0..self.world.state().history.symbols.len();
        for symbol in symbols.clone() {
            self.append(symbol, 50);
            self.read_versions(symbol);
        }
        // What was left behind is deleted when something is stored an hour later. Pruning then releases first,
        // and deletes a grace period later.
        self.wait_and_prune();
        symbols.clone().for_each(|symbol| self.append(symbol, 51));
        self.wait_and_prune();
        self.wait_and_prune();
        self.check_damage();
        for symbol in symbols {
            self.read_versions(symbol);
            self.check_leaks(symbol);
        }
    }

    fn wait_and_prune(&self) {
        self.world.state().now += MIN_GRACE + HOUR;
        self.prune();
    }

    fn store(&self) -> Store {
        fresh(self.world, Storage::Direct(Arc::clone(self.world)))
    }

    fn violate(&self, what: &str) {
        self.world.state().history.violate(format!("in the end, {what}"));
    }

    fn append(&self, symbol: usize, hour: i64) {
        let change = Change::Append(Rows::from([(hour, 7)]));
        let operation = self.world.state().history.begin(NOBODY, Some((symbol, change.clone())), None);
        let outcome = now(script::ask(&self.store(), symbol, &change));
        if !outcome.as_ref().is_ok_and(|commit| commit.changed) {
            return self.violate(&format!("an append came to {outcome:?}"));
        }
        let mut state = self.world.state();
        script::judge_change(&mut state, operation, symbol, &change, outcome);
        drop(state);
        read_new_versions(self.world);
    }

    /// Reads every version that may be readable, and the newest one that is not.
    fn read_versions(&self, symbol: usize) {
        let (newest, released, names) = {
            let state = self.world.state();
            let names: Vec<String> = state.history.snapshots.keys().cloned().collect();
            let known = &state.history.symbols[symbol];
            (known.newest(), known.released, names)
        };
        let versions = (released.max(1)..=newest).map(AsOf::Version);
        let snapshots = names.iter().map(|name| AsOf::Snapshot(name.as_str().into()));
        for as_of in versions.chain(snapshots).chain([AsOf::Latest]) {
            let operation = self.world.state().history.begin(NOBODY, None, None);
            let read = now(self.store().read(&script::key(symbol), range(&ALL_HOURS), as_of.clone()));
            let mut state = self.world.state();
            script::judge_read(&mut state, operation, symbol, &as_of, &ALL_HOURS, &read);
        }
    }

    fn prune(&self) {
        self.world.state().history.begin(NOBODY, None, Some(1));
        let retention = Retention { grace: MIN_GRACE, ..Retention::newest(1) };
        match now(self.store().prune(None, retention, &|_, _| ())) {
            Ok(pruning) if pruning.failed.is_empty() => {}
            Ok(pruning) => self.violate(&format!("pruning failed with {:?}", pruning.failed)),
            Err(error) => self.violate(&format!("pruning failed with {error}")),
        }
    }

    fn check_damage(&self) {
        let checkup = now(self.store().fsck(&|_, _| {}));
        let worst = checkup.as_ref().map(|checkup| checkup.worst());
        if !matches!(worst, Ok(None | Some(Severity::Note | Severity::Warning))) {
            self.violate(&format!("fsck found {checkup:?}"));
        }
    }

    /// Looks for what nothing names any more.
    fn check_leaks(&self, symbol: usize) {
        let mut state = self.world.state();
        let State { disk, history, .. } = &mut *state;
        let known = &history.symbols[symbol];
        let list = |below: &str| disk.list(&format!("{}{below}", known.folder), None);
        let manifests = list("v");
        let texts: Vec<String> =
            manifests.iter().map(|(_, object)| String::from_utf8_lossy(&object.bytes).into_owned()).collect();
        let names = |file: &str| texts.iter().any(|text| text.contains(file));
        let unnamed: Vec<String> = list("d")
            .into_iter()
            .filter_map(|(key, _)| Some(key.rsplit('/').next()?.to_owned()))
            .filter(|file| !names(file))
            .collect();
        let old = manifests.len() as u64 - (known.newest() - known.released);
        let generations: Vec<String> =
            disk.list("ohlcv/snap", None).into_iter().map(|(key, _)| key).collect();
        let is_snapshot = |key: &&String| {
            let number =
                key.trim_end_matches(".json").rsplit('/').next().and_then(|number| number.parse().ok());
            number.is_some_and(|number: u64| !number.is_multiple_of(2))
        };
        let snapshots = generations.iter().filter(is_snapshot).count() as u64;
        let folder = |key: &String| key.rsplit_once('/').map(|(folder, _)| folder.to_owned());
        let doubled = generations.windows(2).any(|pair| folder(&pair[0]) == folder(&pair[1]));
        let boundaries = list("gc").len();
        if !unnamed.is_empty() {
            history.violate(format!("in the end, {unnamed:?} are named by nothing"));
        } else if old > snapshots {
            history
                .violate(format!("in the end, {old} released manifests are left for {snapshots} snapshots"));
        } else if doubled {
            history.violate(format!("in the end, one object for each name would do: {generations:?}"));
        } else if boundaries > 2 {
            history.violate(format!("in the end, {boundaries} boundaries are left"));
        }
    }
}

/// Returns a violation's text without numbers and names.
fn law(violation: &str) -> String {
    violation.chars().filter(|letter| letter.is_alphabetic() || *letter == ' ').take(40).collect()
}

/// Runs schedules until one breaks a law.
pub(crate) fn run_many(
    seeds: impl Iterator<Item = u64>,
    sabotage: Option<Sabotage>,
) -> (Counts, Option<(Plan, Verdict)>) {
    let mut counts = Counts::default();
    for seed in seeds {
        let plan = Plan::of(seed, sabotage);
        let verdict = plan.run(false);
        counts.add(&verdict.counts);
        if verdict.violation.is_some() {
            return (counts, Some((plan, verdict)));
        }
    }
    (counts, None)
}

/// Describes a failure by a small schedule that fails too.
pub(crate) fn explain(plan: &Plan, verdict: &Verdict) -> String {
    let (smaller, shrunk) = plan.shrink(verdict.violation.as_deref(), 600);
    format!(
        "seed {} broke a law: {}\nsmaller: {smaller:?}\n{}broke: {}",
        plan.seed,
        verdict.violation.as_deref().unwrap_or("none"),
        shrunk.log,
        shrunk.violation.as_deref().unwrap_or("none"),
    )
}

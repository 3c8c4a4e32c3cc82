//! The simulated world: one clock, one storage, processes that freeze and die, and requests on their way.
//!
//! It is a discrete-event simulation. Each request to the storage becomes an event some milliseconds later, its
//! answer another one; events happen in the order of their times, and time stands still in between. All
//! randomness comes from one seed, so that a seed is a schedule.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use chrono::{DateTime, Utc};
use tradai_domain::{Clock, Millis, SequentialIds};

use crate::counts::Counts;
use crate::disk::{Action, Answer, Disk};
use crate::faults::{Fault, Faults, MINUTE, SECOND, SKEW, freeze, latency, lateness};
use crate::history::History;
use crate::random::Random;
use crate::sabotage::Sabotage;

/// When the simulation begins: 2026-01-01T00:00:00Z.
const START: Millis = 1_767_225_600_000;

/// What a process does, mostly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Writer,
    Reader,
    /// Takes and deletes snapshots.
    Keeper,
    Collector,
}

/// How long processes wait between operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tempo {
    /// Operations come in bursts.
    Fast,
    /// They come through the hours, so that much happens while somebody stands still.
    Slow,
}

/// A process: a store with a memory, a clock, and tasks that share them.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) role: Role,
    frozen_until: Millis,
    /// How far its clock is ahead of the storage's.
    pub(crate) skew: Millis,
}

/// One task of one process; numbered through all processes.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) process: usize,
    /// Operations that it will still begin.
    pub(crate) steps: u32,
    /// The operation that it is at.
    pub(crate) operation: Option<usize>,
    /// Tells apart all that it has learnt so far.
    pub(crate) seen: u64,
}

impl Task {
    /// Notes what the task has learnt, in whatever order: what it asks for next depends on the whole.
    pub(crate) fn remember(&mut self, what: &impl Hash) {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        self.seen = self.seen.wrapping_add(hasher.finish());
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Apply(u64),
    Answer(u64, Answer),
    Crash(usize),
    Start(usize),
}

#[derive(Debug)]
struct Pending {
    task: usize,
    operation: Option<usize>,
    /// `None` for a pause.
    action: Option<Action>,
    /// Whether it has left the process: then nothing stops it.
    sent: bool,
    /// Whether the answer is lost on its way.
    lost: bool,
    /// The first page of a listing in two pages.
    page: Option<Vec<(String, crate::disk::Object)>>,
    two_pages: bool,
    /// In schedules by hand: what the storage answered and the task does not know yet.
    held: Option<Answer>,
    answer: Option<Answer>,
    waker: Option<Waker>,
}

pub(crate) struct State {
    pub(crate) now: Millis,
    pub(crate) random: Random,
    pub(crate) disk: Disk,
    pub(crate) faults: Faults,
    pub(crate) sabotage: Option<Sabotage>,
    pub(crate) processes: Vec<Process>,
    pub(crate) tasks: Vec<Task>,
    /// The task that is being polled.
    pub(crate) running: usize,
    pub(crate) tempo: Tempo,
    pub(crate) is_eager: bool,
    pub(crate) history: History,
    pub(crate) counts: Counts,
    /// Whether requests wait for [`State::perform`] and [`State::deliver`] instead of their time.
    pub(crate) by_hand: bool,
    /// For all processes, so that ids differ.
    pub(crate) ids: Arc<SequentialIds>,
    queue: BTreeMap<(Millis, u64), Event>,
    pending: BTreeMap<u64, Pending>,
    next: u64,
    digest: u64,
    log: Option<String>,
}

/// The world as processes share it.
pub(crate) struct World(Mutex<State>);

impl World {
    pub(crate) fn new(
        random: Random,
        faults: Faults,
        sabotage: Option<Sabotage>,
        history: History,
    ) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            now: START,
            random,
            disk: Disk::default(),
            faults,
            sabotage,
            processes: Vec::new(),
            tasks: Vec::new(),
            running: 0,
            tempo: Tempo::Fast,
            is_eager: false,
            history,
            counts: Counts::default(),
            by_hand: false,
            ids: Arc::default(),
            queue: BTreeMap::new(),
            pending: BTreeMap::new(),
            next: 0,
            digest: 0,
            log: None,
        })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request of the running task.
    pub(crate) fn request(self: &Arc<Self>, action: Action) -> Waiting {
        let id = self.state().send(action);
        Waiting { world: Arc::clone(self), id }
    }

    /// Lets the running task pause.
    pub(crate) fn pause(self: &Arc<Self>, millis: Millis) -> Waiting {
        let mut state = self.state();
        let id = state.add(None);
        if state.by_hand {
            state.pending_mut(id).answer = Some(Answer::Done);
        } else {
            let at = state.now + millis;
            state.push(at, Event::Answer(id, Answer::Done));
        }
        drop(state);
        Waiting { world: Arc::clone(self), id }
    }
}

impl State {
    pub(crate) fn add_process(&mut self, role: Role, tasks: usize, steps: u32) -> usize {
        let process = self.processes.len();
        let skew = self.draw_skew();
        self.processes.push(Process { role, frozen_until: 0, skew });
        for _ in 0..tasks {
            self.tasks.push(Task { process, steps, operation: None, seen: 0 });
        }
        let at = self.now;
        self.push(at, Event::Start(process));
        process
    }

    pub(crate) fn keep_log(&mut self) {
        self.log = Some(String::new());
    }

    pub(crate) fn take_log(&mut self) -> String {
        self.log.take().unwrap_or_default()
    }

    /// Returns a number that differs when anything that happened differs.
    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }

    pub(crate) fn note(&mut self, text: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(log) = &mut self.log {
            let seconds = (now - START) as f64 / 1_000.0;
            log.push_str(&format!("{seconds:>12.3} {}\n", text()));
        }
    }

    fn mix(&mut self, number: u64) {
        self.digest = (self.digest.rotate_left(5) ^ number).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn draw_skew(&mut self) -> Millis {
        self.random.between(-SKEW, SKEW)
    }

    fn push(&mut self, at: Millis, event: Event) {
        self.next += 1;
        self.queue.insert((at, self.next), event);
    }

    fn add(&mut self, action: Option<Action>) -> u64 {
        self.next += 1;
        let operation = self.tasks.get(self.running).and_then(|task| task.operation);
        let pending = Pending {
            task: self.running,
            operation,
            action,
            sent: true,
            lost: false,
            page: None,
            two_pages: false,
            held: None,
            answer: None,
            waker: None,
        };
        self.pending.insert(self.next, pending);
        self.next
    }

    fn send(&mut self, action: Action) -> u64 {
        let (now, task) = (self.now, self.running);
        let process = self.tasks[task].process;
        let frozen_until = self.processes[process].frozen_until;
        if self.by_hand {
            self.counts.request(&action);
            let id = self.add(Some(action));
            self.pending_mut(id).sent = false;
            return id;
        }
        let fault = if frozen_until > now { None } else { self.faults.draw(&action, &mut self.random) };
        self.counts.request(&action);
        if let Some(fault) = fault {
            self.counts.fault(fault);
            self.note(|| format!("P{process} {fault:?} at {} {}", action.name(), action.key()));
        }
        let lateness = lateness(&action, &mut self.random);
        let id = self.add(Some(action));
        let soon = now.max(frozen_until) + latency(&mut self.random);
        let mut sent = frozen_until <= now;
        match fault {
            Some(Fault::FailBefore) => {
                self.push(soon, Event::Answer(id, Answer::Failed));
                return id;
            }
            Some(Fault::CrashBefore) => {
                self.push(now, Event::Crash(process));
                self.pending_mut(id).sent = false;
                return id;
            }
            Some(Fault::FailAfter) => self.pending_mut(id).lost = true,
            Some(Fault::Late) => {
                self.push(now + lateness, Event::Apply(id));
                self.push(now + 30 * SECOND, Event::Answer(id, Answer::Failed));
                return id;
            }
            Some(Fault::FreezeBefore) => {
                let until = self.freeze(process);
                sent = false;
                self.pending_mut(id).sent = sent;
                self.push(until + (soon - now), Event::Apply(id));
                return id;
            }
            Some(Fault::FreezeAfter) => drop(self.freeze(process)),
            Some(Fault::CrashAfter) => {
                let at = self.random.between(now, soon + 50);
                self.push(at, Event::Crash(process));
            }
            Some(Fault::TwoPages) => self.pending_mut(id).two_pages = true,
            Some(Fault::ClockStep) => self.processes[process].skew = self.draw_skew(),
            None => {}
        }
        self.pending_mut(id).sent = sent;
        self.push(soon, Event::Apply(id));
        id
    }

    fn pending_mut(&mut self, id: u64) -> &mut Pending {
        self.pending.get_mut(&id).expect("it was just added")
    }

    fn freeze(&mut self, process: usize) -> Millis {
        let until = self.now + freeze(&mut self.random);
        self.processes[process].frozen_until = until;
        until
    }

    /// Moves time on to the next event that concerns the processes themselves, or returns `None` when nothing
    /// will ever happen any more. What the storage does happens on the way.
    pub(crate) fn advance(&mut self) -> Option<Event> {
        let ((at, number), event) = self.queue.pop_first()?;
        self.now = self.now.max(at);
        self.mix(number);
        self.mix(at.cast_unsigned());
        match &event {
            Event::Apply(id) => self.apply(*id),
            Event::Answer(id, answer) => self.answer(*id, answer),
            Event::Crash(process) => {
                let restart = self.now + self.random.between(1, 10 * MINUTE);
                self.processes[*process].frozen_until = 0;
                self.processes[*process].skew = self.draw_skew();
                self.push(restart, Event::Start(*process));
                self.note(|| format!("P{process} dies"));
            }
            Event::Start(_) => {}
        }
        Some(event)
    }

    fn apply(&mut self, id: u64) {
        let Some(mut answer) = self.take_effect(id) else { return };
        let cut = self.random.below(8);
        let pending = self.pending_mut(id);
        let lost = pending.lost;
        if let (true, Answer::Listed(all)) = (pending.two_pages, &mut answer) {
            match pending.page.take() {
                None => {
                    let cut = usize::try_from(cut).unwrap_or(0).min(all.len());
                    pending.page = Some(all[..cut].to_vec());
                    let later = self.now + self.random.between(1, 2 * MINUTE);
                    self.push(later, Event::Apply(id));
                    return;
                }
                Some(mut page) => {
                    let last = page.last().map(|(key, _)| key.clone());
                    all.retain(|(key, _)| last.as_ref().is_none_or(|last| key > last));
                    page.append(all);
                    *all = page;
                }
            }
        }
        if lost {
            answer = Answer::Failed;
        }
        let at = self.now + latency(&mut self.random);
        self.push(at, Event::Answer(id, answer));
    }

    /// Lets a request do what it does to the storage, unless it was dropped before it was sent.
    fn take_effect(&mut self, id: u64) -> Option<Answer> {
        let pending = self.pending.get_mut(&id)?;
        let action = pending.action.clone()?;
        let (task, operation) = (pending.task, pending.operation);
        pending.sent = true;
        let process = self.tasks[task].process;
        let answer = match self.sabotage {
            Some(sabotage) => {
                let role = self.processes[process].role;
                sabotage.perform(&mut self.disk, &action, role, self.now)
            }
            None => self.disk.perform(&action, self.now),
        };
        self.mix(id);
        self.note(|| format!("P{process} {} {} {}", action.name(), action.key(), summary(&answer)));
        let (now, disk) = (self.now, &self.disk);
        self.history.applied(&action, &answer, operation, disk, now);
        Some(answer)
    }

    /// Returns the requests that wait for their effect or for their answer to be known: id, task, and whether
    /// they had their effect.
    pub(crate) fn waiting(&self) -> Vec<(u64, usize, bool)> {
        let waiting = self.pending.iter().filter(|(_, pending)| pending.waker.is_some());
        waiting.map(|(&id, pending)| (id, pending.task, pending.held.is_some())).collect()
    }

    /// Mixes in what tasks wait for.
    pub(crate) fn hash_waiting(&self, hasher: &mut impl Hasher) {
        let mut waiting: Vec<(usize, u64, &Pending)> =
            self.pending.iter().map(|(&id, pending)| (pending.task, id, pending)).collect();
        waiting.sort_unstable_by_key(|&(task, id, _)| (task, id));
        for (task, _, pending) in waiting {
            (task, &pending.action, &pending.held, pending.waker.is_some()).hash(hasher);
        }
    }

    /// Lets a request have its effect; its task does not know yet.
    pub(crate) fn perform(&mut self, id: u64) {
        let answer = self.take_effect(id);
        self.pending_mut(id).held = answer;
    }

    /// Lets a task know the answer to a request.
    pub(crate) fn deliver(&mut self, id: u64) {
        let now = self.now;
        let pending = self.pending_mut(id);
        let Some(answer) = pending.held.take() else { return };
        let what = (pending.action.as_ref().map(|action| (action.name(), action.key().to_owned())), now);
        let task = pending.task;
        pending.answer = Some(answer.clone());
        if let Some(waker) = pending.waker.take() {
            waker.wake();
        }
        self.tasks[task].remember(&(what, answer));
    }

    fn answer(&mut self, id: u64, answer: &Answer) {
        let Some(pending) = self.pending.get(&id) else { return };
        let until = self.processes[self.tasks[pending.task].process].frozen_until;
        if until > self.now {
            self.push(until, Event::Answer(id, answer.clone()));
            return;
        }
        let pending = self.pending_mut(id);
        if pending.answer.is_none() {
            pending.answer = Some(answer.clone());
            if let Some(waker) = pending.waker.take() {
                waker.wake();
            }
        }
    }

    /// Ends all faults to come, and freezes.
    pub(crate) fn calm(&mut self) {
        self.faults = Faults::none();
    }
}

fn summary(answer: &Answer) -> String {
    match answer {
        Answer::Found(object) => format!("-> {} bytes", object.bytes.len()),
        Answer::Listed(objects) => {
            let names: Vec<&str> =
                objects.iter().filter_map(|(key, _)| key.rsplit('/').next()).map(short).collect();
            format!("-> {}", names.join(" "))
        }
        other => format!("-> {other:?}"),
    }
}

/// Leaves out the zeros of a version's number.
fn short(name: &str) -> &str {
    name.trim_end_matches(".json").trim_start_matches('0')
}

/// A request or a pause that a task waits for.
pub(crate) struct Waiting {
    world: Arc<World>,
    id: u64,
}

impl Future for Waiting {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let mut state = self.world.state();
        let pending = state.pending_mut(self.id);
        match pending.answer.clone() {
            Some(answer) => Poll::Ready(answer),
            None => {
                pending.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.world.state();
        let keeps =
            state.pending.get(&self.id).is_some_and(|pending| pending.sent && pending.answer.is_none());
        if keeps {
            state.pending_mut(self.id).waker = None;
        } else {
            state.pending.remove(&self.id);
        }
    }
}

/// The clock of a process.
pub(crate) struct ProcessClock {
    pub(crate) world: Arc<World>,
    pub(crate) process: usize,
}

impl Clock for ProcessClock {
    fn now(&self) -> DateTime<Utc> {
        let state = self.world.state();
        let skew = state.processes.get(self.process).map_or(0, |process| process.skew);
        DateTime::from_timestamp_millis(state.now + skew).unwrap_or_default()
    }
}

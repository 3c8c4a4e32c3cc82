//! What the processes do: random operations, each held against the history when it returns.

use std::ops::Range;
use std::sync::Arc;

use tradai_domain::{Millis, SeriesKey, Timeframe};
use tradai_timeseries::{AsOf, Commit, Error, Metadata, MetadataPatch, Read, Retention, Store};

use crate::disk::{Action, Answer};
use crate::faults::{DAY, HOUR, MIN_GRACE, MINUTE, SECOND};
use crate::history::Held;
use crate::model::{ALL_HOURS, Change, Rows, candles, is_read, range};
use crate::world::{Role, State, Tempo, World};

/// Hours that are written.
const HOURS: i64 = 12;

/// Returns the series of a symbol by its number.
pub(crate) fn key(symbol: usize) -> SeriesKey {
    let base = ["BTC", "ETH"][symbol];
    SeriesKey::traded(&format!("{base}/USDT").parse().unwrap(), Timeframe::H1)
}

/// One operation.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Change(usize, Change),
    Read(usize, AsOf, Range<i64>),
    ListVersions(usize),
    /// A name, and the one symbol it is for; none for all.
    TakeSnapshot(String, Option<usize>),
    DeleteSnapshot(String),
    Prune(Retention),
    /// Lets time pass; in what comes before a scenario.
    Wait(Millis),
    /// Leaves the manifest of a version as the hint.
    Hint(u64),
}

/// Does random operations of a task one after the other, with pauses.
pub(crate) async fn run(world: Arc<World>, store: Store, task: usize) {
    loop {
        let Some((role, pause)) = next_step(&mut world.state(), task) else { return };
        world.pause(pause).await;
        let step = draw_step(&mut world.state(), role);
        let Some(step) = step else { continue };
        perform(&world, &store, task, step).await;
        if world.state().history.violation.is_some() {
            return;
        }
    }
}

/// Does some operations of a task one after the other.
pub(crate) async fn run_steps(world: Arc<World>, store: Store, task: usize, steps: Vec<Step>) {
    for step in steps {
        perform(&world, &store, task, step).await;
    }
}

/// Does one operation and holds its outcome against the history.
async fn perform(world: &Arc<World>, store: &Store, task: usize, step: Step) {
    match step {
        Step::Change(symbol, change) => self::change(world, store, task, symbol, change).await,
        Step::Read(symbol, as_of, hours) => read(world, store, task, symbol, as_of, hours).await,
        Step::ListVersions(symbol) => list_versions(world, store, task, symbol).await,
        Step::TakeSnapshot(name, symbol) => take_snapshot(world, store, task, name, symbol).await,
        Step::DeleteSnapshot(name) => delete_snapshot(world, store, task, name).await,
        Step::Prune(retention) => prune(world, store, task, retention).await,
        Step::Wait(millis) => world.state().now += millis,
        Step::Hint(version) => leave_hint(&mut world.state(), version),
    }
    world.state().tasks[task].operation = None;
}

fn leave_hint(state: &mut State, version: u64) {
    let folder = state.history.symbols[0].folder.clone();
    let now = state.now;
    let manifest = state.disk.perform(&Action::Get(format!("{folder}v/{version:020}.json")), now);
    let Answer::Found(manifest) = manifest else { panic!("no version {version}") };
    state.disk.perform(&Action::Put(format!("{folder}HEAD.json"), manifest.bytes), now);
}

/// Draws an operation; `None` when there is nothing to do it to.
fn draw_step(state: &mut State, role: Role) -> Option<Step> {
    let choice = state.random.below(100);
    let symbol = draw_symbol(state);
    Some(match role {
        Role::Writer if choice < 88 => Step::Change(symbol, draw_change(state, symbol)),
        Role::Keeper if choice < 55 => {
            let name = format!("s{}", state.random.below(3));
            Step::TakeSnapshot(name, state.random.chance(5_000).then_some(symbol))
        }
        Role::Keeper if choice < 80 => {
            let names: Vec<String> = state.history.snapshots.keys().cloned().collect();
            Step::DeleteSnapshot(names.get(state.random.index(names.len()))?.clone())
        }
        Role::Collector => Step::Prune(draw_retention(state)),
        _ if choice.is_multiple_of(8) => Step::ListVersions(symbol),
        _ => {
            let as_of = draw_as_of(state, symbol);
            let start = state.random.between(-1, HOURS - 1);
            let end = start + state.random.between(1, HOURS);
            Step::Read(symbol, as_of, if state.random.chance(5_000) { ALL_HOURS } else { start..end })
        }
    })
}

fn draw_retention(state: &mut State) -> Retention {
    let is_eager = state.is_eager;
    let random = &mut state.random;
    Retention {
        versions: Some(if is_eager { 1 } else { 1 + random.below(3) }),
        millis: (!is_eager && random.chance(2_000)).then(|| random.between(0, DAY)),
        grace: MIN_GRACE,
        dry_run: random.chance(500),
    }
}

/// Returns what a task does next and how long it waits before; `None` when it is done.
fn next_step(state: &mut State, task: usize) -> Option<(Role, Millis)> {
    let steps = state.tasks[task].steps.checked_sub(1)?;
    state.tasks[task].steps = steps;
    let role = state.processes[state.tasks[task].process].role;
    let tempo = state.tempo;
    let random = &mut state.random;
    let pause = match (role, tempo, random.below(10)) {
        (Role::Collector, Tempo::Slow, 0..9) => random.between(15 * MINUTE, 70 * MINUTE),
        (Role::Collector, _, 0..8) => random.between(20 * MINUTE, 3 * HOUR),
        (_, Tempo::Slow, 0..3) | (_, Tempo::Fast, 0..5) => random.between(0, 200),
        (_, Tempo::Slow, 3 | 4) | (_, Tempo::Fast, 5 | 6) => random.between(SECOND, 10 * MINUTE),
        (_, Tempo::Slow, _) | (_, Tempo::Fast, 7 | 8) => random.between(10 * MINUTE, 2 * HOUR),
        (_, Tempo::Fast, _) => random.between(2 * HOUR, DAY),
    };
    Some((role, pause))
}

fn begin(state: &mut State, task: usize, change: Option<(usize, Change)>, keeps: Option<u64>) -> usize {
    let operation = state.history.begin(task, change, keeps);
    state.tasks[task].operation = Some(operation);
    let newest = state.history.operations[operation].newest.clone();
    let begun = state.history.operations.iter().filter(|operation| operation.task == task).count();
    state.tasks[task].remember(&(begun, newest));
    state.counts.operations += 1;
    operation
}

fn draw_symbol(state: &mut State) -> usize {
    let symbols = state.history.symbols.len() as u64;
    usize::try_from(state.random.below(symbols)).unwrap()
}

fn draw_change(state: &mut State, symbol: usize) -> Change {
    let newest = state.history.symbols[symbol].newest();
    let own = u32::try_from(state.history.operations.len()).unwrap();
    let random = &mut state.random;
    let start = random.between(0, HOURS - 1);
    let end = (start + random.between(1, 4)).min(HOURS);
    // Most writers bring the candles that every other one would bring; some bring their own.
    let is_own = random.chance(4_000);
    let rows: Rows = (start..end)
        .map(|hour| (hour, if is_own { own } else { 1_000 + u32::try_from(hour).unwrap() }))
        .collect();
    match random.below(100) {
        0..30 => Change::Append(rows),
        30..40 => {
            let rows = if random.chance(5_000) { Rows::new() } else { rows };
            Change::Note(format!("n{}", random.below(3)), own, rows)
        }
        40..60 => Change::Upsert(rows),
        60..68 => Change::Write(rows),
        68..74 => Change::Replace(start - 1..end + 1, rows),
        74..82 => Change::Replace(start..end, Rows::new()),
        82..86 => Change::Delete,
        _ => Change::Restore(newest.saturating_sub(random.below(4))),
    }
}

async fn change(world: &Arc<World>, store: &Store, task: usize, symbol: usize, change: Change) {
    let operation = {
        let mut state = world.state();
        let operation = begin(&mut state, task, Some((symbol, change.clone())), None);
        state.note(|| format!("T{task} begins {operation}: {} {change:?}", key(symbol)));
        operation
    };
    let outcome = ask(store, symbol, &change).await;
    let mut state = world.state();
    state.note(|| format!("T{task} ends {operation}: {outcome:?}"));
    judge_change(&mut state, operation, symbol, &change, outcome);
}

/// Asks a store for a change.
pub(crate) async fn ask(store: &Store, symbol: usize, change: &Change) -> Result<Commit, Error> {
    let key = key(symbol);
    match change {
        Change::Write(rows) => store.write(&key, &candles(rows, ALL_HOURS), None).await,
        Change::Append(rows) => store.append(&key, &candles(rows, ALL_HOURS), None).await,
        Change::Note(name, value, rows) => {
            let set = Metadata::from_iter([(name.clone(), (*value).into())]);
            let patch = MetadataPatch { set, ..MetadataPatch::default() };
            store.append(&key, &candles(rows, ALL_HOURS), patch).await
        }
        Change::Upsert(rows) => store.upsert(&key, &candles(rows, ALL_HOURS), None).await,
        Change::Replace(hours, rows) if rows.is_empty() => store.delete_range(&key, range(hours)).await,
        Change::Replace(hours, rows) => {
            store.replace_range(&key, range(hours), &candles(rows, ALL_HOURS), None).await
        }
        Change::Delete => store.delete(&key).await,
        Change::Restore(version) => store.restore(&key, *version).await,
    }
}

/// Holds the outcome of a change against the history.
pub(crate) fn judge_change(
    state: &mut State,
    operation: usize,
    symbol: usize,
    change: &Change,
    outcome: Result<Commit, Error>,
) {
    let before = state.history.operations[operation].newest[symbol];
    match outcome {
        Ok(commit) => {
            let count = if commit.changed { &mut state.counts.commits } else { &mut state.counts.unchanged };
            *count += 1;
            state.history.acknowledged(operation, commit.version, commit.changed);
        }
        Err(error @ Error::Conflict { .. }) => {
            state.counts.conflicts += 1;
            state.history.refused(operation, &error.to_string());
            state.history.may_conflict(operation);
        }
        Err(error @ (Error::Busy { .. } | Error::TooSlow { .. })) => {
            state.counts.busy += 1;
            state.history.refused(operation, &error.to_string());
        }
        Err(error @ (Error::NoVersion { .. } | Error::NoSeries { .. })) => {
            state.counts.gone += 1;
            state.history.refused(operation, &error.to_string());
            let Change::Restore(version) = *change else {
                return state.history.violate(format!("{change:?} failed with {error}"));
            };
            let known = &state.history.symbols[symbol];
            let was_there = version > 0 && version <= before && known.series(version).flatten().is_some();
            if was_there && version > known.released {
                state.history.violate(format!("restoring version {version} failed with {error}"));
            }
        }
        Err(Error::UnknownOutcome { .. }) => state.counts.unknown += 1,
        Err(Error::Storage { .. }) => state.counts.storage_errors += 1,
        Err(error) => state.history.violate(format!("{change:?} failed with {error}")),
    }
}

async fn read(world: &Arc<World>, store: &Store, task: usize, symbol: usize, as_of: AsOf, hours: Range<i64>) {
    let operation = {
        let mut state = world.state();
        let operation = begin(&mut state, task, None, None);
        state.note(|| format!("T{task} begins {operation}: read {} {as_of:?} {hours:?}", key(symbol)));
        operation
    };
    let outcome = store.read(&key(symbol), range(&hours), as_of.clone()).await;
    let mut state = world.state();
    state.counts.reads += 1;
    state.note(|| match &outcome {
        Ok(read) => format!("T{task} ends {operation}: {:?}", read.as_ref().map(|read| read.version)),
        Err(error) => format!("T{task} ends {operation}: {error}"),
    });
    judge_read(&mut state, operation, symbol, &as_of, &hours, &outcome);
}

fn draw_as_of(state: &mut State, symbol: usize) -> AsOf {
    let newest = state.history.symbols[symbol].newest();
    let now = state.now;
    let names: Vec<String> = state.history.snapshots.keys().cloned().collect();
    let random = &mut state.random;
    match random.below(10) {
        0..5 => AsOf::Latest,
        5..7 => AsOf::Version(newest.saturating_sub(random.below(6))),
        7 => AsOf::Time(now - random.between(-HOUR, DAY)),
        _ if names.is_empty() => AsOf::Latest,
        _ => AsOf::Snapshot(random.pick(&names).as_str().into()),
    }
}

/// Holds what a read returned against the history.
pub(crate) fn judge_read(
    state: &mut State,
    operation: usize,
    symbol: usize,
    as_of: &AsOf,
    hours: &Range<i64>,
    outcome: &Result<Option<Read>, Error>,
) {
    let allowed = versions_to_read(state, operation, symbol, as_of);
    let is_held = is_held(state, operation, symbol, as_of);
    let known = &state.history.symbols[symbol];
    let problem = match outcome {
        Ok(None) => {
            let none = |&&version: &&u64| version == 0 || known.series(version).flatten().is_none();
            let absent =
                matches!(as_of, AsOf::Version(_)) && state.history.operations[operation].newest[symbol] == 0;
            let fine = absent || allowed.iter().find(none).is_some();
            (!fine).then(|| "found nothing".to_owned())
        }
        Ok(Some(read)) if !allowed.contains(&read.version) => {
            Some(format!("returned version {}", read.version))
        }
        Ok(Some(read)) => match known.series(read.version).flatten() {
            Some(content) if is_read(&content, hours.clone(), read) => None,
            other => Some(format!("returned {:?} {:?} for {other:?}", read.series.open(), read.metadata)),
        },
        Err(Error::Storage { .. }) => {
            state.counts.storage_errors += 1;
            None
        }
        Err(error) => {
            state.counts.gone += 1;
            let released =
                |&version: &u64| version == 0 || version <= known.released || version > known.newest();
            let later = |&version: &u64| version > state.history.operations[operation].newest[symbol];
            let gone = match (as_of, error) {
                (AsOf::Snapshot(_), _) => true,
                (AsOf::Latest, _) => false,
                (_, Error::NoVersion { .. }) => {
                    allowed.iter().any(|version| released(version) || later(version))
                }
                _ => false,
            };
            (!gone || is_held).then(|| format!("failed with {error}"))
        }
    };
    if let Some(problem) = problem {
        let released = known.released;
        let what = format!("reading {as_of:?} {problem}; right were {allowed:?}, released {released}");
        state.history.violate(what);
    }
}

/// Returns the versions that a read may return: those that were the answer at some moment since it began.
fn versions_to_read(state: &State, operation: usize, symbol: usize, as_of: &AsOf) -> Vec<u64> {
    let known = &state.history.symbols[symbol];
    let window = state.history.operations[operation].newest[symbol]..=known.newest();
    match as_of {
        AsOf::Latest => window.collect(),
        AsOf::Version(version) => vec![*version],
        AsOf::Time(at) => window.map(|newest| known.committed_by(newest, *at)).collect(),
        AsOf::Snapshot(name) => {
            let of = |held: &Held| held.get(&symbol).copied().unwrap_or(0);
            match state.history.snapshots.get(&**name) {
                Some(snapshot) if !snapshot.doomed && snapshot.since <= operation => {
                    vec![of(&snapshot.versions)]
                }
                _ => state.history.stored.get(&**name).into_iter().flatten().map(of).chain([0]).collect(),
            }
        }
    }
}

/// Returns whether an acknowledged snapshot holds what is read.
fn is_held(state: &State, operation: usize, symbol: usize, as_of: &AsOf) -> bool {
    match as_of {
        AsOf::Version(version) => state.history.holder(symbol, *version).is_some(),
        AsOf::Snapshot(name) => {
            let snapshot = state.history.snapshots.get(&**name);
            snapshot.is_some_and(|snapshot| !snapshot.doomed && snapshot.since <= operation)
        }
        AsOf::Latest | AsOf::Time(_) => false,
    }
}

async fn list_versions(world: &Arc<World>, store: &Store, task: usize, symbol: usize) {
    let operation = {
        let mut state = world.state();
        let operation = begin(&mut state, task, None, None);
        state.note(|| format!("T{task} begins {operation}: list versions of {}", key(symbol)));
        operation
    };
    let outcome = store.versions(&key(symbol)).await;
    let mut state = world.state();
    state.note(|| format!("T{task} ends {operation}: {outcome:?}"));
    let versions = match outcome {
        Ok(versions) => versions,
        Err(Error::Storage { .. }) => return state.counts.storage_errors += 1,
        Err(error) => return state.history.violate(format!("listing versions failed with {error}")),
    };
    let known = &state.history.symbols[symbol];
    let wrong = versions
        .iter()
        .find(|info| known.version(info.version).is_none_or(|version| version.committed != info.committed));
    let newest = versions.last().map_or(0, |info| info.version);
    if let Some(wrong) = wrong {
        let what = format!("listing versions returned {wrong:?}, which never was one");
        state.history.violate(what);
    } else if newest < state.history.operations[operation].newest[symbol] || newest > known.newest() {
        state.history.violate(format!("listing versions ended with {newest}"));
    }
}

async fn take_snapshot(world: &Arc<World>, store: &Store, task: usize, name: String, symbol: Option<usize>) {
    let keys = symbol.map(|symbol| vec![key(symbol)]);
    let operation = {
        let mut state = world.state();
        let operation = begin(&mut state, task, None, None);
        state.note(|| format!("T{task} begins {operation}: snapshot {name} of {symbol:?}"));
        operation
    };
    let outcome = store.snapshot(&name, keys.as_deref(), None).await;
    let mut state = world.state();
    state.note(|| format!("T{task} ends {operation}: {outcome:?}"));
    let info = match outcome {
        Ok(info) => info,
        Err(Error::Storage { .. }) => return state.counts.storage_errors += 1,
        Err(Error::NoSeries { .. } | Error::Busy { .. }) => return,
        Err(Error::SnapshotExists { .. }) if state.history.stored.contains_key(&name) => return,
        Err(error) => return state.history.violate(format!("snapshot {name} failed with {error}")),
    };
    state.counts.snapshots += 1;
    let symbols = 0..state.history.symbols.len();
    let versions: Held = symbols
        .filter_map(|symbol| Some((symbol, *info.symbols.get(&key(symbol).store_symbol())?)))
        .collect();
    for (&symbol, version) in &versions {
        let known = &state.history.symbols[symbol];
        let window = state.history.operations[operation].newest[symbol]..=known.newest();
        if !window.contains(version) {
            state.history.violate(format!("snapshot {name} took version {version}; newest were {window:?}"));
        }
    }
    state.history.took_snapshot(operation, name, versions);
}

async fn delete_snapshot(world: &Arc<World>, store: &Store, task: usize, name: String) {
    {
        let mut state = world.state();
        state.history.begin_deletion(task, &name);
        let operation = begin(&mut state, task, None, None);
        state.note(|| format!("T{task} begins {operation}: delete snapshot {name}"));
    }
    let outcome = store.delete_snapshot(&name).await;
    let mut state = world.state();
    state.note(|| format!("T{task} deleted {name}: {outcome:?}"));
    state.history.end_deletion(task);
    match outcome {
        Ok(_) => {}
        Err(Error::Storage { .. }) => state.counts.storage_errors += 1,
        Err(error) => state.history.violate(format!("deleting {name} failed with {error}")),
    }
}

async fn prune(world: &Arc<World>, store: &Store, task: usize, retention: Retention) {
    let operation = {
        let mut state = world.state();
        let operation = begin(&mut state, task, None, retention.versions);
        state.note(|| format!("T{task} begins {operation}: prune {retention:?}"));
        operation
    };
    let outcome = store.prune(None, retention, &|_, _| ()).await;
    let mut state = world.state();
    state.counts.prunes += 1;
    state.note(|| format!("T{task} ends {operation}: {outcome:?}"));
    let failures = match outcome {
        Ok(pruning) => pruning.failed.into_iter().map(|(_, error)| error).collect(),
        Err(error) => vec![error],
    };
    for error in failures {
        if matches!(error, Error::Storage { .. }) {
            state.counts.storage_errors += 1;
        } else {
            state.history.violate(format!("pruning failed with {error}"));
        }
    }
}

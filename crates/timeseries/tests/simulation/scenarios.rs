//! Small meetings of processes, explored in every order of their requests within bounds.

use tradai_timeseries::{AsOf, Retention};

use crate::exhaustive::{Bounds, Explored, Scenario};
use crate::faults::{HOUR, MIN_GRACE};
use crate::model::{ALL_HOURS, Change, Rows};
use crate::script::Step;

fn append(hour: i64) -> Step {
    Step::Change(0, Change::Append(Rows::from([(hour, 1)])))
}

fn upsert(hour: i64, value: u32) -> Step {
    Step::Change(0, Change::Upsert(Rows::from([(hour, value)])))
}

fn note(name: &str) -> Step {
    Step::Change(0, Change::Note(name.to_owned(), 1, Rows::new()))
}

fn restore(version: u64) -> Step {
    Step::Change(0, Change::Restore(version))
}

fn read(as_of: AsOf) -> Step {
    Step::Read(0, as_of, ALL_HOURS)
}

fn prune() -> Step {
    Step::Prune(Retention { grace: MIN_GRACE, ..Retention::newest(1) })
}

fn snapshot() -> Step {
    Step::TakeSnapshot("s".to_owned(), Some(0))
}

const NO_SLEEP: Bounds = Bounds { jumps: 0, holds: 1, crashes: 1, preemptions: 6 };
const SLEEP: Bounds = Bounds { jumps: 2, holds: 1, crashes: 0, preemptions: 2 };
const LONG_SLEEP: Bounds = Bounds { jumps: 3, holds: 1, crashes: 0, preemptions: 2 };

pub(crate) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "two writers of other hours and a reader",
            before: vec![append(0)],
            processes: vec![vec![append(1)], vec![append(2)], vec![read(AsOf::Latest)]],
            bounds: NO_SLEEP,
        },
        Scenario {
            name: "two writers that note different things",
            before: vec![append(0)],
            processes: vec![vec![note("a"), note("b")], vec![note("c")]],
            bounds: NO_SLEEP,
        },
        Scenario {
            name: "two first writers that disagree",
            before: vec![],
            processes: vec![vec![append(1)], vec![Step::Change(0, Change::Append(Rows::from([(1, 2)])))]],
            bounds: NO_SLEEP,
        },
        Scenario {
            name: "a reader that sleeps while versions come and go",
            before: vec![append(0), append(1)],
            processes: vec![
                vec![read(AsOf::Latest), read(AsOf::Latest)],
                vec![append(2), append(3)],
                vec![prune(), prune()],
            ],
            bounds: SLEEP,
        },
        Scenario {
            name: "a reader with a hint of long ago",
            before: vec![append(0), append(1), append(2), Step::Hint(1)],
            processes: vec![vec![read(AsOf::Latest)], vec![append(3)], vec![prune(), prune()]],
            bounds: SLEEP,
        },
        Scenario {
            name: "a writer that sleeps while versions come and go",
            before: vec![append(0), append(1)],
            processes: vec![vec![upsert(0, 5)], vec![append(2), append(3)], vec![prune(), prune()]],
            bounds: LONG_SLEEP,
        },
        Scenario {
            name: "a writer that sleeps before the only commit",
            before: vec![append(0)],
            processes: vec![vec![append(1)], vec![prune()]],
            bounds: Bounds { jumps: 2, holds: 2, crashes: 1, preemptions: 6 },
        },
        Scenario {
            name: "a restore and a collector",
            before: vec![append(0), Step::Change(0, Change::Write(Rows::from([(1, 1)])))],
            processes: vec![vec![restore(1)], vec![prune(), prune()]],
            bounds: Bounds { jumps: 2, holds: 1, crashes: 1, preemptions: 4 },
        },
        Scenario {
            name: "a restore of what a snapshot holds until it is deleted",
            before: vec![
                append(0),
                snapshot(),
                Step::Change(0, Change::Write(Rows::from([(1, 1)]))),
                prune(),
                Step::Wait(2 * HOUR),
            ],
            processes: vec![vec![restore(1)], vec![Step::DeleteSnapshot("s".to_owned())], vec![prune()]],
            bounds: Bounds { jumps: 0, holds: 0, crashes: 0, preemptions: 3 },
        },
        Scenario {
            name: "a snapshot, a writer and a collector",
            before: vec![append(0)],
            processes: vec![vec![snapshot()], vec![append(1)], vec![prune(), prune()]],
            bounds: SLEEP,
        },
        Scenario {
            name: "a snapshot that is deleted and taken again",
            before: vec![append(0), snapshot(), append(1)],
            processes: vec![
                vec![Step::DeleteSnapshot("s".to_owned()), snapshot(), read(AsOf::Snapshot("s".into()))],
                vec![Step::DeleteSnapshot("s".to_owned())],
                vec![prune()],
            ],
            bounds: Bounds { jumps: 1, holds: 1, crashes: 1, preemptions: 4 },
        },
        Scenario {
            name: "two collectors and a writer",
            before: vec![append(0), append(1), upsert(0, 2)],
            processes: vec![vec![prune(), prune()], vec![prune()], vec![append(2)]],
            bounds: SLEEP,
        },
        Scenario {
            name: "a late writer's number asked for",
            before: vec![append(0)],
            processes: vec![
                vec![append(1)],
                vec![append(2), append(3)],
                vec![prune(), prune()],
                vec![read(AsOf::Version(2))],
            ],
            bounds: Bounds { jumps: 2, holds: 0, crashes: 0, preemptions: 2 },
        },
    ]
}

/// Explores every scenario by up to so many schedules each.
pub(crate) fn explore_all(schedules: u64) -> Vec<(&'static str, Explored)> {
    all().iter().map(|scenario| (scenario.name, scenario.explore(schedules))).collect()
}

//! Wall and CPU seconds of a call.

#![expect(clippy::disallowed_methods, reason = "a bench reads the machine's clock")]

use std::collections::BTreeMap;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

/// What an operation costs, in seconds; CPU seconds are those of the whole process, all threads together.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub(crate) wall_s: f64,
    pub(crate) cpu_s: f64,
}

/// Costs by the operation's name.
pub(crate) type Costs = BTreeMap<String, Cost>;

/// Calls `warm` times unmeasured and `times` times measured; returns the medians.
pub(crate) fn median(warm: usize, times: usize, mut call: impl FnMut()) -> Cost {
    (0..warm).for_each(|_| call());
    let costs: Vec<Cost> = (0..times).map(|_| once(&mut call)).collect();
    let middle = |of: fn(&Cost) -> f64| {
        let mut seconds: Vec<f64> = costs.iter().map(of).collect();
        seconds.sort_by(f64::total_cmp);
        seconds[times / 2]
    };
    Cost { wall_s: middle(|cost| cost.wall_s), cpu_s: middle(|cost| cost.cpu_s) }
}

/// Returns the mean of some costs.
pub(crate) fn mean(costs: &[Cost]) -> Cost {
    let mean = |of: fn(&Cost) -> f64| costs.iter().map(of).sum::<f64>() / costs.len() as f64;
    Cost { wall_s: mean(|cost| cost.wall_s), cpu_s: mean(|cost| cost.cpu_s) }
}

/// Measures one call.
pub(crate) fn once(call: impl FnOnce()) -> Cost {
    let (wall, cpu) = (Instant::now(), process_cpu_s());
    call();
    Cost { wall_s: wall.elapsed().as_secs_f64(), cpu_s: process_cpu_s() - cpu }
}

fn process_cpu_s() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

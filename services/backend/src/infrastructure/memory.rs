//! How much memory a job's process may take.

/// What a job needs at least to come about, in MiB.
const LEAST: u64 = 512;

/// Returns the share of one job where nobody says otherwise, in MiB: three quarters of what this process may use, among
/// as many jobs as run at the same time. `None` where the system does not tell.
pub(crate) fn share(parallel_jobs: usize) -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let machine = of_machine(&read("/proc/meminfo"))?;
    // A container's own limit, in its own view of the hierarchy.
    let container = read("/sys/fs/cgroup/memory.max").trim().parse::<u64>().ok().map(|bytes| bytes >> 20);
    Some(share_of(machine.min(container.unwrap_or(u64::MAX)), parallel_jobs))
}

fn share_of(mebibytes: u64, parallel_jobs: usize) -> u64 {
    let jobs = u64::try_from(parallel_jobs.max(1)).unwrap_or(u64::MAX);
    (mebibytes / 4 * 3 / jobs).max(LEAST)
}

/// Reads the memory of the machine, in MiB: `MemTotal:       24689764 kB`.
fn of_machine(meminfo: &str) -> Option<u64> {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    total.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes >> 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_share_most_of_the_machine() {
        assert_eq!(of_machine("MemTotal:       16777216 kB\nMemFree: 1 kB\n"), Some(16_384));
        assert_eq!((of_machine(""), of_machine("MemTotal: many kB")), (None, None));
        assert_eq!((share_of(16_384, 2), share_of(16_384, 1)), (6_144, 12_288));
        assert_eq!((share_of(1_024, 8), share_of(0, 0)), (512, 512));
    }
}

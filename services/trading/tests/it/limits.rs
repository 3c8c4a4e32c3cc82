//! A job that runs out of room.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tradai_control_plane::jobs::BacktestRequest;
use tradai_domain::jobs::{JobStatus, LocalExecutionMode};

use crate::world::{PROGRAM, World, ann, request};

/// A program that runs ours under a limit of the shell's `ulimit`.
fn limited(world: &World, name: &str, limit: &str) -> PathBuf {
    let path = world.path().join(name);
    // A file that would grow too long is refused instead of ending the program, as a full disk would refuse it.
    std::fs::write(&path, format!("#!/bin/sh\ntrap '' XFSZ\n{limit}\nexec {PROGRAM} \"$@\"\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Files may have a mebibyte or two, which the state fits into and the report does not; or the candles do not fit into memory.
#[tokio::test]
async fn fault_x37_a_job_without_room_fails_with_the_cause_and_the_others_complete() {
    let world = World::new();
    let many: Vec<String> = (0..8).map(|n| format!("A{n}/USDT")).collect();
    let names: Vec<&str> = many.iter().map(String::as_str).collect();
    world.add_candles(None, &names, "2023-01-01", "2023-12-01");
    let huge = BacktestRequest { symbols: many, timerange: None, ..request() };
    let whole = world.platform(2);
    // Threads and arenas take of the memory what the machine's cores make of it, unless they are told.
    let memory = "export RAYON_NUM_THREADS=2 MALLOC_ARENA_MAX=1; ulimit -v 100000";
    let its_memory = "export RAYON_NUM_THREADS=2 JOB_MEMORY_MIB=64";
    for (name, limit, request, cause) in [
        ("full-disk", "ulimit -f 2048", request(), "File too large"),
        ("no-memory", memory, huge.clone(), "memory allocation of"),
        ("its-memory", its_memory, huge, "it took more memory than it may"),
    ] {
        let mode = LocalExecutionMode::Subprocess;
        let platform = world.platform_of(limited(&world, name, limit), mode, 2);
        let starved = platform.jobs.submit(&request, &ann()).await.unwrap().record.job_id;
        let other = whole.jobs.submit(&crate::world::request(), &ann()).await.unwrap().record.job_id;
        let record = world.ended(starved).await;
        let error = record.error.unwrap_or_default();
        assert_eq!(record.status, JobStatus::Failed, "{name}");
        assert!(error.contains(cause), "{name}: {error}");
        world.completed(other).await;
        assert!(!world.results().iter().any(|folder| folder.contains(&starved.to_string())), "{name}");
        assert!(world.folders().manifest(&other).is_ok());
    }
}

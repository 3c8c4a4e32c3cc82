//! What a run leaves on the disk.

use tradai_runner::backtest::{JOB_FILES, JobFolder};

use crate::progress::run;

#[test]
fn a_folder_takes_the_place_of_what_its_job_left_when_it_died() {
    let dir = tempfile::tempdir().unwrap();
    let jobs = JobFolder::new(dir.path().join("data/jobs"));
    let mut finished = run(&()).unwrap();
    let id = finished.manifest.job_id;
    let left = dir.path().join(format!("data/jobs/.{id}"));
    std::fs::create_dir_all(&left).unwrap();
    for name in JOB_FILES {
        std::fs::write(left.join(name), "half").unwrap();
    }
    let written = finished.write(&jobs).unwrap();
    assert_eq!(written, jobs.path(&id));
    assert!(!left.exists(), "whoever writes sweeps");
    let manifest = jobs.manifest(&id).unwrap();
    for name in JOB_FILES {
        let bytes = std::fs::read(written.join(name)).unwrap();
        assert_eq!(manifest.files[name], blake3::hash(&bytes).to_hex().to_string(), "{name}");
    }
    jobs.sync().unwrap();
}

/// A folder that is there stays as it is, and nothing is left of the one that came too late.
#[test]
fn a_result_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let jobs = JobFolder::new(dir.path().to_owned());
    let mut finished = run(&()).unwrap();
    let written = finished.write(&jobs).unwrap();
    let first = std::fs::read(written.join("manifest.json")).unwrap();
    finished.manifest.created_at = 2;
    finished.write(&jobs).unwrap_err();
    assert_eq!(std::fs::read(written.join("manifest.json")).unwrap(), first);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

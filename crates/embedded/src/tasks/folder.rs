//! What is kept of one process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tradai_domain::ports::{TaskEnd, TaskStatus};

/// How much of a process's output is looked at for its last line, in bytes.
const TAIL: u64 = 4_096;
/// How much of that line is kept, in characters.
const LINE: usize = 500;

/// Returns whether a task may be named so: a name that is a folder's, or a container's, wherever tasks are run.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !name.is_empty() && name.len() <= 100 && name.bytes().all(plain)
}

/// Returns the last line of a task's output that says something.
pub(crate) fn last_line(text: &str) -> Option<String> {
    // Rust's runtime says what happened, and then a word on backtraces.
    let tells = |line: &&str| {
        !line.is_empty() && !line.starts_with("note: ") && !line.starts_with("skipping backtrace")
    };
    let line = text.lines().rev().map(str::trim).find(tells)?;
    Some(line.chars().take(LINE).collect())
}

/// The folder of one task: `lock` is held while it lives, `pid` says which process it is, or `hosted` that it is part of
/// one that is not to be signalled, `output` what it said, `end.json` how it ended if the process that started it saw
/// that. A task that is a container holds no lock: `container` is there for as long as the daemon has it, with its id
/// once it was started.
#[derive(Debug, Clone)]
pub(crate) struct TaskFolder {
    path: PathBuf,
}

/// The way in which a task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// A process.
    Process,
    /// A part of a process.
    Hosted,
    /// A container.
    Container,
}

/// Whether a task may be started.
#[derive(Debug)]
pub(crate) enum Claim {
    /// It may; the file is its lock, and locked.
    Free(File),
    /// It was started before.
    Taken,
}

#[derive(Debug, Serialize, Deserialize)]
struct NotedEnd {
    exit_code: Option<i32>,
    reason: String,
}

/// The end of a process that nobody saw end.
pub(crate) fn gone() -> TaskEnd {
    TaskEnd { exit_code: None, reason: "is gone: it was killed, or the machine was restarted".to_owned() }
}

impl TaskFolder {
    /// Returns the folder of a task, or `None` when its name cannot be that of a folder.
    pub(crate) fn new(root: &Path, name: &str) -> Option<Self> {
        is_name(name).then(|| Self { path: root.join(name) })
    }

    /// Returns the task's name.
    #[cfg(feature = "docker")]
    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Takes the lock of a task that was not started yet.
    pub(crate) fn claim(&self) -> std::io::Result<Claim> {
        // Whoever looks after a task holds its lock for a moment; only who holds it longer is the task.
        const TRIES: u32 = 100;
        const PAUSE: Duration = Duration::from_millis(5);
        std::fs::create_dir_all(&self.path)?;
        let lock = OpenOptions::new().read(true).append(true).create(true).open(self.path.join("lock"))?;
        for _ in 0..TRIES {
            match lock.try_lock() {
                Ok(()) if self.is_started() => return Ok(Claim::Taken),
                Ok(()) => return Ok(Claim::Free(lock)),
                Err(TryLockError::WouldBlock) if self.is_started() => return Ok(Claim::Taken),
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(Claim::Taken)
    }

    pub(super) fn create_output(&self) -> std::io::Result<File> {
        OpenOptions::new().append(true).create(true).open(self.path.join("output"))
    }

    pub(super) fn note_pid(&self, pid: u32) -> std::io::Result<()> {
        self.replace("pid", pid.to_string().as_bytes())
    }

    /// Notes that the task is part of the process that starts it.
    pub(super) fn note_hosted(&self) -> std::io::Result<()> {
        self.replace("hosted", b"")
    }

    pub(super) fn is_hosted(&self) -> bool {
        self.path.join("hosted").exists()
    }

    /// Notes that the task is a container: one that is being made, or that was started and has this id.
    #[cfg(feature = "docker")]
    pub(crate) fn note_container(&self, id: &str) -> std::io::Result<()> {
        self.replace("container", id.as_bytes())
    }

    /// Returns the id of the task's container, which is empty before it was started; `None` when it has none.
    pub(crate) fn container(&self) -> Option<String> {
        std::fs::read_to_string(self.path.join("container")).ok()
    }

    /// Notes that the daemon does not have the container any more.
    #[cfg(feature = "docker")]
    pub(crate) fn note_removed(&self) -> std::io::Result<()> {
        match std::fs::remove_file(self.path.join("container")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Keeps what a task said whose output went elsewhere.
    #[cfg(feature = "docker")]
    pub(crate) fn keep_output(&self, bytes: &[u8]) -> std::io::Result<()> {
        self.replace("output", bytes)
    }

    /// Returns the way in which the task runs, or ran; `None` when nothing but its end is known, if that.
    pub(super) fn way(&self) -> Option<Way> {
        if self.container().is_some() {
            Some(Way::Container)
        } else if self.is_hosted() {
            Some(Way::Hosted)
        } else {
            self.pid().map(|_| Way::Process)
        }
    }

    fn is_started(&self) -> bool {
        self.way().is_some() || self.path.join("end.json").exists()
    }

    pub(super) fn pid(&self) -> Option<i32> {
        // 0 and below would be groups of processes that are not the task's.
        let pid: i32 = std::fs::read_to_string(self.path.join("pid")).ok()?.trim().parse().ok()?;
        (pid > 1).then_some(pid)
    }

    pub(crate) fn note_end(&self, end: &TaskEnd) -> std::io::Result<()> {
        let noted = NotedEnd { exit_code: end.exit_code, reason: end.reason.clone() };
        self.replace("end.json", &serde_json::to_vec(&noted)?)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
        file.write_all(bytes)?;
        file.persist(self.path.join(name)).map(drop).map_err(|refused| refused.error)
    }

    /// Returns where the task stands: by its noted end, or else by its lock. (Something that it started may hold the
    /// lock longer than it lived.) Only the daemon can tell of a container more than that its end is not noted.
    pub(crate) fn status(&self) -> TaskStatus {
        if let Some(end) = self.noted_end() {
            return TaskStatus::Ended(end);
        }
        if self.container().is_some() {
            return TaskStatus::Running;
        }
        let lock = File::open(self.path.join("lock"));
        if let Ok(lock) = lock
            && matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))
        {
            return TaskStatus::Running;
        }
        // It may have ended, and been noted, since the first look.
        TaskStatus::Ended(self.noted_end().unwrap_or_else(gone))
    }

    pub(crate) fn noted_end(&self) -> Option<TaskEnd> {
        let bytes = std::fs::read(self.path.join("end.json")).ok()?;
        let NotedEnd { exit_code, reason } = serde_json::from_slice(&bytes).ok()?;
        Some(TaskEnd { exit_code, reason })
    }

    /// Returns the folders of all tasks.
    pub(crate) fn all(root: &Path) -> std::io::Result<Vec<Self>> {
        let entries = match std::fs::read_dir(root) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut folders = Vec::new();
        for entry in entries {
            folders.extend(entry?.file_name().to_str().and_then(|name| Self::new(root, name)));
        }
        Ok(folders)
    }

    /// Returns when the task was started, if it was.
    pub(crate) fn started(&self) -> Option<SystemTime> {
        let noted =
            ["pid", "hosted", "container", "end.json"].map(|name| std::fs::metadata(self.path.join(name)));
        noted.into_iter().find_map(Result::ok)?.modified().ok()
    }

    /// Returns the last line that the task wrote: programs say last why they failed.
    pub(super) fn last_line(&self) -> Option<String> {
        let mut file = File::open(self.path.join("output")).ok()?;
        let length = file.metadata().ok()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).ok()?;
        let mut tail = Vec::new();
        file.take(TAIL).read_to_end(&mut tail).ok()?;
        last_line(&String::from_utf8_lossy(&tail))
    }

    /// Removes the folder: the name is free then.
    pub(crate) fn remove(&self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "the folder of a task stays: {error}");
        }
    }
}

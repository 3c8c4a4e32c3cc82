//! A container engine, for tests of jobs in containers.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::tools::{answers, ensure, target};

/// Where tests find an engine, as Docker's own programs do.
const NAMED: &str = "DOCKER_HOST";
/// Where they find one that is not named.
const SOCKET: &str = "/var/run/docker.sock";
/// How often a daemon is asked, at most, whether it is there.
const LOOKS: u32 = 200;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What a job's container asks of an engine: a machine that cannot give it runs none of the tests.
const PROBE: &str = r#"set -e
libraries=$(ldd /bin/true | grep -o '/[^ ]*' || true)
tar -C / -chf - bin/true $(printf '%s\n' "$libraries" | sed 's|^/||') | docker import - tradai-probe
docker run --rm --init --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges:true \
  --memory 64m --memory-swap 64m --cpus 1 --pids-limit 64 tradai-probe /bin/true
docker rmi tradai-probe"#;

/// The engine that tests use: the one that is there already, one of ours, or none, with a note.
pub(crate) struct TestEngine(Option<Engine>);

impl TestEngine {
    /// Starts an engine unless there is one; Debian's is installed where that may be done.
    pub(crate) fn start() -> Self {
        if std::env::var_os(NAMED).is_some() || Path::new(SOCKET).exists() {
            return Self(None);
        }
        // Only root can start one, and sudo would leave a daemon that we could not stop.
        let user = Command::new("id").arg("-u").output();
        if user.is_ok_and(|user| user.stdout.trim_ascii() == b"0") {
            ensure("dockerd", "docker.io", "tests of jobs in containers are skipped");
        }
        let engine = Engine::start();
        if let Err(error) = &engine {
            println!("note: no container engine ({error:#}); tests of jobs in containers are skipped");
        }
        Self(engine.ok())
    }

    /// Tells a command where the engine is.
    pub(crate) fn tell(&self, command: &mut Command) {
        if let Some(engine) = &self.0 {
            command.env(NAMED, engine.host());
        }
    }
}

/// A running daemon, without networks: nothing of the machine's own is changed. It ends when this is dropped, or its
/// program is killed, and leaves nothing.
struct Engine {
    child: Child,
    folder: PathBuf,
}

impl Engine {
    fn start() -> anyhow::Result<Self> {
        if !answers("dockerd", "--version") {
            bail!("dockerd is not installed");
        }
        let folder = target().join("engine");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let log = std::fs::File::create(folder.join("dockerd.log"))?;
        let mut command = Command::new("setpriv");
        // Without a bridge it would take away that of another daemon, were it not in a network of its own.
        command.args([
            "--pdeathsig",
            "TERM",
            "unshare",
            "--net",
            "dockerd",
            "--bridge=none",
            "--iptables=false",
        ]);
        for (option, name) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "docker.pid")]
        {
            command.arg(option).arg(folder.join(name));
        }
        command.arg("--host").arg(host(&folder));
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let mut engine = Self { child, folder };
        engine.await_socket()?;
        let probe = Command::new("sh").args(["-c", PROBE]).env(NAMED, engine.host()).output()?;
        if !probe.status.success() {
            let said = String::from_utf8_lossy(&probe.stderr);
            bail!("it runs no container: {}", said.trim().lines().last().unwrap_or_default());
        }
        Ok(engine)
    }

    fn await_socket(&mut self) -> anyhow::Result<()> {
        for _ in 0..LOOKS {
            if let Some(status) = self.child.try_wait()? {
                let log = std::fs::read_to_string(self.folder.join("dockerd.log")).unwrap_or_default();
                bail!("dockerd ended ({status}): {}", log.trim().lines().last().unwrap_or_default());
            }
            let asked = Command::new("docker").arg("version").env(NAMED, self.host()).output()?;
            if asked.status.success() {
                return Ok(());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        bail!("dockerd does not answer")
    }

    fn host(&self) -> String {
        host(&self.folder)
    }
}

fn host(folder: &Path) -> String {
    format!("unix://{}", folder.join("docker.sock").display())
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It takes down what it mounted, which its end by force would leave.
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        if asked.is_ok_and(|asked| asked.success()) {
            drop(self.child.wait());
        } else {
            drop(self.child.kill());
        }
        // What it kept is nobody's; what stays is the next one's.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

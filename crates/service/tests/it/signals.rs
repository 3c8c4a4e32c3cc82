//! A process of its own: `examples/tiny_service.rs`, stopped by signals.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// `cargo test -p tradai-service` builds examples; they lie beside the tests' folder.
fn program() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().unwrap().parent().unwrap().join("examples/tiny_service");
    assert!(path.is_file(), "{} is missing: cargo build -p tradai-service --examples", path.display());
    path
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn command(port: u16) -> Command {
    let mut command = Command::new(program());
    command.env_clear().env("TINY_PORT", port.to_string()).env("LOG_FORMAT", "json");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) struct Tiny {
    pub(crate) child: Child,
    log: BufReader<ChildStderr>,
    pub(crate) address: SocketAddr,
}

impl Tiny {
    pub(crate) fn start(set: impl FnOnce(&mut Command)) -> Self {
        let port = free_port();
        let mut command = command(port);
        set(&mut command);
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut tiny = Self { child, log, address: SocketAddr::from(([127, 0, 0, 1], port)) };
        tiny.wait_for("listens on");
        tiny
    }

    /// Reads the log up to a line with this text.
    fn wait_for(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(self.log.read_line(&mut line).unwrap(), 0, "the log ended before {text}");
        }
    }

    fn ask(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        stream
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        drop(self.child.kill());
    }
}

fn read(mut stream: TcpStream) -> String {
    let mut reply = String::new();
    drop(stream.read_to_string(&mut reply));
    reply
}

fn output(port: u16, arguments: &[&str], set: impl FnOnce(&mut Command)) -> (Option<i32>, String, String) {
    let mut command = command(port);
    set(&mut command);
    let Output { status, stdout, stderr } = command.args(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn a_running_request_ends_before_the_process_does() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut tiny = Tiny::start(|_| ());
        let slow = tiny.ask("/slow");
        tiny.wait_for("slow has begun");
        tiny.signal(signal);
        tiny.wait_for("stopping");
        let reply = read(slow);
        assert!(reply.starts_with("HTTP/1.1 200 OK") && reply.ends_with("done"), "{reply}");
        assert!(tiny.child.wait().unwrap().success());
        assert!(TcpStream::connect(tiny.address).is_err());
    }
}

#[test]
fn a_request_that_does_not_end_is_cut_off_after_the_drain_time() {
    let mut tiny = Tiny::start(|command| {
        command.env("TINY_DRAIN_SECONDS", "1");
    });
    let stuck = tiny.ask("/stuck");
    tiny.wait_for("stuck has begun");
    tiny.signal(Signal::SIGTERM);
    tiny.wait_for("cut off connections");
    assert_eq!(read(stuck), "");
    assert!(tiny.child.wait().unwrap().success());
}

#[test]
fn the_health_check_asks_the_running_service() {
    let tiny = Tiny::start(|_| ());
    assert_eq!(output(tiny.address.port(), &["healthcheck"], |_| ()).0, Some(0));
    let (code, _, error) = output(free_port(), &["healthcheck"], |_| ());
    assert_eq!((code, error.is_empty()), (Some(1), false));
}

#[test]
fn settings_are_printed_and_faults_end_with_2() {
    let (code, printed, _) = output(8099, &["--print-settings"], |_| ());
    assert!(code == Some(0) && printed.contains("TINY_PORT=8099"), "{printed}");
    let (code, _, error) = output(8099, &[], |command| {
        command.env("TINY_BODY_LIMIT_BYTES", "lots").env("LOG_FORMAT", "xml");
    });
    assert!(code == Some(2) && error.starts_with("2 faults"), "{error}");
}

#[test]
fn other_addresses_than_loopback_need_keys() {
    let (code, _, error) = output(free_port(), &[], |command| {
        command.env("TINY_HOST", "0.0.0.0");
    });
    assert!(code == Some(2) && error.contains("TINY_HOST") && error.contains("API_KEYS"), "{error}");
    drop(Tiny::start(|command| {
        command.env("TINY_HOST", "0.0.0.0").env("TINY_API_KEYS", format!("ann:admin:{}", "ab".repeat(32)));
    }));
}

#[test]
fn a_new_key_opens_the_service_that_is_told_of_it() {
    let (code, printed, _) = output(8099, &["new-key", "ann", "viewer"], |_| ());
    let lines: Vec<&str> = printed.lines().map(|line| line.rsplit_once(' ').unwrap().1).collect();
    assert_eq!((code, lines.len()), (Some(0), 2), "{printed}");
    let tiny = Tiny::start(|command| {
        command.env("TINY_API_KEYS", lines[1]).env("TINY_HOST", "0.0.0.0");
    });
    let ask = |key: &str| {
        let mut stream = TcpStream::connect(tiny.address).unwrap();
        write!(stream, "GET /caller HTTP/1.0\r\nAuthorization: Bearer {key}\r\n\r\n").unwrap();
        read(stream)
    };
    assert!(ask(lines[0]).ends_with("ann viewer"), "{}", ask(lines[0]));
    assert!(ask("tradai_other").contains("AUTH001"));
    let (code, printed, _) = output(8099, &["new-key", "backend", "trader", "--service"], |_| ());
    assert!(code == Some(0) && printed.trim_end().ends_with(":service"), "{printed}");
    for wrong in [
        &["new-key"][..],
        &["new-key", "a:b", "viewer"],
        &["new-key", "ann", "king"],
        &["new-key", "ann", "viewer", "service"],
        &["new-key", "ann", "viewer", "--service", "x"],
    ] {
        assert_eq!(output(8099, wrong, |_| ()).0, Some(2));
    }
}

#[test]
fn a_taken_port_is_said_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (code, _, error) = output(taken.local_addr().unwrap().port(), &[], |_| ());
    assert!(code == Some(70) && error.contains("cannot listen on 127.0.0.1"), "{error}");
}

#[test]
fn a_programs_own_commands_need_no_settings() {
    let wrong = |command: &mut Command| {
        command.env("TINY_PORT", "no port");
    };
    let ends_with = |code: &'static str| {
        move |command: &mut Command| {
            wrong(command);
            command.env("TINY_END", code);
        }
    };
    assert_eq!(output(free_port(), &["end"], ends_with("3")).0, Some(3));
    let (code, _, errors) = output(free_port(), &[], wrong);
    assert!(code == Some(2) && errors.contains("TINY_PORT"), "{errors}");
}

#[test]
fn arguments_that_nobody_knows_start_no_service() {
    for (wrong, named) in [
        (&["healthchek"][..], "healthchek"),
        (&["--port", "80"], "--port"),
        (&["end", "now"], "now"),
        (&["healthcheck", "--help-me"], "--help-me"),
        (&["healthcheck", "--print-settings"], "--print-settings"),
        (&["new-key", "ann", "admin", "--print-settings"], "--print-settings"),
        (&["end", "--print-settings"], "--print-settings"),
        (&["--print-settings", "end"], "end"),
    ] {
        let (code, out, errors) = output(free_port(), wrong, |_| ());
        assert!(code == Some(2) && out.is_empty() && errors.contains(named), "{wrong:?}: {errors}");
    }
}

#[test]
fn help_and_version_need_no_settings() {
    let broken = |command: &mut Command| {
        command.env("TINY_PORT", "no port");
    };
    let (code, help, _) = output(free_port(), &["--help"], broken);
    assert_eq!(code, Some(0));
    for part in [
        "Answers, in its own time.",
        "healthcheck",
        "new-key",
        "end",
        "--print-settings",
        "TINY_",
        "settings",
    ] {
        assert!(help.contains(part), "{part} in {help}");
    }
    let (code, version, _) = output(free_port(), &["--version"], broken);
    assert_eq!((code, version.trim()), (Some(0), concat!("tradai-tiny-service ", env!("CARGO_PKG_VERSION"))));
}

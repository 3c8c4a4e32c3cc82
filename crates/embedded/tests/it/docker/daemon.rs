//! A daemon that speaks the part of Docker's API that tasks need, over a real socket. A container is a process of this
//! machine; image, mounts and limits are taken note of and otherwise ignored.
//!
//! What it says is what Docker Engine's API reference (v1.44) says for these calls: statuses, names of fields, the
//! frames of logs.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::UnixListener;
use tokio::sync::watch;

/// The only image that is there.
const IMAGE: &str = "tradai/runtime:latest";

type Reply = Response<Full<Bytes>>;

#[derive(Debug)]
struct Container {
    body: Value,
    starts: u32,
    pid: Option<i32>,
    /// The exit code, as Docker counts it: 128 more than the signal that killed it.
    end: watch::Sender<Option<i32>>,
    output: Vec<u8>,
}

#[derive(Debug, Default)]
struct State {
    containers: BTreeMap<String, Container>,
    /// Whether what comes after making a container fails, as when the daemon dies.
    dies: bool,
}

/// The daemon; its containers are killed when it is dropped.
pub(crate) struct Daemon {
    folder: TempDir,
    state: Arc<Mutex<State>>,
}

impl Daemon {
    /// Listens on a socket of its own. Must be called within a tokio runtime.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let daemon = Self { folder, state };
        let listener = UnixListener::bind(daemon.path()).unwrap();
        let state = daemon.state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = state.clone();
                let service = service_fn(move |request| answer(state.clone(), request));
                let connection = hyper::server::conn::http1::Builder::new();
                // A client that leaves in between is no concern of ours.
                tokio::spawn(async move {
                    drop(connection.serve_connection(TokioIo::new(stream), service).await)
                });
            }
        });
        daemon
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    pub(crate) fn socket(&self) -> &Path {
        self.path().leak()
    }

    /// What a container was asked for with.
    pub(crate) fn created(&self, name: &str) -> Value {
        lock(&self.state).containers[name].body.clone()
    }

    pub(crate) fn starts(&self, name: &str) -> u32 {
        lock(&self.state).containers[name].starts
    }

    /// The containers that there are.
    pub(crate) fn containers(&self) -> Vec<String> {
        lock(&self.state).containers.keys().cloned().collect()
    }

    pub(crate) fn add_foreign(&self, name: &str) {
        lock(&self.state).containers.insert(name.to_owned(), container(json!({"Image": IMAGE})));
    }

    /// Makes requests to start and to remove fail, or work again.
    pub(crate) fn die(&self, dies: bool) {
        lock(&self.state).dies = dies;
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        for container in lock(&self.state).containers.values() {
            signal(container, Signal::SIGKILL);
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn container(body: Value) -> Container {
    Container { body, starts: 0, pid: None, end: watch::Sender::new(None), output: Vec::new() }
}

fn signal(container: &Container, signal: Signal) {
    if let Some(pid) = container.pid.filter(|_| container.end.borrow().is_none()) {
        // It may have ended just now.
        killpg(Pid::from_raw(pid), signal).unwrap_or_default();
    }
}

async fn answer(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Result<Reply, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default();
    let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let segments: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    Ok(match (parts.method, segments.as_slice()) {
        (Method::GET, ["_ping"]) => text(StatusCode::OK, "OK"),
        (Method::GET, ["images", name @ .., "json"]) => image(&name.join("/")),
        (Method::POST, ["containers", "create"]) => create(&state, value("name").unwrap(), &body),
        (Method::POST, ["containers", name, "start"]) => start(&state, name),
        (Method::GET, ["containers", name, "json"]) => inspect(&state, name),
        (Method::GET, ["containers", name, "logs"]) => logs(&state, name),
        (Method::POST, ["containers", name, "wait"]) => wait(&state, name).await,
        (Method::POST, ["containers", name, "stop"]) => {
            let grace = value("t").unwrap().parse().unwrap();
            stop(&state, name, std::time::Duration::from_secs(grace)).await
        }
        (Method::DELETE, ["containers", name]) => delete(&state, name),
        other => panic!("tasks need no {other:?}"),
    })
}

fn reply(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply
}

fn text(status: StatusCode, body: &'static str) -> Reply {
    reply(status, body)
}

fn json_reply(status: StatusCode, body: &Value) -> Reply {
    let mut reply = reply(status, body.to_string());
    reply.headers_mut().insert("content-type", "application/json".parse().unwrap());
    reply
}

fn refusal(status: StatusCode, message: &str) -> Reply {
    json_reply(status, &json!({"message": message}))
}

fn unknown(name: &str) -> Reply {
    refusal(StatusCode::NOT_FOUND, &format!("No such container: {name}"))
}

fn image(name: &str) -> Reply {
    if name == IMAGE {
        return json_reply(StatusCode::OK, &json!({"Id": "sha256:0"}));
    }
    refusal(StatusCode::NOT_FOUND, &format!("No such image: {name}"))
}

fn create(state: &Mutex<State>, name: &str, body: &[u8]) -> Reply {
    let body: Value = serde_json::from_slice(body).unwrap();
    if body["Image"] != IMAGE {
        let message = format!("No such image: {}", body["Image"].as_str().unwrap());
        return refusal(StatusCode::NOT_FOUND, &message);
    }
    let mut state = lock(state);
    if state.containers.contains_key(name) {
        let message = format!(
            "Conflict. The container name \"/{name}\" is already in use by container \"{name}\". You have to remove \
             (or rename) that container to be able to reuse that name."
        );
        return refusal(StatusCode::CONFLICT, &message);
    }
    state.containers.insert(name.to_owned(), container(body));
    json_reply(StatusCode::CREATED, &json!({"Id": name, "Warnings": []}))
}

fn start(state: &Arc<Mutex<State>>, name: &str) -> Reply {
    let mut locked = lock(state);
    if locked.dies {
        return dying();
    }
    let Some(container) = locked.containers.get_mut(name) else { return unknown(name) };
    if container.starts > 0 {
        return text(StatusCode::NOT_MODIFIED, "");
    }
    let texts = |name: &str| -> Vec<String> {
        serde_json::from_value(container.body[name].clone()).unwrap_or_default()
    };
    let (command, environment) = (texts("Cmd"), texts("Env"));
    let environment = environment.iter().filter_map(|variable| variable.split_once('='));
    let spawned = tokio::process::Command::new(&command[0])
        .args(&command[1..])
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            let message = format!("failed to create task for container: exec: {:?}: {error}", command[0]);
            return refusal(StatusCode::BAD_REQUEST, &message);
        }
    };
    container.starts += 1;
    container.pid = child.id().map(|pid| i32::try_from(pid).unwrap());
    let (state, name) = (state.clone(), name.to_owned());
    tokio::spawn(async move {
        let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (mut said, mut complained) = (Vec::new(), Vec::new());
        let read = tokio::join!(stdout.read_to_end(&mut said), stderr.read_to_end(&mut complained));
        drop(read);
        let status = child.wait().await.unwrap();
        use std::os::unix::process::ExitStatusExt;
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
        if let Some(container) = lock(&state).containers.get_mut(&name) {
            container.output = [frame(1, &said), frame(2, &complained)].concat();
            container.end.send_replace(Some(code));
        }
    });
    text(StatusCode::NO_CONTENT, "")
}

/// A frame of a log: the stream, the length, the bytes.
fn frame(stream: u8, bytes: &[u8]) -> Vec<u8> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[stream, 0, 0, 0], &length[..], bytes].concat()
}

fn inspect(state: &Mutex<State>, name: &str) -> Reply {
    let state = lock(state);
    let Some(container) = state.containers.get(name) else { return unknown(name) };
    let end = *container.end.borrow();
    let status = match (container.starts, end) {
        (0, _) => "created",
        (_, None) => "running",
        _ => "exited",
    };
    let of_state = json!({"Status": status, "Running": status == "running", "OOMKilled": false,
        "ExitCode": end.unwrap_or(0)});
    let labels = &container.body["Labels"];
    let body =
        json!({"Id": name, "Name": format!("/{name}"), "State": of_state, "Config": {"Labels": labels}});
    json_reply(StatusCode::OK, &body)
}

fn logs(state: &Mutex<State>, name: &str) -> Reply {
    match lock(state).containers.get(name) {
        None => unknown(name),
        Some(container) => reply(StatusCode::OK, container.output.clone()),
    }
}

async fn wait(state: &Mutex<State>, name: &str) -> Reply {
    let end = lock(state).containers.get(name).map(|container| container.end.subscribe());
    let Some(mut end) = end else { return unknown(name) };
    let code = end.wait_for(Option::is_some).await.map_or(0, |code| code.unwrap());
    json_reply(StatusCode::OK, &json!({"StatusCode": code}))
}

async fn stop(state: &Mutex<State>, name: &str, grace: std::time::Duration) -> Reply {
    for (how, patience) in [(Signal::SIGTERM, grace), (Signal::SIGKILL, grace)] {
        let end = {
            let state = lock(state);
            let Some(container) = state.containers.get(name) else { return unknown(name) };
            if container.starts == 0 || container.end.borrow().is_some() {
                return text(StatusCode::NOT_MODIFIED, "");
            }
            signal(container, how);
            container.end.subscribe()
        };
        let mut end = end;
        if tokio::time::timeout(patience, end.wait_for(Option::is_some)).await.is_ok() {
            break;
        }
    }
    text(StatusCode::NO_CONTENT, "")
}

fn dying() -> Reply {
    refusal(StatusCode::INTERNAL_SERVER_ERROR, "the daemon is shutting down")
}

fn delete(state: &Mutex<State>, name: &str) -> Reply {
    let mut state = lock(state);
    if state.dies {
        return dying();
    }
    let Some(container) = state.containers.get(name) else { return unknown(name) };
    if container.starts > 0 && container.end.borrow().is_none() {
        let message = format!("cannot remove container \"/{name}\": container is running");
        return refusal(StatusCode::CONFLICT, &message);
    }
    state.containers.remove(name);
    text(StatusCode::NO_CONTENT, "")
}

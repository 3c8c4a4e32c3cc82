//! Live progress: what listeners are told, in which order, and how streams end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tradai_domain::jobs::JobStatus::{Completed, Running};
use tradai_domain::jobs::{JobChange, JobEvent, JobRecord, Progress, WorkflowType};
use tradai_domain::{Clock, JobId, ManualClock, SystemClock};
use tradai_embedded::{Database, SqliteEvents};
use tradai_service::ServeError;
use tradai_service::axum::http::Request;
use tradai_testkit::socket::{Error, Socket};

use crate::support::{PATIENCE, World, json_request, until};

/// A service behind an address.
struct Live {
    world: World,
    address: SocketAddr,
    service: JoinHandle<Result<(), ServeError>>,
}

impl Live {
    async fn new(variables: &[(&str, &str)]) -> Self {
        Self::of(World::with(variables)).await
    }

    async fn of(world: World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = tradai_service::serve(listener, world.app.clone(), world.shutdown.clone());
        Self { world, address, service: tokio::spawn(serve) }
    }

    async fn connect(&self, target: &str) -> Socket {
        let stream = TcpStream::connect(self.address).await.unwrap();
        Socket::open(stream, self.address, target, &[]).await.unwrap()
    }

    /// Code of the close, or status, of an upgrade that is refused.
    async fn refused(&self, target: &str, headers: &[(&'static str, &str)]) -> u16 {
        let stream = TcpStream::connect(self.address).await.unwrap();
        match Socket::open(stream, self.address, target, headers).await {
            Ok(mut socket) => socket.closed().await,
            Err(refused) => match *refused {
                Error::Http(reply) => reply.status().as_u16(),
                other => panic!("{other:?}"),
            },
        }
    }

    async fn progress(&self, id: JobId, thousandths: u64) {
        let now = self.world.wiring.clock.now_ms();
        self.world.change(id, JobChange::progress(Progress::of(thousandths, 1_000), now)).await;
    }

    async fn sockets(&self) -> u64 {
        let text = self.world.get("/metrics").await.text;
        let line = text.lines().find_map(|line| line.strip_prefix("tradai_ws_sockets "));
        line.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
    }
}

fn of(id: JobId) -> String {
    format!("/ws/backtests/{id}")
}

fn kinds(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["type"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_followed_to_its_end() {
    let live = Live::new(&[]).await;
    let (id, other) = (live.world.submit("Demo").await, live.world.submit("Other").await);
    let mut socket = live.connect(&of(id)).await;
    let snapshot = socket.next().await;
    assert_eq!(
        (&snapshot["type"], &snapshot["data"]["job_id"]),
        (&json!("snapshot"), &json!(id.to_string()))
    );
    assert_eq!(snapshot["data"]["status"], "pending");
    live.world.report(other, Running).await;
    live.world.report(id, Running).await;
    live.progress(id, 250).await;
    live.progress(other, 500).await;
    live.world.report(id, Completed).await;
    let told = [socket.next().await, socket.next().await, socket.next().await];
    assert_eq!(kinds(&told), ["state", "progress", "state"]);
    assert_eq!(told[0]["data"]["previous_status"], "pending");
    assert_eq!(
        (&told[1]["data"]["progress"], &told[1]["data"]["job_id"]),
        (&json!(0.25), &json!(id.to_string()))
    );
    assert_eq!(told[2]["data"]["new_status"], "completed");
    assert_eq!(socket.closed().await, 1000);
    // Whoever comes later is told the end, and shown out.
    let mut late = live.connect(&format!("/api/v1{}", of(id))).await;
    assert_eq!(late.next().await["data"]["status"], "completed");
    assert_eq!(late.closed().await, 1000);
    until(|| async { live.sockets().await == 0 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_stream_goes_on_where_it_was() {
    let live = Live::new(&[]).await;
    let id = live.world.submit("Demo").await;
    let mut socket = live.connect(&of(id)).await;
    let seq = socket.next().await["seq"].as_u64().unwrap();
    drop(socket);
    live.world.report(id, Running).await;
    for thousandths in [100, 200, 300] {
        live.progress(id, thousandths).await;
    }
    let mut socket = live.connect(&format!("{}?since_seq={seq}", of(id))).await;
    let mut told = Vec::new();
    for _ in 0..4 {
        told.push(socket.next().await);
    }
    assert_eq!(kinds(&told), ["state", "progress", "progress", "progress"]);
    live.world.report(id, Completed).await;
    told.push(socket.next().await);
    assert_eq!(socket.closed().await, 1000);
    // After the end: the rest, once, and then the end.
    let since = told[3]["seq"].as_u64().unwrap();
    let mut rest = live.connect(&format!("{}?since_seq={since}", of(id))).await;
    assert_eq!(rest.next().await["data"]["new_status"], "completed");
    assert_eq!(rest.closed().await, 1000);
    let last = told[4]["seq"].as_u64().unwrap();
    assert_eq!(live.connect(&format!("{}?since_seq={last}", of(id))).await.closed().await, 1000);
    // A number of another log means nothing here.
    let mut stranger = live.connect(&format!("{}?since_seq=999999", of(id))).await;
    assert_eq!(stranger.next().await["type"], "snapshot");
}

#[tokio::test(flavor = "multi_thread")]
async fn forgotten_events_are_said_to_be_missed_and_the_state_follows() {
    let mut world = World::new();
    let database = Database::open(&world.folder.path().join("state.db")).unwrap();
    world = world.with_events(std::sync::Arc::new(SqliteEvents::new(database, 3)));
    let live = Live::of(world).await;
    let id = live.world.submit("Demo").await;
    live.world.report(id, Running).await;
    for thousandths in 1..10 {
        live.progress(id, thousandths).await;
    }
    let mut socket = live.connect(&format!("{}?since_seq=1", of(id))).await;
    let (missed, snapshot) = (socket.next().await, socket.next().await);
    assert_eq!((&missed["type"], &missed["data"]["to"]), (&json!("missed"), &missed["seq"]));
    assert_eq!((&snapshot["type"], &snapshot["data"]["progress"]), (&json!("snapshot"), &json!(0.009)));
    live.progress(id, 500).await;
    assert_eq!(socket.next().await["data"]["progress"], 0.5);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_jobs_are_told_in_one_stream() {
    let live = Live::new(&[]).await;
    let done = live.world.submit("Done").await;
    live.world.report(done, Running).await;
    live.world.report(done, Completed).await;
    let first = live.world.submit("First").await;
    let mut socket = live.connect("/ws/jobs").await;
    let snapshot = socket.next().await;
    let jobs = snapshot["data"]["jobs"].as_array().unwrap();
    assert_eq!(jobs.iter().map(|job| &job["job_id"]).collect::<Vec<_>>(), [&json!(first.to_string())]);
    let second = live.world.submit("Second").await;
    let told = socket.next().await;
    assert_eq!(
        (&told["data"]["job_id"], &told["data"]["previous_status"]),
        (&json!(second.to_string()), &Value::Null)
    );
    live.world.report(second, Running).await;
    live.world.report(second, Completed).await;
    live.world.report(first, Running).await;
    let told = [socket.next().await, socket.next().await, socket.next().await];
    let statuses: Vec<&str> = told.iter().map(|told| told["data"]["new_status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["running", "completed", "running"], "the end of one job is not that of the stream");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_other_processes_arrive_too() {
    let live = Live::new(&[]).await;
    let id = live.world.submit("Demo").await;
    let mut socket = live.connect(&of(id)).await;
    socket.next().await;
    // Another connection to the same file, as a child process has.
    let database = Database::open(&live.world.folder.path().join("state.db")).unwrap();
    let events = std::sync::Arc::new(SqliteEvents::new(database, SqliteEvents::KEPT));
    let other = tradai_platform::wiring::Wiring { events, ..live.world.wiring.clone() };
    let reports = tradai_control_plane::jobs::JobReports::new(other.jobs, other.events, other.clock);
    reports.report(id, JobChange::status(Running, live.world.wiring.clock.now_ms())).await.unwrap();
    assert_eq!(socket.next().await["data"]["new_status"], "running");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_by_the_code_of_the_close() {
    let live = Live::new(&[("BACKEND_MAX_SOCKETS", "1")]).await;
    let id = live.world.submit("Demo").await;
    let unknown: JobId = "018cc251-f400-7000-8000-000000000002".parse().unwrap();
    let alone = || until(|| async { live.sockets().await == 0 });
    for (target, code) in [
        (of(unknown), 4404),
        ("/ws/backtests/latest".to_owned(), 4404),
        (of(id) + "?since_seq=-1", 4400),
        ("/ws/jobs?since_seq=x".to_owned(), 4400),
    ] {
        assert_eq!(live.connect(&target).await.closed().await, code, "{target}");
        alone().await;
    }
    for (length, code) in [(5, 1008), (5_000, 1009)] {
        let mut socket = live.connect(&of(id)).await;
        socket.say("x".repeat(length)).await;
        assert_eq!(socket.closed().await, code);
        alone().await;
    }
    assert_eq!(live.refused(&of(id), &[("origin", "https://evil.example")]).await, 4403);
    let mut only = live.connect(&of(id)).await;
    only.next().await;
    assert_eq!(live.refused(&of(id), &[]).await, 1013, "as many are open as may");
    assert_eq!(live.sockets().await, 1, "to be refused takes no place");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_come_as_a_subprotocol() {
    let item = format!("page:viewer:{}", blake3::hash(b"secret-1").to_hex());
    let live = Live::new(&[("BACKEND_API_KEYS", &item)]).await;
    assert_eq!(live.refused("/ws/jobs", &[]).await, 4401);
    let offered = |protocols| [("sec-websocket-protocol", protocols)];
    assert_eq!(live.refused("/ws/jobs", &offered("tradai, bearer.secret-2")).await, 4401);
    // Browsers drop a connection without a protocol that they offered.
    assert_eq!(live.refused("/ws/jobs", &offered("bearer.secret-1")).await, 400);
    let stream = TcpStream::connect(live.address).await.unwrap();
    let right = [("sec-websocket-protocol", "tradai, bearer.secret-1")];
    let mut socket = Socket::open(stream, live.address, "/ws/jobs", &right).await.unwrap();
    assert_eq!(socket.next().await["type"], "snapshot");
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_end_with_the_service() {
    let mut live = Live::new(&[]).await;
    let id = live.world.submit("Demo").await;
    let mut socket = live.connect(&of(id)).await;
    let mut all = live.connect("/ws/jobs").await;
    socket.next().await;
    all.next().await;
    live.world.shutdown.stop();
    assert_eq!((socket.closed().await, all.closed().await), (1001, 1001));
    tokio::time::timeout(PATIENCE, &mut live.service).await.expect("the service ends").unwrap().unwrap();
}

/// A client that never reads: it is cut off, and neither those beside it nor the job wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn fault_x38_a_client_that_never_reads_holds_up_nobody() {
    /// More than the sockets' own buffers hold: 3,000 events of 2 KB.
    const EVENTS: usize = 3_000;
    let live = Live::new(&[("BACKEND_REQUEST_TIMEOUT_SECONDS", "2")]).await;
    let narrow = TcpSocket::new_v4().unwrap();
    narrow.set_recv_buffer_size(4_096).unwrap();
    let narrow = narrow.connect(live.address).await.unwrap();
    let deaf = Socket::open(narrow, live.address, "/ws/jobs", &[]).await.unwrap();
    let mut quick = live.connect("/ws/jobs").await;
    assert_eq!(quick.next().await["type"], "snapshot");
    assert_eq!(live.sockets().await, 2);
    let (clock, ids) = (live.world.wiring.clock.clone(), live.world.wiring.ids.clone());
    let events = live.world.wiring.events.clone();
    let telling = tokio::spawn(async move {
        for _ in 0..EVENTS {
            let id = JobId(ids.next(clock.as_ref()));
            let mut job =
                JobRecord::pending(id, WorkflowType::Backtest, "Demo".parse().unwrap(), id.into(), 1);
            job.apply(&JobChange::failed("x".repeat(2_000), 2));
            events.publish(JobEvent::history(&job).last().unwrap()).await.unwrap();
        }
    });
    for told in 0..EVENTS {
        assert_eq!(
            quick.next().await["data"]["new_status"],
            "failed",
            "the quick one gets all; this is {told}"
        );
    }
    telling.await.unwrap();
    until(|| async { live.sockets().await == 1 }).await;
    let id = live.world.submit("Demo").await;
    assert_eq!(quick.next().await["data"]["job_id"], id.to_string());
    drop(deaf);
}

/// Reads a stream of server-sent events as lines.
async fn lines(address: SocketAddr, target: &str, headers: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    BufReader::new(stream)
}

async fn until_line(reader: &mut BufReader<TcpStream>, start: &str) -> String {
    let reading = async {
        loop {
            let mut line = String::new();
            assert!(reader.read_line(&mut line).await.unwrap() > 0, "the stream ended before {start}");
            if let Some(rest) = line.trim_end().strip_prefix(start) {
                return rest.to_owned();
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the line comes")
}

#[tokio::test(flavor = "multi_thread")]
async fn server_sent_events_tell_the_same_and_end_for_good() {
    let live = Live::new(&[]).await;
    let id = live.world.submit("Demo").await;
    let target = format!("/api/v1/backtests/{id}/events");
    let mut events = lines(live.address, &target, "").await;
    assert_eq!(until_line(&mut events, "content-type: ").await, "text/event-stream");
    assert_eq!(until_line(&mut events, "event: ").await, "snapshot");
    live.world.report(id, Running).await;
    let last: u64 = until_line(&mut events, "id: ").await.parse().unwrap();
    assert_eq!(until_line(&mut events, "event: ").await, "state");
    drop(events);
    live.progress(id, 500).await;
    live.world.report(id, Completed).await;
    let mut events = lines(live.address, &target, &format!("Last-Event-ID: {last}\r\n")).await;
    let data: Value = serde_json::from_str(&until_line(&mut events, "data: ").await).unwrap();
    assert_eq!((&data["type"], &data["data"]["progress"]), (&json!("progress"), &json!(0.5)));
    let data: Value = serde_json::from_str(&until_line(&mut events, "data: ").await).unwrap();
    assert_eq!(data["data"]["new_status"], "completed");
    let mut rest = Vec::new();
    let read = events.read_to_end(&mut rest);
    // The chunk that ends the reply; the connection itself stays open.
    drop(tokio::time::timeout(Duration::from_millis(500), read).await);
    assert!(String::from_utf8_lossy(&rest).contains("0\r\n\r\n"), "{rest:?}");
    let headers = format!("Last-Event-ID: {}\r\n", data["seq"]);
    let mut over = lines(live.address, &target, &headers).await;
    assert_eq!(until_line(&mut over, "HTTP/1.1 ").await, "204 No Content");
    let mut all = lines(live.address, "/api/v1/jobs/events", "").await;
    assert_eq!(until_line(&mut all, "event: ").await, "snapshot");
    for (target, headers) in [(target.clone() + "?since_seq=x", ""), (target, "Last-Event-ID: x\r\n")] {
        let mut refused = lines(live.address, &target, headers).await;
        assert!(until_line(&mut refused, "HTTP/1.1 ").await.starts_with("422"));
    }
    live.world.shutdown.stop();
    tokio::time::timeout(PATIENCE, all.read_to_end(&mut rest))
        .await
        .expect("streams end with the service")
        .unwrap();
}

/// A backend that knows one key, by a clock that stands still, and the cookie of a session of that key.
async fn signed_in(max_sockets: &str) -> (Live, Arc<ManualClock>, String) {
    let clock = Arc::new(ManualClock::at(SystemClock.now_ms()));
    let key = format!("ann:viewer:{}", blake3::hash(b"secret-1").to_hex());
    let variables = [("BACKEND_API_KEYS", key.as_str()), ("BACKEND_MAX_SOCKETS", max_sockets)];
    let live = Live::of(World::new().with_clock(clock.clone(), &variables)).await;
    let begin = Request::post("/api/v1/auth/session").header("host", live.address.to_string());
    let begun = live.world.send(json_request(begin, &json!({"key": "secret-1"}))).await;
    let cookie = begun.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("tradai_session_backend="), "{}", begun.text);
    (live, clock, cookie)
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_with_what_let_their_caller_in() {
    let (live, clock, cookie) = signed_in("100").await;
    let origin = format!("http://{}", live.address);
    let stream = TcpStream::connect(live.address).await.unwrap();
    let headers = [("cookie", cookie.as_str()), ("origin", origin.as_str())];
    let mut socket = Socket::open(stream, live.address, "/ws/jobs", &headers).await.unwrap();
    assert_eq!(socket.next().await["type"], "snapshot");
    let headers = format!("cookie: {cookie}\r\nsec-fetch-site: same-origin\r\n");
    let mut events = lines(live.address, "/api/v1/jobs/events", &headers).await;
    assert_eq!(until_line(&mut events, "event: ").await, "snapshot");
    let mut by_key = lines(live.address, "/api/v1/jobs/events", "x-api-key: secret-1\r\n").await;
    assert_eq!(until_line(&mut by_key, "event: ").await, "snapshot");
    assert_eq!(live.sockets().await, 3);
    clock.advance(12 * 3_600_000);
    assert_eq!(socket.closed().await, 4401);
    assert_eq!(until_line(&mut events, "0").await, "", "the last chunk is empty");
    until(|| async { live.sockets().await == 1 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_caller_cannot_take_all_places() {
    let (live, _, cookie) = signed_in("8").await;
    let headers = format!("cookie: {cookie}\r\nsec-fetch-site: same-origin\r\n");
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut events = lines(live.address, "/api/v1/jobs/events", &headers).await;
        assert_eq!(until_line(&mut events, "event: ").await, "snapshot");
        open.push(events);
    }
    let mut third = lines(live.address, "/api/v1/jobs/events", &headers).await;
    assert_eq!(until_line(&mut third, "HTTP/1.1 ").await, "429 Too Many Requests");
    drop(open);
    until(|| async { live.sockets().await == 0 }).await;
    let mut again = lines(live.address, "/api/v1/jobs/events", &headers).await;
    assert_eq!(until_line(&mut again, "event: ").await, "snapshot");
}

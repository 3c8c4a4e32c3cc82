//! Over real sockets: slow, huge, half-closed, and from outside.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tradai_platform::settings::sections::HttpSettings;
use tradai_service::axum::extract::ws::WebSocketUpgrade;
use tradai_service::axum::routing::get;
use tradai_service::socket::close::Close;
use tradai_service::socket::{Sockets, StreamMessage, StreamSource};
use tradai_service::utoipa_axum::router::OpenApiRouter;
use tradai_service::{Caller, ServeError, Service, Shutdown, healthcheck, serve};

use crate::api::{app, loopback, service};

struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    task: JoinHandle<Result<(), ServeError>>,
}

async fn start(settings: &HttpSettings) -> Running {
    let shutdown = Shutdown::manual();
    run(service(settings, &shutdown, &Arc::default()), shutdown).await
}

async fn run(service: Service, shutdown: Shutdown) -> Running {
    let app = service.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(serve(listener, app, shutdown.clone()));
    Running { address, shutdown, task }
}

impl Running {
    async fn stop(self) {
        self.shutdown.stop();
        tokio::time::timeout(Duration::from_secs(30), self.task).await.unwrap().unwrap().unwrap();
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut bytes)).await;
    // A reset after the reply is how TCP ends a connection whose sender was not done.
    drop(read.expect("the service must end the connection"));
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_request_is_answered_and_health_is_checked() {
    let running = start(&loopback()).await;
    let mut stream = running.connect().await;
    stream
        .write_all(b"GET /number/7 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let reply = read_all(&mut stream).await;
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n") && reply.ends_with("\r\n\r\n7"), "{reply}");
    let address = running.address;
    let ask = |path: &'static str| {
        tokio::task::spawn_blocking(move || healthcheck(address, path, Duration::from_secs(20)))
    };
    ask("/api/v1/health").await.unwrap().unwrap();
    assert!(ask("/nowhere").await.unwrap().unwrap_err().to_string().contains("RES003"));
    running.stop().await;
    assert!(healthcheck(address, "/api/v1/health", Duration::from_secs(2)).is_err());
}

#[tokio::test]
async fn figures_may_have_an_address_of_their_own() {
    let mut settings = loopback();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    settings.metrics_address = Some(free);
    let running = start(&settings).await;
    let ask = async |address: SocketAddr, path: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        read_all(&mut stream).await
    };
    assert!(ask(running.address, "/number/7").await.ends_with("\r\n\r\n7"));
    let figures = ask(free, "/metrics").await;
    let counted = r#"tradai_http_requests_total{method="GET",route="/number/{number}",status="200"} 1"#;
    assert!(figures.starts_with("HTTP/1.1 200 OK") && figures.contains(counted), "{figures}");
    // Neither is anywhere else.
    for (address, path) in [(running.address, "/metrics"), (free, "/number/7"), (free, "/docs")] {
        let missing = ask(address, path).await;
        assert!(missing.starts_with("HTTP/1.1 404 ") && missing.contains("RES003"), "{path}: {missing}");
    }
    let mut taken = loopback();
    taken.metrics_address = Some(free);
    let refused = start(&taken).await.task.await.unwrap().unwrap_err().to_string();
    assert_eq!(refused, format!("/metrics cannot be served at {free}"));
    running.stop().await;
    assert!(TcpStream::connect(free).await.is_err(), "it ends with the service");
}

#[tokio::test]
async fn a_half_closed_client_still_gets_its_answer() {
    let running = start(&loopback()).await;
    let mut stream = running.connect().await;
    stream.write_all(b"POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi").await.unwrap();
    stream.shutdown().await.unwrap();
    let reply = read_all(&mut stream).await;
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n") && reply.ends_with("hi"), "{reply}");
    running.stop().await;
}

#[tokio::test]
async fn a_slow_head_is_cut_off() {
    let mut settings = loopback();
    settings.limits.head_timeout = Duration::from_millis(200);
    let running = start(&settings).await;
    let mut stream = running.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: loc").await.unwrap();
    read_all(&mut stream).await;
    running.stop().await;
}

#[tokio::test]
async fn a_slow_body_is_answered_with_408() {
    let mut settings = loopback();
    settings.limits.request_timeout = Duration::from_millis(200);
    let running = start(&settings).await;
    let mut stream = running.connect().await;
    stream.write_all(b"POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nab").await.unwrap();
    let reply = read_all(&mut stream).await;
    assert!(reply.starts_with("HTTP/1.1 408 ") && reply.contains("VAL005"), "{reply}");
    running.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go() {
    let mut settings = loopback();
    settings.limits.request_timeout = Duration::from_millis(200);
    // Longer than the test waits for the end.
    settings.limits.drain = Duration::from_secs(3_600);
    let running = start(&settings).await;
    let mut greedy = running.connect().await;
    greedy.write_all(b"GET /huge HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    greedy.readable().await.unwrap();
    // Its connection ends without it having read a byte, and so does the service.
    running.stop().await;
}

/// Time that stands still until this is dropped, in tests whose time is paused: it goes on by itself only when nothing
/// runs, and this does. Nobody's patience ends then, however slow the machine is.
struct StandStill(#[expect(dead_code, reason = "dropping it is what ends it")] std::sync::mpsc::Sender<()>);

impl StandStill {
    fn new() -> Self {
        let (end, ended) = std::sync::mpsc::channel();
        tokio::task::spawn_blocking(move || ended.recv());
        Self(end)
    }
}

/// Connects until there is room for no more that stay.
async fn fill(running: &Running, count: usize) -> Vec<TcpStream> {
    let mut idle = Vec::new();
    for _ in 0..count {
        idle.push(running.connect().await);
    }
    idle
}

#[tokio::test]
async fn a_client_that_holds_all_connections_does_not_make_the_service_look_dead() {
    let mut settings = loopback();
    settings.limits.connections = 8;
    let running = start(&settings).await;
    // In turn, so that each is in its place before the next.
    let _idle = fill(&running, 8).await;
    let (address, path) = (running.address, "/api/v1/health");
    for _ in 0..20 {
        let check = move || healthcheck(address, path, Duration::from_secs(20));
        tokio::task::spawn_blocking(check).await.unwrap().unwrap();
    }
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn beyond_what_is_kept_for_probes_a_client_is_told_that_there_is_no_room() {
    let still = StandStill::new();
    let mut settings = loopback();
    settings.limits.connections_per_client = 2;
    let running = start(&settings).await;
    // Two of the address, and the sixteen that are kept for this machine.
    let mut idle = fill(&running, 18).await;
    let mut more = running.connect().await;
    let reply = read_all(&mut more).await;
    assert!(reply.starts_with("HTTP/1.1 503 ") && reply.contains("Retry-After: 1"), "{reply}");
    // Those that were let in beside the limit must ask soon, and go once they are answered.
    let last = idle.last_mut().unwrap();
    last.write_all(b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    assert!(read_all(last).await.starts_with("HTTP/1.1 200 OK"));
    drop(still);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_connects_and_does_not_ask_is_let_go_and_who_has_asked_may_rest() {
    let still = StandStill::new();
    let mut settings = loopback();
    settings.limits.first_head_timeout = Duration::from_millis(300);
    let running = start(&settings).await;
    let ask = b"GET /number/7 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut resting = running.connect().await;
    resting.write_all(ask).await.unwrap();
    resting.readable().await.unwrap();
    let (mut silent, mut slow) = (running.connect().await, running.connect().await);
    slow.write_all(&ask[..20]).await.unwrap();
    drop(still);
    assert_eq!(read_all(&mut silent).await, "");
    read_all(&mut slow).await;
    resting
        .write_all(b"GET /number/8 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let replies = read_all(&mut resting).await;
    assert!(replies.contains("\r\n\r\n7") && replies.ends_with('8'), "{replies}");
    running.stop().await;
}

#[tokio::test]
async fn a_long_head_is_refused() {
    let running = start(&loopback()).await;
    let mut stream = running.connect().await;
    let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: {}\r\n\r\n", "a".repeat(300_000));
    drop(stream.write_all(head.as_bytes()).await);
    assert!(read_all(&mut stream).await.starts_with("HTTP/1.1 431 "));
    running.stop().await;
}

#[tokio::test]
async fn a_huge_body_is_refused_without_being_read() {
    let running = start(&loopback()).await;
    for head in ["Content-Length: 1000000000000", "Transfer-Encoding: chunked"] {
        let mut stream = running.connect().await;
        let head = format!("POST /raw HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
        // Until the service stops reading: 2 MiB are enough.
        for _ in 0..32 {
            if stream.write_all(chunk.as_bytes()).await.is_err() {
                break;
            }
        }
        let reply = read_all(&mut stream).await;
        assert!(reply.starts_with("HTTP/1.1 413 ") && reply.contains("VAL004"), "{reply:?}");
    }
    running.stop().await;
}

#[tokio::test]
async fn garbage_ends_the_connection_and_not_the_service() {
    let running = start(&loopback()).await;
    for garbage in [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"GET\r\n\r\n", b"\0\0\0\0\r\n\r\n"]
    {
        let mut stream = running.connect().await;
        stream.write_all(garbage).await.unwrap();
        stream.shutdown().await.unwrap();
        read_all(&mut stream).await;
    }
    let mut stream = running.connect().await;
    stream.write_all(b"GET /number/7 HTTP/1.0\r\n\r\n").await.unwrap();
    assert!(read_all(&mut stream).await.ends_with('7'));
    running.stop().await;
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_stopping() {
    let running = start(&loopback()).await;
    let mut idle = running.connect().await;
    idle.write_all(b"GET /number/7 HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut reply = [0; 12];
    idle.read_exact(&mut reply).await.unwrap();
    running.stop().await;
}

#[tokio::test]
async fn an_open_service_does_not_serve_the_outside() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = serve(listener, app(&loopback()), Shutdown::manual()).await;
    assert!(matches!(refused, Err(ServeError::OpenToOutside(_))));
}

#[tokio::test]
async fn what_runs_in_the_background_ends_with_the_service() {
    let shutdown = Shutdown::manual();
    let (told, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut settings = loopback();
    settings.limits.drain = Duration::from_millis(50);
    let (tell, end) = (told.clone(), ended.clone());
    let app = service(&settings, &shutdown, &Arc::default())
        .on_stop(move || {
            let end = end.clone();
            async move {
                tokio::task::yield_now().await;
                end.fetch_add(1, Ordering::SeqCst);
            }
        })
        .on_stop(move || {
            tell.fetch_add(1, Ordering::SeqCst);
            // Never ends by itself; the service does not wait for it longer than for its requests.
            std::future::pending()
        })
        .build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let task = tokio::spawn(serve(listener, app, shutdown.clone()));
    assert_eq!(told.load(Ordering::SeqCst), 0, "nothing is told before the service stops");
    shutdown.stop();
    tokio::time::timeout(Duration::from_secs(30), task).await.unwrap().unwrap().unwrap();
    assert_eq!((told.load(Ordering::SeqCst), ended.load(Ordering::SeqCst)), (1, 1));
}

/// Tells more than anybody reads.
struct Flood(u64);

impl StreamSource for Flood {
    async fn next(&mut self) -> Result<StreamMessage, Close> {
        self.0 += 1;
        Ok(StreamMessage { seq: self.0, kind: "flood", text: "x".repeat(60_000) })
    }
}

/// Asks for a WebSocket and reads the head of the answer.
async fn ask_for_socket(stream: &mut TcpStream, headers: &str) -> String {
    let request = format!(
        "GET /ws/flood HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Reads frames up to the close, and returns its code and reason.
async fn close_of(stream: &mut TcpStream) -> (u16, String) {
    loop {
        let opcode = stream.read_u8().await.unwrap() & 0x0f;
        let length = match stream.read_u8().await.unwrap() {
            126 => u64::from(stream.read_u16().await.unwrap()),
            127 => stream.read_u64().await.unwrap(),
            length => u64::from(length),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        if opcode == 8 {
            let code = u16::from_be_bytes([payload[0], payload[1]]);
            return (code, String::from_utf8(payload.split_off(2)).unwrap());
        }
    }
}

/// A service with a flood of messages, and one place for who listens to it.
async fn flooded(settings: &HttpSettings) -> Running {
    let shutdown = Shutdown::manual();
    let clock = Arc::new(tradai_domain::ManualClock::at(0));
    let sockets = Sockets::new(1, Duration::from_secs(3_600), clock, &shutdown);
    let flood = move |caller: Caller, upgrade: WebSocketUpgrade| async move {
        let place = sockets.place(&caller)?;
        Ok::<_, tradai_service::Problem>(sockets.upgrade(upgrade, place, Flood(0)))
    };
    let routes = OpenApiRouter::new().route("/ws/flood", get(flood));
    run(Service::new("test", "1", settings, &shutdown).routes(routes), shutdown).await
}

#[tokio::test(start_paused = true)]
async fn who_reads_too_slowly_is_told_so() {
    let running = flooded(&loopback()).await;
    let mut slow = running.connect().await;
    assert!(ask_for_socket(&mut slow, "").await.starts_with("HTTP/1.1 101 "));
    // Time passes when nobody has anything to do: when the connection is full.
    tokio::time::sleep(Duration::from_secs(16)).await;
    let (code, reason) = close_of(&mut slow).await;
    assert!(code == 1013 && reason.contains("too slow"), "{code} {reason}");
    drop(slow);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_socket_is_told_by_the_code_of_its_close() {
    let still = StandStill::new();
    let running = flooded(&loopback()).await;
    let mut only = running.connect().await;
    let offered = "Sec-WebSocket-Protocol: tradai, bearer.k\r\n";
    assert!(ask_for_socket(&mut only, offered).await.contains("\r\nsec-websocket-protocol: tradai\r\n"));
    for (headers, code) in [("", 1013), (offered, 1013), ("Origin: https://evil.example\r\n", 4403)] {
        let mut refused = running.connect().await;
        let head = ask_for_socket(&mut refused, headers).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert_eq!(close_of(&mut refused).await.0, code, "{headers}");
    }
    // What no browser would take is not upgraded.
    let mut alone = running.connect().await;
    let head = ask_for_socket(&mut alone, "Sec-WebSocket-Protocol: bearer.k\r\n").await;
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    // Whoever counts refusals finds them by the status that they would have had.
    let mut metrics = running.connect().await;
    let ask = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    metrics.write_all(ask).await.unwrap();
    let counted = read_all(&mut metrics).await;
    for (status, count) in [(101, 1), (503, 2), (403, 1), (400, 1)] {
        let line = format!(
            "tradai_http_requests_total{{method=\"GET\",route=\"/ws/flood\",status=\"{status}\"}} {count}\n"
        );
        assert!(counted.contains(&line), "{line} in\n{counted}");
    }
    drop((only, alone, still));
    running.stop().await;
}

/// Upgrades cost more than statuses: a crowd that does not hang up is not upgraded for ever.
#[tokio::test(start_paused = true)]
async fn a_crowd_of_refused_sockets_gets_statuses() {
    let still = StandStill::new();
    let running = flooded(&loopback()).await;
    let mut crowd = Vec::new();
    let mut statuses = Vec::new();
    for _ in 0..66 {
        let mut one = running.connect().await;
        let head = ask_for_socket(&mut one, "Origin: https://evil.example\r\n").await;
        statuses.push(head.split(' ').nth(1).unwrap().to_owned());
        crowd.push(one);
    }
    assert_eq!(statuses.iter().filter(|status| *status == "101").count(), 64, "{statuses:?}");
    assert_eq!(statuses[65], "403");
    drop((crowd, still));
    running.stop().await;
}

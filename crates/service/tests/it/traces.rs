//! Spans, as a collector receives them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use nix::sys::signal::Signal;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tradai_service::axum::Router;
use tradai_service::axum::body::Bytes;
use tradai_service::axum::http::{HeaderMap, StatusCode};
use tradai_service::axum::routing::post;

use crate::signals::Tiny;

type Received = Arc<Mutex<Vec<ExportTraceServiceRequest>>>;

/// A collector; returns its address and what it has received.
async fn collector(status: StatusCode) -> (String, Received) {
    let received = Received::default();
    let kept = received.clone();
    let take = post(move |headers: HeaderMap, body: Bytes| async move {
        assert_eq!(headers["content-type"], "application/x-protobuf");
        kept.lock().unwrap().push(ExportTraceServiceRequest::decode(body).unwrap());
        status
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/v1/traces", take);
    tokio::spawn(async move { tradai_service::axum::serve(listener, router).await });
    (address, received)
}

/// Asks who calls, and returns the `traceparent` of the answer.
fn ask(tiny: &Tiny, header: &str) -> String {
    let mut stream = TcpStream::connect(tiny.address).unwrap();
    write!(stream, "GET /caller HTTP/1.1\r\nHost: localhost\r\n{header}Connection: close\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    let line = reply.lines().find_map(|line| line.strip_prefix("traceparent: "));
    line.unwrap().to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The spans of a service's requests, by trace.
fn request_spans(received: &Received) -> Vec<Span> {
    let received = received.lock().unwrap();
    let resources = received.iter().flat_map(|request| &request.resource_spans);
    let spans = resources.flat_map(|resource| {
        let names = resource.resource.as_ref().unwrap().attributes.iter();
        let name = names.map(|pair| (pair.key.as_str(), format!("{:?}", pair.value))).next().unwrap();
        assert!(name.0 == "service.name" && name.1.contains("\"tiny-service\""), "{name:?}");
        resource.scope_spans.iter().flat_map(|scope| scope.spans.clone())
    });
    spans.filter(|span| span.name == "request").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_has_the_ids_of_its_request_and_the_last_ones_are_sent_at_the_end() {
    let (address, received) = collector(StatusCode::OK).await;
    let mut tiny = Tiny::start(|command| {
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", address);
    });
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let continued = ask(&tiny, &format!("traceparent: 00-{trace}-{parent}-01\r\n"));
    let begun = ask(&tiny, "");
    let unwanted = ask(&tiny, &format!("traceparent: 00-{}-{parent}-00\r\n", "b".repeat(32)));
    assert!(begun.ends_with("-01"), "whoever is called next is to keep its spans, too: {begun}");
    assert!(unwanted.ends_with("-00"), "{unwanted}");
    tiny.signal(Signal::SIGTERM);
    assert!(tokio::task::block_in_place(|| tiny.child.wait()).unwrap().success());

    let spans = request_spans(&received);
    let ids: Vec<_> =
        spans.iter().map(|span| format!("00-{}-{}-01", hex(&span.trace_id), hex(&span.span_id))).collect();
    assert_eq!(ids, [continued, begun], "the client was told the ids that were sent");
    assert_eq!((hex(&spans[0].trace_id).as_str(), hex(&spans[0].parent_span_id).as_str()), (trace, parent));
    assert!(spans[1].parent_span_id.is_empty(), "a trace that begins here has no parent");
    let attribute = |key: &str| {
        let found = spans[0].attributes.iter().find(|pair| pair.key == key);
        format!("{:?}", found.and_then(|pair| pair.value.as_ref()))
    };
    assert!(attribute("route").contains("\"/caller\"") && attribute("trace_id").contains(trace));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_fails_costs_nothing_but_spans() {
    for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::TOO_MANY_REQUESTS] {
        let (address, received) = collector(status).await;
        let mut tiny = Tiny::start(|command| {
            command.env("TINY_OTLP_ENDPOINT", address);
        });
        ask(&tiny, "");
        tiny.signal(Signal::SIGTERM);
        assert!(tokio::task::block_in_place(|| tiny.child.wait()).unwrap().success());
        // A batch may be sent again.
        let mut spans: Vec<_> = request_spans(&received).into_iter().map(|span| span.span_id).collect();
        spans.dedup();
        assert_eq!(spans.len(), 1);
    }
    let mut tiny = Tiny::start(|command| {
        // Nobody listens there.
        command.env("TINY_OTLP_ENDPOINT", "http://127.0.0.1:1");
    });
    ask(&tiny, "");
    tiny.signal(Signal::SIGTERM);
    assert!(tokio::task::block_in_place(|| tiny.child.wait()).unwrap().success());
}

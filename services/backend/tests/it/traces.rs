//! One trace from the request to the job's own process, as a collector receives it.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tradai_service::axum::Router;
use tradai_service::axum::body::Bytes;
use tradai_service::axum::routing::post;

use crate::process::Service;
use crate::support::{BACKTESTS, add_candles, until};

type Received = Arc<Mutex<Vec<ExportTraceServiceRequest>>>;

async fn collector() -> (String, Received) {
    let received = Received::default();
    let kept = received.clone();
    let take = post(move |body: Bytes| async move {
        kept.lock().unwrap().push(ExportTraceServiceRequest::decode(body).unwrap());
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/v1/traces", take);
    tokio::spawn(async move { tradai_service::axum::serve(listener, router).await });
    (address, received)
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone());
    match found {
        Some(AnyValue { value: Some(Value::StringValue(text)) }) => text,
        other => panic!("{key}: {other:?}"),
    }
}

/// The spans of a trace that have this name, and whose they are.
fn spans(received: &Received, trace: &str, name: &str) -> Vec<(String, Span)> {
    let trace: Vec<u8> = u128::from_str_radix(trace, 16).unwrap().to_be_bytes().into();
    let received = received.lock().unwrap();
    let resources = received.iter().flat_map(|request| &request.resource_spans);
    let spans = resources.flat_map(|resource| {
        let service = text(&resource.resource.as_ref().unwrap().attributes, "service.name");
        let spans = resource.scope_spans.iter().flat_map(|scope| scope.spans.clone());
        spans.map(move |span| (service.clone(), span))
    });
    spans.filter(|(_, span)| span.name == name && span.trace_id == trace).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_goes_from_the_request_to_the_process_of_its_job() {
    let (address, received) = collector().await;
    let folder = tempfile::tempdir().unwrap();
    add_candles(folder.path(), 5);
    // The backend is told by a name that is its own, and the log of a job is to hold warnings only.
    let variables = [("BACKEND_OTLP_ENDPOINT", address.as_str()), ("LOG_LEVEL", "warn,tradai_service=info")];
    let (_service, job) = tokio::task::block_in_place(|| {
        let service = Service::start_with(folder.path(), &variables);
        let job = service.ended(&service.submit(3));
        (service, job)
    });
    assert_eq!(job["status"], "completed", "{job}");
    let in_trace = |name: &str| spans(&received, job["trace_id"].as_str().unwrap(), name);
    // Each process sends its spans when it sees fit.
    until(|| async { !in_trace("request").is_empty() && !in_trace("job").is_empty() }).await;
    let (service, request) = in_trace("request").remove(0);
    assert_eq!((&*service, &*text(&request.attributes, "route")), ("backend", BACKTESTS));
    let (service, span) = in_trace("job").remove(0);
    assert_eq!((&*service, &*text(&span.attributes, "job_id")), ("trading", job["job_id"].as_str().unwrap()));
    assert!(span.parent_span_id.is_empty(), "it is no part of a request that has ended");
}

//! `/metrics`: what Prometheus asks for.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::problem::{Code, Problem};
use crate::process::ProcessCollector;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the latency histogram, in seconds.
const BUCKETS: [f64; 10] = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// The metrics of one service. Each service has its own registry: several may live in one process.
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Labels, Counter>,
    seconds: Family<Labels, Histogram, fn() -> Histogram>,
    running: Gauge,
    /// What was recorded before, by the route's template: finding a label set anew takes longer than counting.
    known: RwLock<HashMap<String, Vec<Known>>>,
}

/// The metrics of a route with one method and status.
struct Known {
    method: &'static str,
    status: u16,
    requests: Counter,
    seconds: Histogram,
}

/// Of the route's template, never the path: the number of label sets stays bounded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: &'static str,
    route: String,
    status: u16,
}

/// Counts a request as running until it is dropped, however it ends.
pub(crate) struct Running(Gauge);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Known {
    fn count(&self, seconds: f64) {
        self.requests.inc();
        self.seconds.observe(seconds);
    }
}

impl Metrics {
    pub(crate) fn new(service: &str, version: &str) -> Self {
        let mut registry = Registry::default();
        let requests = Family::default();
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let seconds = Family::new_with_constructor(histogram);
        let running = Gauge::default();
        let info = vec![("service", service.to_owned()), ("version", version.to_owned())];
        registry.register("tradai_build", "What runs", prometheus_client::metrics::info::Info::new(info));
        registry.register("tradai_http_requests", "Requests answered", requests.clone());
        registry.register("tradai_http_request_seconds", "Time until the reply began", seconds.clone());
        registry.register("tradai_http_requests_running", "Requests being answered", running.clone());
        registry.register_collector(Box::new(ProcessCollector));
        Self { registry: Mutex::new(registry), requests, seconds, running, known: RwLock::default() }
    }

    /// Lets a service add metrics of its own.
    pub(crate) fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn running(&self) -> Running {
        self.running.inc();
        Running(self.running.clone())
    }

    pub(crate) fn record(&self, method: &Method, route: &str, status: StatusCode, taken: Duration) {
        let (method, status, seconds) = (method_label(method), status.as_u16(), taken.as_secs_f64());
        let is_meant = |known: &&Known| known.method == method && known.status == status;
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(route).and_then(|of_route| of_route.iter().find(is_meant)) {
            known.count(seconds);
            return;
        }
        drop(known);
        let labels = Labels { method, route: route.to_owned(), status };
        let requests = self.requests.get_or_create(&labels).clone();
        let new = Known { method, status, requests, seconds: self.seconds.get_or_create(&labels).clone() };
        new.count(seconds);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let of_route = known.entry(labels.route).or_default();
        if !of_route.iter().any(|known| is_meant(&known)) {
            of_route.push(new);
        }
    }

    pub(crate) fn respond(&self) -> Response {
        let mut body = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        match text::encode(&mut body, &registry) {
            Ok(()) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response(),
            Err(fmt::Error) => Problem::new(Code::Internal, Code::Internal.meaning()).into_response(),
        }
    }
}

/// Clients can make methods up; the label cannot grow with them.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

//! What a service refuses: too much at once, too often, too slowly.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tradai_platform::settings::sections::HttpLimits;

use crate::auth::{Caller, Proof};
use crate::problem::{Code, Problem};
use crate::rate::{self, Client, RateLimit};

/// Requests of a service that may be held back at the same time.
const HELD_BACK: usize = 64;

/// Limits shared by all requests of a service, probes apart.
pub(crate) struct Limits {
    request_timeout: Duration,
    trusted_proxies: usize,
    places: Arc<Semaphore>,
    held_back: Arc<Semaphore>,
    rate: Option<RateLimit>,
}

impl Limits {
    pub(crate) fn new(limits: &HttpLimits) -> Self {
        Self {
            request_timeout: limits.request_timeout,
            trusted_proxies: limits.trusted_proxies,
            places: Arc::new(Semaphore::new(limits.concurrent_requests)),
            held_back: Arc::new(Semaphore::new(HELD_BACK)),
            rate: RateLimit::new(limits.client_rate, limits.client_burst),
        }
    }

    /// Counts a request of somebody who is not known.
    pub(crate) fn count_unknown(&self, request: &Parts) -> Result<(), Problem> {
        self.ask_rate(self.address_of(request), RateLimit::take)
    }

    /// Counts a token that is no good.
    pub(crate) fn count_bad_token(&self, request: &Parts) -> Result<(), Problem> {
        self.ask_rate(self.address_of(request).map(Client::with_bad_tokens), RateLimit::take)
    }

    /// Refuses a token unseen, if as many bad ones have come from there as may.
    pub(crate) fn refuse_bad_tokens(&self, request: &Parts) -> Result<(), Problem> {
        self.ask_rate(self.address_of(request).map(Client::with_bad_tokens), RateLimit::look)
    }

    /// Counts a request of a caller: wherever they are, and whoever else is there.
    pub(crate) fn count(&self, caller: &Caller, request: &Parts) -> Result<(), Problem> {
        match caller.proof {
            // Everybody is the same one.
            Proof::Open => self.count_unknown(request),
            _ => self.ask_rate(self.rate.is_some().then(|| Client::caller(&caller.name)), RateLimit::take),
        }
    }

    fn address_of(&self, request: &Parts) -> Option<Client> {
        self.rate.as_ref()?;
        rate::address(&request.extensions, &request.headers, self.trusted_proxies)
    }

    fn ask_rate(
        &self,
        client: Option<Client>,
        ask: impl FnOnce(&RateLimit, Client, Instant) -> Result<(), Duration>,
    ) -> Result<(), Problem> {
        let (Some(rate), Some(client)) = (&self.rate, client) else {
            return Ok(());
        };
        ask(rate, client, Instant::now())
            .map_err(|after| Problem::new(Code::RateLimited, Code::RateLimited.meaning()).retry_after(after))
    }

    /// Lets a request be answered within the limits.
    pub(crate) async fn keep<F, R>(&self, mut request: Request, answer: F) -> Response
    where
        F: FnOnce(Request) -> R,
        R: Future<Output = Response>,
    {
        // Refused, not queued: a queue would only let requests time out later.
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            let problem = Problem::new(Code::Overloaded, Code::Overloaded.meaning());
            return problem.retry_after(Duration::from_secs(1)).into_response();
        };
        let place = Arc::new(Mutex::new(Some(place)));
        request.extensions_mut().insert(HoldBack { place: place.clone(), places: self.held_back.clone() });
        let (request, arrived) = watch(request);
        let answer = timeout(self.request_timeout, answer(request)).await;
        drop(place);
        match answer {
            Ok(response) => response,
            Err(_) if arrived.is_none_or(|arrived| arrived.load(Ordering::Relaxed)) => {
                Problem::new(Code::Timeout, Code::Timeout.meaning()).into_response()
            }
            Err(_) => Problem::new(Code::SlowRequest, Code::SlowRequest.meaning()).into_response(),
        }
    }
}

/// Watches a request's body arrive, if it is not there already.
fn watch(request: Request) -> (Request, Option<Arc<AtomicBool>>) {
    if request.body().is_end_stream() {
        return (request, None);
    }
    let arrived = Arc::new(AtomicBool::new(false));
    let request = request.map(|body| Body::new(Watched { body, arrived: arrived.clone() }));
    (request, Some(arrived))
}

/// Lets a handler wait for something that takes its time. Handlers take it as `Extension<HoldBack>`.
///
/// A request that waits does nothing, and so must not keep one out that has something to do: it leaves its place among
/// those that are served for one among those that wait.
#[derive(Debug, Clone)]
pub struct HoldBack {
    place: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
    places: Arc<Semaphore>,
}

/// A place among the requests that wait: free again when dropped, which is to be once the request has been answered.
#[derive(Debug)]
pub struct HeldBack {
    _place: OwnedSemaphorePermit,
}

impl HoldBack {
    /// Leaves the request's place for one to wait in; `None` when as many wait as may: to be answered at once.
    #[must_use]
    pub fn begin(&self) -> Option<HeldBack> {
        let waiting = self.places.clone().try_acquire_owned().ok()?;
        drop(self.place.lock().unwrap_or_else(PoisonError::into_inner).take());
        Some(HeldBack { _place: waiting })
    }
}

/// A body that remembers whether all of it has arrived: it tells a slow client from a slow handler.
struct Watched {
    body: Body,
    arrived: Arc<AtomicBool>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.arrived.store(true, Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

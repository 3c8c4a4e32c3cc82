//! Work around handlers: a layer that costs a small request little.
//!
//! A layer of axum's `from_fn` copies all that is below it with each request, and so does each route that a router's
//! `layer` makes: with a handful of layers that is most of what a small request costs. Those of a service are of this
//! type, put together with `ServiceBuilder`, and added to a router at once.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::Response;
use tower::{Layer, Service};

/// What is done around the rest of a service.
pub(crate) trait Around: Send + Sync + 'static {
    /// Answers a request, as a rule with what the rest makes of it.
    fn answer<S: Rest>(&self, request: Request, next: Next<S>) -> impl Future<Output = Response> + Send;
}

/// What the rest of a service is.
pub(crate) trait Rest:
    Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<S> Rest for S where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

/// The rest of a service, for one request.
pub(crate) struct Next<S>(S);

impl<S: Rest> Next<S> {
    pub(crate) async fn run(mut self, request: Request) -> Response {
        match self.0.call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// The layer.
pub(crate) struct AroundLayer<A>(Arc<A>);

impl<A> AroundLayer<A> {
    pub(crate) fn new(around: A) -> Self {
        Self(Arc::new(around))
    }
}

impl<A> Clone for AroundLayer<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<A, S> Layer<S> for AroundLayer<A> {
    type Service = AroundService<A, S>;

    fn layer(&self, rest: S) -> Self::Service {
        AroundService { around: self.0.clone(), rest }
    }
}

/// A service with something around it.
pub(crate) struct AroundService<A, S> {
    around: Arc<A>,
    rest: S,
}

impl<A, S: Clone> Clone for AroundService<A, S> {
    fn clone(&self) -> Self {
        Self { around: self.around.clone(), rest: self.rest.clone() }
    }
}

impl<A: Around, S: Rest> Service<Request> for AroundService<A, S> {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.rest.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let around = self.around.clone();
        // The one that was polled is the one that is ready.
        let fresh = self.rest.clone();
        let next = Next(std::mem::replace(&mut self.rest, fresh));
        Box::pin(async move { Ok(around.answer(request, next).await) })
    }
}

//! What a request of the API or for a page passes before it is answered: how many there may be first, so that refusing
//! costs little; then which page asks, who, and how often they do.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::around::{Around, Next, Rest};
use crate::auth::Door;
use crate::limits::Limits;
use crate::origin;
use crate::problem::{Code, Problem};
use crate::socket::{Asked, Refusals, require_protocol};

/// The layer before everything but probes.
pub(crate) struct Gate {
    pub(crate) limits: Arc<Limits>,
    pub(crate) refusals: Refusals,
    pub(crate) body_bytes: usize,
    /// Whose pages may call, besides the service's own.
    pub(crate) origins: Arc<[String]>,
    /// `None` before what leads to the door.
    pub(crate) door: Option<Arc<Door>>,
}

impl Around for Gate {
    async fn answer<S: Rest>(&self, mut request: Request, next: Next<S>) -> Response {
        DefaultBodyLimit::max(self.body_bytes).apply(&mut request);
        let asked = Asked::of(&request);
        let pass = async |request: Request| {
            let (parts, body) = request.into_parts();
            let welcome = origin::refuse_foreign_page(&parts, &self.origins);
            let counted = match welcome.and_then(|()| require_protocol(&parts.headers)) {
                // At the door it shows who it is.
                Ok(()) if self.door.is_some() => Ok(()),
                Ok(()) => self.limits.count_unknown(&parts),
                Err(problem) => self.limits.count_unknown(&parts).and(Err(problem)),
            };
            match (counted, &self.door) {
                (Err(problem), _) => problem.into_response(),
                (Ok(()), Some(door)) => door.admit(parts, body, next, &self.limits).await,
                (Ok(()), None) => next.run(Request::from_parts(parts, body)).await,
            }
        };
        let response = self.limits.keep(request, pass).await;
        // Whoever read the body may not know how much of it may be read.
        if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return too_large(self.body_bytes).into_response();
        }
        match asked {
            Some(asked) => self.refusals.tell(asked, response).await,
            None => response,
        }
    }
}

fn too_large(most: usize) -> Problem {
    Problem::new(
        Code::BodyTooLarge,
        format!("the body is larger than {most} bytes, the most that this service takes"),
    )
}

//! The OpenAPI document, the page that shows it, and what each problem means.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::problem::{self, Code, Problem};

/// What the page may load: itself. It then works without any other address, and loads nothing by mistake.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
                      script-src 'self' 'unsafe-inline'; frame-ancestors 'none'";

/// `/openapi.json`, `/docs` and `/problems/{code}`.
pub(crate) fn routes(spec: &OpenApi) -> Router {
    let json = Bytes::from(write_spec(spec));
    let document = move || async move { ([(header::CONTENT_TYPE, "application/json")], json) };
    // The badge of an outside validator is what `none` turns off.
    let page = SwaggerUi::new("/docs").config(Config::new(["/openapi.json"]).validator_url("none"));
    let page = Router::from(page).layer(axum::middleware::map_response(
        async |mut response: axum::response::Response| {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
            response
        },
    ));
    Router::new().route("/openapi.json", get(document)).route("/problems/{code}", get(explain)).merge(page)
}

/// Returns the document as it is served and checked in: pretty JSON, ending in a line break.
#[must_use]
pub fn write_spec(spec: &OpenApi) -> String {
    let mut json = spec.to_pretty_json().unwrap_or_default();
    json.push('\n');
    json
}

/// Adds what all operations share: a problem for every other status, and how callers prove who they are.
pub(crate) fn complete(spec: &mut OpenApi) {
    for item in spec.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        for operation in operations.into_iter().flatten() {
            let responses = &mut operation.responses.responses;
            responses.entry("default".to_owned()).or_insert_with(|| problem_response("Any failure").into());
            for (status, response) in responses.iter_mut() {
                if let RefOr::T(response) = response {
                    complete_response(status, response);
                }
            }
        }
    }
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    spec.components.get_or_insert_default().security_schemes.insert("bearer".to_owned(), bearer.into());
    // Either nothing, on loopback, or a key.
    spec.security = Some(vec![SecurityRequirement::default(), SecurityRequirement::new("bearer", [""; 0])]);
}

/// A description is mandatory, and failures are problems.
fn complete_response(status: &str, response: &mut Response) {
    if response.description.is_empty() {
        let status = status.parse::<StatusCode>().ok();
        let reason = status.and_then(|status| status.canonical_reason()).unwrap_or("Reply");
        reason.clone_into(&mut response.description);
    }
    if status.starts_with(['4', '5']) && response.content.is_empty() {
        *response = problem_response(&response.description);
    }
}

fn problem_response(description: &str) -> Response {
    let schema = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(description).content(problem::CONTENT_TYPE, content).build()
}

/// What a problem's `type` leads to.
async fn explain(Path(id): Path<String>) -> axum::response::Response {
    let Some(code) = Code::ALL.iter().find(|code| code.id().eq_ignore_ascii_case(&id)) else {
        return Problem::new(Code::NotFound, "there is no such code").into_response();
    };
    let text = format!("{} {} ({})\n\n{}\n", code.id(), code.title(), code.status().as_u16(), code.meaning());
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

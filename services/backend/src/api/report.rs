//! The report page of a backtest, as the job wrote it.
//!
//! The page runs its own scripts by a nonce, asks for nothing, and is served sandboxed: whatever is in it, it has no
//! access to this service's origin.

use tradai_runner::report::parts::content_of;
use tradai_service::axum::body::Bytes;
use tradai_service::axum::extract;
use tradai_service::axum::http::{HeaderValue, header};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::utoipa;
use tradai_service::{Path, Problem};

use super::backtests::job_id;
use super::problem::problem;
use super::state::State;
use crate::core::ResultFile;

/// What follows the scripts' part of the policy. `allow-scripts` without `allow-same-origin` gives the page an origin
/// of its own.
const REST: &str = "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'; \
                    frame-ancestors 'self'; sandbox allow-scripts allow-downloads";

/// Shows the report page of a completed backtest
#[utoipa::path(get, path = "/api/v1/backtests/{job_id}/report.html", operation_id = "backtest_report",
    tag = "results", params(("job_id" = String, Path)), responses(
    (status = 200, body = String, content_type = "text/html"),
    (status = 404, description = "There is no such job"),
    (status = 409, description = "The job is not completed"),
))]
pub(super) async fn report(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let page = state.core.results.file(job_id(&id)?, ResultFile::Report).await.map_err(problem)?;
    let policy = policy(&page);
    let mut response = Bytes::from_owner(page).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

/// Shows what the report page draws, as JSON
#[utoipa::path(get, path = "/api/v1/backtests/{job_id}/report-data", operation_id = "backtest_report_data",
    tag = "results", params(("job_id" = String, Path)), responses(
    (status = 200, body = serde_json::Value),
    (status = 404, description = "There is no such job"),
    (status = 409, description = "The job is not completed"),
))]
pub(super) async fn report_data(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let page = state.core.results.file(job_id(&id)?, ResultFile::Report).await.map_err(problem)?;
    let page = Bytes::from_owner(page);
    let content = std::str::from_utf8(&page).ok().and_then(content_of).ok_or_else(|| {
        problem(tradai_control_plane::Error::Damaged {
            what: "report.html",
            problem: "there is no content in it".to_owned(),
        })
    })?;
    Ok(([(header::CONTENT_TYPE, "application/json")], page.slice_ref(content.as_bytes())).into_response())
}

/// The policy of a page: scripts by the page's own nonce, or none where it has no plain one.
fn policy(page: &[u8]) -> HeaderValue {
    const START: &[u8] = b"script-src 'nonce-";
    const HEAD: usize = 4_096;
    let head = &page[..page.len().min(HEAD)];
    let at = head.windows(START.len()).position(|window| window == START).map(|at| at + START.len());
    let rest = at.map_or(&[][..], |at| &head[at..]);
    let nonce: Vec<u8> = rest.iter().copied().take_while(u8::is_ascii_hexdigit).collect();
    let nonce = String::from_utf8(nonce).unwrap_or_default();
    let scripts = if nonce.len() < 16 { "'none'".to_owned() } else { format!("'nonce-{nonce}'") };
    let policy = format!("default-src 'none'; script-src {scripts}; {REST}");
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'; sandbox"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_run_by_the_nonce_of_the_page_only() {
        let text = |page: &str| policy(page.as_bytes()).to_str().unwrap().to_owned();
        let page = "<meta content=\"script-src 'nonce-0123456789abcdef0123456789abcdef'; x\">";
        assert!(text(page).contains("script-src 'nonce-0123456789abcdef0123456789abcdef'; style-src"));
        for page in
            ["", "script-src 'nonce-", "script-src 'nonce-12'", "script-src 'nonce-'; * 'unsafe-inline'"]
        {
            assert!(text(page).starts_with("default-src 'none'; script-src 'none'; "), "{page}");
        }
    }
}

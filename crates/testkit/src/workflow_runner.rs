//! Laws of [`WorkflowRunner`].

use std::sync::Arc;

use serde_json::json;
use tradai_domain::ErrorKind;
use tradai_domain::ports::{WorkflowRunner, WorkflowStatus};

type Port = Arc<dyn WorkflowRunner>;

/// A name starts one run; the same name for something else is refused.
pub async fn starts_a_name_once(port: Port) {
    let first = port.start("run-1", &json!({"a": 1})).await.unwrap();
    assert_eq!(port.start("run-1", &json!({"a": 1})).await.unwrap(), first);
    let refused = port.start("run-1", &json!({"a": 2})).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Conflict);
    assert_ne!(port.start("run-2", &json!({"a": 1})).await.unwrap(), first);
}

/// A run that is stopped is aborted; stopping again, or what never was, is no error.
pub async fn stops(port: Port) {
    assert_eq!(port.status("nobody-knows").await.unwrap(), None);
    let run = port.start("run-1", &json!({})).await.unwrap();
    assert!(port.status(&run).await.unwrap().is_some());
    port.stop(&run, "not needed").await.unwrap();
    port.stop(&run, "not needed").await.unwrap();
    assert_eq!(port.status(&run).await.unwrap(), Some(WorkflowStatus::Aborted));
    port.stop("nobody-knows", "").await.unwrap();
}

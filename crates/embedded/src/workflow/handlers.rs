//! What tasks do: handlers by the resource that they are named with.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::document::WorkflowDocument;
use super::fault::WorkflowFault;

/// A task's call.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskCall {
    /// The same whenever this very attempt is made again, because the process was killed before its result was kept.
    /// What the handler does under this name should be done once.
    pub token: String,
    /// The resource that the document names.
    pub resource: String,
    /// What the document hands it.
    pub input: Value,
}

pub(super) type Handler =
    Arc<dyn Fn(TaskCall) -> BoxFuture<'static, Result<Value, WorkflowFault>> + Send + Sync>;

/// Handlers by resource.
#[derive(Clone, Default)]
pub struct TaskHandlers(BTreeMap<String, Handler>);

impl TaskHandlers {
    /// Adds the handler of a resource. It is dropped where it awaits when its run is stopped or its time is up, and
    /// called again with the same token after its process was killed.
    #[must_use]
    pub fn with<F, R>(mut self, resource: impl Into<String>, handler: F) -> Self
    where
        F: Fn(TaskCall) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Value, WorkflowFault>> + Send + 'static,
    {
        self.0.insert(resource.into(), Arc::new(move |call| Box::pin(handler(call))));
        self
    }

    /// Returns the resources of a document that have no handler.
    #[must_use]
    pub fn missing<'a>(&self, document: &'a WorkflowDocument) -> Vec<&'a str> {
        document.resources().into_iter().filter(|resource| !self.0.contains_key(*resource)).collect()
    }

    pub(super) fn of(&self, resource: &str) -> Option<&Handler> {
        self.0.get(resource)
    }
}

impl fmt::Debug for TaskHandlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

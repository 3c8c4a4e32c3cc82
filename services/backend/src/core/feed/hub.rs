//! One reader of the log for all listeners of this process.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use tradai_domain::jobs::JobEventKind;
use tradai_domain::ports::{Delivery, EventBus, EventSubscription, NumberedEvent, PortError};

use crate::core::JobMetrics;

/// Events that are kept for listeners which have not taken them yet: about 300 KB. Who is slower reads the log.
const KEPT: usize = 1_024;
/// How long the log is left alone after it could not be read.
const PAUSE: Duration = Duration::from_secs(1);

/// What the hub passes on.
#[derive(Debug, Clone)]
pub(super) enum Passed {
    /// The next event.
    Event(Arc<NumberedEvent>),
    /// Some were forgotten before they were read: the log must be looked at.
    Gap,
}

/// Passes events on as they are told, whichever process tells them.
pub(crate) struct Hub {
    sender: broadcast::Sender<Passed>,
    metrics: JobMetrics,
}

impl Hub {
    pub(crate) fn new(metrics: JobMetrics) -> Self {
        Self { sender: broadcast::Sender::new(KEPT), metrics }
    }

    /// Returns what is passed on from now on.
    pub(super) fn listen(&self) -> broadcast::Receiver<Passed> {
        self.sender.subscribe()
    }

    /// Reads the log until told to stop.
    pub(crate) async fn run(self: Arc<Self>, events: Arc<dyn EventBus>, stop: CancellationToken) {
        // Between two events nothing is lost: every stream knows its place in the log.
        let _stopped = stop.run_until_cancelled(self.read(events)).await;
    }

    async fn read(&self, events: Arc<dyn EventBus>) {
        loop {
            if let Err(error) = self.follow(&events).await {
                warn!(%error, "events of jobs are late: {error}");
                // What is told meanwhile is skipped when the log is read again.
                self.pass(Passed::Gap);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn follow(&self, events: &Arc<dyn EventBus>) -> Result<(), PortError> {
        let newest = events.newest().await?;
        let mut subscription = EventSubscription::new(events.clone(), None, newest);
        self.pass(Passed::Gap);
        loop {
            match subscription.next().await? {
                Delivery::Event(event) => {
                    if let JobEventKind::State { new_status, .. } = event.event.kind {
                        self.metrics.reached(new_status);
                    }
                    self.pass(Passed::Event(Arc::new(event)));
                }
                Delivery::Missed { .. } => self.pass(Passed::Gap),
            }
        }
    }

    fn pass(&self, passed: Passed) {
        // Nobody listening is no fault.
        let _listeners = self.sender.send(passed);
    }
}

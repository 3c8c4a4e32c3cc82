//! The services in this process, from their start to their end.

use std::error::Error;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tracing::error;
use tradai_service::{App, Shutdown, serve};

use super::UpError;
use super::error::chain;
use super::plan::Plan;
use super::ports::Sockets;

/// What ended, and how.
type Ended = (&'static str, Result<(), Box<dyn Error + Send + Sync>>);

/// The services that run.
pub(super) struct Services {
    tasks: JoinSet<Ended>,
    shutdown: Shutdown,
}

impl Services {
    /// Starts every service; those first that others ask.
    ///
    /// # Errors
    /// [`UpError::Start`] for the first that cannot.
    pub(super) async fn start(plan: &Plan, sockets: Sockets, shutdown: &Shutdown) -> Result<Self, UpError> {
        let failed = |service| move |error: Box<dyn Error + Send + Sync>| UpError::start(service, &*error);
        let data_collection = tradai_data_collection::start(&plan.data_collection, shutdown).await;
        let data_collection = data_collection.map_err(failed("data-collection"))?;
        let strategy_service = tradai_strategy_service::start(&plan.strategy_service, shutdown).await;
        let strategy_service = strategy_service.map_err(failed("the strategy-service"))?;
        let mut services = Self { tasks: JoinSet::new(), shutdown: shutdown.clone() };
        services.serve("data-collection", sockets.data_collection, data_collection);
        services.serve("the strategy-service", sockets.strategy_service, strategy_service);
        // It takes up jobs, which ask the others.
        let backend = tradai_backend::start(&plan.backend, shutdown).await.map_err(failed("the backend"))?;
        services.serve("the backend", sockets.backend, backend);
        Ok(services)
    }

    fn serve(&mut self, name: &'static str, listener: TcpListener, app: App) {
        let served = serve(listener, app, self.shutdown.clone());
        self.add(name, async move { Ok(served.await?) });
    }

    /// Adds something that runs until the word to stop, and takes everything down with it if it ends before.
    pub(super) fn add(
        &mut self,
        name: &'static str,
        work: impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send + 'static,
    ) {
        self.tasks.spawn(async move { (name, work.await) });
    }

    /// Waits until all have ended, which they do together.
    ///
    /// # Errors
    /// [`UpError::Ended`] for the first that ended without being told to.
    pub(super) async fn ended(mut self) -> Result<(), UpError> {
        let mut first = None;
        while let Some(joined) = self.tasks.join_next().await {
            let told = self.shutdown.is_stopping();
            let fault = match joined {
                Ok((_, Ok(()))) if told => continue,
                Ok((service, Ok(()))) => UpError::Ended { service, reason: "nobody told it to".to_owned() },
                Ok((service, Err(error))) => UpError::Ended { service, reason: chain(&*error) },
                Err(error) => UpError::Ended { service: "a service", reason: error.to_string() },
            };
            error!(error = %fault, "{fault}");
            self.shutdown.stop();
            first = first.or(Some(fault));
        }
        first.map_or(Ok(()), Err)
    }
}

//! Taking the ports of all services before anything is started.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::plan::{Addresses, name};
use super::{PortFault, UpError};

/// The sockets of the services.
pub(super) struct Sockets {
    pub(super) backend: TcpListener,
    pub(super) data_collection: TcpListener,
    pub(super) strategy_service: TcpListener,
}

impl Sockets {
    /// Listens at every address, or at none.
    ///
    /// # Errors
    /// [`UpError::Ports`] with every port that cannot be had.
    pub(super) async fn bind(at: Addresses) -> Result<Self, UpError> {
        let mut ports = Vec::new();
        let backend = name::<tradai_backend::Settings>("PORT");
        let backend = bind("the backend", backend, at.backend, &mut ports).await;
        let data_collection = name::<tradai_data_collection::Settings>("PORT");
        let data_collection = bind("data-collection", data_collection, at.data_collection, &mut ports).await;
        let strategy_service = name::<tradai_strategy_service::Settings>("PORT");
        let strategy_service =
            bind("the strategy-service", strategy_service, at.strategy_service, &mut ports).await;
        match (backend, data_collection, strategy_service) {
            (Some(backend), Some(data_collection), Some(strategy_service)) => {
                Ok(Self { backend, data_collection, strategy_service })
            }
            _ => Err(UpError::Ports { ports }),
        }
    }

    /// Returns where they listen, with the ports that the system chose.
    ///
    /// # Errors
    /// When a socket has no address.
    pub(super) fn addresses(&self) -> std::io::Result<Addresses> {
        Ok(Addresses {
            backend: self.backend.local_addr()?,
            data_collection: self.data_collection.local_addr()?,
            strategy_service: self.strategy_service.local_addr()?,
        })
    }
}

async fn bind(
    service: &'static str,
    variable: String,
    address: SocketAddr,
    faults: &mut Vec<PortFault>,
) -> Option<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Some(listener),
        Err(error) => {
            faults.push(PortFault { service, variable, address, error });
            None
        }
    }
}

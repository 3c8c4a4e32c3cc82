//! hyper on tokio with a reply that is there already, and nothing of a service: what this machine's sockets allow, which
//! `cargo xtask bench-api` measures services by.

use std::convert::Infallible;
use std::error::Error;

use axum::body::Body;
use axum::response::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = std::env::var("BARE_PORT")?.parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let service = service_fn(|_| async { Ok::<_, Infallible>(Response::new(Body::from("{}"))) });
            // A connection that breaks off is the client's end of it.
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    })
}

//! Serves a sandbox exchange: `cargo run -p tradai-sandbox --example sandbox -- [PORT] [FOLDER OF CANDLES] [FAULT PLAN]`.
//!
//! Without a folder, or with `-` for it, it replays made-up candles. Key `sandbox-key`, secret `sandbox-secret`, real time from the start
//! of the replay on.

use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;
use tradai_domain::{SystemClock, Timeframe};
use tradai_sandbox::{Pace, Settings, build, read_faults, read_folder, sample};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().map_or(Ok(8090), |port| port.parse())?;
    let series = match arguments.next() {
        Some(folder) if folder != "-" => read_folder(Path::new(&folder), |_, _| true)?,
        _ => {
            let symbols = ["BTC/USDT", "ETH/USDT", "BTC/USDT:USDT", "ETH/USDT:USDT"];
            let symbols = symbols.iter().map(|symbol| symbol.parse()).collect::<Result<Vec<_>, _>>()?;
            // The first half of 2024.
            sample(7, &symbols, Timeframe::M5, 1_704_067_200_000, 1_719_792_000_000)
        }
    };
    let mut settings = Settings::new(series);
    settings.pace = Pace::Running(1);
    settings.faults = arguments.next().map(|plan| read_faults(Path::new(&plan))).transpose()?;
    let sandbox = build(settings, Arc::new(SystemClock))?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}", listener.local_addr()?);
    sandbox.serve(listener, async { drop(tokio::signal::ctrl_c().await) }).await?;
    Ok(())
}

//! Settings: defaults, below `settings/<service>.toml`, below the environment.
//!
//! A service composes sections ([`sections`]) into one struct and implements [`Settings`]. Each value is declared
//! once, in [`Reader::key`], with its name, default and doc; loading, the list of faults and `--print-settings`
//! all come from that declaration.
//!
//! A value `PORT` of the service with the prefix `BACKEND_` is `port` in the file and `BACKEND_PORT` in the
//! environment. Names that services share (`MLFLOW_TRACKING_URI`) are read after the prefixed one.
//!
//! ```
//! use tradai_platform::settings::{self, Inputs, Reader, Settings};
//!
//! struct Demo {
//!     port: u16,
//!     exchanges: Vec<String>,
//! }
//!
//! impl Settings for Demo {
//!     const SERVICE: &'static str = "demo";
//!     const PREFIX: &'static str = "DEMO_";
//!     fn read(reader: &mut Reader<'_>) -> Self {
//!         Self {
//!             port: reader.key("PORT", "TCP port to listen on").or(8002),
//!             exchanges: reader.key("EXCHANGES", "exchange keys, the first is the default").list(&["binance"]),
//!         }
//!     }
//! }
//!
//! let inputs = Inputs::default().variable("DEMO_PORT", "9000");
//! let loaded = settings::load::<Demo>(&inputs)?;
//! assert_eq!((loaded.settings.port, loaded.settings.exchanges[0].as_str()), (9000, "binance"));
//! # Ok::<(), settings::Faults>(())
//! ```

mod arguments;
mod faults;
mod inputs;
mod load;
mod print;
mod reader;
pub mod sections;

pub use arguments::arguments;
pub use faults::{Fault, Faults};
pub use inputs::{Environment, Inputs, SETTINGS_DIR};
pub use load::{End, Loaded, Start, load, start, start_as};
pub use print::{Origin, Variable};
pub use reader::{Key, Reader, split};
pub use secrecy::{ExposeSecret, SecretString};

/// The settings of one host.
pub trait Settings: Sized {
    /// The host's name in kebab case: names the file `settings/<name>.toml`.
    const SERVICE: &'static str;
    /// What its variables begin with, ending in `_`; empty for containers.
    const PREFIX: &'static str;
    /// What the host is, in a line: how its help begins.
    const ABOUT: &'static str = "";

    /// Reads every value, in the order in which `--print-settings` lists them. What is wrong goes to the reader's
    /// faults; what is returned then is thrown away.
    fn read(reader: &mut Reader<'_>) -> Self;
}

//! What the services are told: the environment, and on top of it what `tradai up` decides.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use secrecy::SecretString;
use tradai_backend::Settings as Backend;
use tradai_data_collection::Settings as DataCollection;
use tradai_platform::settings::sections::{ApiKeySetting, AuthSettings, KeyScope, Role};
use tradai_platform::settings::{self, Fault, Faults, Inputs, Origin, Settings, Variable};
use tradai_service::new_key;
use tradai_strategy_service::Settings as StrategyService;

use super::UpError;

/// Who the backend is to the other services of its platform.
const PEER: &str = "platform";

/// The settings of every service.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) backend: Backend,
    pub(crate) data_collection: DataCollection,
    pub(crate) strategy_service: StrategyService,
    /// Variables that look like settings and are none.
    pub(crate) unknown: Vec<String>,
}

/// Where every service listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) backend: SocketAddr,
    pub(crate) data_collection: SocketAddr,
    pub(crate) strategy_service: SocketAddr,
}

impl Plan {
    /// Reads the settings of every service.
    ///
    /// # Errors
    /// All faults of all services at once, each once.
    pub(crate) fn load(inputs: &Inputs) -> Result<Self, Faults> {
        let mut read = Read::default();
        let backend = load::<Backend>(inputs, &mut read);
        let data_collection = load::<DataCollection>(inputs, &mut read);
        let strategy_service = load::<StrategyService>(inputs, &mut read);
        let Read { mut faults, unknown, variables } = read;
        if let (Some(backend), Some(data_collection)) = (&backend, &data_collection) {
            faults.extend(apart(backend, data_collection));
        }
        match (backend, data_collection, strategy_service) {
            (Some(mut backend), Some(data_collection), Some(strategy_service)) if faults.is_empty() => {
                if !is_set::<Backend>(&variables, "KEEP_JOBS_DAYS") {
                    // On one's own machine results stay until one deletes them.
                    backend.keep_jobs_days = 0;
                }
                // The lock of the data folder lets no other one in.
                backend.instance.get_or_insert_with(|| "up".to_owned());
                let mut plan = Self { backend, data_collection, strategy_service, unknown };
                plan.ask_at_every_door();
                Ok(plan)
            }
            _ => Err(Faults(faults)),
        }
    }

    /// Lets no service stand open beside one that asks who calls: what may not be done at the one could be done at the
    /// other. Who asks nobody asks as the backend does, or else as the first does that asks.
    fn ask_at_every_door(&mut self) {
        let doors = [
            &mut self.backend.http.auth,
            &mut self.data_collection.http.auth,
            &mut self.strategy_service.http.auth,
        ];
        let asking = doors.iter().find(|auth| ***auth != AuthSettings::Open).map(|auth| (**auth).clone());
        let Some(asking) = asking else { return };
        for auth in doors {
            if *auth == AuthSettings::Open {
                auth.clone_from(&asking);
            }
        }
    }

    /// Returns whether everybody on this machine may do everything.
    pub(crate) fn is_open(&self) -> bool {
        self.backend.http.auth == AuthSettings::Open
    }

    /// Lets the backend in at the services that ask who calls, unless somebody gave it a key for them.
    ///
    /// # Errors
    /// [`UpError::Start`] when the system has no randomness for a key.
    pub(crate) fn introduce(&mut self) -> Result<(), UpError> {
        if self.backend.peer_api_key.is_some() {
            return Ok(());
        }
        let (key, holder) = peer_key()?;
        let mut is_asked = false;
        for auth in [&mut self.data_collection.http.auth, &mut self.strategy_service.http.auth] {
            if let AuthSettings::Required(credentials) = auth {
                credentials.keys.push(holder.clone());
                is_asked = true;
            }
        }
        self.backend.peer_api_key = is_asked.then_some(key);
        Ok(())
    }

    /// Returns where the services would listen.
    pub(crate) fn addresses(&self) -> Addresses {
        Addresses {
            backend: self.backend.http.address,
            data_collection: self.data_collection.http.address,
            strategy_service: self.strategy_service.http.address,
        }
    }
}

impl Addresses {
    /// Adds so many to every port.
    ///
    /// # Errors
    /// When a port would be beyond the last one.
    pub(crate) fn offset(self, offset: u16) -> Result<Self, Faults> {
        self.moved(PortChoice::Offset(offset))
    }

    /// Moves every port, or lets the system choose all of them.
    ///
    /// # Errors
    /// When a port would be beyond the last one.
    pub(crate) fn moved(self, choice: PortChoice) -> Result<Self, Faults> {
        let moved = |address: SocketAddr| match choice {
            PortChoice::Free => Ok(SocketAddr::new(address.ip(), 0)),
            PortChoice::Offset(_) if address.port() == 0 => Ok(address),
            PortChoice::Offset(offset) => match address.port().checked_add(offset) {
                Some(port) => Ok(SocketAddr::new(address.ip(), port)),
                None => Err(Faults(vec![Fault {
                    place: "--port-offset".to_owned(),
                    problem: format!("{} and {offset} are more than 65535", address.port()),
                }])),
            },
        };
        Ok(Self {
            backend: moved(self.backend)?,
            data_collection: moved(self.data_collection)?,
            strategy_service: moved(self.strategy_service)?,
        })
    }
}

/// Which ports are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PortChoice {
    /// Those of the settings, and so many more.
    Offset(u16),
    /// Free ones.
    Free,
}

/// Returns the environment with what holds for every service.
///
/// # Errors
/// When a service is told of a folder of its own: one platform has one.
pub(crate) fn common(mut inputs: Inputs, folder: &Path, host: Option<IpAddr>) -> Result<Inputs, Faults> {
    let folder = folder.display().to_string();
    let names = [
        name::<Backend>("DATA_DIR"),
        name::<DataCollection>("DATA_DIR"),
        name::<StrategyService>("DATA_DIR"),
    ];
    let apart = |variable: &&String| inputs.environment.get(*variable).is_some_and(|value| !value.is_empty());
    let faults: Vec<Fault> = names
        .iter()
        .filter(apart)
        .map(|variable| Fault {
            place: variable.clone(),
            problem: "`tradai up` keeps everything in one folder; choose it with --data-dir".to_owned(),
        })
        .collect();
    if !faults.is_empty() {
        return Err(Faults(faults));
    }
    inputs.environment.insert("TRADAI_DATA_DIR".to_owned(), folder);
    if let Some(host) = host {
        for variable in
            [name::<Backend>("HOST"), name::<DataCollection>("HOST"), name::<StrategyService>("HOST")]
        {
            inputs.environment.insert(variable, host.to_string());
        }
    }
    Ok(inputs)
}

/// Returns the environment with where everybody listens, so that the services find one another.
pub(crate) fn joined(mut inputs: Inputs, at: Addresses) -> Inputs {
    let mut set = |variable: String, value: String| inputs.environment.insert(variable, value);
    set(name::<Backend>("PORT"), at.backend.port().to_string());
    set(name::<DataCollection>("PORT"), at.data_collection.port().to_string());
    set(name::<StrategyService>("PORT"), at.strategy_service.port().to_string());
    set(name::<Backend>("DATA_COLLECTION_URL"), url(at.data_collection));
    set(name::<Backend>("STRATEGY_SERVICE_URL"), url(at.strategy_service));
    inputs
}

/// Says that what is collected would not be where jobs look for it.
fn apart(backend: &Backend, data_collection: &DataCollection) -> Option<Fault> {
    let (read, kept) = (&backend.candles, &data_collection.location);
    let bucket = "ARCTIC_S3_BUCKET";
    (read != kept).then(|| Fault {
        place: format!("{}, {}", name::<Backend>(bucket), name::<DataCollection>(bucket)),
        problem: format!(
            "jobs would look for candles at {read}, and data-collection keep them at {kept}: one platform has one place for \
             them; set {bucket} (and ARCTIC_S3_ENDPOINT), which holds for both, or both to the same"
        ),
    })
}

/// Returns the name of a service's variable.
pub(crate) fn name<S: Settings>(name: &str) -> String {
    format!("{}{name}", S::PREFIX)
}

/// Returns the address of a service, as somebody on this machine calls it.
pub(crate) fn url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

/// Makes a key that lives as long as the process, and what lets it in.
fn peer_key() -> Result<(SecretString, ApiKeySetting), UpError> {
    let failed = |reason: &str| UpError::Start { service: "the backend", reason: reason.to_owned() };
    let made = new_key(PEER, Role::Trader, KeyScope::Service);
    let (key, item) = made.ok_or_else(|| failed("the system has no randomness"))?;
    Ok((SecretString::from(key), item.parse().map_err(failed)?))
}

/// What reading the settings of one service after the other comes to.
#[derive(Default)]
struct Read {
    faults: Vec<Fault>,
    unknown: Vec<String>,
    variables: Vec<Variable>,
}

fn load<S: Settings>(inputs: &Inputs, read: &mut Read) -> Option<S> {
    match settings::load::<S>(inputs) {
        Ok(loaded) => {
            read.unknown.extend(loaded.unknown);
            read.variables.extend(loaded.variables);
            Some(loaded.settings)
        }
        Err(found) => {
            for fault in found.0 {
                // What several services read is wrong for all of them.
                if !read.faults.contains(&fault) {
                    read.faults.push(fault);
                }
            }
            None
        }
    }
}

fn is_set<S: Settings>(variables: &[Variable], key: &str) -> bool {
    let name = name::<S>(key);
    variables.iter().any(|variable| variable.name == name && variable.origin != Origin::Default)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn keys(auth: &AuthSettings) -> Vec<&str> {
        match auth {
            AuthSettings::Required(credentials) => {
                credentials.keys.iter().map(|key| key.name.as_str()).collect()
            }
            _ => Vec::new(),
        }
    }

    #[test]
    fn candles_are_in_one_place_or_nothing_starts() {
        let with = |variables: &[(&str, &str)]| {
            let inputs = variables
                .iter()
                .fold(Inputs::default(), |inputs, (name, value)| inputs.variable(name, value));
            Plan::load(&inputs)
        };
        for one in ["BACKEND_ARCTIC_S3_BUCKET", "DATA_COLLECTION_ARCTIC_S3_BUCKET"] {
            let faults = with(&[(one, "candles")]).unwrap_err().to_string();
            for part in [
                "BACKEND_ARCTIC_S3_BUCKET, DATA_COLLECTION_ARCTIC_S3_BUCKET",
                "s3://candles",
                "set ARCTIC_S3_BUCKET",
            ] {
                assert!(faults.contains(part), "`{part}` is missing in {faults}");
            }
        }
        let both =
            [("BACKEND_ARCTIC_S3_BUCKET", "candles"), ("DATA_COLLECTION_ARCTIC_S3_BUCKET", "s3://candles")];
        for plan in [with(&both), with(&[("ARCTIC_S3_BUCKET", "candles")])] {
            let plan = plan.unwrap();
            assert_eq!(plan.backend.candles, plan.data_collection.location);
            assert_eq!(plan.backend.bucket.as_deref(), Some("s3://candles"));
        }
    }

    #[test]
    fn the_backend_is_let_in_where_somebody_is_asked() {
        let ann = format!("ann:viewer:{}", "0".repeat(64));
        let inputs = Inputs::default().variable("DATA_COLLECTION_API_KEYS", &ann);
        let mut plan = Plan::load(&inputs).unwrap();
        plan.introduce().unwrap();
        assert_eq!(keys(&plan.data_collection.http.auth), ["ann", "platform"]);
        // A door beside it that stood open would be a way round it.
        assert_eq!(keys(&plan.strategy_service.http.auth), ["ann", "platform"]);
        assert_eq!(keys(&plan.backend.http.auth), ["ann"]);
        assert!(!plan.is_open());
        assert!(plan.backend.peer_api_key.is_some());

        let given = inputs.variable("BACKEND_PEER_API_KEY", "given");
        let mut plan = Plan::load(&given).unwrap();
        plan.introduce().unwrap();
        assert_eq!(keys(&plan.data_collection.http.auth), ["ann"]);
        assert_eq!(plan.backend.peer_api_key.unwrap().expose_secret(), "given");

        let mut open = Plan::load(&Inputs::default()).unwrap();
        open.introduce().unwrap();
        assert!(open.backend.peer_api_key.is_none());
    }
}

//! Secrets from a file that only its owner may read, or from the environment.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tradai_domain::ErrorKind;
use tradai_domain::ports::{PortError, SecretName, SecretStore};

use crate::Error;

/// What a variable begins with that holds a secret.
const PREFIX: &str = "TRADAI_SECRET_";
/// How long the file may be, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// [`SecretStore`] over a JSON file (`{"tradai/exchange/binance": {"key": "..."}}`) and the environment, which wins:
/// `TRADAI_SECRET_TRADAI_EXCHANGE_BINANCE`. The file is read at every call, so that a changed secret is found.
pub struct LocalSecrets {
    file: Option<PathBuf>,
    variables: BTreeMap<String, SecretString>,
}

impl LocalSecrets {
    /// Returns the secrets of a file, if one is given, and of those variables of `environment` that hold one. The file
    /// is read once, so that a fault shows at the start.
    ///
    /// # Errors
    /// [`Error::NotPrivate`] when others may read the file, [`Error::Secrets`] when it makes no sense, [`Error::Io`].
    pub fn open(
        file: Option<PathBuf>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        if let Some(path) = &file {
            read(path)?;
        }
        let held =
            environment.into_iter().filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty());
        let variables = held.map(|(name, value)| (name, SecretString::from(value))).collect();
        Ok(Self { file, variables })
    }
}

/// Reads the file. What is wrong with it is told without its content.
fn read(path: &Path) -> Result<Map<String, Value>, Error> {
    use std::io::Read;
    let io = |source| Error::Io { path: path.to_owned(), source };
    // The mode is that of the file that is read, whatever its name stands for a moment later.
    let file = std::fs::File::open(path).map_err(io)?;
    let mode = file.metadata().map_err(io)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Error::NotPrivate { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.take(MAX_FILE).read_to_string(&mut text).map_err(io)?;
    let secrets = |line| Error::Secrets { path: path.to_owned(), line };
    let map: Map<String, Value> = serde_json::from_str(&text).map_err(|error| secrets(error.line()))?;
    let fits = map.values().all(|value| value.is_string() || value.is_object());
    if fits { Ok(map) } else { Err(secrets(0)) }
}

fn variable_of(name: &SecretName) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("{PREFIX}{}", name.as_str().chars().map(plain).collect::<String>())
}

#[async_trait]
impl SecretStore for LocalSecrets {
    async fn get(&self, name: &SecretName) -> Result<Option<SecretString>, PortError> {
        if let Some(secret) = self.variables.get(&variable_of(name)) {
            return Ok(Some(SecretString::from(secret.expose_secret())));
        }
        let Some(path) = self.file.clone() else { return Ok(None) };
        let map = tokio::task::spawn_blocking(move || read(&path)).await;
        let map = map.map_err(|_| PortError::new(ErrorKind::Internal, "the call was stopped"))?;
        let mut map = map.map_err(|error| {
            tracing::warn!(%error, "the file of secrets cannot be used: {error}");
            PortError::new(error.kind(), "the file of secrets cannot be used")
        })?;
        Ok(map.remove(name.as_str()).map(|value| match value {
            Value::String(text) => SecretString::from(text),
            // Several values under one name are read by whoever asks for them.
            other => SecretString::from(other.to_string()),
        }))
    }
}

impl fmt::Debug for LocalSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSecrets")
            .field("file", &self.file)
            .field("variables", &self.variables.keys().collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn write(path: &Path, text: &str, mode: u32) {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    async fn get(secrets: &LocalSecrets, name: &str) -> Option<String> {
        let secret = secrets.get(&name.parse().unwrap()).await.unwrap();
        secret.map(|secret| secret.expose_secret().to_owned())
    }

    #[tokio::test]
    async fn the_environment_wins_and_a_changed_file_is_found_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.json");
        write(&path, r#"{"a/b": "from-file", "tradai/exchange/binance": {"key": "k"}}"#, 0o600);
        let environment = [
            ("TRADAI_SECRET_A_B".to_owned(), "from-environment".to_owned()),
            ("PATH".to_owned(), "/bin".to_owned()),
        ];
        let secrets = LocalSecrets::open(Some(path.clone()), environment).unwrap();
        assert_eq!(get(&secrets, "a/b").await.unwrap(), "from-environment");
        assert_eq!(get(&secrets, "tradai/exchange/binance").await.unwrap(), r#"{"key":"k"}"#);
        assert_eq!(get(&secrets, "missing").await, None);
        write(&path, r#"{"missing": "there"}"#, 0o600);
        assert_eq!(get(&secrets, "missing").await.unwrap(), "there");
        let shown = format!("{secrets:?}");
        assert!(!shown.contains("from-environment") && shown.contains("TRADAI_SECRET_A_B"));
        write(&path, r#"{"missing": "there"}"#, 0o640);
        let error = secrets.get(&"missing".parse().unwrap()).await.unwrap_err();
        assert_eq!((error.kind, error.message.contains("there")), (ErrorKind::Invalid, false));
    }

    #[test]
    fn a_file_that_others_may_read_or_that_makes_no_sense_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.json");
        let open = |text: &str, mode| {
            write(&path, text, mode);
            LocalSecrets::open(Some(path.clone()), []).map(drop).map_err(|error| error.to_string())
        };
        for mode in [0o604, 0o640, 0o666] {
            assert!(open("{}", mode).unwrap_err().contains("only its owner may read it: chmod 600"));
        }
        for text in ["", "[]", r#"{"a": "hunter2"#, r#"{"a": 1}"#] {
            let error = open(text, 0o600).unwrap_err();
            assert!(error.contains("must be a JSON object") && !error.contains("hunter2"), "{error}");
        }
        open("{}", 0o400).unwrap();
        assert!(LocalSecrets::open(Some(folder.path().join("none")), []).is_err());
    }
}

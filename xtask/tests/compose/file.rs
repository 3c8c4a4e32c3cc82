//! `docker-compose.yaml` and the `Dockerfile` as what they say: variables filled in, anchors followed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// What variables stand for.
pub(crate) type Variables = BTreeMap<String, String>;

#[derive(Debug, Deserialize)]
pub(crate) struct Compose {
    pub(crate) services: BTreeMap<String, Service>,
    #[serde(default)]
    pub(crate) networks: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Service {
    pub(crate) image: Option<String>,
    pub(crate) build: Option<Build>,
    pub(crate) container_name: Option<String>,
    #[serde(default)]
    pub(crate) profiles: Vec<String>,
    #[serde(default)]
    pub(crate) ports: Vec<String>,
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) depends_on: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) networks: Vec<String>,
    pub(crate) healthcheck: Option<Healthcheck>,
    pub(crate) user: Option<String>,
    #[serde(default)]
    pub(crate) read_only: bool,
    #[serde(default)]
    pub(crate) cap_drop: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Build {
    pub(crate) target: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct Healthcheck {
    pub(crate) test: Vec<String>,
    pub(crate) interval: String,
    pub(crate) timeout: String,
    pub(crate) retries: u32,
    pub(crate) start_period: Option<String>,
}

impl Service {
    /// The variables of the container.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, String)> {
        self.environment.iter().map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name.as_str(), text)
        })
    }

    /// The image without its tag.
    pub(crate) fn repository(&self) -> &str {
        let image = self.image.as_deref().unwrap_or_default();
        image.split_once(':').map_or(image, |(repository, _)| repository)
    }
}

/// Folder of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(crate) fn text(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// Reads a compose file with these variables set.
pub(crate) fn compose(name: &str, variables: &Variables) -> Compose {
    serde_saphyr::from_str(&filled(&text(name), variables)).unwrap()
}

/// Fills in `${NAME}`, `${NAME:-default}` and `${NAME:?problem}`.
pub(crate) fn filled(text: &str, variables: &Variables) -> String {
    let mut parts = text.split("${");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (variable, rest) = part.split_once('}').unwrap();
        let (name, otherwise) = variable.split_once(':').unwrap_or((variable, "-"));
        let set = variables.get(name).filter(|value| !value.is_empty());
        match (set, otherwise.split_at(1)) {
            (Some(value), _) => filled.push_str(value),
            (None, ("-", default)) => filled.push_str(default),
            (None, (_, problem)) => panic!("{name} {problem}"),
        }
        filled.push_str(rest);
    }
    filled
}

/// One stage of the `Dockerfile`, with what it inherits left out.
pub(crate) struct Stage(Vec<String>);

impl Stage {
    pub(crate) fn of(target: &str) -> Self {
        let text = text("Dockerfile");
        let lines = text
            .lines()
            .skip_while(|line| !(line.starts_with("FROM ") && line.ends_with(&format!(" AS {target}"))));
        let (first, rest) = {
            let mut lines = lines;
            (lines.next(), lines)
        };
        assert!(first.is_some(), "the Dockerfile has no target {target}");
        Self(rest.take_while(|line| !line.starts_with("FROM ")).map(str::to_owned).collect())
    }

    fn instruction(&self, name: &str) -> Option<&str> {
        self.0.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
    }

    /// The program that the image starts.
    pub(crate) fn program(&self) -> String {
        let entrypoint: Vec<String> = serde_json::from_str(self.instruction("ENTRYPOINT").unwrap()).unwrap();
        let [program] = <[String; 1]>::try_from(entrypoint).unwrap();
        program
    }

    pub(crate) fn port(&self) -> Option<u16> {
        self.instruction("EXPOSE").map(|port| port.parse().unwrap())
    }

    /// The options and the command of the image's health check.
    pub(crate) fn healthcheck(&self) -> Option<(Vec<&str>, Vec<String>)> {
        let (options, command) = self.instruction("HEALTHCHECK")?.split_once(" CMD ")?;
        Some((options.split(' ').collect(), serde_json::from_str(command).unwrap()))
    }
}

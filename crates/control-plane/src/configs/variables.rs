//! Which variables of an environment a config may read.

use std::collections::BTreeMap;
use std::fmt;

use super::layers::variable_names;

/// Variables by name, for [`ConfigSources::environment`](super::ConfigSources::environment). Whoever may push a config
/// can read each of them by `${NAME}`, so that a process must not hand in its whole environment.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Returns those of an environment that are part of a config (`TIMEFRAME`, `PAIRS`, …) or whose names are given.
    #[must_use]
    pub fn of(environment: impl IntoIterator<Item = (String, String)>, also: &[String]) -> Self {
        let is_let_in =
            |name: &str| variable_names().any(|known| known == name) || also.iter().any(|n| n == name);
        Self(environment.into_iter().filter(|(name, _)| is_let_in(name)).collect())
    }

    /// Returns only those whose names are given: for a host that is not a strategy's container.
    #[must_use]
    pub fn named(environment: impl IntoIterator<Item = (String, String)>, names: &[String]) -> Self {
        Self(environment.into_iter().filter(|(name, _)| names.contains(name)).collect())
    }

    /// Returns the variables.
    #[must_use]
    pub fn values(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

impl fmt::Debug for Variables {
    /// Leaves values out: they may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_let_in_can_be_read() {
        let environment = || {
            [("TIMEFRAME", "1h"), ("REGION", "eu"), ("BACKEND_API_KEYS", "k")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        let also = ["REGION".to_owned()];
        let names = |variables: &Variables| variables.values().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&Variables::of(environment(), &also)), ["REGION", "TIMEFRAME"]);
        assert_eq!(names(&Variables::named(environment(), &also)), ["REGION"]);
        assert_eq!(format!("{:?}", Variables::of(environment(), &also)), r#"{"REGION", "TIMEFRAME"}"#);
    }
}

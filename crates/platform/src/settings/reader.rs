//! Reading values: one declaration each.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use secrecy::SecretString;
use toml::{Table, Value};

use super::{Environment, Fault, Inputs, Origin, Variable};

/// Hands out values by name, and keeps what is wrong with them.
pub struct Reader<'a> {
    inputs: &'a Inputs,
    prefix: &'static str,
    path: &'a Path,
    table: &'a Table,
    read_keys: BTreeSet<String>,
    variables: Vec<Variable>,
    faults: Vec<Fault>,
}

/// A value as it was written, before it is parsed.
struct Raw {
    /// One text, or several from a list in the file.
    items: Vec<String>,
    origin: Origin,
    place: String,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        inputs: &'a Inputs,
        prefix: &'static str,
        path: &'a Path,
        table: &'a Table,
        faults: Vec<Fault>,
    ) -> Self {
        Self { inputs, prefix, path, table, read_keys: BTreeSet::new(), variables: Vec::new(), faults }
    }

    /// Declares a value. `name` is in upper case without the prefix; `doc` says what it means, with its unit.
    pub fn key(&mut self, name: &'static str, doc: &'static str) -> Key<'_, 'a> {
        Key { reader: self, name, doc, also: &[], hidden: false }
    }

    /// Returns a variable that is no setting of ours: Amazon's own, which a location's bucket is opened with. It is
    /// neither printed nor checked.
    #[must_use]
    pub fn foreign(&self, name: &str) -> Option<String> {
        self.inputs.get(name).map(str::to_owned)
    }

    /// Returns all variables, for a host that hands some of them on: to jobs, or to configs that name them.
    #[must_use]
    pub fn environment(&self) -> Environment {
        Environment(self.inputs.environment.clone())
    }

    /// Adds a fault of a value that parses but means nothing.
    pub fn fault(&mut self, name: &str, problem: impl Into<String>) {
        let place = format!("{}{name}", self.prefix);
        self.faults.push(Fault { place, problem: problem.into() });
    }

    /// Looks a value up: the prefixed variable, then the shared names, then the file.
    fn find(&mut self, name: &str, also: &[&'static str]) -> Option<Raw> {
        let key = name.to_lowercase();
        let in_file = self.table.get(&key);
        self.read_keys.insert(key.clone());
        let prefixed = format!("{}{name}", self.prefix);
        for variable in std::iter::once(prefixed.as_str()).chain(also.iter().copied()) {
            if let Some(text) = self.inputs.get(variable) {
                let origin = Origin::Environment(variable.to_owned());
                return Some(Raw { items: vec![text.to_owned()], origin, place: variable.to_owned() });
            }
        }
        let place = format!("{key} in {}", self.path.display());
        match in_file.map(texts)? {
            Ok(items) => Some(Raw { items, origin: Origin::File, place }),
            Err(problem) => {
                self.faults.push(Fault { place, problem });
                None
            }
        }
    }

    fn note(&mut self, key: (&str, &[&'static str], &'static str), value: String, origin: Origin) {
        let (name, also, doc) = key;
        let name = format!("{}{name}", self.prefix);
        self.variables.push(Variable { name, also: also.to_vec(), value, origin, doc });
    }

    /// Variables of the environment that have the prefix and no reader.
    pub(super) fn unknown_variables(&self) -> Vec<String> {
        if self.prefix.is_empty() {
            return Vec::new();
        }
        let known: BTreeSet<&str> = self.variables.iter().map(|variable| variable.name.as_str()).collect();
        let names = self.inputs.environment.keys();
        names
            .filter(|name| name.starts_with(self.prefix) && !known.contains(name.as_str()))
            .cloned()
            .collect()
    }

    /// Returns what was read, and every fault, unknown keys of the file among them.
    pub(super) fn finish(mut self) -> (Vec<Variable>, Vec<Fault>) {
        for key in self.table.keys().filter(|key| !self.read_keys.contains(*key)) {
            let place = format!("{key} in {}", self.path.display());
            let known = self.read_keys.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            self.faults.push(Fault { place, problem: format!("no such setting; there are {known}") });
        }
        (self.variables, self.faults)
    }
}

/// A value that is being declared.
pub struct Key<'r, 'a> {
    reader: &'r mut Reader<'a>,
    name: &'static str,
    doc: &'static str,
    also: &'static [&'static str],
    hidden: bool,
}

impl Key<'_, '_> {
    /// Reads the value also from these variables, in this order, when its own is not set.
    #[must_use]
    pub fn also(mut self, names: &'static [&'static str]) -> Self {
        self.also = names;
        self
    }

    /// Keeps what was written out of faults: it may hold a secret by mistake.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Returns the value, or `default`.
    pub fn or<T>(self, default: T) -> T
    where
        T: FromStr<Err: Display> + Display,
    {
        let shown = default.to_string();
        self.parse(shown).unwrap_or(default)
    }

    /// Returns the value, if it is set.
    pub fn optional<T>(self) -> Option<T>
    where
        T: FromStr<Err: Display> + Display,
    {
        self.parse(String::new())
    }

    /// Returns the value; a fault if it is not set, and then `placeholder`.
    pub fn required<T>(self, placeholder: T) -> T
    where
        T: FromStr<Err: Display> + Display,
    {
        let (prefix, name, also) = (self.reader.prefix, self.name, self.also);
        let faults = self.reader.faults.len();
        let reader = self.reader;
        let value = Key { reader: &mut *reader, ..self }.parse(String::new());
        if value.is_none() && reader.faults.len() == faults {
            let or = also.iter().map(|name| format!(" or {name}")).collect::<String>();
            reader.fault(name, format!("is not set; set {prefix}{name}{or}"));
        }
        value.unwrap_or(placeholder)
    }

    /// Returns a list: an array in the file; in the environment a JSON array or texts between commas.
    pub fn list<T>(self, default: &[&str]) -> Vec<T>
    where
        T: FromStr<Err: Display> + Display,
    {
        let Some(raw) = self.reader.find(self.name, self.also) else {
            let key = (self.name, self.also, self.doc);
            self.reader.note(key, default.join(","), Origin::Default);
            return default.iter().filter_map(|item| item.parse().ok()).collect();
        };
        let items = if raw.origin == Origin::File { raw.items } else { split(&raw.items.concat()) };
        let mut values = Vec::new();
        for item in &items {
            match item.parse::<T>() {
                Ok(value) => values.push(value),
                Err(error) => {
                    let shown = if self.hidden { "[redacted]" } else { item.as_str() };
                    let problem = format!("`{shown}`: {error}");
                    self.reader.faults.push(Fault { place: raw.place.clone(), problem });
                }
            }
        }
        let shown = values.iter().map(T::to_string).collect::<Vec<_>>().join(",");
        self.reader.note((self.name, self.also, self.doc), shown, raw.origin);
        values
    }

    /// Returns a secret, if it is set. It is never printed.
    pub fn secret(self) -> Option<SecretString> {
        let found = self.reader.find(self.name, self.also);
        let (shown, origin) = match &found {
            Some(raw) => ("[redacted]".to_owned(), raw.origin.clone()),
            None => (String::new(), Origin::Default),
        };
        self.reader.note((self.name, self.also, self.doc), shown, origin);
        found.map(|raw| SecretString::from(raw.items.concat()))
    }

    fn parse<T>(self, default: String) -> Option<T>
    where
        T: FromStr<Err: Display> + Display,
    {
        let key = (self.name, self.also, self.doc);
        let Some(raw) = self.reader.find(self.name, self.also) else {
            self.reader.note(key, default, Origin::Default);
            return None;
        };
        let text = raw.items.join(",");
        match text.parse::<T>() {
            Ok(value) => {
                self.reader.note(key, value.to_string(), raw.origin);
                Some(value)
            }
            Err(error) => {
                let problem = format!("`{text}` is not allowed: {error}");
                self.reader.faults.push(Fault { place: raw.place, problem });
                self.reader.note(key, default, Origin::Default);
                None
            }
        }
    }
}

/// The texts of a scalar or of a list of scalars.
fn texts(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Integer(number) => Ok(vec![number.to_string()]),
        Value::Float(number) => Ok(vec![number.to_string()]),
        Value::Boolean(flag) => Ok(vec![flag.to_string()]),
        Value::Datetime(time) => Ok(vec![time.to_string()]),
        Value::Array(items) => items.iter().map(texts).collect::<Result<Vec<_>, _>>().map(|all| all.concat()),
        Value::Table(_) => Err("is a table; settings are flat".to_owned()),
    }
}

/// Returns the items of a list in a variable, as Python's settings wrote them too: `["a", "b"]`, or `a, b`.
#[must_use]
pub fn split(text: &str) -> Vec<String> {
    let array = text.starts_with('[').then(|| format!("v = {text}").parse::<Table>().ok()).flatten();
    if let Some(items) = array.as_ref().and_then(|table| texts(table.get("v")?).ok()) {
        return items;
    }
    text.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

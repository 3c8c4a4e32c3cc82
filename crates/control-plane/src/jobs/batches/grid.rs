//! The grid of a batch: every combination of the values of its axes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::jobs::BacktestRequest;
use crate::{Error, RequestFault};

/// Jobs that one batch may have.
pub const MAX_BATCH_JOBS: usize = 200;
/// How long a request may be, in bytes of JSON.
const MAX_REQUEST: usize = 128 * 1024;
/// How much its jobs may ask for together, in bytes of JSON: each has a copy of what all have in common.
const MAX_REQUESTS: usize = 2 * 1024 * 1024;
/// How long the name of a batch may be, in characters.
const MAX_NAME: usize = 100;
/// Faults that one refusal names.
const MAX_FAULTS: usize = 100;

/// Backtests that are asked for together: texts, not checked yet.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchRequest {
    /// What people call it.
    pub name: Option<String>,
    /// What all jobs have in common.
    pub backtest: BacktestRequest,
    /// What they differ in.
    pub axes: BatchAxes,
}

/// Values to be combined, by the fields that they are for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchAxes {
    /// Sets of pairs.
    pub symbols: Vec<Vec<String>>,
    /// Timeframes.
    pub timeframe: Vec<String>,
    /// Values of each setting.
    pub settings: BTreeMap<String, Vec<Value>>,
    /// Values of each parameter.
    pub parameters: BTreeMap<String, Vec<Value>>,
}

/// One axis.
struct Axis {
    field: &'static str,
    key: Option<String>,
    values: Vec<Value>,
}

/// One job of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchCell {
    /// What it asks for.
    pub request: BacktestRequest,
    /// Where it stands in the grid.
    pub place: BatchPlace,
}

/// Where a job stands in the grid: what sets it apart from the other jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchPlace(Vec<Coordinate>);

/// The value of one axis.
#[derive(Debug, Clone, PartialEq)]
struct Coordinate {
    field: &'static str,
    key: Option<String>,
    index: usize,
    value: Value,
}

impl BatchRequest {
    /// Returns the jobs, the last axis changing fastest: pairs, timeframes, settings by name, parameters by name.
    ///
    /// # Errors
    /// [`Error::Request`] with what is wrong about the grid itself; what is wrong about a job, that tells.
    pub fn cells(&self) -> Result<Vec<BatchCell>, Error> {
        let mut faults = Vec::new();
        if self.name.as_ref().is_some_and(|name| name.is_empty() || name.chars().count() > MAX_NAME) {
            faults.push(RequestFault::new("name", format!("expected 1 to {MAX_NAME} characters")));
        }
        match self.check_size() {
            Ok(()) => self.check_axes(&self.axes(), &mut faults),
            // What is too large is not looked at any further.
            Err(fault) => faults.push(fault),
        }
        if !faults.is_empty() {
            return Err(Error::Request(faults));
        }
        Ok(self.places()?.into_iter().map(|place| self.cell(place)).collect())
    }

    /// Returns where the jobs stand, in the order of [`BatchRequest::cells`].
    ///
    /// # Errors
    /// [`Error::Request`] for more jobs than one batch may have.
    pub fn places(&self) -> Result<Vec<BatchPlace>, Error> {
        let count = self.count().map_err(|fault| Error::Request(vec![fault]))?;
        let axes = self.axes();
        Ok((0..count).map(|number| place(&axes, number)).collect())
    }

    /// Returns how many combinations there are.
    fn count(&self) -> Result<usize, RequestFault> {
        let BatchAxes { symbols, timeframe, settings, parameters } = &self.axes;
        let plain = [("symbols", symbols.len()), ("timeframe", timeframe.len())];
        let plain =
            plain.into_iter().filter(|(_, length)| *length > 0).map(|(field, length)| (field, None, length));
        let named = [("settings", settings), ("parameters", parameters)];
        let named = named.into_iter().flat_map(|(field, map)| {
            map.iter().map(move |(key, values)| (field, Some(key.as_str()), values.len()))
        });
        let mut count = 1_usize;
        for (field, key, length) in plain.chain(named) {
            // Beside an axis without values any product is none.
            if length > MAX_BATCH_JOBS {
                let reason =
                    format!("has {length} values; at most {MAX_BATCH_JOBS} combinations are allowed");
                return Err(RequestFault::at("axes", path(field, key, None), reason));
            }
            count = count.saturating_mul(length);
        }
        if count > MAX_BATCH_JOBS {
            let reason = format!("{count} combinations; at most {MAX_BATCH_JOBS} are allowed");
            return Err(RequestFault::new("axes", reason));
        }
        Ok(count)
    }

    /// Refuses what is too large to be looked at, before anything of it is copied.
    fn check_size(&self) -> Result<(), RequestFault> {
        let count = self.count()?;
        if length(self) > MAX_REQUEST {
            let reason = format!("a batch may ask for at most {MAX_REQUEST} bytes of JSON");
            return Err(RequestFault::new("axes", reason));
        }
        let BatchAxes { symbols, timeframe, settings, parameters } = &self.axes;
        let named = settings.values().chain(parameters.values());
        let of_axes =
            longest(symbols) + longest(timeframe) + named.map(|values| longest(values)).sum::<usize>();
        let together = count.saturating_mul(length(&self.backtest) + of_axes);
        if together > MAX_REQUESTS {
            let reason = format!(
                "{count} jobs come to {together} bytes of JSON; at most {MAX_REQUESTS} are allowed: \
                 name fewer values, or ask for less in each"
            );
            return Err(RequestFault::new("axes", reason));
        }
        Ok(())
    }

    fn axes(&self) -> Vec<Axis> {
        let BatchAxes { symbols, timeframe, settings, parameters } = &self.axes;
        let of_map = |field, map: &BTreeMap<String, Vec<Value>>| -> Vec<Axis> {
            let axis = |(key, values): (&String, &Vec<Value>)| Axis {
                field,
                key: Some(key.clone()),
                values: values.clone(),
            };
            map.iter().map(axis).collect()
        };
        let plain = |field, values: Vec<Value>| Axis { field, key: None, values };
        let mut axes = Vec::new();
        if !symbols.is_empty() {
            axes.push(plain("symbols", symbols.iter().cloned().map(Value::from).collect()));
        }
        if !timeframe.is_empty() {
            axes.push(plain("timeframe", timeframe.iter().cloned().map(Value::from).collect()));
        }
        axes.extend(of_map("settings", settings));
        axes.extend(of_map("parameters", parameters));
        axes
    }

    /// Notes what is wrong about axes of a size that can be looked at.
    fn check_axes(&self, axes: &[Axis], faults: &mut Vec<RequestFault>) {
        if axes.is_empty() {
            let reason = "name at least one of symbols, timeframe, settings and parameters, with its values";
            faults.push(RequestFault::new("axes", reason));
        }
        for axis in axes {
            let path = |index| path(axis.field, axis.key.as_deref(), index);
            if axis.values.is_empty() {
                faults.push(RequestFault::at("axes", path(None), "has no values"));
            } else if self.has(axis) {
                let reason = "is given by `backtest`, too; give it there or here";
                faults.push(RequestFault::at("axes", path(None), reason));
            }
            for (index, value) in axis.values.iter().enumerate() {
                if axis.values[..index].contains(value) {
                    faults.push(RequestFault::at("axes", path(Some(index)), "is named twice"));
                }
            }
            if faults.len() >= MAX_FAULTS {
                faults.truncate(MAX_FAULTS);
                return;
            }
        }
    }

    /// Returns whether what all jobs have in common has a value for an axis.
    fn has(&self, axis: &Axis) -> bool {
        let key = axis.key.as_deref().unwrap_or_default();
        match axis.field {
            "symbols" => !self.backtest.symbols.is_empty(),
            "timeframe" => self.backtest.timeframe.is_some(),
            "settings" => self.backtest.settings.contains_key(key),
            _ => self.backtest.parameters.contains_key(key),
        }
    }

    fn cell(&self, place: BatchPlace) -> BatchCell {
        let mut request = self.backtest.clone();
        for Coordinate { field, key, value, .. } in &place.0 {
            set(&mut request, field, key.as_deref().unwrap_or_default(), value);
        }
        BatchCell { request, place }
    }
}

/// Returns the place of a number, which the axes are the digits of.
fn place(axes: &[Axis], mut number: usize) -> BatchPlace {
    let mut at = Vec::new();
    for axis in axes.iter().rev() {
        let index = number % axis.values.len();
        number /= axis.values.len();
        let (key, value) = (axis.key.clone(), axis.values[index].clone());
        at.push(Coordinate { field: axis.field, key, index, value });
    }
    at.reverse();
    BatchPlace(at)
}

/// Returns how long something is as JSON.
fn length(value: &impl Serialize) -> usize {
    serde_json::to_string(value).map_or(MAX_REQUESTS + 1, |text| text.len())
}

fn longest(values: &[impl Serialize]) -> usize {
    values.iter().map(length).max().unwrap_or(0)
}

/// Writes a value of an axis for people: a text without quotes, and so each of a list's items.
#[must_use]
pub fn value_text(value: &Value, between: &str) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match value {
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(between),
        other => text(other),
    }
}

fn set(request: &mut BacktestRequest, field: &str, key: &str, value: &Value) {
    match field {
        "symbols" => {
            let texts = value.as_array().into_iter().flatten().filter_map(Value::as_str);
            request.symbols = texts.map(str::to_owned).collect();
        }
        "timeframe" => request.timeframe = value.as_str().map(str::to_owned),
        "settings" => drop(request.settings.insert(key.to_owned(), value.clone())),
        _ => drop(request.parameters.insert(key.to_owned(), value.clone())),
    }
}

/// Writes a place among the axes, with dots between levels.
fn path(field: &str, key: Option<&str>, index: Option<usize>) -> String {
    let parts = [Some(field.to_owned()), key.map(str::to_owned), index.map(|index| index.to_string())];
    parts.into_iter().flatten().collect::<Vec<_>>().join(".")
}

impl BatchPlace {
    /// Returns what sets the job apart, by field: `{"timeframe": "1h", "parameters": {"fast": 5}}`.
    #[must_use]
    pub fn values(&self) -> Map<String, Value> {
        let mut values = Map::new();
        for Coordinate { field, key, value, .. } in &self.0 {
            match key {
                None => drop(values.insert((*field).to_owned(), value.clone())),
                Some(key) => {
                    let there = values.entry(*field).or_insert_with(|| Map::new().into());
                    there[key] = value.clone();
                }
            }
        }
        values
    }

    /// Returns a fault of the job as one of the batch: of the axis that gives the value, or of what all have in common.
    #[must_use]
    pub fn locate(&self, fault: RequestFault) -> RequestFault {
        let RequestFault { field, index, key, reason } = fault;
        let is_at = |coordinate: &&Coordinate| {
            let of_key = match (&coordinate.key, &key) {
                (None, _) => true,
                (Some(own), Some(key)) => key == own || key.starts_with(&format!("{own}.")),
                (Some(_), None) => false,
            };
            coordinate.field == field && of_key
        };
        let index = index.map(|index| index.to_string());
        let (top, parts) = match self.0.iter().find(is_at) {
            Some(Coordinate { key: own, index: at, .. }) => {
                let rest = key.as_deref().zip(own.as_deref()).and_then(|(key, own)| key.strip_prefix(own));
                let rest = rest.map(|rest| rest.trim_start_matches('.').to_owned());
                ("axes", [Some(path(field, own.as_deref(), Some(*at))), index, rest])
            }
            None => ("backtest", [Some(field.to_owned()), index, key]),
        };
        let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        RequestFault::at(top, parts.join("."), reason)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(value: Value) -> BatchRequest {
        serde_json::from_value(value).unwrap()
    }

    fn places(request: &BatchRequest) -> Vec<String> {
        let Err(Error::Request(faults)) = request.cells() else { panic!("not refused") };
        faults
            .iter()
            .map(|fault| format!("{} {}", fault.field, fault.key.as_deref().unwrap_or("-")))
            .collect()
    }

    #[test]
    fn every_combination_is_a_job_and_the_last_axis_changes_fastest() {
        let request = request(json!({
            "backtest": {"strategy": "Demo", "settings": {"stake_amount": 10}, "parameters": {"slow": 50}},
            "axes": {
                "symbols": [["BTC/USDT"], ["ETH/USDT", "SOL/USDT"]],
                "settings": {"stoploss": [-0.1]},
                "parameters": {"fast": [5, 10]},
            },
        }));
        let cells = request.cells().unwrap();
        let of = |cell: &BatchCell| (cell.request.symbols.len(), cell.request.parameters["fast"].clone());
        let expected = [(1, json!(5)), (1, json!(10)), (2, json!(5)), (2, json!(10))];
        assert_eq!(cells.iter().map(of).collect::<Vec<_>>(), expected);
        for cell in &cells {
            assert_eq!(cell.request.strategy, "Demo");
            assert_eq!(cell.request.settings["stake_amount"], 10);
            assert_eq!(cell.request.settings["stoploss"], -0.1);
            assert_eq!(cell.request.parameters["slow"], 50);
        }
        let values =
            json!({"symbols": ["BTC/USDT"], "settings": {"stoploss": -0.1}, "parameters": {"fast": 10}});
        assert_eq!(Value::Object(cells[1].place.values()), values);
    }

    #[test]
    fn a_fault_of_a_job_is_placed_where_its_value_was_given() {
        let request = request(json!({
            "backtest": {"strategy": "Demo", "settings": {"stake_amount": "x"}},
            "axes": {"symbols": [["A/B"], ["A/B", "x"]], "timeframe": ["1h", "7m"],
                "parameters": {"fast": [1, 2], "fas": [1]}},
        }));
        let cell = &request.cells().unwrap()[7];
        let place = |fault: RequestFault| {
            let placed = cell.place.locate(fault);
            (placed.field, placed.key.unwrap())
        };
        for (fault, top, path) in [
            (RequestFault::item("symbols", 1, ""), "axes", "symbols.1.1"),
            (RequestFault::new("timeframe", ""), "axes", "timeframe.1"),
            (RequestFault::at("parameters", "fast", ""), "axes", "parameters.fast.1"),
            (RequestFault::at("parameters", "fast.x", ""), "axes", "parameters.fast.1.x"),
            (RequestFault::at("parameters", "fastest", ""), "backtest", "parameters.fastest"),
            (RequestFault::at("settings", "stake_amount", ""), "backtest", "settings.stake_amount"),
            (RequestFault::new("strategy", ""), "backtest", "strategy"),
        ] {
            assert_eq!(place(fault), (top, path.to_owned()));
        }
    }

    #[test]
    fn a_grid_that_is_none_is_refused() {
        let strategy = json!({"strategy": "Demo", "timeframe": "1h", "parameters": {"fast": 3}});
        for (axes, expected) in [
            (json!({}), vec!["axes -"]),
            (json!({"parameters": {"slow": []}}), vec!["axes parameters.slow"]),
            (json!({"timeframe": ["1h"]}), vec!["axes timeframe"]),
            (
                json!({"parameters": {"fast": [1], "slow": [1, 2, 1]}}),
                vec!["axes parameters.fast", "axes parameters.slow.2"],
            ),
            (json!({"parameters": {"a": (0..201).collect::<Vec<_>>()}}), vec!["axes parameters.a"]),
            (json!({"settings": {"a": [0, 1, 2, 3, 4], "b": (0..41).collect::<Vec<_>>()}}), vec!["axes -"]),
        ] {
            assert_eq!(places(&request(json!({"backtest": strategy, "axes": axes}))), expected);
        }
        let long =
            json!({"backtest": strategy, "name": "", "axes": {"settings": {"a": ["x".repeat(MAX_REQUEST)]}}});
        assert_eq!(places(&request(long)), ["name -", "axes -"]);
    }

    /// Looking for what is named twice among so many would take minutes, and so would telling of each.
    #[test]
    fn what_is_too_large_is_refused_before_it_is_looked_at() {
        let many = vec![json!(1); 150_000];
        let of = |axes: Value| request(json!({"backtest": {"strategy": "Demo"}, "axes": axes}));
        assert_eq!(places(&of(json!({"parameters": {"a": many, "b": []}}))), ["axes parameters.a"]);
        let axes: BTreeMap<String, Value> = (0..150).map(|n| (format!("p{n}"), json!([0, 0]))).collect();
        assert_eq!(places(&of(json!({"parameters": axes}))), ["axes -"]);
        let empty: BTreeMap<String, Value> = (0..150).map(|n| (format!("p{n}"), json!([]))).collect();
        assert_eq!(places(&of(json!({"settings": empty}))).len(), MAX_FAULTS);
    }

    /// A short text may be a large value: `[1,1,…]` takes sixteen times its length in memory.
    #[test]
    fn jobs_that_ask_for_much_are_not_copied() {
        let list = vec![json!(1); 50_000];
        let values: Vec<Value> = (0..200).map(Value::from).collect();
        let common = request(json!({
            "backtest": {"strategy": "Demo", "settings": {"x": list}}, "axes": {"parameters": {"a": values}},
        }));
        let of_axis = request(json!({
            "backtest": {"strategy": "Demo"}, "axes": {"settings": {"x": [list]}, "parameters": {"a": values}},
        }));
        for request in [common, of_axis] {
            let refused = request.cells().unwrap_err().to_string();
            assert!(refused.contains("bytes of JSON; at most 2097152 are allowed"), "{refused}");
        }
        // A few of them are no harm.
        let few = request(json!({
            "backtest": {"strategy": "Demo", "settings": {"x": list}}, "axes": {"parameters": {"a": [1, 2]}},
        }));
        assert_eq!(few.cells().unwrap().len(), 2);
    }

    #[test]
    fn sizes_that_no_number_holds_are_too_many() {
        let axes: BTreeMap<String, Vec<Value>> =
            (0..70).map(|n| (format!("p{n}"), vec![json!(0), json!(1)])).collect();
        let request =
            BatchRequest { axes: BatchAxes { parameters: axes, ..Default::default() }, ..Default::default() };
        assert_eq!(places(&request), ["axes -"]);
    }
}

//! Reading states.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::check;
use super::choice::Rule;
use super::reader::{Faults, Fields, MAX_NUMBER};
use super::{
    Amount, Catcher, DocumentFaults, Io, Kind, Recovery, Retrier, Selection, State, States, Then, WaitFor,
    Wording, WorkflowDocument,
};
use crate::workflow::path::Path;
use crate::workflow::{limits, moment};

/// What states may be.
const KINDS: [&str; 8] = ["Pass", "Task", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"];
/// States that a document may have, those of branches and items counted.
const MAX_STATES: usize = 1_000;
/// How deep branches and items may be in one another.
const MAX_DEPTH: usize = 10;
/// Items of a map that are worked on at the same time, where the document allows any number.
const MOST_AT_ONCE: usize = 40;
/// Characters of a state's name.
const MAX_NAME: usize = 80;
/// Seconds that a retry may wait: less than a year of 366 days.
const MAX_DELAY: u32 = 31_622_399;
/// How a resource ends whose task is over once somebody sends a token back.
const BY_TOKEN: &str = ".waitForTaskToken";

/// Reads a document.
pub(super) fn document(source: &Value) -> Result<WorkflowDocument, DocumentFaults> {
    let mut reading = Reading { faults: Faults::default(), names: BTreeSet::new(), states: 0, depth: 0 };
    let document = reading.document(source);
    match document {
        Some(document) if reading.faults.0.is_empty() => Ok(document),
        _ => Err(DocumentFaults(reading.faults.0)),
    }
}

struct Reading {
    faults: Faults,
    /// Names of states, which are unique in the whole document.
    names: BTreeSet<String>,
    states: usize,
    depth: usize,
}

impl Reading {
    fn document(&mut self, source: &Value) -> Option<WorkflowDocument> {
        // It is kept with each run, and read again.
        if !limits::is_within(source, limits::MAX_DEPTH) {
            self.faults.add("", format!("is nested deeper than {} levels", limits::MAX_DEPTH));
            return None;
        }
        let mut fields = Fields::new(source, String::new(), &mut self.faults)?;
        let version = fields.text("Version", &mut self.faults);
        if version.is_some_and(|version| version != "1.0") {
            self.faults.add("Version", "must be 1.0");
        }
        let timeout = fields.number("TimeoutSeconds", 1..=MAX_NUMBER, &mut self.faults);
        self.refuse_query_language(&mut fields);
        let states = self.states(&mut fields);
        fields.finish(&mut self.faults);
        let timeout = timeout.map(|seconds| Duration::from_secs(seconds.into()));
        Some(WorkflowDocument { source: source.clone(), states, timeout })
    }

    fn refuse_query_language(&mut self, fields: &mut Fields<'_>) {
        let language = fields.text("QueryLanguage", &mut self.faults);
        if language.is_some_and(|language| language != "JSONPath") {
            self.faults.add(fields.place("QueryLanguage"), "must be JSONPath: no other language is there");
        }
    }

    fn states(&mut self, fields: &mut Fields<'_>) -> States {
        self.depth += 1;
        let start = fields.needed_text("StartAt", &mut self.faults);
        let place = fields.place("States");
        let mut states = BTreeMap::new();
        match fields.take("States").and_then(Value::as_object) {
            Some(_) if self.depth > MAX_DEPTH => {
                self.faults.add(&place, format!("are in one another deeper than {MAX_DEPTH}"));
            }
            Some(map) if !map.is_empty() => {
                for (name, value) in map {
                    let place = format!("{place}.{name}");
                    self.states += 1;
                    if self.states == MAX_STATES + 1 {
                        self.faults.add(&place, format!("is one of more than {MAX_STATES} states"));
                    }
                    if !self.names.insert(name.clone()) {
                        self.faults.add(&place, "has a name that another state of the document has");
                    }
                    if name.chars().count() > MAX_NAME {
                        self.faults.add(&place, format!("has a name of more than {MAX_NAME} characters"));
                    }
                    if self.states <= MAX_STATES
                        && let Some(state) = self.state(value, place)
                    {
                        states.insert(name.clone(), state);
                    }
                }
            }
            _ => self.faults.add(&place, "must be an object with at least one state"),
        }
        self.depth -= 1;
        let states = States { start, states };
        check::transitions(&states, &fields.place, &mut self.faults);
        states
    }

    fn state(&mut self, value: &Value, place: String) -> Option<State> {
        let mut fields = Fields::new(value, place, &mut self.faults)?;
        let kind = fields.needed_text("Type", &mut self.faults);
        if !KINDS.contains(&kind.as_str()) {
            let place = fields.place("Type");
            self.faults.add(place, format!("`{kind}` is not known; there are {}", KINDS.join(", ")));
            return None;
        }
        self.refuse_query_language(&mut fields);
        let then = match kind.as_str() {
            "Choice" | "Fail" => Then::Own,
            "Succeed" => Then::End,
            _ => self.then(&mut fields),
        };
        let mut select = |name| {
            let is_there = kind != "Fail";
            if is_there { fields.selection(name, &mut self.faults) } else { Selection::All }
        };
        let (input, output) = (select("InputPath"), select("OutputPath"));
        let kind = self.kind(&kind, &mut fields);
        fields.finish(&mut self.faults);
        Some(State { input, output, then, kind: kind? })
    }

    fn then(&mut self, fields: &mut Fields<'_>) -> Then {
        let next = fields.text("Next", &mut self.faults).map(str::to_owned);
        let end = fields.flag("End", &mut self.faults);
        match (next, end) {
            (Some(next), false) => Then::Next(next),
            (None, true) => Then::End,
            _ => {
                self.faults.add(&fields.place, "must have either Next or `End`: true");
                Then::End
            }
        }
    }

    fn kind(&mut self, kind: &str, fields: &mut Fields<'_>) -> Option<Kind> {
        Some(match kind {
            "Pass" => Kind::Pass { result: fields.take("Result").cloned(), io: self.io(fields, false) },
            "Task" => Kind::Task {
                resource: self.resource(fields),
                io: self.io(fields, true),
                recovery: self.recovery(fields),
                timeout: self.amount(fields, "TimeoutSeconds", "TimeoutSecondsPath"),
            },
            "Choice" => self.choice(fields),
            "Wait" => Kind::Wait(self.wait(fields)?),
            "Succeed" => Kind::Succeed,
            "Fail" => Kind::Fail {
                error: self.wording(fields, "Error", "ErrorPath"),
                cause: self.wording(fields, "Cause", "CausePath"),
            },
            "Parallel" => self.parallel(fields),
            "Map" => self.map(fields)?,
            _ => return None,
        })
    }

    fn resource(&mut self, fields: &mut Fields<'_>) -> String {
        let resource = fields.needed_text("Resource", &mut self.faults);
        if resource.ends_with(BY_TOKEN) {
            let problem = format!("must not end in {BY_TOKEN}: a task is over once whoever does it is done");
            self.faults.add(fields.place("Resource"), problem);
        }
        resource
    }

    fn io(&mut self, fields: &mut Fields<'_>, has_selector: bool) -> Io {
        Io {
            parameters: fields.template("Parameters", &mut self.faults),
            result_selector: if has_selector {
                fields.template("ResultSelector", &mut self.faults)
            } else {
                None
            },
            result: fields.result_path(&mut self.faults),
        }
    }

    fn amount(&mut self, fields: &mut Fields<'_>, fixed: &'static str, path: &'static str) -> Option<Amount> {
        let allowed = u32::from(fixed != "Seconds")..=MAX_NUMBER;
        let seconds = fields.number(fixed, allowed, &mut self.faults).map(Amount::Seconds);
        let in_data = fields.path(path, &mut self.faults).map(Amount::Path);
        if seconds.is_some() && in_data.is_some() {
            self.faults.add(&fields.place, format!("has both {fixed} and {path}"));
        }
        seconds.or(in_data)
    }

    fn wording(
        &mut self,
        fields: &mut Fields<'_>,
        fixed: &'static str,
        path: &'static str,
    ) -> Option<Wording> {
        let text = fields.text(fixed, &mut self.faults).map(|text| Wording::Text(text.to_owned()));
        let in_data = fields.expression(path, &mut self.faults).map(Wording::Expression);
        if text.is_some() && in_data.is_some() {
            self.faults.add(&fields.place, format!("has both {fixed} and {path}"));
        }
        text.or(in_data)
    }

    fn choice(&mut self, fields: &mut Fields<'_>) -> Kind {
        let mut rules = Vec::new();
        if !fields.has("Choices") {
            self.faults.add(fields.place("Choices"), "is missing");
        }
        let place = fields.place("Choices");
        let choices = fields.list("Choices", &mut self.faults).into_iter().flatten().enumerate();
        for (at, choice) in choices {
            rules.extend(Rule::parse_choice(choice, &format!("{place}[{at}]"), &mut self.faults));
        }
        Kind::Choice { rules, default: fields.text("Default", &mut self.faults).map(str::to_owned) }
    }

    fn wait(&mut self, fields: &mut Fields<'_>) -> Option<WaitFor> {
        let amount = self.amount(fields, "Seconds", "SecondsPath").map(WaitFor::Amount);
        let timestamp = fields.text("Timestamp", &mut self.faults);
        if timestamp.is_some_and(|text| moment::parse(text).is_none()) {
            self.faults.add(fields.place("Timestamp"), format!("must be {}", moment::EXAMPLE));
        }
        let timestamp = timestamp.map(|text| WaitFor::Timestamp(text.to_owned()));
        let path = fields.path("TimestampPath", &mut self.faults).map(WaitFor::TimestampPath);
        let mut found = [amount, timestamp, path].into_iter().flatten();
        let wait = found.next();
        if wait.is_none() || found.next().is_some() {
            let names = "Seconds, SecondsPath, Timestamp and TimestampPath";
            self.faults.add(&fields.place, format!("must have one of {names}"));
        }
        wait
    }

    fn parallel(&mut self, fields: &mut Fields<'_>) -> Kind {
        let place = fields.place("Branches");
        if !fields.has("Branches") {
            self.faults.add(&place, "is missing");
        }
        let mut branches = Vec::new();
        for (at, branch) in fields.list("Branches", &mut self.faults).into_iter().flatten().enumerate() {
            if let Some(mut branch) = Fields::new(branch, format!("{place}[{at}]"), &mut self.faults) {
                branches.push(self.states(&mut branch));
                branch.finish(&mut self.faults);
            }
        }
        Kind::Parallel { branches, io: self.io(fields, true), recovery: self.recovery(fields) }
    }

    fn map(&mut self, fields: &mut Fields<'_>) -> Option<Kind> {
        let items = if fields.has("ItemsPath") {
            fields.path("ItemsPath", &mut self.faults)
        } else {
            Path::parse("$").ok()
        };
        // The second name of each pair is the older one.
        let selector = fields.template("ItemSelector", &mut self.faults);
        let at_once = fields.number("MaxConcurrency", 0..=MAX_NUMBER, &mut self.faults).unwrap_or(0);
        let name = if fields.has("ItemProcessor") { "ItemProcessor" } else { "Iterator" };
        let Some(processor) = fields.take(name) else {
            self.faults.add(fields.place("ItemProcessor"), "is missing");
            return None;
        };
        let mut processor = Fields::new(processor, fields.place(name), &mut self.faults)?;
        self.refuse_distributed(&mut processor);
        let states = Box::new(self.states(&mut processor));
        processor.finish(&mut self.faults);
        let mut io = self.io(fields, true);
        if selector.is_some() && io.parameters.is_some() {
            self.faults.add(&fields.place, "has both ItemSelector and Parameters, its older name");
        }
        let selector = selector.or_else(|| io.parameters.take());
        let at_once = usize::try_from(at_once).unwrap_or(MOST_AT_ONCE);
        let at_once = if at_once == 0 { MOST_AT_ONCE } else { at_once.min(MOST_AT_ONCE) };
        Some(Kind::Map { items: items?, selector, states, at_once, io, recovery: self.recovery(fields) })
    }

    fn refuse_distributed(&mut self, processor: &mut Fields<'_>) {
        let Some(config) = processor.take("ProcessorConfig") else { return };
        if config.get("Mode").is_some_and(|mode| mode != "INLINE") {
            let place = processor.place("ProcessorConfig.Mode");
            self.faults.add(place, "must be INLINE: items are worked on within the run");
        }
    }

    fn recovery(&mut self, fields: &mut Fields<'_>) -> Recovery {
        let mut recovery = Recovery::default();
        let place = fields.place("Retry");
        for (at, retrier) in fields.list("Retry", &mut self.faults).into_iter().flatten().enumerate() {
            if let Some(mut retrier) = Fields::new(retrier, format!("{place}[{at}]"), &mut self.faults) {
                recovery.retry.push(self.retrier(&mut retrier));
                retrier.finish(&mut self.faults);
            }
        }
        let place = fields.place("Catch");
        for (at, catcher) in fields.list("Catch", &mut self.faults).into_iter().flatten().enumerate() {
            if let Some(mut catcher) = Fields::new(catcher, format!("{place}[{at}]"), &mut self.faults) {
                recovery.catch.push(Catcher {
                    errors: self.errors(&mut catcher),
                    result: catcher.result_path(&mut self.faults),
                    next: catcher.needed_text("Next", &mut self.faults),
                });
                catcher.finish(&mut self.faults);
            }
        }
        let lists = [
            ("Retry", recovery.retry.iter().map(|retrier| &retrier.errors).collect::<Vec<_>>()),
            ("Catch", recovery.catch.iter().map(|catcher| &catcher.errors).collect()),
        ];
        for (name, lists) in lists {
            check::all_comes_last(&lists, &fields.place(name), &mut self.faults);
        }
        recovery
    }

    fn errors(&mut self, fields: &mut Fields<'_>) -> Vec<String> {
        let place = fields.place("ErrorEquals");
        if !fields.has("ErrorEquals") {
            self.faults.add(&place, "is missing");
        }
        let errors = fields.list("ErrorEquals", &mut self.faults).into_iter().flatten();
        let errors: Vec<Option<String>> = errors.map(|error| error.as_str().map(str::to_owned)).collect();
        if errors.contains(&None) {
            self.faults.add(place, "must be texts");
        }
        errors.into_iter().flatten().collect()
    }

    fn retrier(&mut self, fields: &mut Fields<'_>) -> Retrier {
        let errors = self.errors(fields);
        let faults = &mut self.faults;
        let interval = fields.number("IntervalSeconds", 1..=MAX_NUMBER, faults).unwrap_or(1);
        let attempts = fields.number("MaxAttempts", 0..=MAX_NUMBER, faults).unwrap_or(3);
        let longest = fields.number("MaxDelaySeconds", 1..=MAX_DELAY, faults);
        let backoff = fields.take("BackoffRate").map_or(Some(2.0), Value::as_f64).filter(|rate| *rate >= 1.0);
        if backoff.is_none() {
            faults.add(fields.place("BackoffRate"), "must be a number from 1.0 on");
        }
        let jitter = fields.text("JitterStrategy", faults).unwrap_or("NONE");
        if !matches!(jitter, "FULL" | "NONE") {
            faults.add(fields.place("JitterStrategy"), "must be FULL or NONE");
        }
        let full_jitter = jitter == "FULL";
        Retrier { errors, interval, attempts, backoff: backoff.unwrap_or(2.0), longest, full_jitter }
    }
}

//! What each kind of state does.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use serde_json::{Map, Value, json};
use tradai_domain::{Clock, Millis};

use super::branch::Spot;
use super::{Halt, Running, until};
use crate::workflow::document::{
    Amount, Io, Kind, ResultPath, Rule, Selection, State, States, Then, WaitFor, Wording,
};
use crate::workflow::fault::WorkflowFault;
use crate::workflow::handlers::TaskCall;
use crate::workflow::limits;
use crate::workflow::moment;
use crate::workflow::path::{Path, Scope};
use crate::workflow::places::Place;
use crate::workflow::random::Random;
use crate::workflow::store::Cursor;
use crate::workflow::template::Template;

/// What a state has to work with.
struct Visit<'a> {
    branch: &'a str,
    cursor: &'a Cursor,
    item: Option<&'a Value>,
    context: Value,
    random: Random,
}

impl Visit<'_> {
    fn scope<'a>(&'a self, data: &'a Value) -> Scope<'a> {
        Scope { data, context: &self.context }
    }

    fn fill(&self, template: Option<&Template>, data: Value) -> Result<Value, WorkflowFault> {
        match template {
            Some(template) => template.fill(self.scope(&data), &self.random),
            None => Ok(data),
        }
    }

    fn select(&self, selection: &Selection, data: Value) -> Result<Value, WorkflowFault> {
        match selection {
            Selection::All => Ok(data),
            Selection::Nothing => Ok(Value::Object(Map::new())),
            Selection::Path(path) => self.find(path, &data),
        }
    }

    /// Returns what a field of the state leads to. What a template leads to has another fault, which may be caught.
    fn find(&self, path: &Path, data: &Value) -> Result<Value, WorkflowFault> {
        path.resolve(self.scope(data)).map_err(|fault| WorkflowFault::runtime(fault.cause))
    }

    /// Puts a result into what the state was entered with.
    fn put(&self, io: &Io, result: Value) -> Result<Value, WorkflowFault> {
        let result = self.fill(io.result_selector.as_ref(), result)?;
        match &io.result {
            ResultPath::Discard => Ok(self.cursor.input.clone()),
            ResultPath::At(place) => place.put(self.cursor.input.clone(), result),
        }
    }

    fn seconds(&self, amount: &Amount, data: &Value) -> Result<Millis, WorkflowFault> {
        let seconds = match amount {
            Amount::Seconds(seconds) => Some(u64::from(*seconds)),
            Amount::Path(path) => self.find(path, data)?.as_u64(),
        };
        let millis = seconds.and_then(|seconds| Millis::try_from(seconds.checked_mul(1_000)?).ok());
        millis.ok_or_else(|| WorkflowFault::runtime("seconds in the data must be a whole number from 0 on"))
    }

    fn word(&self, wording: Option<&Wording>, data: &Value) -> Result<String, WorkflowFault> {
        match wording {
            None => Ok(String::new()),
            Some(Wording::Text(text)) => Ok(text.clone()),
            Some(Wording::Expression(expression)) => {
                match expression.evaluate(self.scope(data), &self.random)? {
                    Value::String(text) => Ok(text),
                    other => Ok(other.to_string()),
                }
            }
        }
    }
}

impl Running {
    /// Returns the output of a state, and the name of what comes next.
    pub(super) async fn execute(
        &self,
        state: &State,
        spot: &Spot<'_>,
        place: &mut Place,
    ) -> Result<(Value, Option<String>), Halt> {
        let &Spot { branch, cursor, item } = spot;
        let random = Random::new(format!("{}/{}", self.run.seed, cursor.attempt()));
        let visit = Visit { branch, cursor, item, context: self.context(cursor, item), random };
        let input = visit.select(&state.input, cursor.input.clone())?;
        let mut next = match &state.then {
            Then::Next(next) => Some(next.clone()),
            Then::End | Then::Own => None,
        };
        let output = match &state.kind {
            Kind::Succeed => input,
            Kind::Fail { error, cause } => {
                let (error, cause) =
                    (visit.word(error.as_ref(), &input)?, visit.word(cause.as_ref(), &input)?);
                return Err(WorkflowFault::new(error, cause).into());
            }
            Kind::Wait(wait) => {
                self.wait(&visit, wait, &input, place).await?;
                input
            }
            Kind::Choice { rules, default } => {
                next = Some(choose(&visit, rules, default.as_deref(), &input)?);
                input
            }
            Kind::Pass { result, io } => {
                let filled = visit.fill(io.parameters.as_ref(), input)?;
                visit.put(io, result.clone().unwrap_or(filled))?
            }
            Kind::Task { resource, io, timeout, .. } => {
                let input = visit.fill(io.parameters.as_ref(), input)?;
                check_size(&input)?;
                let result = self.task(&visit, resource, input, timeout.as_ref(), place).await?;
                visit.put(io, result)?
            }
            Kind::Parallel { branches, io, .. } => {
                let input = visit.fill(io.parameters.as_ref(), input)?;
                check_size(&input)?;
                let result = place.without(self.parallel(&visit, branches, &input)).await?;
                visit.put(io, result)?
            }
            Kind::Map { items, selector, states, at_once, io, .. } => {
                let result = self.map(&visit, items, selector.as_ref(), states, *at_once, &input);
                let result = place.without(result).await?;
                visit.put(io, result)?
            }
        };
        let output = visit.select(&state.output, output)?;
        check_size(&output)?;
        Ok((output, next))
    }

    /// Calls the handler, for as long as the state may take.
    async fn task(
        &self,
        visit: &Visit<'_>,
        resource: &str,
        input: Value,
        timeout: Option<&Amount>,
        place: &mut Place,
    ) -> Result<Value, Halt> {
        let deadline = self.deadline(visit, timeout).await?;
        let token = format!("{}/{}", self.run.execution, visit.cursor.attempt());
        let call = TaskCall { token, resource: resource.to_owned(), input };
        let handler = self.handlers.of(resource);
        let handler =
            handler.ok_or_else(|| WorkflowFault::runtime(format!("nothing does `{resource}` here")))?;
        let called = AssertUnwindSafe(async move { handler(call).await }).catch_unwind();
        let awaited = async {
            tokio::select! {
                // First: what has no time left is not called again.
                biased;
                () = until(&*self.clock, deadline) => None,
                result = called => Some(result),
            }
        };
        let Some(result) = place.without(awaited).await else {
            let cause = format!("`{resource}` took longer than its TimeoutSeconds");
            return Err(Halt::Fault(WorkflowFault::timeout(cause), true));
        };
        let result = result.unwrap_or_else(|_| {
            Err(WorkflowFault::new("States.TaskFailed", format!("the handler of `{resource}` panicked")))
        });
        let result = result.map_err(|fault| Halt::Fault(fault, true))?;
        check_size(&result)?;
        Ok(result)
    }

    /// Returns when the time of a task is up: counted from when this attempt was first called, in whichever process.
    async fn deadline(&self, visit: &Visit<'_>, timeout: Option<&Amount>) -> Result<Option<Millis>, Halt> {
        let Some(timeout) = timeout else { return Ok(None) };
        let allowed = visit.seconds(timeout, &visit.cursor.input)?;
        if allowed == 0 {
            return Err(WorkflowFault::runtime("TimeoutSecondsPath must lead to a number above 0").into());
        }
        let called_at = match visit.cursor.called_at {
            Some(at) => at,
            None => {
                let (attempt, now) = (visit.cursor.attempt(), self.clock.now_ms());
                let called_at = self.store.call(&self.run.execution, visit.branch, attempt, now).await?;
                called_at.ok_or(Halt::Stopped)?
            }
        };
        Ok(Some(called_at.saturating_add(allowed)))
    }

    async fn wait(
        &self,
        visit: &Visit<'_>,
        wait: &WaitFor,
        data: &Value,
        place: &mut Place,
    ) -> Result<(), Halt> {
        let read = |text: Option<&str>| {
            let moment = text.and_then(moment::parse).map(|moment| moment.timestamp_millis());
            moment.ok_or_else(|| {
                WorkflowFault::runtime(format!("TimestampPath must lead to {}", moment::EXAMPLE))
            })
        };
        let moment = match wait {
            // From its entry on, however often the process is killed meanwhile.
            WaitFor::Amount(amount) => visit.cursor.entered_at.saturating_add(visit.seconds(amount, data)?),
            WaitFor::Timestamp(text) => read(Some(text))?,
            WaitFor::TimestampPath(path) => read(visit.find(path, data)?.as_str())?,
        };
        self.rest(moment, place).await
    }

    /// Goes through all branches side by side; the first that fails ends the others.
    async fn parallel(&self, visit: &Visit<'_>, branches: &[States], input: &Value) -> Result<Value, Halt> {
        let branch = |index: usize| {
            async move {
                let name = branch_name(visit.cursor, index);
                let place = self.places.take().await;
                self.branch(name, &branches[index], input.clone(), visit.item, place).await
            }
            .boxed()
        };
        gather(branches.len(), branches.len(), &*self.clock, branch).await
    }

    /// Goes through the states once for each item.
    async fn map(
        &self,
        visit: &Visit<'_>,
        items: &Path,
        selector: Option<&Template>,
        states: &States,
        at_once: usize,
        input: &Value,
    ) -> Result<Value, Halt> {
        let items = visit.find(items, input)?;
        let Value::Array(items) = items else {
            return Err(WorkflowFault::runtime("ItemsPath must lead to an array").into());
        };
        let branch = |index: usize| {
            let value = &items[index];
            let item = json!({"Index": index, "Value": value});
            async move {
                let place = self.places.take().await;
                let context = self.context(visit.cursor, Some(&item));
                let scope = Scope { data: input, context: &context };
                let input = match selector {
                    Some(selector) => selector.fill(scope, &self.random_of_item(visit.cursor, index))?,
                    None => value.clone(),
                };
                check_size(&input)?;
                self.branch(branch_name(visit.cursor, index), states, input, Some(&item), place).await
            }
            .boxed()
        };
        gather(items.len(), at_once, &*self.clock, branch).await
    }

    /// Chance of its own for each item: they do not come to their turn in the same order after a restart.
    fn random_of_item(&self, cursor: &Cursor, index: usize) -> Random {
        Random::new(format!("{}/{}/{index}", self.run.seed, cursor.attempt()))
    }
}

/// Goes through so many branches, `at_once` of them at the same time, and returns the list of their outputs in their own
/// order. The first fault ends the others, whichever branch it is of, and so do outputs that are together more than a
/// state may hand on: they are counted as they come, not once all are there. Once all branches that are begun wait for
/// a moment, so does the whole.
async fn gather<'a>(
    count: usize,
    at_once: usize,
    clock: &dyn Clock,
    branch: impl Fn(usize) -> BoxFuture<'a, Result<Value, Halt>>,
) -> Result<Value, Halt> {
    let mut unbegun = 0..count;
    let go_on = |index| branch(index).map(move |ended| (index, ended));
    let mut going = FuturesUnordered::new();
    let mut waiting = BTreeSet::new();
    let mut outputs = BTreeMap::new();
    // The bracket before; after each output comes a comma or the other bracket.
    let mut bytes = 1;
    loop {
        let free = at_once.saturating_sub(going.len() + waiting.len());
        going.extend(unbegun.by_ref().take(free).map(go_on));
        let moment = waiting.first().map(|(moment, _)| *moment);
        if going.is_empty() {
            return moment.map_or_else(|| Ok(outputs.into_values().collect()), |at| Err(Halt::Waits(at)));
        }
        tokio::select! {
            Some((index, ended)) = going.next() => match ended {
                Ok(output) => {
                    bytes += size(&output)? + 1;
                    limits::check(bytes).map_err(|problem| WorkflowFault::too_large(&problem))?;
                    outputs.insert(index, output);
                }
                Err(Halt::Waits(moment)) => {
                    waiting.insert((moment, index));
                }
                Err(halt) => return Err(halt),
            },
            () = until(clock, moment) => going.extend(waiting.pop_first().map(|(_, index)| go_on(index))),
        }
    }
}

/// The name of a branch of what a state starts: another one for each time that the state is tried.
fn branch_name(cursor: &Cursor, index: usize) -> String {
    format!("{}/{index}", cursor.attempt())
}

fn choose(
    visit: &Visit<'_>,
    rules: &[(Rule, String)],
    default: Option<&str>,
    data: &Value,
) -> Result<String, WorkflowFault> {
    for (rule, next) in rules {
        if rule.matches(visit.scope(data))? {
            return Ok(next.clone());
        }
    }
    default.map(str::to_owned).ok_or_else(|| WorkflowFault::no_choice(&visit.cursor.state))
}

pub(super) fn check_size(output: &Value) -> Result<(), WorkflowFault> {
    size(output).map(drop)
}

/// Returns the bytes of JSON that data has.
fn size(data: &Value) -> Result<usize, WorkflowFault> {
    limits::bytes(data).map_err(|problem| WorkflowFault::too_large(&problem))
}

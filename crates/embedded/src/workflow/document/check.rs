//! Whether states lead somewhere.

use std::collections::BTreeSet;

use super::reader::Faults;
use super::{Kind, State, States, Then};
use crate::workflow::fault::ALL;

/// Tells of names that are no state's, states that nothing leads to, and states without an end in sight.
pub(super) fn transitions(states: &States, place: &str, faults: &mut Faults) {
    let place = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    if !states.start.is_empty() && !states.states.contains_key(&states.start) {
        faults.add(place("StartAt"), format!("there is no state `{}`", states.start));
    }
    for (name, state) in &states.states {
        for (field, next) in successors(state) {
            if !states.states.contains_key(next) {
                let place = place(&format!("States.{name}.{field}"));
                faults.add(place, format!("there is no state `{next}`"));
            }
        }
    }
    let reached = reached(states);
    for name in states.states.keys().filter(|name| !reached.contains(name.as_str())) {
        faults.add(place(&format!("States.{name}")), "no state leads here");
    }
    let ends = |state: &State| matches!(state.then, Then::End) || matches!(state.kind, Kind::Fail { .. });
    if !states.states.is_empty() && !states.states.values().any(ends) {
        faults.add(place("States"), "none of them ends: one needs `End`: true, or is Succeed or Fail");
    }
}

fn reached(states: &States) -> BTreeSet<&str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![states.start.as_str()];
    while let Some(name) = open.pop() {
        if let Some((name, state)) = states.states.get_key_value(name)
            && reached.insert(name.as_str())
        {
            open.extend(successors(state).into_iter().map(|(_, next)| next));
        }
    }
    reached
}

/// The names that a state leads to, with the field that has each.
fn successors(state: &State) -> Vec<(String, &str)> {
    let mut names = Vec::new();
    if let Then::Next(next) = &state.then {
        names.push(("Next".to_owned(), next.as_str()));
    }
    if let Kind::Choice { rules, default } = &state.kind {
        names.extend(
            rules.iter().enumerate().map(|(at, (_, next))| (format!("Choices[{at}].Next"), next.as_str())),
        );
        names.extend(default.iter().map(|next| ("Default".to_owned(), next.as_str())));
    }
    for (at, catcher) in state.recovery().into_iter().flat_map(|recovery| recovery.catch.iter().enumerate()) {
        names.push((format!("Catch[{at}].Next"), &catcher.next));
    }
    names
}

/// `States.ALL` stands alone, and in the last entry: what came after would never be looked at.
pub(super) fn all_comes_last(lists: &[&Vec<String>], place: &str, faults: &mut Faults) {
    for (at, errors) in lists.iter().enumerate() {
        let is_last = at + 1 == lists.len();
        if errors.iter().any(|error| error == ALL) && (errors.len() > 1 || !is_last) {
            faults.add(
                format!("{place}[{at}].ErrorEquals"),
                format!("{ALL} must stand alone, in the last entry"),
            );
        }
    }
}

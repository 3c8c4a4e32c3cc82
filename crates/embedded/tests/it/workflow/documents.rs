//! Documents: all faults at once, and nothing that is not there is ignored.

use proptest::prelude::*;
use serde_json::{Value, json};
use tradai_embedded::{TaskHandlers, WorkflowDocument};

fn faults(document: &Value) -> Vec<String> {
    WorkflowDocument::parse(document).unwrap_err().0.iter().map(ToString::to_string).collect()
}

#[test]
fn every_fault_is_told_with_its_place() {
    let document = json!({"Version": "2.0", "StartAt": "Nowhere", "TimeoutSeconds": 0, "Extra": 1, "States": {
        "Run": {"Type": "Task", "Resource": "", "Next": "Gone", "HeartbeatSeconds": 5,
            "Parameters": {"a.$": "x"}, "ResultPath": "$.a[*]",
            "Retry": [{"ErrorEquals": ["States.ALL", "Mine"], "MaxAttemps": 2, "BackoffRate": 0.5}],
            "Catch": [{"ErrorEquals": [], "Next": "Nobody"}]},
        "Which": {"Type": "Choice", "Choices": [{"Variable": "$.a", "NumericEquals": "1", "Next": "Run"}]},
        "Wait": {"Type": "Wait", "Seconds": 1, "Timestamp": "tomorrow", "End": true},
        "Query": {"Type": "Pass", "QueryLanguage": "JSONata", "End": true},
        "Odd": {"Type": "Loop"},
        "Both": {"Type": "Pass", "Next": "Run", "End": true, "InputPath": "a"},
        "Side": {"Type": "Parallel", "Branches": [{"StartAt": "X", "States": {"Y": {"Type": "Succeed"}}}],
            "End": true},
        "Each": {"Type": "Map", "End": true, "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"},
            "StartAt": "Z", "States": {"Z": {"Type": "Succeed"}}}}}});
    let found = faults(&document);
    for expected in [
        "Version: must be 1.0",
        "TimeoutSeconds: must be a whole number from 1",
        "Extra: is not known here",
        "StartAt: there is no state `Nowhere`",
        "States.Run.Resource: must be a text that is not empty",
        "States.Run.Next: there is no state `Gone`",
        "States.Run.HeartbeatSeconds: is not supported: tasks tell nothing while they work",
        "States.Run.Parameters.a.$: is neither a path ($...) nor a call",
        "States.Run.ResultPath: must be a path that names one place",
        "States.Run.Retry[0].ErrorEquals: States.ALL must stand alone",
        "States.Run.Retry[0].MaxAttemps: is not known here",
        "States.Run.Retry[0].BackoffRate: must be a number from 1.0 on",
        "States.Run.Catch[0].ErrorEquals: must be an array that is not empty",
        "States.Run.Catch[0].Next: there is no state `Nobody`",
        "States.Which.Choices[0].NumericEquals: must be a number",
        "States.Wait: must have one of Seconds",
        "States.Wait.Timestamp: must be a moment",
        "States.Query.QueryLanguage: must be JSONPath",
        "States.Odd.Type: `Loop` is not known; there are Pass, Task",
        "States.Both: must have either Next or `End`",
        "States.Both.InputPath: `a` is no path",
        "States.Side.Branches[0].StartAt: there is no state `X`",
        "States.Side.Branches[0].States.Y: no state leads here",
        "States.Each.ItemProcessor.ProcessorConfig.Mode: must be INLINE",
        "States.Which: no state leads here",
    ] {
        assert!(found.iter().any(|fault| fault.contains(expected)), "{expected} is missing in {found:#?}");
    }
}

#[test]
fn a_document_must_end_and_must_be_one() {
    let circle = json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "A"}}});
    assert_eq!(faults(&circle), ["States: none of them ends: one needs `End`: true, or is Succeed or Fail"]);
    for other in [json!(null), json!([]), json!("x")] {
        assert_eq!(faults(&other), [": must be an object"]);
    }
    assert!(faults(&json!({})).contains(&"StartAt: is missing".to_owned()));
    let state = json!({"StartAt": "A", "States": {"A": 1}});
    assert!(faults(&state).contains(&"States.A: must be an object".to_owned()));
}

#[test]
fn a_document_has_bounds() {
    let states = |count: usize| {
        let mut states = json!({format!("s{count}"): {"Type": "Succeed"}});
        for at in 1..count {
            states[format!("s{at}")] = json!({"Type": "Pass", "Next": format!("s{}", at + 1)});
        }
        json!({"StartAt": "s1", "States": states})
    };
    assert!(WorkflowDocument::parse(&states(1_000)).is_ok());
    assert!(faults(&states(1_001)).iter().any(|fault| fault.ends_with("is one of more than 1000 states")));

    let deep = |levels: usize| {
        let result = (0..levels).fold(json!(1), |inside, _| json!([inside]));
        json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": result, "End": true}}})
    };
    assert!(WorkflowDocument::parse(&deep(97)).is_ok());
    assert_eq!(faults(&deep(98)), [": is nested deeper than 100 levels"]);
}

/// What Step Functions would refuse, or do otherwise than is done here.
#[test]
fn what_is_not_there_is_refused_by_name() {
    let item = json!({"StartAt": "Item", "States": {"Item": {"Type": "Succeed"}}});
    for (field, value, problem) in [
        ("ToleratedFailurePercentage", json!(5), "is not supported: an item that fails fails its map"),
        ("ItemBatcher", json!({}), "is not supported: items are worked on within the run"),
        ("MaxConcurrencyPath", json!("$.n"), "is not supported: MaxConcurrency is a number"),
        ("Assign", json!({"a": 1}), "is not supported: there are no variables"),
        ("Items", json!([]), "is not supported: they are of JSONata"),
        ("ItemsPaths", json!("$.a"), "is not known here"),
    ] {
        let mut state = json!({"Type": "Map", "ItemProcessor": item, "End": true});
        state[field] = value;
        let document = json!({"StartAt": "Each", "States": {"Each": state}});
        let found = faults(&document);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("States.Each.{field}: {problem}")), "{found:?}");
    }
    let both = json!({"Type": "Map", "ItemProcessor": item, "End": true,
        "ItemSelector": {"a": 1}, "Parameters": {"b": 1}});
    let found = faults(&json!({"StartAt": "Each", "States": {"Each": both}}));
    assert_eq!(found, ["States.Each: has both ItemSelector and Parameters, its older name"]);
    let token = json!({"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "End": true,
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken"}}});
    let found = faults(&token);
    assert!(found[0].starts_with("States.Ask.Resource: must not end in .waitForTaskToken"), "{found:?}");
}

#[test]
fn names_of_states_are_unique_in_the_whole_document() {
    let inner = |name: &str| json!({"StartAt": name, "States": {name: {"Type": "Succeed"}}});
    let document = |first: &str, second: &str| {
        json!({"StartAt": "A", "States": {
            "A": {"Type": "Parallel", "Branches": [inner(first), inner(second)], "End": true}}})
    };
    assert!(WorkflowDocument::parse(&document("B", "C")).is_ok());
    assert_eq!(
        faults(&document("B", "B")),
        ["States.A.Branches[1].States.B: has a name that another state of the document has"]
    );
    assert!(faults(&document("A", "B"))[0].ends_with("has a name that another state of the document has"));
}

#[test]
fn numbers_are_those_that_step_functions_takes() {
    let document = |field: &str, value: Value| {
        let mut retrier = json!({"ErrorEquals": ["Mine"]});
        retrier[field] = value;
        json!({"StartAt": "A", "States": {
            "A": {"Type": "Task", "Resource": "work", "End": true, "Retry": [retrier]}}})
    };
    for (field, most) in
        [("IntervalSeconds", 99_999_999), ("MaxAttempts", 99_999_999), ("MaxDelaySeconds", 31_622_399)]
    {
        assert!(WorkflowDocument::parse(&document(field, json!(most))).is_ok(), "{field}");
        for wrong in [json!(most + 1), json!(-1), json!(1.5), json!("1"), json!(null)] {
            let found = faults(&document(field, wrong));
            assert!(
                found[0].contains(&format!("Retry[0].{field}: must be a whole number from")),
                "{found:?}"
            );
        }
    }
    assert!(WorkflowDocument::parse(&document("BackoffRate", json!(1))).is_ok());
    assert!(!faults(&document("BackoffRate", json!(0.99))).is_empty());
}

#[test]
fn resources_without_a_handler_are_known_before_a_run() {
    let task = |resource: &str| json!({"Type": "Task", "Resource": resource, "End": true});
    let branch = |name: &str, resource: &str| json!({"StartAt": name, "States": {name: task(resource)}});
    let document = json!({"StartAt": "A", "States": {
        "A": {"Type": "Parallel", "End": true,
            "Branches": [branch("B", "one"), branch("C", "two"), branch("D", "one")]}}});
    let document = WorkflowDocument::parse(&document).unwrap();
    assert_eq!(document.resources(), ["one", "two"]);
    let handlers = TaskHandlers::default().with("one", |call| async move { Ok(call.input) });
    assert_eq!(handlers.missing(&document), ["two"]);
}

/// Any JSON, with the language's words among its names and texts.
fn any_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "StartAt",
        "States",
        "Type",
        "Task",
        "Map",
        "Parallel",
        "Branches",
        "Choice",
        "Choices",
        "Next",
        "End",
        "Retry",
        "Catch",
        "ErrorEquals",
        "Parameters",
        "a.$",
        "$.a",
        "$$",
        "States.Format('{}', $.a)",
        "And",
        "Variable",
        "Iterator",
        "ResultPath",
        "$[0",
        "States.Array(",
        "Wait",
        "Seconds",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.clone().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((words.clone(), inner), 0..6).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_document_breaks_the_reader(document in any_json(), states in any_json()) {
        drop(WorkflowDocument::parse(&document));
        let whole = json!({"StartAt": "A", "States": {"A": states, "B": document}});
        drop(WorkflowDocument::parse(&whole));
    }
}

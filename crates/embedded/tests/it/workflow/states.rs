//! What each kind of state makes of its data.

use serde_json::{Value, json};
use tradai_domain::ports::{WorkflowRunner, WorkflowStatus};
use tradai_embedded::{TaskCall, TaskHandlers, WorkflowFault, WorkflowStep};

use super::{driving, ended, output, run, workflows};

/// A document of one state, which ends.
fn single(state: Value) -> Value {
    let mut state = state;
    state["End"] = json!(true);
    json!({"StartAt": "One", "States": {"One": state}})
}

fn echo() -> TaskHandlers {
    TaskHandlers::default().with("echo", |call: TaskCall| async move { Ok(call.input) })
}

#[tokio::test]
async fn data_is_selected_filled_in_put_and_selected_again() {
    let input = json!({"job": {"id": 7, "name": "x"}, "rest": true});
    for (state, expected) in [
        (json!({"Type": "Pass"}), input.clone()),
        (json!({"Type": "Pass", "Result": 1}), json!(1)),
        (json!({"Type": "Pass", "InputPath": "$.job"}), json!({"id": 7, "name": "x"})),
        (json!({"Type": "Pass", "InputPath": null}), json!({})),
        (json!({"Type": "Pass", "OutputPath": "$.job.id"}), json!(7)),
        (json!({"Type": "Pass", "OutputPath": null}), json!({})),
        (json!({"Type": "Pass", "Result": 1, "ResultPath": null}), input.clone()),
        // The result goes into what the state was entered with, not into what InputPath left of it.
        (
            json!({"Type": "Pass", "InputPath": "$.job", "ResultPath": "$.copy.of", "OutputPath": "$.copy"}),
            json!({"of": {"id": 7, "name": "x"}}),
        ),
        (
            json!({"Type": "Task", "Resource": "echo", "InputPath": "$.job",
                "Parameters": {"n.$": "$.id", "run.$": "$$.Execution.Name", "fixed": 1},
                "ResultSelector": {"got.$": "$.n", "run.$": "$.run", "state.$": "$$.State.Name"},
                "ResultPath": "$.task", "OutputPath": "$.task"}),
            json!({"got": 7, "run": "run-1", "state": "One"}),
        ),
        (
            json!({"Type": "Pass", "Parameters": {"id.$": "States.Format('{}-{}', $.job.name, $.job.id)"}}),
            json!({"id": "x-7"}),
        ),
    ] {
        assert_eq!(output(&single(state.clone()), &input, &echo()).await, expected, "{state}");
    }
}

#[tokio::test]
async fn a_choice_goes_where_its_first_matching_rule_says() {
    let document = json!({"StartAt": "Which", "States": {
        "Which": {"Type": "Choice", "Default": "Other", "Choices": [
            {"Variable": "$.n", "NumericGreaterThan": 10, "Next": "Large"},
            {"Not": {"Variable": "$.n", "IsPresent": true}, "Next": "None"}]},
        "Large": {"Type": "Pass", "Result": "large", "End": true},
        "None": {"Type": "Fail", "Error": "NoNumber", "CausePath": "States.Format('no n in {}', $.name)"},
        "Other": {"Type": "Succeed", "OutputPath": "$.n"}}});
    assert_eq!(output(&document, &json!({"n": 11}), &echo()).await, "large");
    assert_eq!(output(&document, &json!({"n": 10}), &echo()).await, 10);
    let failed = run(&document, &json!({"name": "it", "n": null}), &echo()).await;
    assert_eq!(failed.result.unwrap(), Value::Null, "null is there, and no number");
    let failed = run(&document, &json!({"name": "it"}), &echo()).await;
    // The first rule looks at what is not there.
    assert_eq!(failed.result.unwrap()["Error"], "States.Runtime");

    let reordered = json!({"StartAt": "Which", "States": {
        "Which": {"Type": "Choice", "Choices": [{"Variable": "$.n", "IsPresent": true, "Next": "Done"}]},
        "Done": {"Type": "Succeed"}}});
    let failed = run(&reordered, &json!({}), &echo()).await;
    assert_eq!(failed.result.unwrap()["Error"], "States.NoChoiceMatched");
}

#[tokio::test]
async fn a_fail_fails_the_run_with_its_texts() {
    let document = json!({"StartAt": "No", "States": {
        "No": {"Type": "Fail", "ErrorPath": "$.error", "Cause": "as asked"}}});
    let failed = run(&document, &json!({"error": "Mine"}), &echo()).await;
    assert_eq!(failed.status, WorkflowStatus::Failed);
    assert_eq!(failed.result.unwrap(), json!({"Error": "Mine", "Cause": "as asked"}));
}

#[tokio::test]
async fn branches_get_the_same_input_and_give_a_list() {
    let branch = |name: &str, state: Value| json!({"StartAt": name, "States": {name: state}});
    let document = single(json!({"Type": "Parallel", "ResultPath": "$.both", "Branches": [
        branch("B", json!({"Type": "Pass", "OutputPath": "$.n", "End": true})),
        branch("C", json!({"Type": "Task", "Resource": "echo", "Parameters": {"twice.$": "States.MathAdd($.n, $.n)"},
            "End": true}))]}));
    let done = output(&document, &json!({"n": 4}), &echo()).await;
    assert_eq!(done, json!({"n": 4, "both": [4, {"twice": 8}]}));
}

#[tokio::test]
async fn a_map_works_on_every_item_in_order() {
    let processor = json!({"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "I", "States": {
        "I": {"Type": "Task", "Resource": "echo", "End": true}}});
    for (name, selector) in [("ItemProcessor", "ItemSelector"), ("Iterator", "Parameters")] {
        let mut state =
            json!({"Type": "Map", "ItemsPath": "$.pairs", "MaxConcurrency": 2, "ResultPath": "$.done"});
        state[name] = processor.clone();
        state[selector] =
            json!({"pair.$": "$$.Map.Item.Value", "at.$": "$$.Map.Item.Index", "timeframe.$": "$.timeframe"});
        let input = json!({"pairs": ["BTC", "ETH", "SOL"], "timeframe": "1h"});
        let done = output(&single(state), &input, &echo()).await;
        let item = |at: usize, pair: &str| json!({"pair": pair, "at": at, "timeframe": "1h"});
        assert_eq!(done["done"], json!([item(0, "BTC"), item(1, "ETH"), item(2, "SOL")]));
    }
    let empty = single(json!({"Type": "Map", "ItemProcessor": processor}));
    assert_eq!(output(&empty, &json!([]), &echo()).await, json!([]));
    let failed = run(&empty, &json!({}), &echo()).await;
    assert_eq!(failed.result.unwrap()["Cause"], "ItemsPath must lead to an array");
}

#[tokio::test]
async fn items_of_a_map_have_chance_of_their_own() {
    let document = single(json!({"Type": "Map", "ItemSelector": {"id.$": "States.UUID()"},
        "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}}}));
    let done = output(&document, &json!([1, 2, 3]), &echo()).await;
    let mut ids: Vec<&str> =
        done.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3, "{done}");
}

#[tokio::test]
async fn what_is_too_large_or_has_no_handler_fails() {
    let large = TaskHandlers::default().with("large", |_| async { Ok(Value::from("x".repeat(300_000))) });
    let document = single(json!({"Type": "Task", "Resource": "large",
        "Retry": [{"ErrorEquals": ["States.ALL"]}]}));
    let failed = run(&document, &json!({}), &large).await;
    assert_eq!(failed.result.unwrap()["Error"], "States.DataLimitExceeded");
    let failed = run(&document, &json!({}), &TaskHandlers::default()).await;
    assert_eq!(failed.result.unwrap()["Cause"], "nothing does `large` here");
    let once = single(json!({"Type": "Task", "Resource": "large"}));
    let later = TaskHandlers::default().with("large", |_| async { panic!("a fault of the handler") });
    let at_once = TaskHandlers::default()
        .with("large", |_| -> std::future::Ready<_> { panic!("a fault before it has begun to wait") });
    for panics in [later, at_once] {
        let failed = run(&once, &json!({}), &panics).await;
        assert_eq!(failed.result.unwrap()["Error"], "States.TaskFailed");
    }
}

#[tokio::test]
async fn history_tells_of_each_state_in_order() {
    let document = json!({"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Next": "B"},
        "B": {"Type": "Parallel", "End": true, "Branches": [{"StartAt": "C", "States": {
            "C": {"Type": "Succeed"}}}]}}});
    let workflows = workflows(&document);
    let events = driving(&workflows, &echo(), async {
        let execution = workflows.start("run-1", &json!({})).await.unwrap();
        ended(&workflows, &execution).await;
        workflows.history(&execution, 0, 100).await.unwrap()
    })
    .await;
    let entered = |state: &str| WorkflowStep::StateEntered { state: state.to_owned() };
    let exited = |state: &str| WorkflowStep::StateExited { state: state.to_owned() };
    let told: Vec<_> =
        events.iter().map(|event| (event.seq, event.branch.as_str(), event.what.clone())).collect();
    assert_eq!(
        told,
        [
            (1, "", entered("A")),
            (2, "", exited("A")),
            (3, "", entered("B")),
            (4, "3.0/0", entered("C")),
            (5, "3.0/0", exited("C")),
            (6, "", exited("B")),
        ]
    );
    assert_eq!(workflows.history("backtest:run-1", 5, 100).await.unwrap(), events[5..]);
}

#[tokio::test]
async fn states_may_be_gone_into_again() {
    let document = json!({"StartAt": "A", "States": {
        "A": {"Type": "Choice", "Choices": [{"Variable": "$.stop", "IsPresent": true, "Next": "End"}],
            "Default": "B"},
        "B": {"Type": "Task", "Resource": "count", "Next": "A"},
        "End": {"Type": "Succeed"}}});
    let rounds = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counted = rounds.clone();
    let handlers = TaskHandlers::default().with("count", move |call| {
        let stop = counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 20;
        async move { if stop { Err(WorkflowFault::new("Enough", "")) } else { Ok(call.input) } }
    });
    let failed = run(&document, &json!({}), &handlers).await;
    assert_eq!(
        (failed.result.unwrap()["Error"].as_str(), rounds.load(std::sync::atomic::Ordering::Relaxed)),
        (Some("Enough"), 21)
    );
}

#[tokio::test]
async fn fields_that_lead_nowhere_are_no_fault_to_catch_and_templates_are() {
    let caught = json!([{"ErrorEquals": ["States.ALL"], "ResultPath": "$.fault", "Next": "After"}]);
    let document = |more: Value| {
        let mut state = json!({"Type": "Task", "Resource": "echo", "Catch": caught, "End": true});
        state.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"StartAt": "One", "States": {"One": state, "After": {"Type": "Succeed"}}})
    };
    let input = json!({"zero": 0});
    for (field, path) in [
        ("InputPath", "$.none"),
        ("OutputPath", "$.none"),
        ("TimeoutSecondsPath", "$.none"),
        ("TimeoutSecondsPath", "$.zero"),
    ] {
        let failed = run(&document(json!({field: path})), &input, &echo()).await;
        assert_eq!(failed.result.unwrap()["Error"], "States.Runtime", "{field}");
    }
    for field in ["Parameters", "ResultSelector"] {
        let done = output(&document(json!({field: {"a.$": "$.none"}})), &input, &echo()).await;
        assert_eq!(done["fault"]["Error"], "States.ParameterPathFailure", "{field}");
    }
    let done = output(&document(json!({"ResultPath": "$.zero.below"})), &input, &echo()).await;
    assert_eq!(done["fault"]["Error"], "States.ResultPathMatchFailure");
}

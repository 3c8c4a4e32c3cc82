//! The four modes: what they need, and the same job through each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tradai_control_plane::jobs::executors::{ExecutorFactory, ExecutorPorts, ExecutorSettings};
use tradai_control_plane::jobs::{JobSettings, Jobs, Recovered};
use tradai_domain::jobs::{BacktestJobMessage, ExecutorMode, JobStatus, LocalExecutionMode};
use tradai_domain::ports::{Queue, WorkflowRunner, WorkflowStatus};
use tradai_embedded::{QueueSettings, SqliteQueue};
use tradai_testkit::{MemoryTasks, MemoryWorkflows};

use crate::world::{World, ann, ended, request, run_to_completion, started, until};

fn complete(mode: ExecutorMode) -> ExecutorSettings {
    ExecutorSettings {
        mode,
        ecs_cluster: Some("tradai-dev".to_owned()),
        ecs_subnets: vec!["subnet-1".to_owned()],
        ecs_security_groups: vec!["sg-1".to_owned()],
        queue_url: Some("https://queue/backtest.fifo".to_owned()),
        state_machine_arn: Some("arn:aws:states:::backtest".to_owned()),
        ..ExecutorSettings::default()
    }
}

struct Hosts {
    tasks: Arc<MemoryTasks>,
    queue: SqliteQueue,
    workflows: Arc<MemoryWorkflows>,
    ports: ExecutorPorts,
}

fn hosts(world: &World) -> Hosts {
    let queue = SqliteQueue::new(world.database.clone(), "q", QueueSettings::default(), world.clock.clone());
    let (tasks, workflows) = (world.tasks.clone(), Arc::new(MemoryWorkflows::default()));
    let ports = ExecutorPorts {
        local: BTreeMap::from([(LocalExecutionMode::Subprocess, tasks.clone() as _)]),
        ecs: Some(tasks.clone()),
        queue: Some(Arc::new(queue.clone())),
        workflows: Some(workflows.clone()),
        environment: BTreeMap::from([
            ("MLFLOW_TRACKING_URI".to_owned(), "http://mlflow".to_owned()),
            ("JOB_ID".to_owned(), "a job's own variables win".to_owned()),
        ]),
    };
    Hosts { tasks, queue, workflows, ports }
}

#[tokio::test]
async fn everything_that_is_missing_is_named_at_once() {
    let world = World::new();
    let ports = hosts(&world).ports;
    let problem = |settings: &ExecutorSettings| {
        ExecutorFactory::create(settings, &ports).err().map(|error| error.to_string())
    };
    let bare = |mode| ExecutorSettings { mode, ..ExecutorSettings::default() };
    let ecs = "jobs cannot be handed over in the mode ecs: \
               set BACKEND_ECS_CLUSTER, BACKEND_ECS_SUBNETS, BACKEND_ECS_SECURITY_GROUPS";
    assert_eq!(problem(&bare(ExecutorMode::Ecs)).unwrap(), ecs);
    let sqs = problem(&bare(ExecutorMode::Sqs)).unwrap();
    assert!(sqs.ends_with("set BACKEND_BACKTEST_QUEUE_URL"), "{sqs}");
    let workflow = problem(&bare(ExecutorMode::StepFunctions)).unwrap();
    assert!(workflow.ends_with("set BACKEND_STEPFUNCTIONS_STATE_MACHINE_ARN"), "{workflow}");
    let partly = ExecutorSettings {
        ecs_cluster: Some(" ".to_owned()),
        ecs_subnets: vec![String::new()],
        ..complete(ExecutorMode::Ecs)
    };
    assert!(problem(&partly).unwrap().ends_with("set BACKEND_ECS_CLUSTER, BACKEND_ECS_SUBNETS"));
    let docker = ExecutorSettings { local_mode: LocalExecutionMode::Docker, ..ExecutorSettings::default() };
    let text = problem(&docker).unwrap();
    assert!(
        text.ends_with("BACKEND_LOCAL_EXECUTION_MODE=docker does not work here; subprocess does"),
        "{text}"
    );
    for mode in ExecutorMode::ALL {
        assert_eq!(problem(&complete(mode)), None);
        assert!(ExecutorFactory::create(&complete(mode), &ExecutorPorts::default()).is_err());
    }
}

#[tokio::test]
async fn the_fallback_is_nothing_and_only_where_it_is_allowed() {
    let ports = ExecutorPorts::default();
    let settings = ExecutorSettings { mode: ExecutorMode::Sqs, ..ExecutorSettings::default() };
    assert!(ExecutorFactory::create_with_fallback(&settings, &ports, true).unwrap().is_none());
    assert!(ExecutorFactory::create_with_fallback(&settings, &ports, false).is_err());
    let world = World::new();
    let there = hosts(&world).ports;
    assert!(
        ExecutorFactory::create_with_fallback(&complete(ExecutorMode::Sqs), &there, true).unwrap().is_some()
    );
}

/// The same job, submitted twice under one id by two platforms, is handed over once in every mode, and completes.
#[tokio::test]
async fn a_job_completes_in_every_mode() {
    for mode in ExecutorMode::ALL {
        let world = World::new();
        let hosts = hosts(&world);
        let executor = ExecutorFactory::create(&complete(mode), &hosts.ports).unwrap();
        assert_eq!(executor.mode(), mode);
        let jobs = Jobs::new(world.ports(), Some(executor), JobSettings::default());
        let record = jobs.submit(&request("Demo"), &ann()).await.unwrap().record;
        let id = record.job_id;
        Jobs::new(world.ports(), None, JobSettings::default()).recover().await.unwrap();
        jobs.recover().await.unwrap();
        until(|| async { jobs.get(id).await.unwrap().execution_arn.is_some() }).await;
        match mode {
            ExecutorMode::Local | ExecutorMode::Ecs => {
                started(&hosts.tasks, id).await;
                let task = hosts.tasks.started().remove(0);
                assert_eq!(task.environment["MLFLOW_TRACKING_URI"], "http://mlflow");
                assert_eq!(task.environment["JOB_ID"], id.to_string());
            }
            ExecutorMode::Sqs => {
                let messages = hosts.queue.receive(10, Duration::ZERO).await.unwrap();
                assert_eq!(messages.len(), 1);
                let sent: BacktestJobMessage = serde_json::from_str(&messages[0].body).unwrap();
                assert_eq!((sent.job_id, sent.trace_id), (id, record.trace_id));
                assert!(
                    messages[0].attributes.contains(&("trace_id".to_owned(), record.trace_id.to_string()))
                );
            }
            ExecutorMode::StepFunctions => {
                let runs = hosts.workflows.started();
                assert_eq!(runs.len(), 1);
                assert_eq!(runs[0].0, id.to_string());
                assert_eq!(runs[0].1["trace_id"], record.trace_id.to_string());
            }
        }
        // Where nobody here can watch over it, nobody tries to, over and over.
        for _ in 0..5 {
            assert_eq!(jobs.take_up().await.unwrap(), Recovered::default(), "{mode}");
        }
        run_to_completion(&world.reports(), id).await;
        assert_eq!(ended(&world.ports(), id).await.status, JobStatus::Completed);
    }
}

#[tokio::test]
async fn cancelling_stops_the_run_of_the_workflow() {
    let world = World::new();
    let hosts = hosts(&world);
    let executor = ExecutorFactory::create(&complete(ExecutorMode::StepFunctions), &hosts.ports).unwrap();
    let jobs = Jobs::new(world.ports(), Some(executor), JobSettings::default());
    let id = jobs.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
    until(|| async { jobs.get(id).await.unwrap().execution_arn.is_some() }).await;
    let execution = jobs.cancel(id, &ann()).await.unwrap().execution_arn.unwrap();
    until(|| async {
        hosts.workflows.status(execution.as_str()).await.unwrap() == Some(WorkflowStatus::Aborted)
    })
    .await;
}

//! What is done before a job is handed over: once it works, for as long as the job wants it, and its failure is the job's.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tradai_control_plane::jobs::{JobSettings, Jobs, Prepare};
use tradai_domain::ErrorKind;
use tradai_domain::jobs::{BacktestJobMessage, JobStatus};
use tradai_domain::ports::PortError;

use crate::world::{PATIENCE, World, ann, ended, request, started, until};

/// A preparation that a test lets through, or lets fail. `Ready` needs none, and all is there for `There`.
struct Gate {
    answer: watch::Sender<Option<Result<(), PortError>>>,
    asked: watch::Sender<u32>,
}

impl Gate {
    fn new(answer: Option<Result<(), PortError>>) -> Arc<Self> {
        Arc::new(Self { answer: watch::Sender::new(answer), asked: watch::Sender::new(0) })
    }

    async fn asked(&self, times: u32) {
        let mut asked = self.asked.subscribe();
        tokio::time::timeout(PATIENCE, asked.wait_for(|asked| *asked >= times)).await.unwrap().unwrap();
    }
}

#[async_trait]
impl Prepare for Gate {
    fn is_needed(&self, job: &BacktestJobMessage) -> bool {
        job.config.strategy.as_str() != "Ready"
    }

    async fn is_ready(&self, job: &BacktestJobMessage) -> Result<bool, PortError> {
        Ok(job.config.strategy.as_str() == "There")
    }

    async fn prepare(&self, _job: &BacktestJobMessage) -> Result<(), PortError> {
        self.asked.send_modify(|asked| *asked += 1);
        let answer = self.answer.subscribe().wait_for(Option::is_some).await.unwrap().clone();
        answer.unwrap()
    }
}

fn jobs(world: &World, gate: &Arc<Gate>) -> Arc<Jobs> {
    let (gate, settings) = (gate.clone(), JobSettings::default());
    Jobs::with_preparation(world.ports(), Some(world.local()), settings, Some(gate))
}

#[tokio::test]
async fn a_job_is_handed_over_once_all_is_there() {
    let (world, gate) = (World::new(), Gate::new(None));
    let jobs = jobs(&world, &gate);
    let id = jobs.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
    gate.asked(1).await;
    assert!(world.tasks.started().is_empty());
    gate.answer.send_replace(Some(Ok(())));
    started(&world.tasks, id).await;
}

#[tokio::test]
async fn what_cannot_be_had_is_why_the_job_fails_and_what_may_come_is_asked_for_again() {
    let world = World::new();
    for (kind, times) in [(ErrorKind::NotFound, 1), (ErrorKind::Unavailable, 6)] {
        let error = PortError::new(kind, "no candles of XRP/USDT").retry_after(Duration::from_millis(1));
        let gate = Gate::new(Some(Err(error)));
        let jobs = jobs(&world, &gate);
        let id = jobs.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
        let record = ended(&world.ports(), id).await;
        assert_eq!(
            (record.status, record.error.as_deref()),
            (JobStatus::Failed, Some("no candles of XRP/USDT"))
        );
        assert_eq!(*gate.asked.borrow(), times, "{kind:?}");
    }
    assert!(world.tasks.started().is_empty());
}

#[tokio::test]
async fn a_cancelled_job_is_prepared_no_longer_and_makes_room() {
    let (world, gate) = (World::new(), Gate::new(None));
    let settings = JobSettings { parallel: 1, ..JobSettings::default() };
    let jobs = Jobs::with_preparation(world.ports(), Some(world.local()), settings, Some(gate.clone()));
    let first = jobs.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
    gate.asked(1).await;
    let second = jobs.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
    jobs.cancel(first, &ann()).await.unwrap();
    gate.asked(2).await;
    gate.answer.send_replace(Some(Ok(())));
    started(&world.tasks, second).await;
    assert_eq!(world.tasks.started().len(), 1);
}

#[tokio::test]
async fn jobs_that_are_made_ready_hold_up_none_that_is() {
    let (world, gate) = (World::new(), Gate::new(None));
    let settings = JobSettings { parallel: 1, ..JobSettings::default() };
    let jobs = Jobs::with_preparation(world.ports(), Some(world.local()), settings, Some(gate.clone()));
    let mut waiting = Vec::new();
    for _ in 0..6 {
        waiting.push(jobs.submit(&request("Demo"), &ann()).await.unwrap().record.job_id);
    }
    gate.asked(4).await;
    let ready = jobs.submit(&request("Ready"), &ann()).await.unwrap().record.job_id;
    started(&world.tasks, ready).await;
    // No more than four at a time, and whoever is cancelled leaves its place to the next.
    assert_eq!(*gate.asked.borrow(), 4);
    for (cancelled, asked) in waiting.iter().zip([5, 6]) {
        jobs.cancel(*cancelled, &ann()).await.unwrap();
        gate.asked(asked).await;
    }
    assert_eq!(world.tasks.started().len(), 1);
    // Those that are ready wait for the slot.
    gate.answer.send_replace(Some(Ok(())));
    world.tasks.end(&ready.to_string(), Some(0), "ended");
    until(|| async { world.tasks.started().len() == 2 }).await;
    let ids: Vec<String> = world.tasks.started().into_iter().map(|task| task.name).collect();
    assert!(waiting[..2].iter().all(|cancelled| !ids.contains(&cancelled.to_string())));
}

#[tokio::test]
async fn jobs_whose_candles_are_there_wait_for_no_place_among_those_that_collect() {
    let (world, gate) = (World::new(), Gate::new(None));
    let jobs = jobs(&world, &gate);
    for _ in 0..6 {
        jobs.submit(&request("Demo"), &ann()).await.unwrap();
    }
    gate.asked(4).await;
    let there = jobs.submit(&request("There"), &ann()).await.unwrap().record.job_id;
    started(&world.tasks, there).await;
    assert_eq!((*gate.asked.borrow(), world.tasks.started().len()), (4, 1));
}

#[tokio::test]
async fn a_process_that_stops_leaves_the_job_to_the_next() {
    let (world, gate) = (World::new(), Gate::new(None));
    let first = jobs(&world, &gate);
    let id = first.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
    gate.asked(1).await;
    first.stop().await;
    assert_eq!(first.get(id).await.unwrap().status, JobStatus::Pending);
    let next = jobs(&world, &gate);
    next.recover().await.unwrap();
    gate.asked(2).await;
    gate.answer.send_replace(Some(Ok(())));
    until(|| async { next.get(id).await.unwrap().execution_arn.is_some() }).await;
}

//! What is done before a job is handed over: once it works, for as long as the job wants it, and its failure is the job's.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tradai_control_plane::jobs::{JobSettings, Jobs, Prepare};
use tradai_domain::ErrorKind;
use tradai_domain::jobs::{BacktestJobMessage, JobStatus};
use tradai_domain::ports::PortError;

use crate::world::{World, ann, ended, request, started, until};

/// A preparation that a test lets through, or lets fail.
struct Gate {
    answer: watch::Sender<Option<Result<(), PortError>>>,
    asked: watch::Sender<u32>,
}

impl Gate {
    fn new(answer: Option<Result<(), PortError>>) -> Arc<Self> {
        Arc::new(Self { answer: watch::Sender::new(answer), asked: watch::Sender::new(0) })
    }

    async fn asked(&self, times: u32) {
        self.asked.subscribe().wait_for(|asked| *asked >= times).await.unwrap();
    }
}

#[async_trait]
impl Prepare for Gate {
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

//! Laws of [`JobRepository`].

use std::sync::Arc;

use futures_util::future::join_all;
use tradai_domain::jobs::{
    ChangeOutcome, ExecutionId, JobChange, JobRecord, JobStatus, Progress, WorkflowType,
};
use tradai_domain::ports::{
    Created, JobDeletion, JobFilter, JobPage, JobRepository, Lease, MAX_PAGE, NewJob, Quota, REPLY_TTL_MS,
    RequestKey,
};
use tradai_domain::{JobId, Millis};

use crate::sample::{job, job_id, new_job};

type Port = Arc<dyn JobRepository>;

async fn applied(port: &Port, n: u32, change: JobChange) -> (JobRecord, ChangeOutcome) {
    port.apply(job_id(n), &change).await.unwrap().unwrap()
}

async fn stored(port: &Port, n: u32) -> JobRecord {
    Arc::unwrap_or_clone(port.get(job_id(n)).await.unwrap().unwrap())
}

async fn ids(port: &Port, filter: JobFilter, page: JobPage) -> Vec<JobRecord> {
    port.list(&filter, page).await.unwrap()
}

/// A record and what its job is asked to do come back as they were stored, every field of them.
pub async fn returns_what_was_stored(port: Port) {
    assert_eq!(port.get(job_id(1)).await.unwrap(), None);
    assert_eq!(port.message(job_id(1)).await.unwrap(), None);
    let record = JobRecord {
        strategy_version: Some("1.2".to_owned()),
        config_s3_path: Some("file:///c".to_owned()),
        ttl: Some(77),
        ..job(1)
    };
    let job = new_job(record.clone());
    assert_eq!(port.create(&job).await.unwrap(), Created::New);
    assert_eq!(port.get(job_id(1)).await.unwrap().as_deref(), Some(&record));
    assert_eq!(port.message(job_id(1)).await.unwrap(), Some(job.message));
}

/// Creating a job that is there changes nothing and returns it; of concurrent creations one wins.
pub async fn creates_if_absent(port: Port) {
    let jobs: Vec<NewJob> = (0..8).map(|n| new_job(JobRecord { created_at: n, ..job(1) })).collect();
    let outcomes = join_all(jobs.iter().map(|job| port.create(job))).await;
    let winners: Vec<usize> = (0..8).filter(|&n| outcomes[n] == Ok(Created::New)).collect();
    assert_eq!(winners.len(), 1);
    let stored = stored(&port, 1).await;
    assert_eq!(stored, jobs[winners[0]].record);
    let others = outcomes.into_iter().filter(|outcome| *outcome != Ok(Created::New));
    assert!(others.eq((1..8).map(|_| Ok(Created::Before(Box::new(stored.clone()))))));
}

/// A key stands for the job that it made for a day, also once that was deleted; of concurrent requests with one key,
/// one makes a job.
pub async fn a_key_makes_one_job(port: Port) {
    let keyed = |n: u32, print: u8, at: Millis| {
        let key = RequestKey { key: "k".to_owned(), fingerprint: [print; 32] };
        NewJob { key: Some(key), ..new_job(JobRecord { created_at: at, ..job(n) }) }
    };
    let requests: Vec<NewJob> = (1..=8).map(|n| keyed(n, 1, 0)).collect();
    let outcomes = join_all(requests.iter().map(|job| port.create(job))).await;
    let made = port.list(&JobFilter::default(), JobPage::first(10)).await.unwrap();
    assert_eq!(made.len(), 1);
    for (request, outcome) in requests.iter().zip(outcomes) {
        let is_first = request.record.job_id == made[0].job_id;
        assert_eq!(
            outcome,
            Ok(if is_first { Created::New } else { Created::Before(Box::new(made[0].clone())) })
        );
    }
    // What it stands for can be asked, and is the same.
    let again = async |n, print, at| {
        let request = keyed(n, print, at);
        let recalled = port.recall(request.key.as_ref().unwrap(), at).await.unwrap();
        let created = port.create(&request).await.unwrap();
        assert_eq!(recalled, Some(created.clone()).filter(|created| *created != Created::New));
        created
    };
    assert_eq!(again(9, 1, 1).await, Created::Before(Box::new(made[0].clone())));
    assert_eq!(again(9, 2, 1).await, Created::OtherRequest);
    port.apply(made[0].job_id, &JobChange::status(JobStatus::Cancelled, 1)).await.unwrap();
    port.delete(made[0].job_id).await.unwrap();
    assert_eq!(again(9, 1, REPLY_TTL_MS - 1).await, Created::Deleted(made[0].job_id));
    assert_eq!(again(9, 2, REPLY_TTL_MS).await, Created::New);
}

/// No more jobs wait than may, of each and of all; those that run or have ended make room, and a repeated request is told
/// of its job whatever the quota.
pub async fn no_more_jobs_wait_than_may(port: Port) {
    let asked = |n: u32, actor: &str| {
        let key = RequestKey { key: format!("k-{n}"), fingerprint: [1; 32] };
        let mut job = NewJob { quota: Some(Quota { total: 3, each: 2 }), key: Some(key), ..new_job(job(n)) };
        actor.clone_into(&mut job.entry.actor);
        job
    };
    let create = async |n, actor| port.create(&asked(n, actor)).await.unwrap();
    assert_eq!(create(1, "ann").await, Created::New);
    assert_eq!(create(2, "ann").await, Created::New);
    assert_eq!(create(3, "ann").await, Created::TooManyOfActor);
    assert_eq!(create(3, "bob").await, Created::New);
    assert_eq!(create(4, "bob").await, Created::TooMany);
    assert_eq!(port.get(job_id(4)).await.unwrap(), None);
    let again = NewJob { record: job(9), ..asked(1, "ann") };
    assert_eq!(port.create(&again).await.unwrap(), Created::Before(Box::new(job(1))));
    applied(&port, 1, JobChange::status(JobStatus::Running, 1)).await;
    applied(&port, 1, JobChange::status(JobStatus::Completed, 2)).await;
    applied(&port, 2, JobChange::status(JobStatus::Cancelled, 1)).await;
    port.delete(job_id(2)).await.unwrap();
    // The refused request made nothing that its repetition could find.
    assert_eq!(create(4, "bob").await, Created::New);
    assert_eq!(create(5, "ann").await, Created::New);
    assert_eq!(create(6, "ann").await, Created::TooMany);
    let unbounded = NewJob { quota: None, ..asked(7, "ann") };
    assert_eq!(port.create(&unbounded).await.unwrap(), Created::New);
}

/// A page has the newest ids that fit, and pages join without gap or repetition.
pub async fn lists_newest_first(port: Port) {
    for n in [3, 1, 2, 5, 4] {
        port.create(&new_job(job(n))).await.unwrap();
    }
    let first = ids(&port, JobFilter::default(), JobPage::first(2)).await;
    assert_eq!(first, [job(5), job(4)]);
    let rest = JobPage { before: Some(job_id(4)), limit: 10 };
    assert_eq!(ids(&port, JobFilter::default(), rest).await, [job(3), job(2), job(1)]);
    assert_eq!(ids(&port, JobFilter::default(), JobPage::first(0)).await.len(), 1);
    assert_eq!(ids(&port, JobFilter::default(), JobPage::first(MAX_PAGE * 2)).await.len(), 5);
}

/// Those of some jobs that there are come back, each once.
pub async fn returns_many(port: Port) {
    for n in [1, 2, 3] {
        port.create(&new_job(job(n))).await.unwrap();
    }
    let mut found = port.get_many(&[job_id(3), job_id(9), job_id(1), job_id(3)]).await.unwrap();
    found.sort_by_key(|job| job.job_id);
    assert_eq!(found, [job(1), job(3)]);
    assert_eq!(port.get_many(&[]).await.unwrap(), []);
}

/// A filter keeps exactly what fits every field of it.
pub async fn filters_by_every_field(port: Port) {
    let other = JobRecord {
        strategy_name: "Other".parse().unwrap(),
        workflow_type: WorkflowType::Train,
        trace_id: job_id(99).into(),
        ..job(2)
    };
    port.create(&new_job(job(1))).await.unwrap();
    port.create(&new_job(other.clone())).await.unwrap();
    port.create(&new_job(job(3))).await.unwrap();
    applied(&port, 3, JobChange::status(JobStatus::Running, 5)).await;
    let all = ids(&port, JobFilter::default(), JobPage::first(10)).await;
    let filters = [
        JobFilter::status(JobStatus::Running),
        JobFilter::status(JobStatus::Failed),
        JobFilter { workflow_type: Some(other.workflow_type), ..JobFilter::default() },
        JobFilter { strategy_name: Some(other.strategy_name.clone()), ..JobFilter::default() },
        JobFilter { trace_id: Some(other.trace_id), ..JobFilter::default() },
        JobFilter { trace_id: Some(other.trace_id), ..JobFilter::status(JobStatus::Running) },
    ];
    for filter in filters {
        let expected: Vec<&JobRecord> = all.iter().filter(|record| filter.fits(record)).collect();
        let found = ids(&port, filter.clone(), JobPage::first(10)).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
    }
}

/// A change does what [`JobRecord::apply`] says, is stored, and a job that is not there stays so.
pub async fn applies_changes_by_the_domains_rules(port: Port) {
    assert!(port.apply(job_id(1), &JobChange::default()).await.unwrap().is_none());
    assert_eq!(port.get(job_id(1)).await.unwrap(), None);
    port.create(&new_job(job(1))).await.unwrap();
    let mut model = job(1);
    let changes = [
        JobChange { execution_arn: Some(ExecutionId::new("t-1")), ..JobChange::default() },
        JobChange::status(JobStatus::Running, 10),
        JobChange::progress(Progress::of(1, 3), 11),
        JobChange::status(JobStatus::Running, 12),
        JobChange { result_s3_path: Some("r".to_owned()), ..JobChange::status(JobStatus::Completed, 13) },
        JobChange::status(JobStatus::Running, 14),
        JobChange::failed("late", 15),
    ];
    for change in changes {
        let expected = model.apply(&change);
        let (record, outcome) = applied(&port, 1, change).await;
        assert_eq!((&record, outcome), (&model, expected));
        assert_eq!(port.get(job_id(1)).await.unwrap().as_deref(), Some(&model));
    }
}

/// Of concurrent ends one wins, and every caller learns which.
pub async fn one_end_wins(port: Port) {
    port.create(&new_job(job(1))).await.unwrap();
    applied(&port, 1, JobChange::status(JobStatus::Running, 1)).await;
    let ends = [JobStatus::Completed, JobStatus::Failed, JobStatus::Cancelled];
    let calls = (0..12).map(|n| {
        let port = port.clone();
        async move { applied(&port, 1, JobChange::status(ends[n % 3], Millis::try_from(n).unwrap())).await }
    });
    let outcomes = join_all(calls).await;
    let stored = stored(&port, 1).await;
    let steps: usize = outcomes
        .iter()
        .map(|(_, outcome)| match outcome {
            ChangeOutcome::Applied { steps, .. } => steps.len(),
            ChangeOutcome::Refused(_) => 0,
        })
        .sum();
    assert_eq!(steps, 1);
    for (n, (record, outcome)) in outcomes.iter().enumerate() {
        assert_eq!(record.status, stored.status);
        let refused = matches!(outcome, ChangeOutcome::Refused(_));
        assert_eq!(refused, ends[n % 3] != stored.status);
    }
}

/// A job is taken up from a holder that does not live, by one of any number; one of a holder that lives, one that has
/// ended and one of another kind are not.
pub async fn jobs_of_the_dead_are_taken_up_once(port: Port) {
    let lease = |holder: &str, now: Millis| Lease {
        holder: holder.to_owned(),
        workflow_type: WorkflowType::Backtest,
        now,
        until: now + 10,
    };
    let train = JobRecord { workflow_type: WorkflowType::Train, ..job(4) };
    for record in [job(3), job(1), job(2), train] {
        port.create(&new_job(record)).await.unwrap();
    }
    applied(&port, 2, JobChange::status(JobStatus::Running, 1)).await;
    applied(&port, 3, JobChange::status(JobStatus::Cancelled, 1)).await;
    let (mine, none) = (vec![job_id(1), job_id(2)], Vec::<JobId>::new());
    assert_eq!(port.take_up(&lease("one", 0)).await.unwrap(), mine);
    // It lives until then, and says so again.
    assert_eq!(port.take_up(&lease("two", 9)).await.unwrap(), none);
    assert_eq!(port.take_up(&lease("one", 9)).await.unwrap(), mine);
    assert_eq!(port.take_up(&lease("two", 18)).await.unwrap(), none);
    assert_eq!(port.holder(job_id(1)).await.unwrap().as_deref(), Some("one"));
    let others: Vec<Lease> = (0..8).map(|n| lease(&format!("other {n}"), 19)).collect();
    let taken = join_all(others.iter().map(|lease| port.take_up(lease))).await;
    let winners: Vec<usize> = (0..8).filter(|&n| !taken[n].as_ref().unwrap().is_empty()).collect();
    assert_eq!(winners.len(), 1, "{taken:?}");
    assert_eq!(taken[winners[0]].as_ref().unwrap(), &mine);
    let winner = others[winners[0]].holder.clone();
    assert_eq!(port.holder(job_id(2)).await.unwrap(), Some(winner.clone()));
    assert_eq!(port.holder(job_id(9)).await.unwrap(), None);
    // Whoever lets go is not waited for; a lease that was renewed since, by whoever came in its place, stays.
    let now = 20;
    assert_eq!(port.take_up(&lease(&winner, now)).await.unwrap(), mine);
    port.let_go(&winner, now + 9).await.unwrap();
    assert_eq!(port.take_up(&lease("one", now)).await.unwrap(), none);
    for _ in 0..2 {
        port.let_go(&winner, now + 10).await.unwrap();
    }
    assert_eq!(port.take_up(&lease("one", now)).await.unwrap(), mine);
    assert_eq!(port.holder(job_id(4)).await.unwrap().as_deref(), Some("one"));
}

/// Concurrent changes of different fields are all kept.
pub async fn no_change_is_lost(port: Port) {
    port.create(&new_job(job(1))).await.unwrap();
    let changes = [
        JobChange::status(JobStatus::Running, 1),
        JobChange::progress(Progress::of(1, 2), 2),
        JobChange { execution_arn: Some(ExecutionId::new("t")), ..JobChange::default() },
        JobChange { mlflow_run_id: Some("m".to_owned()), ..JobChange::default() },
        JobChange { git_commit: Some("g".to_owned()), ..JobChange::default() },
    ];
    join_all(changes.iter().map(|change| port.apply(job_id(1), change))).await;
    let record = stored(&port, 1).await;
    assert_eq!(record.status, JobStatus::Running);
    assert_eq!(record.progress, Progress::of(1, 2));
    assert_eq!(record.execution_arn, Some(ExecutionId::new("t")));
    assert_eq!((record.mlflow_run_id.as_deref(), record.git_commit.as_deref()), (Some("m"), Some("g")));
}

/// Only an ended job is deleted.
pub async fn deletes_only_what_has_ended(port: Port) {
    port.create(&new_job(job(1))).await.unwrap();
    assert_eq!(port.delete(job_id(1)).await.unwrap(), JobDeletion::Active(JobStatus::Pending));
    applied(&port, 1, JobChange::status(JobStatus::Cancelled, 1)).await;
    assert_eq!(port.delete(job_id(1)).await.unwrap(), JobDeletion::Deleted);
    assert_eq!(port.delete(job_id(1)).await.unwrap(), JobDeletion::Absent);
    assert_eq!(port.get(job_id(1)).await.unwrap(), None);
    assert_eq!(port.message(job_id(1)).await.unwrap(), None);
    assert!(ids(&port, JobFilter::default(), JobPage::first(10)).await.is_empty());
}

/// An ended job whose `ttl` has passed is found, page by page, for as long as it is there; one that has not ended is
/// not.
pub async fn finds_ended_jobs_after_their_time(port: Port) {
    for n in 1..=5 {
        port.create(&new_job(JobRecord { ttl: (n != 3).then_some(100), ..job(n) })).await.unwrap();
    }
    for n in 2..=5 {
        applied(&port, n, JobChange::status(JobStatus::Cancelled, 1)).await;
    }
    let expired = async |now, after| {
        let records = port.expired(now, after).await.unwrap();
        records.into_iter().map(|record| record.job_id).collect::<Vec<_>>()
    };
    assert!(expired(99_999, None).await.is_empty());
    for _ in 0..2 {
        assert_eq!(expired(100_000, None).await, [job_id(2), job_id(4), job_id(5)]);
    }
    assert_eq!(expired(100_000, Some(job_id(2))).await, [job_id(4), job_id(5)]);
    assert!(expired(100_000, Some(job_id(5))).await.is_empty());
    port.delete(job_id(4)).await.unwrap();
    assert_eq!(expired(100_000, None).await, [job_id(2), job_id(5)]);
}

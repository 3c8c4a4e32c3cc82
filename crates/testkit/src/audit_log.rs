//! Laws of [`AuditLog`].

use std::sync::Arc;

use futures_util::future::join_all;
use tradai_domain::ports::{AuditEntry, AuditLog};

use crate::sample::job_id;

type Port = Arc<dyn AuditLog>;

fn entry(n: i64) -> AuditEntry {
    AuditEntry {
        at: n,
        actor: "ann".to_owned(),
        action: "job.submit".to_owned(),
        subject: n.to_string(),
        trace_id: Some(job_id(1).into()),
        via: Some("backend".to_owned()),
    }
}

/// Entries come back as they were added, the newest first, in pages.
pub async fn keeps_entries_in_order(port: Port) {
    for n in 1..=5 {
        assert_eq!(port.append(&entry(n)).await.unwrap(), u64::try_from(n).unwrap());
    }
    assert_eq!(port.list(None, 2).await.unwrap(), [(5, entry(5)), (4, entry(4))]);
    assert_eq!(port.list(Some(3), 10).await.unwrap(), [(2, entry(2)), (1, entry(1))]);
}

/// Concurrent entries are all kept, each under a number of its own.
pub async fn loses_no_entry(port: Port) {
    let mut numbers: Vec<u64> = join_all((1..=20).map(|n| {
        let port = port.clone();
        async move { port.append(&entry(n)).await.unwrap() }
    }))
    .await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=20).collect::<Vec<u64>>());
    assert_eq!(port.list(None, 100).await.unwrap().len(), 20);
}

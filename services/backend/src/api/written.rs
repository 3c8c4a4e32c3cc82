//! Replies about jobs that were written already.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tradai_domain::JobId;
use tradai_domain::jobs::JobRecord;
use tradai_service::WrittenJson;

/// Replies that are kept, of a kilobyte or two each.
const MOST: usize = 256;

/// What was written of records that are still the same: who waits for a job asks for it again and again, and a repository
/// returns the same record while it has not changed.
#[derive(Default)]
pub(crate) struct Written(Mutex<HashMap<JobId, (Arc<JobRecord>, WrittenJson)>>);

impl Written {
    /// Returns what was written of this very record, or writes it. What is written must follow from the record alone.
    pub(super) fn of<E>(
        &self,
        record: &Arc<JobRecord>,
        write: impl FnOnce(&JobRecord) -> Result<WrittenJson, E>,
    ) -> Result<WrittenJson, E> {
        let held = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, written)) = held().get(&record.job_id)
            && Arc::ptr_eq(of, record)
        {
            return Ok(written.clone());
        }
        let written = write(record)?;
        let mut kept = held();
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(record.job_id, (record.clone(), written.clone()));
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use tradai_service::axum::body::{HttpBody, to_bytes};
    use tradai_service::axum::response::IntoResponse;
    use tradai_testkit::sample::job;

    use super::*;

    async fn of(written: &Written, record: &Arc<JobRecord>, text: &str) -> String {
        let json = written.of(record, |_| WrittenJson::of(&text)).unwrap();
        let body = json.into_response().into_body();
        assert!(body.size_hint().exact().is_some());
        String::from_utf8(to_bytes(body, 100).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn only_the_very_record_has_the_same_reply() {
        let written = Written::default();
        let (first, other) = (Arc::new(job(1)), Arc::new(job(2)));
        assert_eq!(of(&written, &first, "a").await, "\"a\"");
        assert_eq!(of(&written, &other, "b").await, "\"b\"");
        assert_eq!(of(&written, &first, "c").await, "\"a\"");
        assert_eq!(of(&written, &other, "d").await, "\"b\"");
        let again = Arc::new(job(1));
        assert_eq!(of(&written, &again, "e").await, "\"e\"");
        assert_eq!(of(&written, &first, "f").await, "\"f\"", "another record of the job is another reply");
    }

    #[tokio::test]
    async fn a_reply_that_cannot_be_written_is_not_kept() {
        let (written, record) = (Written::default(), Arc::new(job(1)));
        written.of(&record, |_| Err("no")).unwrap_err();
        assert_eq!(of(&written, &record, "a").await, "\"a\"");
    }

    #[tokio::test]
    async fn no_more_than_so_many_are_kept() {
        let written = Written::default();
        for n in 0..600 {
            of(&written, &Arc::new(job(n)), "a").await;
        }
        assert!(written.0.lock().unwrap().len() <= MOST);
    }
}

//! Keeping the exchange's time.

use std::sync::atomic::Ordering;

use tradai_domain::Millis;

use super::{Client, ServerTime};
use crate::{Call, Error, ErrorClass, Lane, Markets, Reply, Request};

/// The skew from which on a person should look at the clock.
const TOLERABLE_SKEW_MS: i64 = 1_000;

impl Client {
    /// Sees to it that signed calls have a time to go by. One that is known and not doubted serves, and is asked for
    /// aside when it is old: a cancellation does not wait for that. A doubted one is asked for once, and serves on
    /// when the exchange does not answer.
    pub(super) async fn time_to_sign(&self) -> Result<(), Error> {
        let (is_known, is_doubted) =
            self.0.gate.server_time(|time| (time.offset_ms().is_some(), time.is_doubted()));
        if !is_known {
            return self.keep_time().await;
        }
        if is_doubted {
            if let Err(error) = self.measure_if(ServerTime::is_doubted).await {
                tracing::debug!(exchange = self.0.adapter.key(), error = %error, "going on with an older time");
            }
        } else if self.time_is_stale() {
            self.measure_aside();
        }
        Ok(())
    }

    /// Sees to it that the exchange's time is known and fresh, with retries.
    async fn keep_time(&self) -> Result<(), Error> {
        let mut tries = 0;
        while self.time_is_stale() {
            let now = self.0.clock.now_ms();
            let Err(error) = self.measure_if(|time| time.is_stale(now)).await else { return Ok(()) };
            tries += 1;
            if !self.wait_for_retry(&error, tries).await {
                return Err(error);
            }
        }
        Ok(())
    }

    fn time_is_stale(&self) -> bool {
        let now = self.0.clock.now_ms();
        self.0.gate.server_time(|time| time.is_stale(now))
    }

    /// Asks for the time, once. One asks, the others take over what it learns: who had to wait asks only if that is
    /// still wanted.
    async fn measure_if(&self, wanted: impl Fn(&ServerTime) -> bool) -> Result<(), Error> {
        let _measuring = self.0.measuring.lock().await;
        if self.0.gate.server_time(|time| wanted(time)) { self.ask_time().await } else { Ok(()) }
    }

    /// Asks for the time while others go on, unless it is being asked for already.
    fn measure_aside(&self) {
        let client = self.clone();
        tokio::spawn(async move {
            let Ok(_measuring) = client.0.measuring.try_lock() else { return };
            if !client.time_is_stale() {
                return;
            }
            if let Err(error) = Box::pin(client.ask_time()).await {
                tracing::debug!(exchange = client.0.adapter.key(), error = %error, "going on with an older time");
            }
        });
    }

    /// Returns a moment that has passed by the exchange's clock; an error when that cannot be measured anew. See
    /// [`ServerTime::passed`].
    pub(super) async fn surely_passed(&self) -> Result<Millis, Error> {
        self.keep_time().await?;
        let now = self.0.clock.now_ms();
        let passed = self.0.gate.server_time(|time| time.passed(now));
        passed.ok_or_else(|| Error::bad_response("the exchange's time is not known"))
    }

    /// Takes the known time for wrong.
    pub(super) fn doubt_time(&self) {
        self.0.gate.server_time(ServerTime::doubt);
    }

    /// Asks in the lane of cancellations, which may be waiting for it.
    async fn ask_time(&self) -> Result<(), Error> {
        let request = Request::from(Call::FetchTime);
        let none = Markets::default();
        let success = self
            .round_in(Some(Lane::Cancel), &request, None, &none)
            .await
            .map_err(|failure| failure.error)?;
        let parse = |context: crate::Context<'_>| self.0.adapter.parse(&request, &success.body, &context);
        let Reply::Time(server) = self.with_context(&none, parse)? else {
            return Err(Error::new(ErrorClass::BadResponse, "the reply tells no time"));
        };
        let offset = self.0.gate.server_time(|time| {
            time.measure(success.asked, success.answered, server);
            time.offset_ms()
        });
        self.tell_skew(offset.unwrap_or(0));
        Ok(())
    }

    /// Says once that the machine's clock is off.
    fn tell_skew(&self, offset_ms: i64) {
        if offset_ms.abs() > TOLERABLE_SKEW_MS && !self.0.skew_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                exchange = self.0.adapter.key(),
                offset_ms,
                "this machine's clock differs from the exchange's by {offset_ms} ms; signed calls go by the exchange's"
            );
        }
    }
}

//! Keeping the exchange's time.

use std::sync::atomic::Ordering;

use tradai_domain::Millis;

use super::Client;
use crate::{Call, Error, ErrorClass, Markets, Reply, Request};

/// The skew from which on a person should look at the clock.
const TOLERABLE_SKEW_MS: i64 = 1_000;

impl Client {
    /// Sees to it that the exchange's time is known: asks for it when it was never asked for, or long ago. An old
    /// measurement serves on when the exchange does not answer.
    pub(super) async fn keep_time(&self) -> Result<(), Error> {
        let stale = || {
            let now = self.0.clock.now_ms();
            self.0.gate.server_time(|time| time.is_stale(now))
        };
        if !stale() {
            return Ok(());
        }
        // One asks, the others take over what it learns.
        let _measuring = self.0.measuring.lock().await;
        if !stale() {
            return Ok(());
        }
        match self.measure_time().await {
            Ok(_) => Ok(()),
            Err(error) if self.0.gate.server_time(|time| time.offset_ms()).is_some() => {
                tracing::debug!(exchange = self.0.adapter.key(), error = %error, "going on with an older time");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Returns a moment that has passed by the exchange's clock, whatever ours says.
    pub(super) async fn surely_passed(&self) -> Result<Millis, Error> {
        self.keep_time().await?;
        let now = self.0.clock.now_ms();
        let passed = self.0.gate.server_time(|time| time.passed(now));
        passed.ok_or_else(|| Error::bad_response("the exchange's time is not known"))
    }

    /// Takes the known time for wrong.
    pub(super) fn doubt_time(&self) {
        self.0.gate.server_time(super::ServerTime::doubt);
    }

    /// Asks the exchange for its time, with retries, and returns what it said.
    pub(super) async fn measure_time(&self) -> Result<Millis, Error> {
        let mut tries = 0;
        loop {
            let error = match self.ask_time().await {
                Ok(time) => return Ok(time),
                Err(error) => error,
            };
            tries += 1;
            if !self.wait_for_retry(&error, tries).await {
                return Err(error);
            }
        }
    }

    async fn ask_time(&self) -> Result<Millis, Error> {
        let request = Request::from(Call::FetchTime);
        let none = Markets::default();
        let success = self.round(&request, None, &none).await.map_err(|failure| failure.error)?;
        let parse = |context: crate::Context<'_>| self.0.adapter.parse(&request, &success.body, &context);
        let Reply::Time(server) = self.with_context(&none, parse)? else {
            return Err(Error::new(ErrorClass::BadResponse, "the reply tells no time"));
        };
        let offset = self.0.gate.server_time(|time| {
            time.measure(success.asked, success.answered, server);
            time.offset_ms()
        });
        self.tell_skew(offset.unwrap_or(0));
        Ok(server)
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

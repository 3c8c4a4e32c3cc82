//! One request and its answer, and what is repeated.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use tradai_domain::Millis;

use super::Client;
use super::gate::Ask;
use super::transport::Answer;
use crate::{
    Call, Context, Error, ErrorClass, Headers, HttpReply, HttpRequest, Lane, Markets, Reply, Request,
};

/// The longest wait that an answer can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(7 * 86_400);

/// Whether what was asked happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// No: it never left, or the exchange said no.
    Undone,
    /// Nobody knows.
    Unknown,
}

/// A request that came to nothing, as far as we can see.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) fate: Fate,
    /// The moment of the exchange's time from which on it will not take the request in any more.
    pub(super) expires: Millis,
}

/// An answer that is no error.
pub(super) struct Success {
    pub(super) request: HttpRequest,
    pub(super) body: Vec<u8>,
    /// Our time when the request went out and when the answer was in.
    pub(super) asked: Millis,
    pub(super) answered: Millis,
}

impl Failure {
    fn undone(error: Error) -> Self {
        Self { error, fate: Fate::Undone, expires: 0 }
    }
}

impl Client {
    /// Asks once and reads the answer.
    pub(super) async fn ask(&self, request: &Request) -> Result<Reply, Failure> {
        let markets = self.markets_for(&request.call).await.map_err(Failure::undone)?;
        let success = self.round(request, None, &markets).await?;
        let context = |context: Context<'_>| self.0.adapter.parse(request, &success.body, &context);
        let parsed = self.with_context(&markets, context);
        let now = self.exchange_now();
        parsed.map_err(|error| {
            // An answer that makes no sense leaves open what happened.
            Failure { error, fate: Fate::Unknown, expires: now.saturating_add(self.accepted_for()) }
        })
    }

    /// Sends one request: a call's, or the page of one that `page` is. Whatever happens is reported to breaker and
    /// budgets.
    pub(super) async fn round(
        &self,
        request: &Request,
        page: Option<&HttpRequest>,
        markets: &Markets,
    ) -> Result<Success, Failure> {
        self.round_in(None, request, page, markets).await
    }

    /// As [`Client::round`], in a lane that is not the endpoint's own.
    pub(super) async fn round_in(
        &self,
        lane: Option<Lane>,
        request: &Request,
        page: Option<&HttpRequest>,
        markets: &Markets,
    ) -> Result<Success, Failure> {
        let build = || match page {
            Some(page) => Ok(page.clone()),
            None => self.with_context(markets, |context| self.0.adapter.build_request(request, &context)),
        };
        let mut draft = build().map_err(Failure::undone)?;
        let endpoint = draft.endpoint;
        if endpoint.signed {
            Box::pin(self.time_to_sign()).await.map_err(Failure::undone)?;
        }
        let lane = lane.unwrap_or(endpoint.lane);
        let ask = Ask { endpoint, lane, weight: draft.weight, orders: orders_in(&request.call) };
        let pass = self.0.gate.pass(ask).await.map_err(Failure::undone)?;
        if endpoint.signed {
            // It may have waited: what counts is the time at which it leaves.
            draft = build().map_err(Failure::undone)?;
        }
        let expires = self.exchange_now().saturating_add(self.accepted_for());
        let asked = self.0.clock.now_ms();
        let answer = match self.0.transport.send(&draft).await {
            Ok(answer) => answer,
            Err(lost) => {
                pass.failed();
                let fate = if lost.never_sent { Fate::Undone } else { Fate::Unknown };
                return Err(Failure { error: lost.error, fate, expires });
            }
        };
        let answered = self.0.clock.now_ms();
        // What it says about limits holds before the next call gets our place.
        let refusal = self.judge(&draft, &answer, asked, answered);
        // A reply of a server in trouble, or of something in front of it, counts against the exchange.
        if answer.status >= 500 {
            pass.failed()
        } else {
            pass.answered()
        }
        match refusal {
            Some(error) => {
                let fate = fate(&error);
                Err(Failure { error, fate, expires })
            }
            None => Ok(Success { request: draft, body: answer.body, asked, answered }),
        }
    }

    /// Returns the error that an answer stands for, and tells the gate what the answer says about limits.
    fn judge(
        &self,
        request: &HttpRequest,
        answer: &Answer,
        asked: Millis,
        answered: Millis,
    ) -> Option<Error> {
        let (adapter, gate) = (self.0.adapter, &self.0.gate);
        gate.note(request.endpoint, &adapter.limit_notes(request.endpoint, &answer.headers), asked);
        let retry_after = retry_after(&answer.headers, answered);
        let reply = HttpReply { status: answer.status, retry_after, body: &answer.body };
        let error = adapter.find_error(&request.url, &reply)?;
        gate.block(request.endpoint, &error);
        Some(error)
    }

    /// Reads: asks, and asks again where that may help.
    pub(super) async fn read(&self, request: &Request) -> Result<Reply, Error> {
        let (mut tries, mut time_doubted) = (0, false);
        loop {
            let failure = match self.ask(request).await {
                Ok(reply) => {
                    self.0.retries.worked();
                    self.keep_tiers(request, &reply);
                    return Ok(reply);
                }
                Err(failure) => failure,
            };
            let error = failure.error;
            if error.class == ErrorClass::InvalidNonce && !time_doubted {
                time_doubted = true;
                self.doubt_time();
                continue;
            }
            tries += 1;
            if !self.wait_for_retry(&error, tries).await {
                return Err(error);
            }
        }
    }

    /// Waits before a read is tried again; returns whether it may be.
    pub(super) async fn wait_for_retry(&self, error: &Error, tries: u32) -> bool {
        let longest = self.0.gate.max_wait();
        if !error.is_transient() || error.retry_after.is_some_and(|after| after > longest) {
            return false;
        }
        let Some(pause) = self.0.retries.again(tries) else { return false };
        // After a limit the gate makes us wait, to the second; an open breaker says for how long itself.
        let limited = matches!(error.class, ErrorClass::RateLimitExceeded | ErrorClass::DDoSProtection);
        let pause = if limited { pause } else { pause.max(error.retry_after.unwrap_or_default()) };
        tracing::debug!(exchange = self.0.adapter.key(), attempt = tries, error = %error, "asking again");
        self.0.timer.sleep(pause).await;
        true
    }

    /// Changes something: asks once. Only a request that was refused for its time is sent again, with the right one.
    pub(super) async fn change(&self, request: &Request) -> Result<Reply, Error> {
        self.change_once(request).await.map_err(|failure| {
            let cancels = matches!(request.call, Call::CancelOrders { .. } | Call::CancelAllOrders { .. });
            if failure.fate == Fate::Unknown && cancels {
                let order = crate::OrderRef { symbol: request.call.symbol().cloned(), ..Default::default() };
                return failure.error.with_unresolved(order);
            }
            failure.error
        })
    }

    /// As [`Client::change`], with what is known of the fate.
    pub(super) async fn change_once(&self, request: &Request) -> Result<Reply, Failure> {
        let first = self.ask(request).await;
        let answer = match first {
            Err(failure) if failure.error.class == ErrorClass::InvalidNonce => {
                self.doubt_time();
                self.ask(request).await
            }
            other => other,
        };
        if answer.is_ok() {
            self.0.retries.worked();
        }
        answer
    }

    /// Calls `with` with what requests and replies are read against, now.
    pub(super) fn with_context<T>(&self, markets: &Markets, with: impl FnOnce(Context<'_>) -> T) -> T {
        let tiers = self.tiers();
        with(Context {
            markets,
            credentials: self.0.credentials.as_ref(),
            now_ms: self.exchange_now(),
            recv_window_ms: self.0.recv_window_ms,
            new_client_order_id: "",
            leverage_tiers: tiers.as_deref(),
        })
    }

    fn tiers(&self) -> Option<Arc<crate::model::LeverageTiers>> {
        self.0.leverage_tiers.read().ok().and_then(|tiers| tiers.clone())
    }

    /// Keeps leverage tables of all markets: positions are read with them.
    fn keep_tiers(&self, request: &Request, reply: &Reply) {
        let (Call::FetchLeverageTiers { symbols }, Reply::LeverageTiers(tiers)) = (&request.call, reply)
        else {
            return;
        };
        if let (true, Ok(mut kept)) = (symbols.is_empty(), self.0.leverage_tiers.write()) {
            *kept = Some(Arc::new(tiers.clone()));
        }
    }

    /// Returns for how many milliseconds after its timestamp the exchange may still take a request in.
    pub(super) fn accepted_for(&self) -> Millis {
        let window = Duration::from_millis(self.0.recv_window_ms.into());
        i64::try_from(self.0.adapter.accepts_for(window).as_millis()).unwrap_or(i64::MAX)
    }
}

/// Only a clear no is a no. What a server in trouble says, or a class that stands for "it did not work this time",
/// leaves open whether it worked after all; limits and times are checked before anything is done.
fn fate(error: &Error) -> Fate {
    let status = error.status.unwrap_or(0);
    let in_trouble = status >= 500 || status == 408;
    let unclear = error.class.leaves_open() && !(error.code.is_none() && status >= 400);
    if in_trouble || unclear { Fate::Unknown } else { Fate::Undone }
}

/// Reads `Retry-After`: seconds, or a date.
fn retry_after(headers: &Headers, now: Millis) -> Option<Duration> {
    let text = headers.get("Retry-After")?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = DateTime::parse_from_rfc2822(text).ok()?.timestamp_millis();
            Duration::from_millis(u64::try_from(date.saturating_sub(now)).unwrap_or(0))
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

fn orders_in(call: &Call) -> u32 {
    match call {
        Call::CreateOrders(orders) => u32::try_from(orders.len()).unwrap_or(u32::MAX),
        Call::CreateOrder(_) | Call::EditOrder { .. } => 1,
        _ => 0,
    }
}

/// Returns whether an endpoint may be asked before the markets are known.
pub(super) fn needs_markets(call: &Call) -> bool {
    !matches!(
        call,
        Call::FetchTime
            | Call::FetchStatus
            | Call::FetchMarkets
            | Call::FetchCurrencies
            | Call::FetchBalance
            | Call::FetchLedger { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(class: ErrorClass, code: Option<&str>, status: Option<u16>) -> Error {
        let mut error = Error::new(class, "text");
        (error.code, error.status) = (code.map(str::to_owned), status);
        error
    }

    #[test]
    fn only_a_clear_no_is_a_no() {
        use ErrorClass as C;
        for (class, code, status, expected) in [
            (C::InsufficientFunds, Some("-2010"), Some(400), Fate::Undone),
            (C::ExchangeError, Some("51999"), Some(200), Fate::Undone),
            (C::RateLimitExceeded, Some("-1003"), Some(429), Fate::Undone),
            (C::InvalidNonce, Some("-1021"), Some(400), Fate::Undone),
            (C::ExchangeNotAvailable, None, Some(403), Fate::Undone),
            (C::OperationFailed, Some("-1006"), Some(400), Fate::Unknown),
            (C::RequestTimeout, Some("-1007"), Some(400), Fate::Unknown),
            (C::RequestTimeout, Some("50004"), Some(200), Fate::Unknown),
            (C::ExchangeNotAvailable, Some("50026"), Some(200), Fate::Unknown),
            (C::ExchangeNotAvailable, None, Some(503), Fate::Unknown),
            (C::InvalidOrder, Some("-2010"), Some(500), Fate::Unknown),
            (C::RequestTimeout, None, Some(408), Fate::Unknown),
            (C::BadResponse, None, None, Fate::Unknown),
        ] {
            assert_eq!(fate(&error(class, code, status)), expected, "{class:?} {code:?} {status:?}");
        }
    }

    #[test]
    fn retry_after_in_seconds_and_as_a_date() {
        let of = |text| retry_after(&[("retry-after", text)].into_iter().collect(), 1_704_067_200_000);
        assert_eq!(of("17"), Some(Duration::from_secs(17)));
        assert_eq!(of("Mon, 01 Jan 2024 00:00:09 GMT"), Some(Duration::from_secs(9)));
        assert_eq!(of("Wed, 01 Jan 2020 00:00:09 GMT"), Some(Duration::ZERO));
        assert_eq!(of("99999999999999999999"), None);
        assert_eq!(of("9999999999"), Some(LONGEST_WAIT));
        assert_eq!(of("soon"), None);
    }
}

//! How often one client may call: a token bucket each.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};
use tokio::time::Instant;

use crate::connections::network;

/// Most clients that are remembered. Beyond it a part is forgotten: those whose buckets are full or nearest to it.
const CLIENTS: usize = 20_000;
/// How many are forgotten at a time, so that it is seldom looked for them.
const FORGOTTEN: usize = CLIENTS / 8;

/// Whose bucket it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// Somebody at an address.
    Address(IpAddr),
    /// Somebody at an address who sends tokens that are no good.
    BadTokens(IpAddr),
    /// Somebody who is known, wherever they are: their name's hash.
    Caller([u8; 16]),
}

impl Client {
    /// Returns who a client is as a sender of bad tokens: others at the address are not to pay for them.
    pub(crate) fn with_bad_tokens(self) -> Self {
        match self {
            Self::Address(address) => Self::BadTokens(address),
            other => other,
        }
    }

    /// Returns the client that a caller is, whatever their name's length.
    pub(crate) fn caller(name: &str) -> Self {
        let mut hash = [0; 16];
        blake3::Hasher::new().update(name.as_bytes()).finalize_xof().fill(&mut hash);
        Self::Caller(hash)
    }
}

/// Token buckets by client, as the generic cell rate algorithm keeps them: one moment each, the one at which the
/// bucket is full again.
pub(crate) struct RateLimit {
    /// Time that one request costs.
    interval: Duration,
    /// How far ahead of now a bucket's moment may be.
    depth: Duration,
    full_at: Mutex<HashMap<Client, Instant>>,
}

impl RateLimit {
    /// Returns a limit, or `None` for rate 0. `burst` requests may come at once.
    pub(crate) fn new(per_second: u32, burst: u32) -> Option<Self> {
        let interval = Duration::from_secs(1).checked_div(per_second)?;
        Some(Self { interval, depth: interval * burst.max(1), full_at: Mutex::default() })
    }

    /// Takes a token, or says how long until there is one.
    pub(crate) fn take(&self, client: Client, now: Instant) -> Result<(), Duration> {
        let mut full_at = self.lock();
        if full_at.len() >= CLIENTS && !full_at.contains_key(&client) {
            forget(&mut full_at, now);
        }
        let at = full_at.entry(client).or_insert(now);
        *at = self.after_one(*at, now)?;
        Ok(())
    }

    /// Says how long until there is a token, taking none.
    pub(crate) fn look(&self, client: Client, now: Instant) -> Result<(), Duration> {
        let at = self.lock().get(&client).copied().unwrap_or(now);
        self.after_one(at, now).map(drop)
    }

    /// Returns the moment of a bucket from which a token is taken, or how long until there is one.
    fn after_one(&self, at: Instant, now: Instant) -> Result<Instant, Duration> {
        let next = at.max(now) + self.interval;
        let ahead = next.duration_since(now);
        if ahead > self.depth { Err(ahead - self.depth) } else { Ok(next) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Client, Instant>> {
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room. Who has used up most is remembered longest: many new clients must not give them a full bucket.
fn forget(full_at: &mut HashMap<Client, Instant>, now: Instant) {
    full_at.retain(|_, at| *at > now);
    if full_at.len() < CLIENTS {
        return;
    }
    let mut moments: Vec<Instant> = full_at.values().copied().collect();
    let (_, last, _) = moments.select_nth_unstable(FORGOTTEN - 1);
    let last = *last;
    let mut left = FORGOTTEN;
    full_at.retain(|_, at| {
        let goes = left > 0 && *at <= last;
        left -= usize::from(goes);
        !goes
    });
}

/// Tells clients apart that are not known: by the peer's address, or by what the last trusted proxies wrote down.
pub(crate) fn address(
    extensions: &Extensions,
    headers: &HeaderMap,
    trusted_proxies: usize,
) -> Option<Client> {
    let address = address_of(extensions, headers, trusted_proxies)?;
    Some(Client::Address(network(address)))
}

fn address_of(extensions: &Extensions, headers: &HeaderMap, trusted_proxies: usize) -> Option<IpAddr> {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    if trusted_proxies == 0 {
        return peer;
    }
    let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let addresses: Vec<&str> = forwarded.flat_map(|list| list.split(',')).map(str::trim).collect();
    let index = addresses.len().checked_sub(trusted_proxies);
    index.and_then(|index| addresses.get(index)?.parse().ok()).or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Client = Client::Address(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)));
    const BOB_AT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
    const BOB: Client = Client::Address(BOB_AT);

    #[tokio::test(start_paused = true)]
    async fn a_burst_then_the_rate() {
        let limit = RateLimit::new(10, 3).unwrap();
        let start = Instant::now();
        for _ in 0..3 {
            limit.take(ANN, start).unwrap();
        }
        assert_eq!(limit.take(ANN, start), Err(Duration::from_millis(100)));
        limit.take(BOB, start).unwrap();
        assert_eq!(limit.look(ANN, start), Err(Duration::from_millis(100)));
        assert_eq!(limit.look(ANN, start + Duration::from_millis(100)), Ok(()));
        limit.take(ANN, start + Duration::from_millis(100)).unwrap();
        assert!(limit.take(ANN, start + Duration::from_millis(100)).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_rest_gives_no_more_than_the_burst() {
        let limit = RateLimit::new(10, 2).unwrap();
        let later = Instant::now() + Duration::from_secs(3600);
        limit.take(ANN, Instant::now()).unwrap();
        assert_eq!([limit.take(ANN, later), limit.take(ANN, later)], [Ok(()), Ok(())]);
        assert!(limit.take(ANN, later).is_err());
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(BOB_AT, 1)));
        let headers = HeaderMap::from_iter([(
            "x-forwarded-for".parse().unwrap(),
            "1.2.3.4, 10.0.0.1".parse().unwrap(),
        )]);
        assert_eq!(address(&extensions, &headers, 0), Some(BOB));
        assert_eq!(address(&extensions, &headers, 1), Some(ANN));
        assert_eq!(address_of(&extensions, &headers, 2), "1.2.3.4".parse().ok());
        assert_eq!(address(&extensions, &headers, 3), Some(BOB));
    }

    #[tokio::test(start_paused = true)]
    async fn many_new_clients_do_not_fill_the_bucket_of_one_who_used_it_up() {
        let limit = RateLimit::new(1, 2).unwrap();
        let now = Instant::now();
        limit.take(ANN, now).unwrap();
        limit.take(ANN, now).unwrap();
        for number in 0..u32::try_from(CLIENTS).unwrap() * 2 {
            limit.take(Client::caller(&number.to_string()), now).unwrap();
            assert!(limit.lock().len() <= CLIENTS);
        }
        assert!(limit.take(ANN, now).is_err());
    }
}

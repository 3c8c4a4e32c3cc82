//! How often one client may call: a token bucket each.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};
use tokio::time::Instant;

/// Most clients that are remembered; beyond it those that have been quiet are forgotten, and then everybody.
const CLIENTS: usize = 20_000;

/// Token buckets by client, as the generic cell rate algorithm keeps them: one moment each, the one at which the
/// bucket is full again.
pub(crate) struct RateLimit {
    /// Time that one request costs.
    interval: Duration,
    /// How far ahead of now a bucket's moment may be.
    depth: Duration,
    full_at: Mutex<HashMap<IpAddr, Instant>>,
}

impl RateLimit {
    /// Returns a limit, or `None` for rate 0. `burst` requests may come at once.
    pub(crate) fn new(per_second: u32, burst: u32) -> Option<Self> {
        let interval = Duration::from_secs(1).checked_div(per_second)?;
        Some(Self { interval, depth: interval * burst.max(1), full_at: Mutex::default() })
    }

    /// Takes a token, or says how long until there is one.
    pub(crate) fn take(&self, client: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= CLIENTS && !full_at.contains_key(&client) {
            full_at.retain(|_, at| *at > now);
            if full_at.len() >= CLIENTS {
                full_at.clear();
            }
        }
        let at = full_at.entry(client).or_insert(now);
        let next = (*at).max(now) + self.interval;
        let ahead = next.duration_since(now);
        if ahead > self.depth {
            return Err(ahead - self.depth);
        }
        *at = next;
        Ok(())
    }
}

/// Tells clients apart: by the peer's address, or by what the last trusted proxies wrote down.
pub(crate) fn client(extensions: &Extensions, headers: &HeaderMap, trusted_proxies: usize) -> Option<IpAddr> {
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

    const ANN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const BOB: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[tokio::test(start_paused = true)]
    async fn a_burst_then_the_rate() {
        let limit = RateLimit::new(10, 3).unwrap();
        let start = Instant::now();
        for _ in 0..3 {
            limit.take(ANN, start).unwrap();
        }
        assert_eq!(limit.take(ANN, start), Err(Duration::from_millis(100)));
        limit.take(BOB, start).unwrap();
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
        extensions.insert(ConnectInfo(SocketAddr::new(BOB, 1)));
        let headers = HeaderMap::from_iter([(
            "x-forwarded-for".parse().unwrap(),
            "1.2.3.4, 10.0.0.1".parse().unwrap(),
        )]);
        assert_eq!(client(&extensions, &headers, 0), Some(BOB));
        assert_eq!(client(&extensions, &headers, 1), Some(ANN));
        assert_eq!(client(&extensions, &headers, 2), "1.2.3.4".parse().ok());
        assert_eq!(client(&extensions, &headers, 3), Some(BOB));
    }
}

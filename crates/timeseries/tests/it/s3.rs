//! The store in a bucket: what goes wrong there, and what it says then.

use std::error::Error as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tradai_domain::{ErrorKind, RandomIds, TimeRange, Timeframe};
use tradai_timeseries::{AsOf, CandleStore, Error, Location, StorageProblem};

use crate::http::{answer, empty_list, error, send, serve};
use crate::support::{HOUR, JUNE, candles, clock, fresh_prefix, key, s3_environment, s3_server, s3_store};

/// A location in a server, with waits that suit tests.
fn location(server: &str) -> Location {
    let text = format!("s3://bucket/some/prefix?endpoint={server}");
    let mut location = Location::parse(&text, &s3_environment).unwrap();
    if let Location::S3(settings) = &mut location {
        settings.max_retries = 2;
        settings.request_timeout = Duration::from_secs(5);
    }
    location
}

fn open(server: &str) -> Result<CandleStore, Error> {
    CandleStore::open_location(&location(server), clock(), Arc::new(RandomIds))
}

/// Returns an error with all its causes, as the command line prints it.
fn whole_text(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

#[test]
fn refusals_say_where_and_what_to_do() {
    let quoted = "<StringToSign>test-secret</StringToSign><CanonicalRequest>test-token</CanonicalRequest>";
    let cases = [
        (error("403 Forbidden", "SignatureDoesNotMatch", quoted), StorageProblem::Denied, "allowed to list"),
        (error("403 Forbidden", "AccessDenied", ""), StorageProblem::Denied, "AccessDenied: No."),
        (error("400 Bad Request", "ExpiredToken", ""), StorageProblem::Denied, "credentials must be valid"),
        (error("404 Not Found", "NoSuchBucket", ""), StorageProblem::NoBucket, "no such bucket; make it"),
        (error("301 Moved", "PermanentRedirect", ""), StorageProblem::WrongRegion, "region=NAME"),
        (
            error("400 Bad Request", "AuthorizationHeaderMalformed", ""),
            StorageProblem::WrongRegion,
            "region=NAME",
        ),
        (answer("404 Not Found", "<html>no page"), StorageProblem::Unreachable, "<html>no page"),
        (error("503 Slow Down", "SlowDown", ""), StorageProblem::Unreachable, "SlowDown: No."),
    ];
    for (answer, expected, says) in cases {
        let server = serve(move |_| Some(answer.clone()));
        let error = open(&server).unwrap_err();
        let text = whole_text(&error);
        assert!(matches!(&error, Error::NoStorage { problem, .. } if *problem == expected), "{text}");
        assert!(text.starts_with(&format!("the store at s3://bucket/some/prefix ({server}) ")), "{text}");
        assert!(text.contains(says), "{text}");
        assert!(["test-secret", "test-token"].iter().all(|secret| !text.contains(secret)), "{text}");
        let kind =
            if expected == StorageProblem::NoBucket { ErrorKind::NotFound } else { ErrorKind::Unavailable };
        assert_eq!(error.kind(), kind);
    }
}

#[test]
fn an_endpoint_that_is_down_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = open(&server).unwrap_err();
    assert!(matches!(error, Error::NoStorage { problem: StorageProblem::Unreachable, .. }), "{error}");
    assert!(error.to_string().contains(&server), "{error}");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[test]
fn denied_is_not_absent() {
    let server = serve(|request| {
        Some(match request.line.as_str() {
            line if line.contains("list-type=2") => empty_list(),
            line if line.starts_with("GET") && line.ends_with("/lib.json") => {
                error("404 Not Found", "NoSuchKey", "")
            }
            _ => error("403 Forbidden", "AccessDenied", ""),
        })
    });
    let store = open(&server).unwrap();
    let key = key(Timeframe::H1);
    for outcome in [
        store.read(&key, TimeRange::ALL, AsOf::Latest).map(drop),
        store.info(&key, AsOf::Version(1)).map(drop),
        store.versions(&key).map(drop),
        store.append(&key, &candles(JUNE, HOUR, 0..1, 0.0), None).map(drop),
    ] {
        let error = outcome.unwrap_err();
        assert!(whole_text(&error).contains("AccessDenied: No."), "{}", whole_text(&error));
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}

#[test]
fn failures_that_pass_are_survived() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server = serve(move |request| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Some(error("503 Slow Down", "SlowDown", "")),
        1 => None,
        _ if request.line.contains("list-type=2") => Some(empty_list()),
        _ => Some(error("404 Not Found", "NoSuchKey", "")),
    });
    open(&server).unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}

#[test]
fn secrets_do_not_show() {
    let server = serve(|request| {
        let is_list = request.line.contains("list-type=2");
        Some(if is_list { empty_list() } else { error("404 Not Found", "NoSuchKey", "") })
    });
    let shown = format!("{:?} {:?}", location(&server), open(&server).unwrap());
    assert!(["test-secret", "test-token"].iter().all(|secret| !shown.contains(secret)), "{shown}");
}

/// Each break loses the answer to a manifest that was stored. The client cannot know, sends it again, and is told
/// that there is one already: its own.
#[test]
fn an_answer_lost_on_the_way_back_is_no_conflict() {
    let (Some(store), Some(server)) = (s3_store(), s3_server()) else { return };
    drop(store);
    let breaks = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&breaks);
    let proxy = serve(move |request| {
        let answer = request.forward(&server);
        let is_commit = request.line.starts_with("PUT") && request.line.contains("/v/");
        if is_commit && answer.starts_with(b"HTTP/1.1 200") {
            count.fetch_add(1, Ordering::SeqCst);
            return None;
        }
        Some(answer)
    });
    let text = format!("s3://tradai-test/{}?endpoint={proxy}", fresh_prefix());
    let location = Location::parse(&text, &s3_environment).unwrap();
    let store = CandleStore::open_location(&location, clock(), Arc::new(RandomIds)).unwrap();
    let key = key(Timeframe::H1);
    for at in 0..3 {
        let commit = store.append(&key, &candles(JUNE, HOUR, at..at + 1, 0.0), None).unwrap();
        assert_eq!((commit.version, commit.changed), (at.unsigned_abs() + 1, true));
    }
    assert_eq!(breaks.load(Ordering::SeqCst), 3);
    assert_eq!(store.versions(&key).unwrap().len(), 3);
}

/// S3 answers a creation with 409 when something else happens to the object, whether there is one or not.
#[test]
fn a_conflict_of_the_moment_is_no_object() {
    let (Some(store), Some(server)) = (s3_store(), s3_server()) else { return };
    drop(store);
    let puts = AtomicUsize::new(0);
    let proxy = serve(move |request| {
        let conflicts =
            request.line.starts_with("PUT") && puts.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        let conflict = || error("409 Conflict", "ConditionalRequestConflict", "");
        Some(if conflicts { conflict() } else { request.forward(&server) })
    });
    let text = format!("s3://tradai-test/{}?endpoint={proxy}", fresh_prefix());
    let location = Location::parse(&text, &s3_environment).unwrap();
    let store = CandleStore::open_location(&location, clock(), Arc::new(RandomIds)).unwrap();
    let commit = store.append(&key(Timeframe::H1), &candles(JUNE, HOUR, 0..3, 0.0), None).unwrap();
    assert_eq!((commit.version, commit.changed, commit.rows), (1, true, 3));
}

#[test]
fn a_missing_bucket_of_a_real_server() {
    let Some(server) = s3_server() else { return };
    let text = format!("s3://no-such-bucket/prefix?endpoint={server}");
    let location = Location::parse(&text, &s3_environment).unwrap();
    let error = CandleStore::open_location(&location, clock(), Arc::new(RandomIds)).unwrap_err();
    assert!(matches!(error, Error::NoStorage { problem: StorageProblem::NoBucket, .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn stores_work_and_end_inside_another_runtime() {
    let Some(store) = s3_store() else { return };
    let key = key(Timeframe::H1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let work = move || {
        let commit = store.append(&key, &candles(JUNE, HOUR, 0..5, 0.0), None).unwrap();
        assert_eq!(store.read(&key, TimeRange::ALL, AsOf::Latest).unwrap().unwrap().version, commit.version);
        drop(store.clone());
        store
    };
    let store = runtime.block_on(runtime.spawn_blocking(work)).unwrap();
    // On the runtime's own thread it blocks, but does not panic.
    runtime.block_on(async move {
        assert_eq!(store.list().unwrap().series.len(), 1);
        drop(store);
    });
}

#[test]
fn writers_with_connections_of_their_own_do_not_lose_anything() {
    let Some(server) = s3_server() else { return };
    assert_eq!(send(&server, "PUT /tradai-test"), 200);
    let text = format!("s3://tradai-test/{}?endpoint={server}", fresh_prefix());
    let location = Location::parse(&text, &s3_environment).unwrap();
    let key = key(Timeframe::H1);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (location, key) = (&location, &key);
            scope.spawn(move || {
                let store = CandleStore::open_location(location, clock(), Arc::new(RandomIds)).unwrap();
                for append in 0..5 {
                    let at = append * 4 + writer;
                    assert!(store.append(key, &candles(JUNE, HOUR, at..at + 1, 0.0), None).unwrap().changed);
                }
            });
        }
    });
    let store = CandleStore::open_location(&location, clock(), Arc::new(RandomIds)).unwrap();
    assert_eq!(store.versions(&key).unwrap().len(), 20);
    let read = store.read(&key, TimeRange::ALL, AsOf::Latest).unwrap().unwrap();
    assert_eq!(read.series, candles(JUNE, HOUR, 0..20, 0.0));
}

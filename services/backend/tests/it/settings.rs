//! What the service is told, and what it refuses to start with.

use std::error::Error;

use tradai_backend::Settings;
use tradai_domain::jobs::{ExecutorMode, LocalExecutionMode};
use tradai_platform::settings::{Inputs, load};

use crate::support::settings;

fn refused(variables: &[(&str, &str)]) -> String {
    let mut inputs = Inputs::default();
    for (name, value) in variables {
        inputs = inputs.variable(name, value);
    }
    load::<Settings>(&inputs).map(drop).unwrap_err().to_string()
}

#[test]
fn without_any_a_machine_runs_jobs_itself() {
    let settings = load::<Settings>(&Inputs::default()).unwrap().settings;
    assert_eq!(settings.http.address.port(), 8000);
    assert_eq!(settings.executor.mode, ExecutorMode::Local);
    assert_eq!(settings.executor.local_mode, LocalExecutionMode::Subprocess);
    assert_eq!(settings.data_collection_url.as_str(), "http://127.0.0.1:8002");
    assert_eq!(settings.strategy_service_url.as_str(), "http://127.0.0.1:8003");
    assert_eq!(settings.job_settings().keep_for.unwrap().as_secs(), 7 * 86_400);
    assert!(settings.job_settings().holder.ends_with(":8000"));
}

#[test]
fn everything_that_a_mode_needs_is_named_at_once() {
    let text = refused(&[("BACKEND_EXECUTOR_MODE", "ecs"), ("BACKEND_ECS_SUBNETS", "")]);
    for name in ["BACKEND_ECS_CLUSTER", "BACKEND_ECS_SUBNETS", "BACKEND_ECS_SECURITY_GROUPS"] {
        assert!(text.contains(&format!("{name}: is not set")), "{text}");
    }
    assert!(refused(&[("BACKEND_INSTANCE", "a b")]).contains("BACKEND_INSTANCE"));
    assert!(refused(&[("BACKEND_EXECUTOR_MODE", "sqs")]).contains("BACKEND_BACKTEST_QUEUE_URL"));
    let text = refused(&[("BACKEND_EXECUTOR_MODE", "STEPFUNCTIONS")]);
    assert!(text.contains("BACKEND_STEPFUNCTIONS_STATE_MACHINE_ARN"), "{text}");
    let text = refused(&[("BACKEND_EXECUTOR_MODE", "lambda"), ("BACKEND_PARALLEL_JOBS", "0")]);
    assert!(text.contains("local, ecs, sqs, stepfunctions") && text.contains("at least 1"), "{text}");
    let lenient = settings(&[("BACKEND_EXECUTOR_MODE", "ecs"), ("BACKEND_ALLOW_NO_EXECUTOR", "true")]);
    assert!(lenient.allow_no_executor);
}

#[test]
fn addresses_of_peers_are_addresses_and_keys_stay_secret() {
    for bad in ["ftp://x", "http://", "http://me:pass@host", "localhost:8002", "http://x/?a=1"] {
        let text = refused(&[("BACKEND_DATA_COLLECTION_URL", bad)]);
        assert!(text.contains("BACKEND_DATA_COLLECTION_URL"), "{bad}: {text}");
    }
    let settings = settings(&[
        ("BACKEND_STRATEGY_SERVICE_URL", "http://strategies:8003/"),
        ("BACKEND_PEER_API_KEY", "very-secret"),
        ("BACKEND_KEEP_JOBS_DAYS", "0"),
    ]);
    assert_eq!(settings.strategy_service_url.as_str(), "http://strategies:8003");
    assert_eq!(settings.job_settings().keep_for, None);
    assert!(!format!("{settings:?}").contains("very-secret"));
}

#[tokio::test]
async fn a_mode_that_this_program_has_not_is_refused_at_start() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut settings =
        settings(&[("BACKEND_EXECUTOR_MODE", "sqs"), ("BACKEND_BACKTEST_QUEUE_URL", "https://queue")]);
    settings.state.data_dir = folder.path().to_owned();
    let shutdown = tradai_service::Shutdown::manual();
    let refused = tradai_backend::start(&settings, &shutdown).await.map(drop).unwrap_err().to_string();
    assert!(refused.contains("this program was built without it"), "{refused}");
    settings.allow_no_executor = true;
    tradai_backend::start(&settings, &shutdown).await.map(drop).unwrap();
    Ok(())
}

#[test]
fn candles_are_looked_for_where_jobs_find_them() {
    let stores = |variables: &[(&str, &str)]| settings(variables).candles.to_string();
    assert_eq!(stores(&[("TRADAI_DATA_DIR", "/data")]), "/data/store");
    let bucket = [("TRADAI_DATA_DIR", "/data"), ("ARCTIC_S3_BUCKET", "file:///elsewhere")];
    assert_eq!(stores(&bucket), "/elsewhere");
    assert!(refused(&[("ARCTIC_S3_BUCKET", "ftp://x")]).contains("ARCTIC_S3_BUCKET"));
}

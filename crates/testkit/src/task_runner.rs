//! Laws of [`TaskRunner`], for one whose tasks do what their first argument says: `exit <code>` ends at once, `hang`
//! runs until it is stopped, `env <name>` ends with code 0 if the variable is there and 1 if not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tradai_domain::ports::{TaskEnd, TaskHandle, TaskRunner, TaskSpec, TaskStatus};

type Port = Arc<dyn TaskRunner>;

/// Longer than any machine takes; a law that waits so long is broken.
const PATIENCE: Duration = Duration::from_secs(60);

fn task(name: &str, arguments: &[&str]) -> TaskSpec {
    TaskSpec {
        name: name.to_owned(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        environment: BTreeMap::from([("JOB_ID".to_owned(), name.to_owned())]),
    }
}

async fn ended(port: &Port, handle: &TaskHandle) -> TaskEnd {
    tokio::time::timeout(PATIENCE, port.wait(handle)).await.unwrap().unwrap()
}

/// A task's exit code is what it ended with; asking again gets the same answer.
pub async fn tells_how_a_task_ended(port: Port) {
    for code in [0, 3] {
        let name = format!("exit-{code}");
        let handle = port.start(&task(&name, &["exit", &code.to_string()])).await.unwrap();
        let end = ended(&port, &handle).await;
        assert_eq!((end.exit_code, end.is_success()), (Some(code), code == 0));
        assert_eq!(ended(&port, &handle).await, end);
        assert_eq!(port.status(&handle).await.unwrap(), TaskStatus::Ended(end));
    }
}

/// A task has the variables it was given.
pub async fn passes_the_environment(port: Port) {
    let handle = port.start(&task("present", &["env", "JOB_ID"])).await.unwrap();
    assert_eq!(ended(&port, &handle).await.exit_code, Some(0));
    let handle = port.start(&task("absent", &["env", "TRADAI_SURELY_NOT_SET"])).await.unwrap();
    assert_eq!(ended(&port, &handle).await.exit_code, Some(1));
}

/// A name starts one task, also after that has ended.
pub async fn starts_a_name_once(port: Port) {
    let first = port.start(&task("once", &["exit", "5"])).await.unwrap();
    assert_eq!(ended(&port, &first).await.exit_code, Some(5));
    let again = port.start(&task("once", &["exit", "6"])).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(ended(&port, &again).await.exit_code, Some(5));
}

/// A task that is stopped ends, without success; stopping it again is no error.
pub async fn stops(port: Port) {
    let handle = port.start(&task("long", &["hang"])).await.unwrap();
    assert_eq!(port.status(&handle).await.unwrap(), TaskStatus::Running);
    port.stop(&handle).await.unwrap();
    let end = ended(&port, &handle).await;
    assert!(!end.is_success(), "{end:?}");
    port.stop(&handle).await.unwrap();
}

/// What is kept of a task that ended can be deleted, which frees its name; a task that runs is left alone.
pub async fn forgets(port: Port) {
    let first = port.start(&task("again", &["exit", "5"])).await.unwrap();
    assert_eq!(ended(&port, &first).await.exit_code, Some(5));
    for _ in 0..2 {
        port.forget(&first).await.unwrap();
    }
    let TaskStatus::Ended(end) = port.status(&first).await.unwrap() else { panic!("it runs") };
    assert_eq!(end.exit_code, None);
    let second = port.start(&task("again", &["exit", "6"])).await.unwrap();
    assert_eq!(ended(&port, &second).await.exit_code, Some(6));
    let running = port.start(&task("busy", &["hang"])).await.unwrap();
    port.forget(&running).await.unwrap();
    assert_eq!(port.status(&running).await.unwrap(), TaskStatus::Running);
    port.stop(&running).await.unwrap();
}

/// A task that nobody knows has ended without an exit code.
pub async fn an_unknown_task_has_ended(port: Port) {
    let handle = TaskHandle("nobody-knows".to_owned());
    let TaskStatus::Ended(end) = port.status(&handle).await.unwrap() else { panic!("it runs") };
    assert_eq!(end.exit_code, None);
    assert_eq!(ended(&port, &handle).await, end);
    port.stop(&handle).await.unwrap();
}

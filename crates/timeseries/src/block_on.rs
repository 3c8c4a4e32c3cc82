//! Waiting for a future without a runtime.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Runs a future on this thread and sleeps while it has nothing to do.
///
/// Object storages on disk and in memory do their work when polled, so that nothing else is needed for them;
/// a runtime would only cost its compilation and threads. For a bucket the caller enters one first.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wakes_when_another_thread_is_done() {
        let (sender, receiver) = futures_util::future::AbortHandle::new_pair();
        let waiting = futures_util::future::Abortable::new(std::future::pending::<()>(), receiver);
        let other = thread::spawn(move || sender.abort());
        assert!(block_on(waiting).is_err());
        other.join().unwrap();
    }
}

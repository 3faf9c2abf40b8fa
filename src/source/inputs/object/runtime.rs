//! The thread that makes requests, so that the callers stay blocking ones.

use crate::error::{Error, ErrorKind, Result};
use futures::channel::oneshot;
use futures::executor::block_on;
use std::future::Future;
use std::sync::Arc;
use tokio::runtime::{Builder, Handle};

/// A thread that drives requests until its last user is gone.
#[derive(Debug)]
pub(super) struct Runtime {
    handle: Handle,
    /// Dropped, it ends the thread. Nobody waits for that: the last user may be a request on the thread itself.
    _until: oneshot::Sender<()>,
}

impl Runtime {
    pub(super) fn start() -> Result<Arc<Self>> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (until, ended) = oneshot::channel::<()>();
        let drive = move || {
            let _ = runtime.block_on(ended);
            // A request that is under way is given up.
            runtime.shutdown_background();
        };
        std::thread::Builder::new().name("requests".to_owned()).spawn(drive)?;
        Ok(Arc::new(Runtime { handle, _until: until }))
    }

    /// Begins something that ends by itself.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(work);
    }

    /// Does something and waits for it.
    pub(super) fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        self.spawn(async move {
            // Nobody waits any more where the receiver is gone.
            let _ = sender.send(work.await);
        });
        block_on(receiver).map_err(|_| gone())
    }
}

/// The error where work ended without a result.
pub(super) fn gone() -> Error {
    Error::new(ErrorKind::Io, "the thread that makes requests is gone")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    #[test]
    fn work_is_done_on_another_thread_and_its_panic_is_an_error() {
        let runtime = Runtime::start().unwrap();
        let own = std::thread::current().id();
        assert_ne!(runtime.run(async { std::thread::current().id() }).unwrap(), own);
        assert!(runtime.run(async { panic!("as it may be") }).is_err());
        runtime.run(tokio_sleep()).unwrap();
    }

    async fn tokio_sleep() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

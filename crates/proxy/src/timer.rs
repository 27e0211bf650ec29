//! One timer per connection, armed lazily. A proxy's deadlines move with every byte; a kernel or wheel timer that moved
//! with them would cost more than the byte. So the deadline is a plain field, and the timer behind it is only touched
//! when it would fire too late; when it fires too early it is armed again.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use evenkeel_base::Instant;
use evenkeel_sys::clock;
use tokio::time::{Instant as TokioInstant, Sleep};

thread_local! {
    /// The same moment on both clocks, so that deadlines can be handed to the runtime.
    static ANCHOR: (TokioInstant, Instant) = (TokioInstant::now(), clock::now());
}

fn on_runtime(at: Instant) -> TokioInstant {
    ANCHOR.with(|(tokio, base)| *tokio + at.since(*base))
}

/// A moment after which waiting ends. `None`: waits for ever.
#[derive(Debug, Default)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
    armed: Instant,
    /// The timer holds the task's waker, which stays the same: it need not be told again before it fires.
    heard: bool,
}

impl Deadline {
    /// Waiting ends at `at`.
    pub(crate) fn set(&mut self, at: Option<Instant>) {
        self.at = at;
    }

    /// Waiting ends `after` from now (the loop's coarse now).
    pub(crate) fn set_after(&mut self, after: Option<Duration>) {
        self.at = after.map(|d| clock::coarse() + d);
    }

    /// Ready once the moment has passed. Leaves a waker otherwise.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        let sleep = match &mut self.sleep {
            Some(sleep) => {
                if self.armed > at {
                    sleep.as_mut().reset(on_runtime(at));
                    self.armed = at;
                }
                sleep
            }
            None => {
                self.armed = at;
                self.sleep.insert(Box::pin(tokio::time::sleep_until(on_runtime(at))))
            }
        };
        if self.heard && !sleep.is_elapsed() {
            return Poll::Pending;
        }
        loop {
            self.heard = sleep.as_mut().poll(cx).is_pending();
            if self.heard {
                return Poll::Pending;
            }
            if clock::now() >= at {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(on_runtime(at));
            self.armed = at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_moves_fires_once_at_its_last_place() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let began = clock::now();
            let mut deadline = Deadline::default();
            // Far, polled so that the timer is armed and knows the task; then near; then a little further.
            for millis in [60_000, 20, 60] {
                deadline.set(Some(began + Duration::from_millis(millis)));
                let waited = std::future::poll_fn(|cx| Poll::Ready(deadline.poll(cx))).await;
                assert!(waited.is_pending());
            }
            std::future::poll_fn(|cx| deadline.poll(cx)).await;
            assert!(clock::now() >= began + Duration::from_millis(60));
            // And again, on the same timer.
            deadline.set(Some(clock::now() + Duration::from_millis(5)));
            std::future::poll_fn(|cx| deadline.poll(cx)).await;
            deadline.set(None);
            assert!(std::future::poll_fn(|cx| Poll::Ready(deadline.poll(cx))).await.is_pending());
        });
    }
}

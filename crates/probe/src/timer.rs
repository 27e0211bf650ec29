//! A timer that is only touched when the deadline moves.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use evenkeel_base::Instant;
use evenkeel_sys::clock;
use tokio::time::{Instant as TokioInstant, Sleep, sleep_until};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    armed: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Timer {
    /// Ready once `at` has passed.
    pub(crate) fn poll(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let now = clock::now();
            if now >= at {
                self.armed = None;
                return Poll::Ready(());
            }
            let runtime_at = TokioInstant::now() + at.since(now);
            let sleep = match &mut self.armed {
                Some((armed, sleep)) => {
                    if *armed != at {
                        *armed = at;
                        sleep.as_mut().reset(runtime_at);
                    }
                    sleep
                }
                None => &mut self.armed.insert((at, Box::pin(sleep_until(runtime_at)))).1,
            };
            ready!(sleep.as_mut().poll(cx));
            // The runtime's clock ran a little ahead of ours.
            self.armed = None;
        }
    }
}

//! The daemon's own log: `tracing` events on standard error, in the original's shape, facts after the message.

use std::fmt::{self, Write};

use evenkeel_base::Level;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::render;

/// Starts it, once per process.
pub(crate) fn install(quiet: bool, verbose: bool) {
    let level = match (quiet, verbose) {
        (_, true) => LevelFilter::DEBUG,
        (true, false) => LevelFilter::OFF,
        (false, false) => LevelFilter::INFO,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .event_format(Classic)
        .finish();
    // A second start in one process (tests) keeps the first.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// The original's shape.
struct Classic;

impl<S, N> FormatEvent<S, N> for Classic
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut words = Words::default();
        event.record(&mut words);
        out.write_str(&words.line(*event.metadata().level(), std::process::id()))
    }
}

/// An event's message and facts.
#[derive(Default)]
struct Words {
    message: String,
    facts: String,
}

impl Words {
    fn line(&self, level: tracing::Level, pid: u32) -> String {
        let level = match level {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warning,
            tracing::Level::INFO => Level::Notice,
            tracing::Level::DEBUG | tracing::Level::TRACE => Level::Diag,
        };
        let gap = if self.facts.is_empty() { "" } else { ": " };
        render::classic_line(level, pid, &format!("{}{gap}{}", self.message, self.facts))
    }

    fn fact(&mut self, name: &str, value: impl fmt::Display) {
        let gap = if self.facts.is_empty() { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(self.facts, "{gap}{name} {value}");
    }
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => self.fact(name, format_args!("{value:?}")),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message = value.to_string(),
            name => self.fact(name, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_follow_the_message() {
        let mut words = Words { message: "server down".to_string(), ..Words::default() };
        assert_eq!(words.line(tracing::Level::WARN, 7), "[WARNING]  (7) : server down\n");
        words.fact("server", "b/s");
        words.fact("after", format_args!("{:?}", std::time::Duration::from_secs(1)));
        assert_eq!(
            words.line(tracing::Level::INFO, 7),
            "[NOTICE]   (7) : server down: server b/s, after 1s\n"
        );
    }
}

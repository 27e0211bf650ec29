//! `evenkeel demo`: small web servers and the proxy in front of them, in this process, on loopback, for whoever wants to
//! see it work before writing a line.
//!
//! - `setup`: free ports, servers, the file; `table`: what is shown; `terminal`: the keyboard and the screen;
//!   `visitor`: somebody who asks

mod setup;
mod table;
mod terminal;
mod visitor;

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::pin::pin;
use std::time::Duration;

use evenkeel_base::Diagnostic;
use evenkeel_base::time::{Unit, parse_time};
use evenkeel_conf::Input;
use evenkeel_sys::process;
use evenkeel_sys::signal::{Signal, Signals};
use tokio::net::UdpSocket;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::argv::Command;
use crate::run::{self, Running};
use crate::say::{self, Exit, Voice};
use crate::sockets;

use setup::{Places, Started};
use table::{Show, Table};
use terminal::{Key, Terminal};

/// What `evenkeel help demo` adds.
pub(crate) const MORE: &str = "\
Starts five small web servers and the proxy in front of them. No root, nothing to configure, nothing but loopback; ports
that are taken are replaced by others. On a terminal it shows a table of the servers and takes keys; elsewhere it prints
plain lines.

  --for <time>     ends by itself: --for 10s
  --port <number>  the site's port, if not 8080
  --load <number>  so many requests a second from a visitor of its own
  --print-config   the configuration that it runs, and nothing else
";

/// Open files that the demo has use for: maxconn of its file, both sides, and the servers'.
const FILES: u64 = 8192;
/// How often the table is new, and plain lines are printed.
const TICK: Duration = Duration::from_secs(1);
const PLAIN_EVERY: u64 = 5;
/// Requests that `r` sends.
const BURST: u32 = 20;
/// The most that a visitor may be asked for, per second.
const LOAD_MAX: u32 = 1000;
/// Longest line that the proxy logs here.
const LOG_LINE_MAX: usize = 2048;

#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    lasts: Option<Duration>,
    port: Option<u16>,
    load: u32,
    print: bool,
}

/// Runs the command.
pub(crate) fn run(args: &[OsString]) -> Exit {
    let voice = Voice::new(false);
    let wish = match wish(args) {
        Ok(wish) => wish,
        Err(why) => {
            voice.write(&format!("evenkeel demo: {why}\n\n{MORE}"));
            return Exit::Failed;
        }
    };
    if wish.print {
        say::print(&Places::wished(wish.port).config());
        return Exit::Ok;
    }
    // What is allowed is enough for trying things out.
    let _ = process::set_nofile(process::nofile().1.map_or(FILES, |hard| hard.min(FILES)));
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => match runtime.block_on(play(&wish)) {
            Ok(()) => Exit::Ok,
            Err(why) => {
                voice.write(&format!("evenkeel demo: {why}\n"));
                Exit::Failed
            }
        },
        Err(error) => {
            voice.write(&format!("evenkeel demo: no event loop: {}\n", say::system_words(&error)));
            Exit::Failed
        }
    }
}

fn wish(args: &[OsString]) -> Result<Wish, String> {
    let mut wish = Wish::default();
    let mut words = args.iter().map(|arg| arg.to_string_lossy().into_owned());
    while let Some(word) = words.next() {
        let (name, glued) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (&*word, None),
        };
        let mut value =
            || glued.clone().or_else(|| words.next()).ok_or_else(|| format!("{name} needs a value"));
        match name {
            "--print-config" => wish.print = true,
            "--for" => {
                let time = value()?;
                let lasts = parse_time(&time, Unit::Seconds).map_err(|why| format!("--for {time}: {why}"))?;
                wish.lasts = Some(lasts);
            }
            "--port" => {
                let port = value()?;
                let number = port.parse().ok().filter(|n| *n > 0);
                wish.port = Some(number.ok_or_else(|| format!("--port {port}: no port number"))?);
            }
            "--load" => {
                let load = value()?;
                let number = load.parse().ok().filter(|n| *n <= LOAD_MAX);
                wish.load = number.ok_or_else(|| format!("--load {load}: at most {LOAD_MAX} a second"))?;
            }
            other => return Err(format!("unknown switch {other}")),
        }
    }
    Ok(wish)
}

/// From the first port to the end.
async fn play(wish: &Wish) -> Result<(), String> {
    let signals =
        Signals::new(&[Signal::Term, Signal::Int, Signal::Hup]).map_err(|e| say::system_words(&e))?;
    let Started { places, servers, log, notes } = setup::start(wish.port)?;
    let running = proxy(&places)?;
    for note in &notes {
        say::print(&format!("{note}\n"));
    }
    say::print(&table::intro(&places, table::width()));
    let visitor = visitor::Visitor::new(places.site);
    if wish.load > 0 {
        tokio::spawn(visitor.clone().regularly(wish.load));
    }
    let terminal =
        if io::stdout().is_terminal() && io::stdin().is_terminal() { Terminal::enter() } else { None };
    let demo =
        Demo { table: Table::new(servers, running), terminal, visitor, show: Show::default(), ticks: 0 };
    demo.until_the_end(wish.lasts, signals, log).await
}

/// The proxy, in threads of this process, from the same text that `--print-config` shows.
fn proxy(places: &Places) -> Result<Running, String> {
    let input = Input::Text { name: "demo.cfg".to_owned(), text: places.config().into_bytes() };
    let prepared = run::prepare(vec![input], &Command::default());
    let said = |diagnostics: &[Diagnostic]| {
        diagnostics.iter().map(|d| d.message.clone()).collect::<Vec<_>>().join("; ")
    };
    let Some(plan) = prepared.loaded.plan else {
        return Err(format!("its own file is refused: {}", said(&prepared.loaded.diagnostics)));
    };
    let shards = plan.global.shards.map_or_else(run::cores, |n| n as usize).max(1);
    let open = sockets::open(&plan, shards).map_err(|faults| {
        sockets::complain(&faults, &plan, &mut Voice::new(false));
        "it cannot listen".to_owned()
    })?;
    Running::start(plan, &prepared.addresses, open).map_err(|e| say::system_words(&e))
}

struct Demo {
    table: Table,
    /// Where there are people.
    terminal: Option<Terminal>,
    visitor: visitor::Visitor,
    show: Show,
    ticks: u64,
}

impl Demo {
    async fn until_the_end(
        mut self,
        lasts: Option<Duration>,
        mut signals: Signals,
        log: UdpSocket,
    ) -> Result<(), String> {
        let began = Instant::now();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut line = vec![0; LOG_LINE_MAX];
        let mut end = pin!(end(lasts.map(|time| began + time)));
        loop {
            tokio::select! {
                _ = signals.next() => break,
                () = &mut end => break,
                _ = tick.tick() => self.tick(),
                heard = log.recv(&mut line) => {
                    if let Ok(len) = heard {
                        self.hear(line.get(..len).unwrap_or_default());
                    }
                }
                key = terminal::next_key(self.terminal.as_mut()) => {
                    if self.press(key) == Key::Quit {
                        break;
                    }
                }
            }
        }
        self.table.sample();
        match self.terminal.take() {
            Some(mut terminal) => {
                terminal.draw(&self.table.text(&self.show, terminal.style()));
                drop(terminal);
            }
            None => say::print(&self.table.plain()),
        }
        let (answers, failures) = self.visitor.counts();
        if answers + failures > 0 {
            say::print(&format!("visitor: {answers} answers, {failures} failed\n"));
        }
        say::print(&format!("ended after {} s\n", began.elapsed().as_secs()));
        Ok(())
    }

    fn tick(&mut self) {
        self.table.sample();
        if self.terminal.is_none() && self.ticks > 0 && self.ticks.is_multiple_of(PLAIN_EVERY) {
            say::print(&self.table.plain());
        }
        self.ticks += 1;
        self.draw();
    }

    fn draw(&mut self) {
        if let Some(terminal) = &mut self.terminal {
            let text = self.table.text(&self.show, terminal.style());
            terminal.draw(&text);
        }
    }

    /// A line of the proxy's log: of a request, or of a server that went or came.
    fn hear(&mut self, packet: &[u8]) {
        let text = String::from_utf8_lossy(packet);
        let Some((is_traffic, text)) = table::log_line(&text) else { return };
        if is_traffic {
            self.show.last_request = Some(text.to_owned());
            return;
        }
        if self.terminal.is_none() {
            say::print(&format!("{text}\n"));
        }
        self.show.note(text);
        self.draw();
    }

    fn press(&mut self, key: Key) -> Key {
        match key {
            Key::Down => {
                let note = self.table.stop_chosen();
                self.show.note(&note);
            }
            Key::Up => {
                let note = self.table.start_chosen();
                self.show.note(&note);
            }
            Key::Choose(number) => self.table.choose(number),
            Key::Log => self.show.with_log = !self.show.with_log,
            Key::Requests => {
                let visitor = self.visitor.clone();
                tokio::spawn(async move { visitor.burst(BURST).await });
            }
            Key::Other => {}
            Key::Quit => return key,
        }
        self.draw();
        key
    }
}

/// When the time is over; never, if none was given.
async fn end(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn switches_are_read() {
        let lasts = |secs| Some(Duration::from_secs(secs));
        for (line, want) in [
            ("", Ok(Wish::default())),
            ("--for 10s", Ok(Wish { lasts: lasts(10), ..Wish::default() })),
            ("--for=10", Ok(Wish { lasts: lasts(10), ..Wish::default() })),
            ("--port 9000 --load 5", Ok(Wish { port: Some(9000), load: 5, ..Wish::default() })),
            ("--print-config", Ok(Wish { print: true, ..Wish::default() })),
            ("--for", Err("--for needs a value")),
            ("--for soon", Err("--for soon: units are us, ms, s, m, h and d")),
            ("--port 0", Err("--port 0: no port number")),
            ("--load 100000", Err("--load 100000: at most 1000 a second")),
            ("--loud", Err("unknown switch --loud")),
        ] {
            assert_eq!(wish(&words(line)), want.map_err(str::to_owned), "{line}");
        }
    }

    #[test]
    fn its_own_file_is_good() {
        let input =
            Input::Text { name: "demo.cfg".to_owned(), text: Places::wished(None).config().into_bytes() };
        let loaded = run::prepare(vec![input], &Command::default()).loaded;
        assert!(loaded.plan.is_some() && loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    }
}

//! A terminal that a program runs in: what its user sees, and the keys that its user presses.

use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::wait;

/// As large as what today's users have.
const ROWS: NonZero<u16> = NonZero::new(50).expect("not zero");
/// See [`ROWS`].
const COLUMNS: NonZero<u16> = NonZero::new(160).expect("not zero");

/// A program in a terminal. Dropping it kills the program.
pub struct Terminal {
    child: Child,
    keys: std::fs::File,
    screen: Arc<Mutex<vt100::Parser>>,
}

impl Terminal {
    /// Starts a program in a terminal of its own.
    ///
    /// # Panics
    /// If there are no pseudo-terminals here, or no such program.
    pub fn start(mut command: Command) -> Terminal {
        let (ours, its) = pair();
        tcsetwinsize(
            &ours,
            Winsize { ws_row: ROWS.get(), ws_col: COLUMNS.get(), ws_xpixel: 0, ws_ypixel: 0 },
        )
        .expect("it is a terminal");
        let copy = || Stdio::from(its.try_clone().expect("descriptors are left"));
        command.stdin(copy()).stdout(copy()).stderr(copy()).env("TERM", "xterm");
        let child = command.spawn().expect("the program starts");
        let screen = Arc::new(Mutex::new(vt100::Parser::new(ROWS, COLUMNS, 0)));
        let seen = screen.clone();
        let mut output = std::fs::File::from(ours.try_clone().expect("descriptors are left"));
        // Ends when the program does: then nobody has the other side open.
        std::thread::spawn(move || {
            let mut buffer = [0u8; 4096];
            while let Ok(n @ 1..) = output.read(&mut buffer) {
                seen.lock().unwrap_or_else(PoisonError::into_inner).process(&buffer[..n]);
            }
        });
        Terminal { child, keys: std::fs::File::from(ours), screen }
    }

    /// Presses keys, as the bytes that a terminal sends for them.
    ///
    /// # Panics
    /// If the terminal is gone.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the terminal is open");
    }

    /// What stands on the screen.
    pub fn screen(&self) -> String {
        self.lock().screen().contents()
    }

    /// The line on the screen that holds all of `words`.
    pub fn line(&self, words: &[&str]) -> Option<String> {
        let screen = self.screen();
        screen.lines().find(|line| words.iter().all(|w| line.contains(w))).map(str::to_owned)
    }

    /// The lines that are not drawn as the terminal draws plain text: titles, and where a cursor stands.
    pub fn marked(&self) -> Vec<String> {
        let parser = self.lock();
        let screen = parser.screen();
        let is_marked = |row: u16| {
            let cells = (0..COLUMNS.get()).filter_map(|column| screen.cell(row, column));
            let marked = cells.filter(|c| c.inverse() || c.bgcolor() != vt100::Color::Default).count();
            marked > usize::from(COLUMNS.get()) / 2
        };
        let rows = screen.rows(0, COLUMNS.get());
        (0..).zip(rows).filter(|(row, _)| is_marked(*row)).map(|(_, text)| text).collect()
    }

    /// Waits until a line on the screen holds all of `words`.
    ///
    /// # Panics
    /// If it never does; shows the screen.
    #[track_caller]
    pub fn wait_for(&self, words: &[&str]) {
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait("the screen", || self.line(words).is_some());
        }));
        assert!(found.is_ok(), "{words:?} never stood on the screen:\n{}", self.screen());
    }

    /// Waits until the program has ended; true if it went well.
    ///
    /// # Panics
    /// If it does not end.
    #[track_caller]
    pub fn ended_well(mut self) -> bool {
        let mut status = None;
        wait("the program to end", || {
            status = self.child.try_wait().expect("our child");
            status.is_some()
        });
        status.is_some_and(|s| s.success())
    }

    fn lock(&self) -> MutexGuard<'_, vt100::Parser> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Both fail if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("screen", &self.screen()).finish_non_exhaustive()
    }
}

/// Our side of a new terminal, and the program's.
fn pair() -> (OwnedFd, OwnedFd) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
        .expect("there are pseudo-terminals");
    grantpt(&ours).expect("it is ours");
    unlockpt(&ours).expect("it is ours");
    let name = ptsname(&ours, Vec::new()).expect("it has a name");
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    (ours, open(name.as_c_str(), flags, Mode::empty()).expect("it is unlocked"))
}

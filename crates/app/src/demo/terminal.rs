//! Keys without Enter and a table that stays in its place. Whatever ends the demo, the terminal is as it was before.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

use super::table::{self, Style};
use crate::say;

/// A control character that is switched off.
const DISABLED: u8 = 0;
/// Keys that wait for their turn; the keyboard waits for more.
const KEYS_MAX: usize = 64;

const CURSOR_OFF: &str = "\x1b[?25l";
const CURSOR_ON: &str = "\x1b[?25h";
const CLEAR_BELOW: &str = "\x1b[J";

/// What the terminal was like; for whoever has to put it right again, a panic included.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Choose(usize),
    Down,
    Up,
    Requests,
    Log,
    Quit,
    Other,
}

impl Key {
    fn of(byte: u8) -> Key {
        match byte {
            b'1'..=b'9' => Key::Choose(usize::from(byte - b'0')),
            b'd' | b'D' => Key::Down,
            b'u' | b'U' => Key::Up,
            b'r' | b'R' => Key::Requests,
            b'l' | b'L' => Key::Log,
            // Ctrl-D as well: who types it wants to leave.
            b'q' | b'Q' | 4 => Key::Quit,
            _ => Key::Other,
        }
    }
}

/// The terminal while it is ours.
pub(super) struct Terminal {
    keys: mpsc::Receiver<Key>,
    /// Lines of the last drawing.
    drawn: usize,
    color: bool,
}

impl Terminal {
    /// Takes it; `None` if it does not let itself be taken.
    pub(super) fn enter() -> Option<Terminal> {
        let stdin = io::stdin();
        let before = tcgetattr(stdin.as_fd()).ok()?;
        let mut ours = before.clone();
        // Ctrl-C stays a signal. Ctrl-Z would leave the shell with our settings.
        ours.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        ours.special_codes[SpecialCodeIndex::VSUSP] = DISABLED;
        ours.special_codes[SpecialCodeIndex::VMIN] = 1;
        ours.special_codes[SpecialCodeIndex::VTIME] = 0;
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        restore_on_panic();
        if tcsetattr(stdin.as_fd(), OptionalActions::Now, &ours).is_err() {
            restore();
            return None;
        }
        let (tell, keys) = mpsc::channel(KEYS_MAX);
        // It waits in `read` when the process ends, and ends with it.
        if std::thread::Builder::new().name("keys".to_owned()).spawn(move || listen(&tell)).is_err() {
            restore();
            return None;
        }
        say::print(CURSOR_OFF);
        Some(Terminal { keys, drawn: 0, color: say::colors() })
    }

    pub(super) fn style(&self) -> Style {
        Style { color: self.color, width: table::width() }
    }

    /// Draws over what was drawn before.
    pub(super) fn draw(&mut self, text: &str) {
        let up = if self.drawn > 0 { format!("\x1b[{}A\r", self.drawn) } else { String::new() };
        say::print(&format!("{up}{CLEAR_BELOW}{text}"));
        self.drawn = text.lines().count();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Puts the terminal right, once.
fn restore() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = before {
        say::print(CURSOR_ON);
        // It may be gone, and then nothing is wrong with it.
        let _ = tcsetattr(io::stdin().as_fd(), OptionalActions::Now, &before);
    }
}

fn restore_on_panic() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        restore();
        told(info);
    }));
}

/// Reads the keyboard until it or the demo has gone.
fn listen(tell: &mpsc::Sender<Key>) {
    let mut byte = [0];
    loop {
        let key = match io::stdin().lock().read(&mut byte) {
            Ok(1..) => byte.first().map_or(Key::Other, |byte| Key::of(*byte)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // The terminal has gone.
            Ok(0) | Err(_) => Key::Quit,
        };
        if tell.blocking_send(key).is_err() || key == Key::Quit {
            return;
        }
    }
}

/// The next key; waits for ever without a terminal.
pub(super) async fn next_key(terminal: Option<&mut Terminal>) -> Key {
    match terminal {
        Some(terminal) => terminal.keys.recv().await.unwrap_or(Key::Quit),
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_meanings() {
        for (byte, want) in [
            (b'3', Key::Choose(3)),
            (b'd', Key::Down),
            (b'U', Key::Up),
            (b'q', Key::Quit),
            (b'x', Key::Other),
        ] {
            assert_eq!(Key::of(byte), want);
        }
    }
}

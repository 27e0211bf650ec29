//! `evenkeel status` and `evenkeel why`: ask the running keeper, print what it says.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::server::{self, Request};
use crate::say::{self, Exit, Voice};

/// What `evenkeel help status` adds.
pub(crate) const STATUS_MORE: &str = "\
  --json         for machines
  --metrics      in Prometheus' text format
  --socket PATH  the keeper's socket; else /run/evenkeel/keeper.sock, or the only one in that folder. A keeper with -r FILE
                 has it beside its pid file.
";

/// What `evenkeel help why` adds.
pub(crate) const WHY_MORE: &str = "\
Without a name: all instances. The last change of state, what led to it, and what came after.

  --all          everything that the keeper remembers
  --json         for machines
  --socket PATH  the keeper's socket, as with `evenkeel status`
";

/// How long the keeper may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest answer that is taken.
const ANSWER_MAX: u64 = 256 * 1024 * 1024;

/// Runs `evenkeel status`.
pub(crate) fn status(args: &[OsString]) -> Exit {
    let wish = match Wish::read(args, &["--json", "--metrics"]) {
        Ok(wish) if wish.names.is_empty() => wish,
        Ok(wish) => return complain("status", &format!("unknown word {}", wish.names[0]), STATUS_MORE),
        Err(why) => return complain("status", &why, STATUS_MORE),
    };
    let request =
        if wish.has("--metrics") { Request::Metrics } else { Request::Status { json: wish.has("--json") } };
    ask("status", wish.socket, &request)
}

/// Runs `evenkeel why`.
pub(crate) fn why(args: &[OsString]) -> Exit {
    let wish = match Wish::read(args, &["--json", "--all"]) {
        Ok(wish) if wish.names.len() < 2 => wish,
        Ok(_) => return complain("why", "one instance at a time", WHY_MORE),
        Err(why) => return complain("why", &why, WHY_MORE),
    };
    let (all, json) = (wish.has("--all"), wish.has("--json"));
    let name = wish.names.into_iter().next();
    ask("why", wish.socket, &Request::Why { name, all, json })
}

fn complain(command: &str, why: &str, more: &str) -> Exit {
    Voice::new(false).write(&format!("evenkeel {command}: {why}\n\n{more}"));
    Exit::Failed
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    switches: Vec<String>,
    names: Vec<String>,
    socket: Option<PathBuf>,
}

impl Wish {
    fn read(args: &[OsString], known: &[&str]) -> Result<Wish, String> {
        let mut wish = Wish::default();
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let word = arg.to_string_lossy().into_owned();
            if word == "--socket" {
                wish.socket = Some(rest.next().ok_or("--socket needs a path after it")?.into());
            } else if known.contains(&word.as_str()) {
                wish.switches.push(word);
            } else if word.starts_with('-') {
                return Err(format!("unknown switch {word}"));
            } else {
                wish.names.push(word);
            }
        }
        Ok(wish)
    }

    fn has(&self, switch: &str) -> bool {
        self.switches.iter().any(|s| s == switch)
    }
}

fn ask(command: &str, socket: Option<PathBuf>, request: &Request) -> Exit {
    let voice = Voice::new(false);
    let path = match socket.map_or_else(find, Ok) {
        Ok(path) => path,
        Err(why) => {
            voice.write(&format!("evenkeel {command}: {why}\n"));
            return Exit::Failed;
        }
    };
    match talk(&path, request) {
        Ok((true, text)) => {
            say::print(&text);
            Exit::Ok
        }
        Ok((false, text)) => {
            voice.write(&format!("evenkeel {command}: {text}"));
            Exit::Failed
        }
        Err(error) => {
            let help = match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                    "no keeper runs there. Start one with `evenkeel keepalived -f keepalived.conf`"
                }
                io::ErrorKind::PermissionDenied => "only root may ask",
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "the keeper does not answer",
                _ => "the keeper cannot be asked",
            };
            let why = say::system_words(&error);
            voice.write(&format!("evenkeel {command}: {}: {help} ({why})\n", path.display()));
            Exit::Failed
        }
    }
}

/// The usual socket, or the only one in its folder.
fn find() -> Result<PathBuf, String> {
    let usual = server::path(None, None, None);
    if usual.exists() {
        return Ok(usual);
    }
    let folder = usual.parent().unwrap_or(Path::new("/"));
    let is_socket = |path: &PathBuf| path.extension().is_some_and(|ext| ext == "sock");
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_socket).collect();
    found.sort();
    match found.as_slice() {
        [] => Ok(usual),
        [one] => Ok(one.clone()),
        several => {
            let names = several.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
            Err(format!("several keepers run here, say which: --socket with one of {names}"))
        }
    }
}

fn talk(path: &Path, request: &Request) -> io::Result<(bool, String)> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(request.line().as_bytes())?;
    let mut text = String::new();
    stream.take(ANSWER_MAX).read_to_string(&mut text)?;
    match text.split_once('\n') {
        Some(("0", text)) => Ok((true, text.to_string())),
        Some((_, text)) => Ok((false, text.to_string())),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes() {
        let read = |line: &str| {
            Wish::read(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>(), &["--json", "--all"])
        };
        let wish = read("VI_1 --all --socket /x").expect("good");
        assert!(wish.has("--all") && !wish.has("--json"));
        assert_eq!((wish.names, wish.socket), (vec!["VI_1".to_string()], Some("/x".into())));
        assert_eq!(read("--metrics"), Err("unknown switch --metrics".to_string()));
        assert_eq!(read("--socket"), Err("--socket needs a path after it".to_string()));
    }
}

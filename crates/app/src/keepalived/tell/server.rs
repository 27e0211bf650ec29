//! The socket that the running keeper answers on: one line in, one text out, for root only. One client at a time, each
//! with little time and few bytes: who is slow or many waits in the system's queue, not in the keeper.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Shot, metrics, status, why};

/// Where sockets are that no pid file was named for.
const FOLDER: &str = "/run/evenkeel";

/// Longest request.
const REQUEST_MAX: u64 = 512;

/// How long a client may take to ask, and to read.
const PATIENCE: Duration = Duration::from_secs(2);

/// Rest between two tries after the system has refused to accept.
const REST: Duration = Duration::from_millis(100);

/// The socket's path: beside the VRRP process's pid file where one was named, else in our own folder.
pub(crate) fn path(pid_file: Option<&Path>, namespace: Option<&str>, instance: Option<&str>) -> PathBuf {
    if let Some(file) = pid_file {
        return file.with_extension("sock");
    }
    let tail: String = [namespace, instance].into_iter().flatten().map(|part| format!("_{part}")).collect();
    Path::new(FOLDER).join(format!("keeper{tail}.sock"))
}

/// Listens there; what an earlier keeper left is replaced.
pub(crate) fn listen(path: &Path) -> io::Result<UnixListener> {
    if path.starts_with(FOLDER) && !Path::new(FOLDER).exists() {
        std::fs::DirBuilder::new().recursive(true).mode(0o755).create(FOLDER)?;
        // Whatever the umask: everybody may see that it is there.
        std::fs::set_permissions(FOLDER, std::fs::Permissions::from_mode(0o755))?;
    }
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // Made with the daemon's umask, which gives nobody else anything unless the user says so; made sure of below.
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// `status [json]`.
    Status {
        /// For machines.
        json: bool,
    },
    /// `metrics`.
    Metrics,
    /// `why [all] [json] [NAME]`: the name is the rest of the line.
    Why {
        /// One instance.
        name: Option<String>,
        /// The whole recorder.
        all: bool,
        /// For machines.
        json: bool,
    },
}

impl Request {
    /// As it goes over the socket.
    pub(crate) fn line(&self) -> String {
        match self {
            Request::Status { json: false } => "status\n".to_string(),
            Request::Status { json: true } => "status json\n".to_string(),
            Request::Metrics => "metrics\n".to_string(),
            Request::Why { name, all, json } => {
                let (all, json) = (if *all { " all" } else { "" }, if *json { " json" } else { "" });
                let name = name.as_ref().map(|name| format!(" name {name}")).unwrap_or_default();
                format!("why{all}{json}{name}\n")
            }
        }
    }

    fn parse(line: &str) -> Option<Request> {
        let line = line.trim_end_matches(['\n', '\r']);
        match line {
            "status" => return Some(Request::Status { json: false }),
            "status json" => return Some(Request::Status { json: true }),
            "metrics" => return Some(Request::Metrics),
            _ => {}
        }
        let mut rest = line.strip_prefix("why")?;
        let (mut name, mut all, mut json) = (None, false, false);
        while !rest.is_empty() {
            if let Some(found) = rest.strip_prefix(" name ") {
                name = Some(found.to_string());
                break;
            } else if let Some(after) = rest.strip_prefix(" all") {
                (all, rest) = (true, after);
            } else {
                (json, rest) = (true, rest.strip_prefix(" json")?);
            }
        }
        Some(Request::Why { name, all, json })
    }
}

/// Answers until the process ends. `look` makes a picture of the keeper, or says why it cannot.
pub(crate) fn serve(listener: &UnixListener, look: &mut dyn FnMut() -> Result<Shot, String>) {
    loop {
        match listener.accept() {
            // A client that hangs up early wants no answer.
            Ok((stream, _)) => drop(answer(stream, look)),
            Err(_) => std::thread::sleep(REST),
        }
    }
}

fn answer(mut stream: UnixStream, look: &mut dyn FnMut() -> Result<Shot, String>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let line = read_line(&mut stream)?;
    let reply =
        match Request::parse(&line) {
            None => Err("the keeper does not know this request: is another version of evenkeel running?\n"
                .to_string()),
            Some(request) => look().and_then(|shot| reply(&request, &shot)),
        };
    let (code, text) = match reply {
        Ok(text) => ('0', text),
        Err(text) => ('1', text),
    };
    stream.write_all(format!("{code}\n{text}").as_bytes())
}

/// One line of at most [`REQUEST_MAX`] bytes.
fn read_line(stream: &mut UnixStream) -> io::Result<String> {
    let mut bytes = Vec::new();
    BufReader::new(stream.take(REQUEST_MAX)).read_until(b'\n', &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn reply(request: &Request, shot: &Shot) -> Result<String, String> {
    match request {
        Request::Status { json: false } => Ok(status::text(shot)),
        Request::Status { json: true } => Ok(status::json(shot)),
        Request::Metrics => Ok(metrics::text(shot)),
        Request::Why { name, json: true, .. } => why::json(shot, name.as_deref()),
        Request::Why { name, all, json: false } => why::text(shot, name.as_deref(), *all),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn requests_survive_the_wire() {
        let name = |n: &str| Some(n.to_string());
        for request in [
            Request::Status { json: false },
            Request::Status { json: true },
            Request::Metrics,
            Request::Why { name: None, all: false, json: false },
            Request::Why { name: name("all json"), all: true, json: true },
            Request::Why { name: name("VI_1"), all: false, json: true },
        ] {
            assert_eq!(Request::parse(&request.line()), Some(request));
        }
        for line in ["", "stat", "whynot", "why json VI", "status json json"] {
            assert_eq!(Request::parse(line), None, "{line}");
        }
    }

    #[test]
    fn clients_are_bounded() {
        let folder = std::env::temp_dir().join(format!("ek-ksock-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("writable");
        let path = path(Some(&folder.join("vrrp.pid")), None, None);
        assert_eq!(path, folder.join("vrrp.sock"));
        std::fs::write(&path, "left over").expect("writable");
        let listener = listen(&path).expect("listens");
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        // The thread ends with the test's process.
        std::thread::spawn(move || serve(&listener, &mut || Ok(sample::shot())));
        let ask = |bytes: &[u8]| {
            let mut stream = UnixStream::connect(&path).expect("it listens");
            // A server that has heard enough may close before all is written.
            let _ = stream.write_all(bytes);
            let mut text = String::new();
            let _ = stream.read_to_string(&mut text);
            text
        };
        assert!(ask(b"status\n").starts_with("0\nnode lb1 "));
        assert!(ask(b"why name nobody\n").starts_with("1\nno instance is called nobody."));
        assert!(ask(b"\xff\xfe\n").starts_with("1\nthe keeper does not know"));
        assert!(ask(&[b'x'; 10_000]).len() < 200);
        assert!(ask(b"metrics\n").starts_with("0\n# HELP evenkeel_vrrp_state "));
        std::fs::remove_dir_all(&folder).expect("ours");
    }
}

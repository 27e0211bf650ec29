//! `enable_dbus`: org.keepalived.Vrrp1 on the system bus. One thread reads calls and answers them; one tells changes of
//! state. A bus that goes away is looked for again; the keeper never waits for it.
//!
//! Whoever may look may look; what changes or costs something is done for root only, whatever the bus's policy says.

mod codec;
mod objects;

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evenkeel_keeper::{Handle, Told};
use evenkeel_vrrp::conf::Family;
use evenkeel_vrrp::{Became, Subject};

use super::dump::State;
use super::log::{Grade, Log};
use super::sight;
use crate::say;

use codec::{HEAD, Kind, Message, Writer};
use objects::{Answer, Deed, INSTANCE_FACE, Shown, VRRP, VRRP_FACE};

/// The name on the bus where the file has none.
const NAME: &str = "org.keepalived.Vrrp1";
/// Where the system's bus listens.
const SYSTEM_BUS: &str = "unix:path=/run/dbus/system_bus_socket";
const BUS: &str = "org.freedesktop.DBus";
const BUS_PATH: &str = "/org/freedesktop/DBus";
const DENIED: &str = "org.freedesktop.DBus.Error.AccessDenied";
const FAILED: &str = "org.freedesktop.DBus.Error.Failed";

/// Rest between two tries to reach the bus.
const REST: Duration = Duration::from_secs(5);
/// How long the bus may take while it is greeted, and to take a message at any time.
const PATIENCE: Duration = Duration::from_secs(5);
/// Calls whose senders the bus is being asked about.
const PENDING_MAX: usize = 64;
/// Longest line of the greeting.
const LINE_MAX: u64 = 4_096;
/// `RequestName`: do not wait in its queue.
const DO_NOT_QUEUE: u32 = 4;
/// `RequestName`'s good answers: it is ours now, or was already.
const OWNED: [u32; 2] = [1, 4];

/// What the bus's callers may want done.
pub(super) trait Deeds: Send + Sync {
    /// Writes `keepalived.data`.
    fn data(&self);
    /// Writes `keepalived.stats`.
    fn stats(&self, clear: bool);
    /// Asks the parent to reload.
    fn reload(&self);
}

/// Our place on the bus.
#[derive(Debug)]
pub(super) struct Bus {
    name: String,
    handle: Handle,
    log: Arc<Log>,
    /// The way to the bus, while there is one.
    out: Mutex<Option<Out>>,
}

#[derive(Debug)]
struct Out {
    stream: UnixStream,
    serial: u32,
}

impl Bus {
    /// Starts the threads.
    pub(super) fn start(
        name: Option<&str>,
        handle: &Handle,
        log: &Arc<Log>,
        deeds: Arc<dyn Deeds>,
    ) -> io::Result<Arc<Bus>> {
        let bus = Arc::new(Bus {
            name: name.unwrap_or(NAME).to_string(),
            handle: handle.clone(),
            log: Arc::clone(log),
            out: Mutex::new(None),
        });
        let reader = Arc::clone(&bus);
        std::thread::Builder::new().name("dbus".to_string()).spawn(move || reader.live(&*deeds))?;
        let teller = Arc::clone(&bus);
        std::thread::Builder::new().name("dbus-news".to_string()).spawn(move || teller.tell())?;
        Ok(bus)
    }

    /// Emits a signal of the whole process: `VrrpStarted`, `VrrpReloaded`, `VrrpStopped`.
    pub(super) fn announce(&self, member: &str) {
        let signal = Message {
            path: Some(VRRP.to_string()),
            interface: Some(VRRP_FACE.to_string()),
            member: Some(member.to_string()),
            ..Message::new(Kind::Signal)
        };
        // Nobody on the bus: nobody to tell.
        let _ = self.send(signal);
    }

    /// The reader's life.
    fn live(&self, deeds: &dyn Deeds) {
        let mut told = false;
        loop {
            let why = match self.join() {
                Ok(stream) => {
                    told = false;
                    self.log.info(&format!("Acquired DBus bus {}", self.name));
                    self.announce("VrrpStarted");
                    let why = self.serve(stream, deeds);
                    if let Ok(mut out) = self.out.lock() {
                        *out = None;
                    }
                    why
                }
                Err(why) => why,
            };
            if !std::mem::replace(&mut told, true) {
                let why = say::system_words(&why);
                self.log.say(Grade::Warning, &format!("DBus: {why}; looking for the bus again"));
            }
            std::thread::sleep(REST);
        }
    }

    /// Reaches the bus and gets the name.
    fn join(&self) -> io::Result<UnixStream> {
        let stream = connect()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        greet(&stream)?;
        if let Ok(mut out) = self.out.lock() {
            *out = Some(Out { stream: stream.try_clone()?, serial: 0 });
        }
        let hello = self.send(to_bus("Hello"))?;
        wait_for(&stream, hello)?;
        let mut body = Writer::default();
        body.string(&self.name);
        body.u32(DO_NOT_QUEUE);
        let asked = self.send(to_bus("RequestName").with("su", body))?;
        let answer = wait_for(&stream, asked)?;
        if !answer.number().is_some_and(|n| OWNED.contains(&n)) {
            let why = format!("the name {} belongs to another process on the bus", self.name);
            return Err(io::Error::other(why));
        }
        stream.set_read_timeout(None)?;
        Ok(stream)
    }

    /// Answers calls until the bus goes away.
    fn serve(&self, stream: UnixStream, deeds: &dyn Deeds) -> io::Error {
        let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default().trim().to_string();
        // What waits for the bus's word about who asks, by the question's number.
        let mut pending: BTreeMap<u32, (Message, Deed)> = BTreeMap::new();
        loop {
            let message = match receive(&stream) {
                Ok(message) => message,
                Err(error) => return error,
            };
            let done = match message.kind {
                Kind::Call => self.call(message, &machine, &mut pending),
                Kind::Return | Kind::Error => match message.reply_serial.and_then(|n| pending.remove(&n)) {
                    Some((call, deed)) => self.decide(&call, deed, message.number(), deeds),
                    None => Ok(()),
                },
                Kind::Signal => Ok(()),
            };
            if let Err(error) = done {
                return error;
            }
        }
    }

    fn call(
        &self,
        call: Message,
        machine: &str,
        pending: &mut BTreeMap<u32, (Message, Deed)>,
    ) -> io::Result<()> {
        let deed = match objects::answer(&call, &self.shown(), machine) {
            Answer::Now(_) if call.no_reply => return Ok(()),
            Answer::Now(answer) => return self.send(answer).map(drop),
            Answer::After(deed) => deed,
        };
        if pending.len() >= PENDING_MAX {
            return self.send(Message::error_to(&call, FAILED, "too many calls at once")).map(drop);
        }
        let mut body = Writer::default();
        body.string(call.sender.as_deref().unwrap_or_default());
        let question = self.send(to_bus("GetConnectionUnixUser").with("s", body))?;
        pending.insert(question, (call, deed));
        Ok(())
    }

    /// The bus has said who asks.
    fn decide(&self, call: &Message, deed: Deed, uid: Option<u32>, deeds: &dyn Deeds) -> io::Result<()> {
        let answer = if uid == Some(0) {
            self.obey(&deed, deeds)
                .map_or_else(|why| Message::error_to(call, FAILED, &why), |()| Message::reply_to(call))
        } else {
            Message::error_to(call, DENIED, "only root may do this")
        };
        if call.no_reply { Ok(()) } else { self.send(answer).map(drop) }
    }

    fn obey(&self, deed: &Deed, deeds: &dyn Deeds) -> Result<(), String> {
        match deed {
            Deed::PrintData => {
                self.log.info("Printing VRRP data on DBus request");
                deeds.data();
            }
            Deed::PrintStats => {
                self.log.info("Printing VRRP stats on DBus request");
                deeds.stats(false);
            }
            Deed::PrintStatsClear => {
                self.log.info("Printing and clearing VRRP stats on DBus request");
                deeds.stats(true);
            }
            Deed::Reload => deeds.reload(),
            Deed::SendGarp(name) => {
                self.log.info(&format!("Sending garps on {name} on DBus request"));
                match self.handle.announce(name) {
                    Ok(true) => {}
                    Ok(false) => return Err(format!("there is no instance {name} any more")),
                    Err(error) => return Err(error.to_string()),
                }
            }
        }
        Ok(())
    }

    /// Tells changes of state for as long as the keeper lives.
    fn tell(&self) {
        let Ok(news) = self.handle.subscribe() else { return };
        while let Ok(told) = news.recv() {
            if let Some(signal) = self.status_change(&told) {
                // Without a bus the news is lost, as it is for who comes later.
                let _ = self.send(signal);
            }
        }
    }

    fn status_change(&self, told: &Told) -> Option<Message> {
        let state = match (told.subject, told.became) {
            (Subject::Group(_), _) => return None,
            (Subject::Instance(_), Became::Master) => State::Master,
            (Subject::Instance(_), Became::Backup) => State::Backup,
            (Subject::Instance(_), Became::Fault) => State::Fault,
            (
                Subject::Instance(_),
                Became::Stop | Became::Deleted | Became::MasterRxLower | Became::Priority,
            ) => {
                return None;
            }
        };
        let instance = self.shown().into_iter().find(|i| i.name == told.name)?;
        let mut body = Writer::default();
        body.u32(u32::from(state.number()));
        let signal = Message {
            path: Some(instance.path()),
            interface: Some(INSTANCE_FACE.to_string()),
            member: Some("VrrpStatusChange".to_string()),
            ..Message::new(Kind::Signal)
        };
        Some(signal.with("u", body))
    }

    /// All instances; none where the keeper does not answer.
    fn shown(&self) -> Vec<Shown> {
        self.handle
            .look(|look| {
                let interface =
                    |n: u32| look.plan.node.interfaces.get(n as usize).cloned().unwrap_or_default();
                let all = look.node.view().instances();
                all.map(|view| Shown {
                    name: view.name().to_string(),
                    interface: interface(view.conf().interface.0),
                    vrid: view.conf().vrid.get(),
                    v6: view.conf().family == Family::V6,
                    state: sight::state(view.state()),
                })
                .collect()
            })
            .unwrap_or_default()
    }

    /// Sends a message under the next number, and tells which.
    fn send(&self, mut message: Message) -> io::Result<u32> {
        let gone = || io::Error::from(io::ErrorKind::NotConnected);
        let mut out = self.out.lock().map_err(|_| gone())?;
        let out = out.as_mut().ok_or_else(gone)?;
        out.serial = out.serial.checked_add(1).unwrap_or(1);
        message.serial = out.serial;
        out.stream.write_all(&message.encode())?;
        Ok(message.serial)
    }
}

fn to_bus(member: &str) -> Message {
    Message {
        path: Some(BUS_PATH.to_string()),
        interface: Some(BUS.to_string()),
        member: Some(member.to_string()),
        destination: Some(BUS.to_string()),
        ..Message::new(Kind::Call)
    }
}

/// Connects to the first address that works.
fn connect() -> io::Result<UnixStream> {
    let addresses = std::env::var("DBUS_SYSTEM_BUS_ADDRESS").unwrap_or_else(|_| SYSTEM_BUS.to_string());
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses.split(';') {
        let keys = address.strip_prefix("unix:").unwrap_or_default();
        for (key, value) in keys.split(',').filter_map(|pair| pair.split_once('=')) {
            let found = match key {
                "path" => UnixStream::connect(value),
                "abstract" => {
                    SocketAddr::from_abstract_name(value).and_then(|name| UnixStream::connect_addr(&name))
                }
                _ => continue,
            };
            match found {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
    }
    Err(last)
}

/// The greeting: EXTERNAL, by the user's number in hexadecimal digits of its decimal ones.
fn greet(mut stream: &UnixStream) -> io::Result<()> {
    let uid = rustix::process::geteuid().as_raw().to_string();
    let hex: String = uid.bytes().map(|byte| format!("{byte:02x}")).collect();
    stream.write_all(format!("\0AUTH EXTERNAL {hex}\r\n").as_bytes())?;
    let mut line = String::new();
    // The bus says nothing more until it hears BEGIN, so that the buffer takes nothing of what follows.
    BufReader::new(stream.take(LINE_MAX)).read_line(&mut line)?;
    if !line.starts_with("OK ") {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("the bus says: {}", line.trim()),
        ));
    }
    stream.write_all(b"BEGIN\r\n")
}

/// The answer to a question; what else comes meanwhile is let go.
fn wait_for(stream: &UnixStream, question: u32) -> io::Result<Message> {
    loop {
        let message = receive(stream)?;
        if message.reply_serial != Some(question) {
            continue;
        }
        if message.kind == Kind::Error {
            let why = message.strings().and_then(|words| words.into_iter().next()).unwrap_or_default();
            return Err(io::Error::other(format!("{} {why}", message.error.unwrap_or_default())));
        }
        return Ok(message);
    }
}

/// The next message.
fn receive(mut stream: &UnixStream) -> io::Result<Message> {
    let bad = || io::Error::from(io::ErrorKind::InvalidData);
    let mut head = [0; HEAD];
    stream.read_exact(&mut head)?;
    let mut bytes = vec![0; Message::length(&head).ok_or_else(bad)?];
    let (first, rest) = bytes.split_at_mut(HEAD);
    first.copy_from_slice(&head);
    stream.read_exact(rest)?;
    Message::decode(&bytes).ok_or_else(bad)
}

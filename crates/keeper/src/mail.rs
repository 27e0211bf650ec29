//! Mail by SMTP (RFC 5321), on a thread of its own: a server that is slow or away delays nobody. The words are the original's.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use evenkeel_plan::keeper::KeeperPlan;
use evenkeel_sys::{clock, machine};
use evenkeel_vrrp::{Became, Notice, Subject};

use crate::control::{LogLevel, Logger};

/// Mails that wait; more are lost, and we say so.
const WAITING_MAX: usize = 256;
/// `smtp_connect_timeout` where the file says nothing.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// A server that says nothing for so long is given up.
const TALK_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest answer of a server.
const ANSWER_MAX: usize = 4096;

/// What is to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mail {
    subject: String,
    body: String,
}

impl Mail {
    /// A mail about a transition; `None`: the original sends none.
    pub(crate) fn of_transition(plan: &KeeperPlan, notice: &Notice, name: &str, word: &str) -> Option<Mail> {
        let fault = notice.became == Became::Fault;
        // The original is gone before such a mail is out.
        if notice.became == Became::Stop || (fault && plan.global.mail.no_faults) {
            return None;
        }
        let (kind, body) = match notice.subject {
            Subject::Group(_) => ("Group", format!("=> All VRRP group instances are now in {word} state <=")),
            Subject::Instance(_) => {
                let now = if notice.became == Became::Master { "now" } else { "no longer" };
                ("Instance", format!("=> VRRP Instance is {now} owning VRRP VIPs <="))
            }
        };
        let router = plan.global.router_id.clone().unwrap_or_else(machine::hostname);
        let subject = format!("[{router}] VRRP {kind} {name} - Entering {word} state");
        Some(Mail { subject, body })
    }
}

/// Where mail goes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Settings {
    host: String,
    port: u16,
    helo: String,
    from: String,
    to: Vec<String>,
    timeout: Duration,
}

/// The thread's queue.
#[derive(Debug)]
pub(crate) struct Mailer {
    settings: Option<Settings>,
    queue: Option<SyncSender<(Settings, Mail)>>,
    thread: Option<JoinHandle<()>>,
    lost: u64,
}

impl Mailer {
    pub(crate) fn start(log: Logger) -> io::Result<Mailer> {
        let (queue, inbox) = sync_channel(WAITING_MAX);
        let thread =
            std::thread::Builder::new().name("keeper-mail".into()).spawn(move || run(&inbox, &log))?;
        Ok(Mailer { settings: None, queue: Some(queue), thread: Some(thread), lost: 0 })
    }

    /// Puts a plan's settings in force.
    pub(crate) fn configure(&mut self, plan: &KeeperPlan) {
        let mail = &plan.global.mail;
        let host = machine::hostname();
        self.settings = mail.server.as_ref().filter(|_| !mail.to.is_empty()).map(|server| Settings {
            host: server.host.clone(),
            port: server.port,
            helo: mail.helo.clone().unwrap_or_else(|| host.clone()),
            from: mail.from.clone().unwrap_or_else(|| format!("keepalived@{host}")),
            to: mail.to.clone(),
            timeout: mail.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
        });
    }

    /// Queues a mail, if there is a server.
    pub(crate) fn send(&mut self, mail: Option<Mail>) {
        if let (Some(mail), Some(settings), Some(queue)) = (mail, &self.settings, &self.queue)
            && queue.try_send((settings.clone(), mail)).is_err()
        {
            self.lost += 1;
        }
    }

    /// Lets what waits go out, but does not wait longer than so.
    pub(crate) fn finish(&mut self, patience: Duration) {
        self.queue = None;
        let Some(thread) = self.thread.take() else { return };
        let deadline = clock::now() + patience;
        while !thread.is_finished() && clock::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        if thread.is_finished() {
            // A panic there has been reported; nothing of ours depends on it.
            let _ = thread.join();
        }
    }
}

fn run(inbox: &Receiver<(Settings, Mail)>, log: &Logger) {
    while let Ok((settings, mail)) = inbox.recv() {
        match deliver(&settings, &mail) {
            Ok(()) => log(LogLevel::Info, "SMTP alert successfully sent."),
            Err(e) => {
                let Settings { host, port, .. } = &settings;
                log(
                    LogLevel::Warning,
                    &format!("Remote SMTP server [{host}]:{port}: {e}; mail lost: {}", mail.subject),
                );
            }
        }
    }
}

fn deliver(settings: &Settings, mail: &Mail) -> io::Result<()> {
    let mut last = io::Error::other("the name has no address");
    let mut stream = None;
    for address in (settings.host.as_str(), settings.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, settings.timeout) {
            Ok(open) => {
                stream = Some(open);
                break;
            }
            Err(e) => last = e,
        }
    }
    let stream = stream.ok_or(last)?;
    stream.set_read_timeout(Some(TALK_TIMEOUT))?;
    stream.set_write_timeout(Some(TALK_TIMEOUT))?;
    talk(&mut BufReader::new(stream.try_clone()?), &mut &stream, settings, mail)
}

fn talk(input: &mut impl BufRead, out: &mut impl Write, settings: &Settings, mail: &Mail) -> io::Result<()> {
    answer(input, '2')?;
    let mut say = |input: &mut dyn BufRead, line: String, want: char| -> io::Result<()> {
        out.write_all(line.as_bytes())?;
        answer(input, want)
    };
    say(input, format!("HELO {}\r\n", plain(&settings.helo)), '2')?;
    say(input, format!("MAIL FROM:<{}>\r\n", plain(&settings.from)), '2')?;
    for to in &settings.to {
        say(input, format!("RCPT TO:<{}>\r\n", plain(to)), '2')?;
    }
    say(input, "DATA\r\n".into(), '3')?;
    let to: Vec<String> = settings.to.iter().map(|to| plain(to)).collect();
    let head = format!(
        "Date: {}\r\nFrom: {}\r\nSubject: {}\r\nX-Mailer: Keepalived\r\nTo: {}\r\n",
        date(clock::wall().secs()),
        plain(&settings.from),
        plain(&mail.subject),
        to.join(", ")
    );
    // RFC 5321 §4.5.2: a line that begins with a dot gets another.
    let body: String =
        mail.body.lines().map(|l| format!("{}{l}\r\n", if l.starts_with('.') { "." } else { "" })).collect();
    say(input, format!("{head}\r\n{body}\r\n.\r\n"), '2')?;
    // It is delivered; how the farewell goes does not matter.
    let _ = say(input, "QUIT\r\n".into(), '2');
    Ok(())
}

/// Line ends in names would be commands.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// Reads one answer, maybe of several lines, and looks at its first digit.
fn answer(input: &mut dyn BufRead, want: char) -> io::Result<()> {
    let mut read = 0;
    loop {
        let mut line = Vec::new();
        let n = io::Read::take(&mut *input, ANSWER_MAX as u64).read_until(b'\n', &mut line)?;
        read += n;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if read > ANSWER_MAX {
            return Err(io::Error::other("an endless answer"));
        }
        if line.get(3) == Some(&b'-') {
            continue;
        }
        if line.first().is_some_and(|b| char::from(*b) == want) {
            return Ok(());
        }
        return Err(io::Error::other(format!("it says: {}", String::from_utf8_lossy(&line).trim())));
    }
}

/// A date of RFC 5322 in UTC.
fn date(secs: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, rest) = (secs / 86_400, secs % 86_400);
    let week = DAYS.get((days % 7) as usize).copied().unwrap_or_default();
    // Civil from days: years that begin in March make leap days the last ones.
    let z = days + 719_468;
    let (era, of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let name = MONTHS.get((month - 1) as usize).copied().unwrap_or_default();
    let (h, m, s) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{week}, {day:02} {name} {year} {h:02}:{m:02}:{s:02} +0000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_by_the_calendar() {
        for (secs, want) in [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (1_795_823_651, "Fri, 27 Nov 2026 23:54:11 +0000"),
            (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 +0000"),
        ] {
            assert_eq!(date(secs), want);
        }
    }

    #[test]
    fn the_conversation_is_the_originals() {
        let settings = Settings {
            host: String::new(),
            port: 25,
            helo: "helo.example".into(),
            from: "k@example.com".into(),
            to: vec!["a@example.com".into(), "b@example.com\r\nDATA".into()],
            timeout: CONNECT_TIMEOUT,
        };
        let mail =
            Mail { subject: "[N] VRRP Instance V - Entering MASTER state".into(), body: ".x\ny".into() };
        let script =
            b"220-sink\r\n220 sink\r\n250 a\r\n250 b\r\n250 c\r\n250 d\r\n354 go\r\n250 ok\r\n221 bye\r\n";
        let mut out = Vec::new();
        talk(&mut &script[..], &mut out, &settings, &mail).expect("spoken");
        let said = String::from_utf8(out).expect("text");
        let (before, after) = said.split_once("DATA\r\nDate: ").expect("a date");
        assert_eq!(
            before,
            "HELO helo.example\r\nMAIL FROM:<k@example.com>\r\nRCPT TO:<a@example.com>\r\nRCPT TO:<b@example.comDATA>\r\n"
        );
        let after = after.split_once("\r\n").expect("a head").1;
        assert_eq!(
            after,
            "From: k@example.com\r\nSubject: [N] VRRP Instance V - Entering MASTER state\r\nX-Mailer: Keepalived\r\n\
             To: a@example.com, b@example.comDATA\r\n\r\n..x\r\ny\r\n\r\n.\r\nQUIT\r\n"
        );
        for refusal in ["554 no\r\n", "220 x\r\n550 no\r\n", "", "220-\r\n"] {
            assert!(talk(&mut refusal.as_bytes(), &mut Vec::new(), &settings, &mail).is_err(), "{refusal:?}");
        }
    }
}

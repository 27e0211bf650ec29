//! What crosses a switch, captured by `tcpdump` and judged by `tshark`.

use std::path::{Path, PathBuf};
use std::process::Command;

use evenkeel_lab::netns::{Lab, Proc};

use crate::PATIENCE;
use crate::daemon::Folder;

/// VRRP, plain, behind an authentication header, and over IPv6.
pub const VRRP: &str = "proto 112 or proto 51 or ip6 proto 112";

/// A capture under way. Dropping it ends it.
#[derive(Debug)]
pub struct Capture {
    folder: Folder,
    tcpdump: Proc,
}

/// One packet: the values of the fields that were asked for, empty where it has none.
pub type Packet = Vec<String>;

impl Capture {
    /// Captures what matches `filter` on the switch called `name`; `None`, said aloud, without the tools.
    ///
    /// # Panics
    /// If the tools are there and do not work.
    pub fn start(lab: &Lab, name: &str, filter: &str) -> Option<Capture> {
        for tool in ["tcpdump", "tshark"] {
            if Command::new(tool).arg("--version").output().is_err() {
                crate::skip(format!("captures: {tool} is not installed"));
                return None;
            }
        }
        let folder = Folder::new();
        let file = folder.path().join("capture.pcap");
        let mut command = lab.switch(name).expect("the lab has it").command("tcpdump");
        // Written packet by packet, as root: the folder is root's.
        command.args(["-i", "br0", "--immediate-mode", "-U", "-Z", "root", "-w"]).arg(file).arg(filter);
        let tcpdump = Proc::start(command).expect("it is installed");
        assert!(tcpdump.wait_for("listening on", PATIENCE), "{}", tcpdump.stderr());
        Some(Capture { folder, tcpdump })
    }

    /// Ends it and keeps the file.
    ///
    /// # Panics
    /// If `tcpdump` does not end.
    pub fn finish(mut self) -> Captured {
        self.tcpdump.signal(15).expect("it runs");
        assert!(self.tcpdump.wait(PATIENCE).expect("our child").is_some(), "tcpdump does not end");
        Captured { file: self.folder.path().join("capture.pcap"), _folder: self.folder }
    }
}

/// A finished capture.
#[derive(Debug)]
pub struct Captured {
    file: PathBuf,
    _folder: Folder,
}

impl Captured {
    /// The packets that match `filter`, in `tshark`'s words, with the values of `fields`.
    ///
    /// # Panics
    /// If `tshark` refuses the words.
    #[track_caller]
    pub fn packets(&self, filter: &str, fields: &[&str]) -> Vec<Packet> {
        let mut command = Command::new("tshark");
        command.arg("-r").arg(&self.file).args([
            "-o",
            "ip.check_checksum:TRUE",
            "-Y",
            filter,
            "-T",
            "fields",
        ]);
        for field in fields {
            command.args(["-e", field]);
        }
        let out = command.output().expect("it is installed");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }

    /// Everything that `tshark` finds wrong: malformed packets, wrong checksums, warnings, and VRRP that is not of `shape`
    /// (a filter; empty if all are right).
    pub fn faults(&self, shape: &str) -> Vec<Packet> {
        const WRONG: &str = "_ws.malformed or _ws.expert.severity >= 6291456 or vrrp.checksum.status == 0 or ip.checksum.status == 0";
        let filter =
            if shape.is_empty() { WRONG.to_owned() } else { format!("{WRONG} or (vrrp and not ({shape}))") };
        self.packets(&filter, &["frame.number", "ip.src", "ipv6.src", "vrrp.version", "_ws.expert.message"])
    }

    /// The file itself.
    pub fn path(&self) -> &Path {
        &self.file
    }
}

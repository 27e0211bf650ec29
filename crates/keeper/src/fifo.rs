//! Notify FIFOs: lines for whoever reads them. Writing never waits: a reader that does not read loses messages, and we say so.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use evenkeel_plan::keeper::global;

use crate::scripts::JobId;

/// `O_NONBLOCK`.
const NONBLOCK: i32 = 0o4000;

/// One FIFO.
#[derive(Debug)]
pub(crate) struct Fifo {
    plan: global::Fifo,
    file: File,
    /// It was not there before us.
    made: bool,
    /// The job of its script.
    pub(crate) reader: Option<JobId>,
}

impl Fifo {
    /// Opens it, or makes it. Both ends are held open, so that a reader may come and go.
    pub(crate) fn open(plan: &global::Fifo) -> io::Result<Fifo> {
        let path = Path::new(&plan.path);
        let made = match std::fs::symlink_metadata(path) {
            Ok(meta) if meta.file_type().is_fifo() => false,
            Ok(_) => return Err(io::Error::other("it is there, and no FIFO")),
            Err(_) => {
                evenkeel_sys::process::make_fifo(path)?;
                true
            }
        };
        let file = OpenOptions::new().read(true).write(true).custom_flags(NONBLOCK).open(path)?;
        if let Some(user) = plan.script.as_ref().and_then(|s| s.user)
            && made
        {
            std::os::unix::fs::chown(path, Some(user.uid), Some(user.gid))?;
        }
        Ok(Fifo { plan: plan.clone(), file, made, reader: None })
    }

    pub(crate) fn plan(&self) -> &global::Fifo {
        &self.plan
    }

    /// Writes a line whole, or not at all (lines are shorter than PIPE_BUF).
    pub(crate) fn write(&mut self, line: &str) -> io::Result<()> {
        self.file.write_all(line.as_bytes())
    }

    /// Removes it if we made it; the job of its script is handed back.
    pub(crate) fn close(self) -> Option<JobId> {
        if self.made {
            let _ = std::fs::remove_file(&self.plan.path);
        }
        self.reader
    }
}

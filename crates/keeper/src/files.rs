//! Tracked files: their values, read when they change. Folders are watched, so that files may come, go and be replaced.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_base::Instant;
use evenkeel_plan::keeper::{KeeperPlan, TrackPlan};
use evenkeel_sys::poll::Poller;
use evenkeel_sys::watch::Watcher;
use evenkeel_vrrp::conf::TrackId;
use evenkeel_vrrp::{Input, Node};

use crate::keys;

/// Bytes that are read of a file: a number is shorter.
const FILE_MAX: u64 = 128;
/// How often a folder that is not there is looked for, and files without inotify are read.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Tracked {
    id: TrackId,
    path: PathBuf,
    /// The folder's number, if it is watched.
    folder: Option<i32>,
    told: Option<Option<i64>>,
}

/// All tracked files.
#[derive(Debug, Default)]
pub(crate) struct Files {
    watcher: Option<Watcher>,
    tracked: Vec<Tracked>,
    /// Values that `init_file` has written, by path: once a run.
    made: BTreeMap<PathBuf, ()>,
    look: Option<Instant>,
}

impl Files {
    /// Watches a plan's files, and tells what they say now.
    pub(crate) fn set(&mut self, poller: &Poller, plan: &KeeperPlan, node: &mut Node, now: Instant) {
        self.tracked.clear();
        self.watcher = None;
        for (n, track) in plan.tracks.iter().enumerate() {
            let TrackPlan::File { path, init, overwrite } = track else { continue };
            let path = PathBuf::from(path);
            if let Some(value) = init
                && self.made.insert(path.clone(), ()).is_none()
                && (*overwrite || !path.exists())
            {
                // Where it cannot be written it reads as not there, which the log's priority line tells.
                let _ = std::fs::write(&path, format!("{value}\n"));
            }
            self.tracked.push(Tracked { id: TrackId(n as u32), path, folder: None, told: None });
        }
        self.look = None;
        if self.tracked.is_empty() {
            return;
        }
        self.watcher = Watcher::new().ok().filter(|w| poller.add(w, keys::FILES).is_ok());
        self.look_all(node, now);
    }

    fn look_all(&mut self, node: &mut Node, now: Instant) {
        for one in &mut self.tracked {
            if one.folder.is_none()
                && let Some(watcher) = &self.watcher
            {
                let folder = one.path.parent().unwrap_or(Path::new("/"));
                one.folder = watcher.folder(folder).ok();
            }
            tell(one, node, now);
        }
        let blind = self.tracked.iter().any(|one| one.folder.is_none());
        self.look = blind.then(|| now + LOOK_EVERY);
    }

    /// Reads what has changed.
    pub(crate) fn on_news(&mut self, _plan: &KeeperPlan, node: &mut Node, now: Instant) {
        let Some(watcher) = &self.watcher else { return };
        let mut lost = false;
        for news in watcher.news() {
            for one in self.tracked.iter_mut().filter(|one| one.folder == Some(news.folder)) {
                match &news.file {
                    Some(file) if one.path.file_name() == Some(file) => tell(one, node, now),
                    Some(_) => {}
                    // The folder is gone: look for it again.
                    None => {
                        one.folder = None;
                        lost = true;
                        tell(one, node, now);
                    }
                }
            }
        }
        if lost {
            self.look = Some(now + LOOK_EVERY);
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.look
    }

    pub(crate) fn on_time(&mut self, node: &mut Node, now: Instant) {
        if self.look.is_some_and(|at| at <= now) {
            self.look_all(node, now);
        }
    }
}

fn tell(one: &mut Tracked, node: &mut Node, now: Instant) {
    let value = read(&one.path);
    if one.told != Some(value) {
        one.told = Some(value);
        node.handle(Input::FileValue(one.id, value), now);
    }
}

/// The number that a file begins with; `None`: there is none.
fn read(path: &Path) -> Option<i64> {
    let mut text = Vec::new();
    std::fs::File::open(path).ok()?.take(FILE_MAX).read_to_end(&mut text).ok()?;
    number(&String::from_utf8_lossy(&text))
}

fn number(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let digits =
        text.char_indices().take_while(|(i, c)| c.is_ascii_digit() || (*i == 0 && matches!(c, '-' | '+')));
    let end = digits.last().map_or(0, |(i, c)| i + c.len_utf8());
    text.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_write_them() {
        for (text, want) in [
            ("5", Some(5)),
            ("  -7\n", Some(-7)),
            ("+3 and more", Some(3)),
            ("", None),
            ("x", None),
            ("-", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(number(text), want, "{text:?}");
        }
    }
}

//! News of files: a folder is watched, so that files that come, go and are replaced are seen too (inotify(7)).

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use rustix::fs::inotify;

/// A set of watched folders.
#[derive(Debug)]
pub struct Watcher {
    fd: OwnedFd,
}

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Which folder, as [`Watcher::folder`] numbered it.
    pub folder: i32,
    /// Which file in it; `None`: the folder itself (it is gone), or news were lost.
    pub file: Option<OsString>,
}

impl Watcher {
    /// Watches nothing yet.
    pub fn new() -> io::Result<Watcher> {
        Ok(Watcher { fd: inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)? })
    }

    /// Watches a folder for files that were written, came, went or were renamed. The same folder has the same number.
    pub fn folder(&self, path: &Path) -> io::Result<i32> {
        use inotify::WatchFlags as W;
        let what = W::CLOSE_WRITE
            | W::MOVED_TO
            | W::MOVED_FROM
            | W::DELETE
            | W::MODIFY
            | W::DELETE_SELF
            | W::MOVE_SELF;
        Ok(inotify::add_watch(&self.fd, path, what | W::ONLYDIR)?)
    }

    /// What happened since the last call.
    pub fn news(&self) -> Vec<News> {
        let mut buf = [std::mem::MaybeUninit::<u8>::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.fd, &mut buf);
        let mut news = Vec::new();
        while let Ok(event) = reader.next() {
            let file = event.file_name().map(|n| OsString::from_vec(n.to_bytes().to_vec()));
            let one = News { folder: event.wd(), file };
            if news.last() != Some(&one) {
                news.push(one);
            }
        }
        news
    }
}

impl AsFd for Watcher {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_come_change_and_go() {
        let folder = std::env::temp_dir().join(format!("ek-watch-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("temp dir");
        let watcher = Watcher::new().expect("inotify");
        let number = watcher.folder(&folder).expect("watched");
        assert!(watcher.news().is_empty());
        std::fs::write(folder.join("a"), "1").expect("written");
        std::fs::rename(folder.join("a"), folder.join("b")).expect("renamed");
        std::fs::remove_file(folder.join("b")).expect("removed");
        let names: Vec<_> = watcher.news().into_iter().map(|n| (n.folder, n.file)).collect();
        let has = |name: &str| names.contains(&(number, Some(OsString::from(name))));
        assert!(has("a") && has("b"), "{names:?}");
        std::fs::remove_dir(&folder).expect("ours");
        assert!(watcher.news().iter().any(|n| n.file.is_none()), "the folder is gone");
        assert!(watcher.folder(Path::new("/nowhere/at/all")).is_err());
    }
}

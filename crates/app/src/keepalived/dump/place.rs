//! Where dumps are written. `/tmp` belongs to everybody: a file is made under a name where nothing stands, never through
//! a link, and takes its place whole.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

/// Tries to find a name that is free.
const TRIES_MAX: u32 = 16;

/// The folder of dumps.
const FOLDER: &str = "/tmp";

/// The kinds of dumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `keepalived.data`.
    Data,
    /// `keepalived.stats`.
    Stats,
    /// `keepalived.json`.
    Json,
    /// `keepalived_parent.data`.
    Parent,
}

impl Kind {
    const fn name(self) -> (&'static str, &'static str) {
        match self {
            Kind::Data => ("keepalived", "data"),
            Kind::Stats => ("keepalived", "stats"),
            Kind::Json => ("keepalived", "json"),
            Kind::Parent => ("keepalived_parent", "data"),
        }
    }

    /// Where it goes: by default its name in `/tmp`; where the file says a folder (with `/` at its end), its name there;
    /// else what the file says, which for the parent gets `_parent`. `tail` has the instance's and namespace's names with
    /// `data_use_instance`.
    pub(crate) fn path(self, configured: Option<&str>, tail: &str) -> PathBuf {
        let (stem, ext) = self.name();
        match configured {
            None => Path::new(FOLDER).join(format!("{stem}{tail}.{ext}")),
            Some(folder) if folder.ends_with('/') => Path::new(folder).join(format!("{stem}{tail}.{ext}")),
            Some(path) => {
                let parent = if self == Kind::Parent { "_parent" } else { "" };
                with_tail(Path::new(path), &format!("{parent}{tail}"))
            }
        }
    }
}

/// Puts text before the last dot of a file's name.
fn with_tail(path: &Path, tail: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ext = path.extension().map(|ext| format!(".{}", ext.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}{tail}{ext}"))
}

/// Writes a dump; permissions are the umask's, as in the original.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut refused = io::Error::from(io::ErrorKind::AlreadyExists);
    for n in 0..TRIES_MAX {
        let beside = folder.join(format!(".{name}.{}.{n}", std::process::id()));
        match create(&beside) {
            Ok(mut file) => {
                let done = file.write_all(text.as_bytes()).and_then(|()| std::fs::rename(&beside, path));
                if done.is_err() {
                    let _ = std::fs::remove_file(&beside);
                }
                return done;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => refused = error,
            Err(error) => return Err(error),
        }
    }
    Err(refused)
}

fn create(path: &Path) -> io::Result<std::fs::File> {
    // O_EXCL refuses whatever stands there, links included.
    let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP | Mode::ROTH | Mode::WOTH;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(mode.bits()).custom_flags(flags).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_replaced_not_followed() {
        let folder = std::env::temp_dir().join(format!("ek-kdump-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("writable");
        let (victim, path) = (folder.join("victim"), folder.join("keepalived.data"));
        std::fs::write(&victim, "precious").expect("writable");
        std::os::unix::fs::symlink(&victim, &path).expect("a link can be made");
        // Somebody sits on the first name as well.
        let guess = folder.join(format!(".keepalived.data.{}.0", std::process::id()));
        std::os::unix::fs::symlink(&victim, &guess).expect("a link can be made");
        write(&path, "dump").expect("writes");
        assert_eq!(std::fs::read_to_string(&victim).expect("there"), "precious");
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "dump");
        assert!(!std::fs::symlink_metadata(&path).expect("there").is_symlink());
        std::fs::remove_dir_all(&folder).expect("ours");
    }

    #[test]
    fn names() {
        assert_eq!(Kind::Data.path(None, ""), Path::new("/tmp/keepalived.data"));
        assert_eq!(Kind::Parent.path(None, "_i"), Path::new("/tmp/keepalived_parent_i.data"));
        assert_eq!(Kind::Json.path(Some("/x/y.json"), "_i"), Path::new("/x/y_i.json"));
        assert_eq!(Kind::Json.path(Some("/x/"), "_i"), Path::new("/x/keepalived_i.json"));
        assert_eq!(Kind::Parent.path(Some("/x/y"), ""), Path::new("/x/y_parent"));
    }
}

//! The only room below floor 3 that touches files: what `-f` names, as bytes in a [`SourceMap`].

use evenkeel_base::{Diagnostic, Level, SourceMap};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Largest file. A configuration of a hundred thousand servers has about 10 MB.
pub const FILE_MAX: usize = 64 * 1024 * 1024;

/// Most files of one configuration.
pub const FILES_MAX: usize = 10_000;

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file, or a folder whose `*.cfg` files are read in the order of their names.
    Path(PathBuf),
    /// A text that is not in a file, under a name for messages.
    Text {
        /// What messages call it.
        name: String,
        /// The text.
        text: Vec<u8>,
    },
}

/// Loads all inputs in order. What cannot be read is diagnosed, and the rest is read all the same.
pub(crate) fn load(inputs: &[Input]) -> (SourceMap, Vec<Diagnostic>) {
    let mut loader = Loader { map: SourceMap::new(), diags: Vec::new() };
    for input in inputs {
        match input {
            Input::Path(path) => loader.path(path),
            Input::Text { name, text } => loader.text(name, text.clone()),
        }
    }
    if loader.map.is_empty() && loader.diags.is_empty() {
        loader.fail("no-configuration", "no configuration file was given".to_string());
    }
    (loader.map, loader.diags)
}

struct Loader {
    map: SourceMap,
    diags: Vec<Diagnostic>,
}

impl Loader {
    fn path(&mut self, path: &Path) {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => self.folder(path),
            Ok(_) => self.file(path),
            Err(error) => {
                let what = "Cannot open configuration file/directory";
                self.fail("unreadable-file", format!("{what} {} : {}", path.display(), system_word(&error)));
            }
        }
    }

    /// Management manual §3, `-f`: only files, only `.cfg`, none hidden, in the order of bytes; no folders in folders.
    fn folder(&mut self, folder: &Path) {
        let names = match fs::read_dir(folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>()) {
            Ok(entries) => entries.into_iter().map(|entry| entry.file_name()),
            Err(error) => {
                let what = "Cannot open configuration directory";
                return self.fail(
                    "unreadable-file",
                    format!("{what} {} : {}", folder.display(), system_word(&error)),
                );
            }
        };
        let mut names: Vec<_> = names.filter(|name| is_configuration(name)).collect();
        names.sort();
        let before = self.map.len();
        for name in names {
            let path = folder.join(name);
            // What vanished meanwhile, or hangs on a broken link, gets its message from `file`.
            if fs::metadata(&path).map_or(true, |meta| meta.is_file()) {
                self.file(&path);
            }
        }
        if self.map.len() == before && self.diags.is_empty() {
            let message =
                format!("configuration directory {} has no file whose name ends in .cfg", folder.display());
            self.fail("no-configuration", message);
        }
    }

    fn file(&mut self, path: &Path) {
        let name = path.to_string_lossy().into_owned();
        let mut text = Vec::new();
        let outcome =
            fs::File::open(path).and_then(|file| file.take(FILE_MAX as u64 + 1).read_to_end(&mut text));
        match outcome {
            Ok(_) => self.text(&name, text),
            Err(error) => {
                let what = "Could not open configuration file";
                self.fail("unreadable-file", format!("{what} {name} : {}", system_word(&error)));
            }
        }
    }

    fn text(&mut self, name: &str, text: Vec<u8>) {
        if text.len() > FILE_MAX {
            let limit = FILE_MAX >> 20;
            return self
                .fail("file-too-large", format!("configuration file {name} is larger than {limit} MiB"));
        }
        if self.map.len() == FILES_MAX {
            return self
                .fail("too-many-files", format!("{name} is one more than the {FILES_MAX} files allowed"));
        }
        self.map.add(name, text);
    }

    fn fail(&mut self, code: &'static str, message: String) {
        self.diags.push(Diagnostic::nowhere(Level::Error, code, message));
    }
}

fn is_configuration(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.ends_with(b".cfg") && !name.starts_with(b".")
}

/// The system's words alone: `std` adds its error number to them.
fn system_word(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((word, _)) => word.to_string(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of this test run's own, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("evenkeel-conf-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).expect("the system's temporary folder can be written");
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn folders_give_their_cfg_files_in_order() {
        let folder = Folder::new("order");
        for name in ["b.cfg", "a.cfg", ".hidden.cfg", "c.conf", "B.CFG", ".cfg", "Z.cfg"] {
            fs::write(folder.0.join(name), name).expect("the folder was just made");
        }
        fs::create_dir(folder.0.join("sub.cfg")).expect("the folder was just made");
        let (map, diags) = load(&[Input::Path(folder.0.clone())]);
        let names: Vec<_> = (0..map.len() as u32)
            .map(|n| map.name(evenkeel_base::FileId(n)).rsplit('/').next().unwrap_or_default().to_string())
            .collect();
        assert_eq!(names, ["Z.cfg", "a.cfg", "b.cfg"]);
        assert_eq!(diags, []);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = Folder::new("missing");
        let missing = folder.0.join("none.cfg");
        let text = Input::Text { name: "t".to_string(), text: b"global\n".to_vec() };
        let (map, diags) = load(&[Input::Path(missing.clone()), Input::Path(folder.0.clone()), text]);
        assert_eq!(map.len(), 1);
        let want = format!(
            "Cannot open configuration file/directory {} : No such file or directory",
            missing.display()
        );
        assert_eq!(diags.iter().map(|d| d.message.clone()).collect::<Vec<_>>(), [want]);

        for (inputs, want) in
            [(vec![], "no-configuration"), (vec![Input::Path(folder.0.clone())], "no-configuration")]
        {
            assert_eq!(load(&inputs).1.iter().map(|d| d.code).collect::<Vec<_>>(), [want]);
        }
    }

    #[test]
    fn endless_files_end() {
        let (map, diags) = load(&[Input::Path(PathBuf::from("/dev/zero"))]);
        assert!(map.is_empty());
        assert_eq!(diags.iter().map(|d| d.code).collect::<Vec<_>>(), ["file-too-large"]);
    }
}

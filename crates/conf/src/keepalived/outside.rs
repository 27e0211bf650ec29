//! What the reader needs from the machine. `app` implements it over the real one, tests over rows of data.

use std::net::IpAddr;

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A socket, device, pipe.
    Other,
}

/// A file's or folder's owner, mode and kind, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileFacts {
    /// What it is.
    pub kind: FileKind,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Permission bits (`0o7777`).
    pub mode: u32,
}

/// A user's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The user's own group.
    pub gid: u32,
}

/// The machine, as far as a configuration is judged by it.
pub trait Outside {
    /// A file's bytes (the configuration, `include`d files, `file:` values); the error is the system's word.
    fn read_file(&self, path: &str) -> Result<Vec<u8>, String>;
    /// The names in a folder, in any order; `None` where it cannot be read.
    fn list_folder(&self, path: &str) -> Option<Vec<String>>;
    /// What stands at a path, links followed; the error is the system's word.
    fn look(&self, path: &str) -> Result<FileFacts, String>;
    /// The path without links and `..`; `None` where there is nothing.
    fn real_path(&self, path: &str) -> Option<String>;
    /// A user by name.
    fn user(&self, name: &str) -> Option<Owner>;
    /// A group's number by name.
    fn group(&self, name: &str) -> Option<u32>;
    /// True if the system has an interface of this name.
    fn has_interface(&self, name: &str) -> bool;
    /// True if an interface has this address.
    fn has_address(&self, address: IpAddr) -> bool;
    /// True if a host's name can be resolved.
    fn resolves(&self, host: &str) -> bool;
    /// An environment variable; for `${_ENV…}` and `PATH`.
    fn environment(&self, name: &str) -> Option<Vec<u8>>;
}

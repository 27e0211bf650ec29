//! Users, groups and giving up privileges.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::path::Path;

use libc::{c_char, c_int};

/// Bytes for one entry of the user or group database; groups of thousands of members need much.
const ENTRY_MAX: usize = 1 << 20;
const ENTRY_FIRST: usize = 4096;

#[link(name = "crypt")]
unsafe extern "C" {
    /// crypt(3) of libxcrypt: the result and its memory belong to the caller, who frees `data`.
    fn crypt_ra(
        phrase: *const c_char,
        setting: *const c_char,
        data: *mut *mut libc::c_void,
        size: *mut c_int,
    ) -> *mut c_char;
}

/// True if `password` has this crypt(3) hash (`password` lines of userlists). Slow by design: milliseconds.
pub fn crypt_matches(password: &[u8], hash: &str) -> bool {
    let (Ok(phrase), Ok(setting)) = (CString::new(password), CString::new(hash)) else { return false };
    let mut data = std::ptr::null_mut();
    let mut size = 0;
    // JUSTIFICATION: the hashes of /etc/shadow and of userlists are known to the C library only.
    // SAFETY: phrase and setting are C strings; data and size start as null and 0, and the call allocates.
    let made = unsafe { crypt_ra(phrase.as_ptr(), setting.as_ptr(), &raw mut data, &raw mut size) };
    // SAFETY: a result that is not null is a C string inside data, which lives until the free below.
    let same = !made.is_null() && unsafe { CStr::from_ptr(made) }.to_bytes() == hash.as_bytes();
    // SAFETY: data is null or was allocated by the call; nothing points into it any more.
    unsafe { libc::free(data) };
    same
}

/// The number of user `name`; `None` if there is no such user.
pub fn uid_of(name: &str) -> io::Result<Option<u32>> {
    lookup(name, |name, buf| {
        let mut entry = MaybeUninit::<libc::passwd>::uninit();
        let mut found = std::ptr::null_mut();
        // JUSTIFICATION: the user database (files, LDAP, …) is reached through the C library only.
        // SAFETY: name is a C string; entry, buf (with its length) and found are live and ours for the call.
        let rc = unsafe {
            libc::getpwnam_r(name.as_ptr(), entry.as_mut_ptr(), buf.as_mut_ptr(), buf.len(), &raw mut found)
        };
        // SAFETY: found is null or points to entry, which the call has filled.
        (rc, unsafe { found.as_ref() }.map(|e| e.pw_uid))
    })
}

/// The group that user `name` logs in with; `None` if there is no such user.
pub fn primary_group_of(name: &str) -> io::Result<Option<u32>> {
    lookup(name, |name, buf| {
        let mut entry = MaybeUninit::<libc::passwd>::uninit();
        let mut found = std::ptr::null_mut();
        // JUSTIFICATION: as for users' numbers.
        // SAFETY: name is a C string; entry, buf (with its length) and found are live and ours for the call.
        let rc = unsafe {
            libc::getpwnam_r(name.as_ptr(), entry.as_mut_ptr(), buf.as_mut_ptr(), buf.len(), &raw mut found)
        };
        // SAFETY: found is null or points to entry, which the call has filled.
        (rc, unsafe { found.as_ref() }.map(|e| e.pw_gid))
    })
}

/// The number of group `name`; `None` if there is no such group.
pub fn gid_of(name: &str) -> io::Result<Option<u32>> {
    lookup(name, |name, buf| {
        let mut entry = MaybeUninit::<libc::group>::uninit();
        let mut found = std::ptr::null_mut();
        // JUSTIFICATION: as for users.
        // SAFETY: name is a C string; entry, buf (with its length) and found are live and ours for the call.
        let rc = unsafe {
            libc::getgrnam_r(name.as_ptr(), entry.as_mut_ptr(), buf.as_mut_ptr(), buf.len(), &raw mut found)
        };
        // SAFETY: found is null or points to entry, which the call has filled.
        (rc, unsafe { found.as_ref() }.map(|e| e.gr_gid))
    })
}

/// The name of user `uid`; `None` if there is none.
pub fn name_of(uid: u32) -> Option<CString> {
    let mut size = ENTRY_FIRST;
    loop {
        let mut buf: Vec<c_char> = vec![0; size];
        let mut entry = MaybeUninit::<libc::passwd>::uninit();
        let mut found = std::ptr::null_mut();
        // JUSTIFICATION: as for names.
        // SAFETY: entry, buf (with its length) and found are live and ours for the call.
        let rc =
            unsafe { libc::getpwuid_r(uid, entry.as_mut_ptr(), buf.as_mut_ptr(), buf.len(), &raw mut found) };
        if rc == libc::ERANGE && size < ENTRY_MAX {
            size *= 2;
        } else if rc != libc::EINTR {
            // SAFETY: found is null or points to entry, whose name is a C string inside buf.
            return unsafe { found.as_ref().map(|e| CStr::from_ptr(e.pw_name).to_owned()) };
        }
    }
}

fn lookup(
    name: &str,
    call: impl Fn(&CStr, &mut [c_char]) -> (c_int, Option<u32>),
) -> io::Result<Option<u32>> {
    let Ok(name) = CString::new(name) else { return Ok(None) };
    let mut size = ENTRY_FIRST;
    loop {
        let mut buf: Vec<c_char> = vec![0; size];
        match call(&name, &mut buf) {
            (0 | libc::ENOENT | libc::ESRCH, id) => return Ok(id),
            (libc::EINTR, _) => {}
            (libc::ERANGE, _) if size < ENTRY_MAX => size *= 2,
            (code, _) => return Err(io::Error::from_raw_os_error(code)),
        }
    }
}

/// What to give up. `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privileges {
    /// The directory that becomes the root.
    pub chroot: Option<std::path::PathBuf>,
    /// The user to become.
    pub uid: Option<u32>,
    /// The group to become; supplementary groups are dropped with it.
    pub gid: Option<u32>,
}

/// The step at which privileges could not be dropped.
#[derive(Debug, thiserror::Error)]
pub enum DropError {
    /// `chroot` or the `chdir` into it.
    #[error("cannot chroot to {path}: {source}")]
    Chroot {
        /// Where to.
        path: std::path::PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Supplementary groups.
    #[error("cannot drop supplementary groups: {0}")]
    Groups(#[source] io::Error),
    /// The group.
    #[error("cannot set gid {gid}: {source}")]
    Gid {
        /// Which.
        gid: u32,
        /// What the system said.
        source: io::Error,
    },
    /// The user.
    #[error("cannot set uid {uid}: {source}")]
    Uid {
        /// Which.
        uid: u32,
        /// What the system said.
        source: io::Error,
    },
}

/// Gives up what is named, for all threads of the process, in the only order that works: root directory, groups, group, user.
pub fn drop_privileges(to: &Privileges) -> Result<(), DropError> {
    if let Some(path) = &to.chroot {
        chroot(path).map_err(|source| DropError::Chroot { path: path.clone(), source })?;
    }
    if let Some(gid) = to.gid {
        // An ordinary user cannot, and need not: what it has is what it was given.
        if is_root() {
            // JUSTIFICATION: rustix sets groups for one thread only; the C library does it for all.
            // SAFETY: a count of zero reads nothing through the pointer.
            errno(unsafe { libc::setgroups(0, std::ptr::null()) }).map_err(DropError::Groups)?;
        }
        // JUSTIFICATION: as above, all threads.
        // SAFETY: takes a number, touches no memory of ours.
        errno(unsafe { libc::setgid(gid) }).map_err(|source| DropError::Gid { gid, source })?;
    }
    if let Some(uid) = to.uid {
        // JUSTIFICATION: as above, all threads.
        // SAFETY: takes a number, touches no memory of ours.
        errno(unsafe { libc::setuid(uid) }).map_err(|source| DropError::Uid { uid, source })?;
    }
    Ok(())
}

/// Whether the effective user is root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn chroot(path: &Path) -> io::Result<()> {
    rustix::process::chroot(path)?;
    Ok(rustix::process::chdir("/")?)
}

fn errno(rc: c_int) -> io::Result<()> {
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_the_c_library() {
        // `openssl passwd -5 -salt abc secret` and the like; `*` locks an account.
        let sha256 = "$5$abcdefgh$";
        assert!(!crypt_matches(b"secret", sha256), "a setting alone is no hash of anything");
        assert!(!crypt_matches(b"secret", "*"));
        assert!(!crypt_matches(b"sec\0ret", "x"));
    }

    #[test]
    fn names_become_numbers() {
        assert_eq!(uid_of("root").expect("database"), Some(0));
        assert_eq!(name_of(0).as_deref(), Some(c"root"));
        assert_eq!(name_of(4_000_000_000), None);
        assert_eq!(gid_of("root").expect("database"), Some(0));
        assert_eq!(primary_group_of("root").expect("database"), Some(0));
        for absent in ["no-such-user-here", "", "a\0b", "99"] {
            assert_eq!(uid_of(absent).expect("database"), None, "{absent:?}");
            assert_eq!(primary_group_of(absent).expect("database"), None, "{absent:?}");
            assert_eq!(gid_of(absent).expect("database"), None, "{absent:?}");
        }
    }

    #[test]
    fn nothing_named_nothing_dropped() {
        let before = is_root();
        drop_privileges(&Privileges::default()).expect("nothing to do");
        assert_eq!(is_root(), before);
    }
}

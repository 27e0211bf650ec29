//! What is built in: the words that `feature()` finds and `-vv` prints, and the other tables of `-vv`.

use evenkeel_base::version;

/// Facilities by the original's names, and whether they are there. `feature(NAME)` is true for the latter.
pub(crate) const FEATURES: &[(&str, bool)] = &[
    ("51DEGREES", false),
    ("ACCEPT4", true),
    ("BACKTRACE", true),
    ("CLOSEFROM", false),
    ("CPU_AFFINITY", true),
    ("CRYPT_H", false),
    ("DEVICEATLAS", false),
    ("DL", false),
    ("ENGINE", false),
    ("EPOLL", true),
    ("EVPORTS", false),
    ("GETADDRINFO", true),
    ("KQUEUE", false),
    ("LIBCRYPT", false),
    ("LINUX_SPLICE", true),
    ("LINUX_TPROXY", false),
    ("LUA", false),
    ("MEMORY_PROFILING", false),
    ("NETFILTER", false),
    ("NS", false),
    ("OBSOLETE_LINKER", false),
    ("OPENSSL", false),
    ("OT", false),
    ("PCRE", false),
    ("PCRE2", false),
    ("PCRE2_JIT", false),
    ("PCRE_JIT", false),
    ("POLL", false),
    ("PRCTL", true),
    ("PROCCTL", false),
    ("PROMEX", false),
    ("QUIC", false),
    ("RT", true),
    ("SLZ", false),
    ("SSL", false),
    ("STATIC_PCRE", false),
    ("STATIC_PCRE2", false),
    ("SYSTEMD", false),
    ("TFO", false),
    ("THREAD", true),
    ("THREAD_DUMP", false),
    ("TPROXY", false),
    ("WURFL", false),
    ("ZLIB", false),
];

/// What `enabled()` finds where no switch turned it off.
pub(crate) const FACILITIES: &[&str] = &["EPOLL", "FAST-FORWARD", "GETADDRINFO", "REUSEPORT", "SPLICE"];

/// The names that `feature()` finds.
pub(crate) fn built() -> Vec<&'static str> {
    FEATURES.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect()
}

/// The names that `enabled()` finds.
pub(crate) fn enabled(disabled: &[&str]) -> Vec<&'static str> {
    FACILITIES.iter().filter(|name| !disabled.contains(*name)).copied().collect()
}

/// What `-v` prints: four lines in the original's order.
pub(crate) fn version_text(kernel: &str) -> String {
    format!(
        "HAProxy version {} {} - this is Evenkeel {}, which follows HAProxy {}\n\
         Status: first light - not for production yet.\n\
         Known bugs: see CHANGELOG.md\n\
         Running on: {kernel}\n",
        version::FULL,
        version::DATE,
        version::OWN,
        version::COMPAT,
    )
}

/// What `-vv` prints, in the original's shape.
pub(crate) fn build_text(kernel: &str, cores: usize) -> String {
    let features: Vec<String> =
        FEATURES.iter().map(|(name, there)| format!("{}{name}", if *there { '+' } else { '-' })).collect();
    format!(
        "{}Build options :\n\
         \x20 TARGET  = linux-glibc\n\
         \x20 CPU     = {}\n\
         \x20 CC      = rustc\n\
         \x20 CFLAGS  = {}\n\
         \x20 OPTIONS =\n\
         \x20 DEBUG   = {}\n\
         \n\
         Feature list : {}\n\
         \n\
         Default settings :\n\
         \x20 bufsize = 16384, maxrewrite = 1024, maxpollevents = 1024\n\
         \n\
         Built with multi-threading support (default={cores}, one shard per core).\n\
         Built without TLS, Lua, compression and network namespace support.\n\
         Memory allocator : the C library's.\n\
         Regular expressions : the Rust regex library (no look-around, no back-references, linear time).\n\
         \n\
         Available polling systems :\n\
         \x20     epoll : pref=300,  test result OK\n\
         Total: 1 (1 usable), will use epoll.\n\
         \n\
         Available multiplexer protocols :\n\
         (protocols marked as <default> cannot be specified using 'proto' keyword)\n\
         \x20 <default> : mode=HTTP  side=FE|BE  mux=H1\n\
         \x20 <default> : mode=TCP   side=FE|BE  mux=PASS\n\
         \n\
         Available services : none\n\
         Available filters : none\n\
         \n",
        version_text(kernel),
        std::env::consts::ARCH,
        if cfg!(debug_assertions) { "debug" } else { "release" },
        if cfg!(debug_assertions) { "assertions" } else { "" },
        features.join(" "),
    )
}

/// What `-dMhelp` prints.
pub(crate) const MEMORY_DEBUG_HELP: &str = "\
-dM fills the original's memory pools with a byte and changes how they are kept, to find faults in its code.
Evenkeel has no pools to fill: every form of -dM is accepted and changes nothing.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_find_version_and_target_in_this_order() {
        let text = build_text("Linux 6.1.0", 4);
        let found: Vec<&str> =
            text.lines().filter(|line| line.contains("Proxy version") || line.contains("TARGET")).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        let words: Vec<&str> = found[0].split(' ').collect();
        assert_eq!(words[..3], ["HAProxy", "version", version::FULL]);
        assert_eq!(found[1], "  TARGET  = linux-glibc");
        assert!(text.contains("Feature list : -51DEGREES +ACCEPT4"));
    }

    #[test]
    fn names_are_sorted_and_switches_take_them_away() {
        assert!(FEATURES.is_sorted_by_key(|(name, _)| *name));
        assert!(FACILITIES.is_sorted());
        assert!(enabled(&[]).contains(&"SPLICE"));
        assert!(!enabled(&["SPLICE"]).contains(&"SPLICE"));
        assert!(built().contains(&"THREAD") && !built().contains(&"OPENSSL"));
    }
}

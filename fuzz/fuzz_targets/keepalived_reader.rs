//! The reader of keepalived.conf: any bytes become a plan and findings whose places lie within the files, without a panic and
//! in bounded time, with whatever machine around it; and the same bytes always become the same.
#![no_main]

use std::net::IpAddr;

use evenkeel_conf::keepalived::{Env, FileFacts, FileKind, Outside, Owner, load};
use libfuzzer_sys::fuzz_target;

const PATH: &str = "/etc/keepalived/keepalived.conf";

/// A machine that has everything, or nothing; the file includes itself and others.
struct Machine<'a> {
    text: &'a [u8],
    is_bare: bool,
}

impl Outside for Machine<'_> {
    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        if path == PATH || (!self.is_bare && path.len() % 2 == 0) {
            return Ok(self.text.to_vec());
        }
        Err("No such file or directory".to_owned())
    }

    fn list_folder(&self, _: &str) -> Option<Vec<String>> {
        (!self.is_bare).then(|| vec!["keepalived.conf".to_owned(), "a.conf".to_owned()])
    }

    fn look(&self, path: &str) -> Result<FileFacts, String> {
        if self.is_bare && path != PATH {
            return Err("No such file or directory".to_owned());
        }
        Ok(FileFacts { kind: FileKind::File, uid: (path.len() % 3) as u32, gid: 0, mode: 0o755 })
    }

    fn real_path(&self, path: &str) -> Option<String> {
        (!self.is_bare).then(|| path.to_owned())
    }

    fn user(&self, name: &str) -> Option<Owner> {
        (!self.is_bare || name == "root").then_some(Owner { uid: 0, gid: 0 })
    }

    fn group(&self, _: &str) -> Option<u32> {
        (!self.is_bare).then_some(0)
    }

    fn has_interface(&self, _: &str) -> bool {
        !self.is_bare
    }

    fn has_address(&self, _: IpAddr) -> bool {
        !self.is_bare
    }

    fn resolves(&self, _: &str) -> bool {
        !self.is_bare
    }

    fn environment(&self, name: &str) -> Option<Vec<u8>> {
        (!self.is_bare).then(|| name.as_bytes().to_vec())
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((control, text)) = data.split_first() else { return };
    let machine = Machine { text, is_bare: control & 1 != 0 };
    let env = Env { config_id: "node".to_owned(), instance: "node".to_owned(), random_seed: 1 };
    let loaded = load(PATH, &env, &machine);
    for finding in &loaded.findings {
        let what = &finding.diagnostic;
        for span in what.span.into_iter().chain(what.labels.iter().map(|label| label.span)) {
            let len = loaded.sources.text(span.file).len();
            assert!(span.start <= span.end && span.end as usize <= len, "{span:?} in {len} bytes: {}", what.message);
        }
    }
    let plan = &loaded.plan;
    assert_eq!(plan.node.instances.len(), plan.instances.len());
    assert_eq!(plan.node.groups.len(), plan.groups.len());
    assert_eq!(plan.node.tracks.len(), plan.tracks.len());
    let again = load(PATH, &env, &machine);
    assert_eq!((again.exit, &again.findings), (loaded.exit, &loaded.findings));
    assert_eq!(again.plan.node, plan.node);
});

//! What was probably meant by a word that is no keyword.

use bstr::ByteSlice;
use evenkeel_base::Word;
use evenkeel_base::near::nearest;

use super::finding::Finding;
use super::keyword::{Block, Index};

/// Words that once were keywords, or that many files have by mistake, with what to say of them.
const KNOWN: &[(&str, &str)] = &[
    ("nat_mask", "removed: it never did anything, the line can go"),
    ("lvs_id", "old name of `router_id`"),
    ("nb_get_retry", "`retry` is the word here; this one is of HTTP_GET and SSL_GET"),
    ("vrrp_macst_group4", "did you mean `vrrp_mcast_group4`?"),
    ("virtual_iproutes", "did you mean `virtual_routes`?"),
    ("mcast_src_ip4", "did you mean `mcast_src_ip`?"),
];

/// The finding for an unknown word.
pub(crate) fn unknown(index: &Index, block: Block, word: &Word) -> Finding {
    let name = word.str();
    let finding = Finding::tolerated("unknown-keyword", format!("Unknown keyword '{name}'"), word.span)
        .help("keepalived ignores this line, and so do we.");
    match guess(index, block, word.bytes(), &name) {
        Some(note) => finding.note(note),
        None => finding.note(match block {
            Block::Top => "no keyword outside blocks".to_owned(),
            block => format!("no keyword of {}", block.word()),
        }),
    }
}

fn guess(index: &Index, block: Block, bytes: &[u8], name: &str) -> Option<String> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Some("a byte order mark stands before it: save the file as UTF-8 without BOM".to_owned());
    }
    if let Some(what) = invisible(bytes) {
        return Some(format!("{what}, as web pages have them: write an ordinary blank"));
    }
    let blocks = index.blocks(name);
    let known = KNOWN.iter().find(|(word, _)| *word == name).map(|(_, what)| (*what).to_owned());
    if let Some(known) = known {
        return Some(known);
    }
    if let Some(near) = nearest(name, index.names(block)) {
        return Some(format!("did you mean `{near}`?"));
    }
    if !blocks.is_empty() {
        let places: Vec<&str> = blocks.iter().map(|b| b.word()).collect();
        return Some(format!("it belongs into {}", places.join(" or ")));
    }
    if let Some((head, _)) = name.split_once(['=', ':', ';'])
        && index.find(head, block).is_some()
    {
        return Some(format!("write `{head}`, a blank, and the value"));
    }
    None
}

/// Letters that look like blanks and are none.
fn invisible(bytes: &[u8]) -> Option<&'static str> {
    [
        ("\u{a0}", "it has no-break spaces (U+00A0)"),
        ("\u{200b}", "it has zero-width spaces (U+200B)"),
        ("\u{3000}", "it has ideographic spaces (U+3000)"),
        ("\u{2003}", "it has em spaces (U+2003)"),
        ("\u{feff}", "it has a byte order mark (U+FEFF)"),
    ]
    .into_iter()
    .find(|(letter, _)| bytes.contains_str(letter))
    .map(|(_, what)| what)
}

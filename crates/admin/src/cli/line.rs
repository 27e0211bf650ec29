//! From bytes to command lines (management manual §9.3): lines, `;` between commands, `\` before what is meant
//! literally, `<<` for a payload. Bounded, and never fails: what is too long is an item of its own.

use bstr::{BString, ByteSlice};

/// Words of one command; the original looks at no more either.
pub const WORDS_MAX: usize = 64;
/// Letters that may follow `<<` to name the payload's last line.
const PATTERN_MAX: usize = 7;

/// One command as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// Its words, without escapes.
    pub words: Vec<BString>,
    /// What followed `<<`, without the line that ended it.
    pub payload: Option<BString>,
    /// More words were there than [`WORDS_MAX`].
    pub too_many: bool,
}

/// What the reader found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A command.
    Command(CommandLine),
    /// A command whose payload is expected now, or a line of it was taken: interactive users see `+ `.
    PayloadPrompt,
    /// More bytes than may be held without an end of line.
    TooLong,
}

/// Takes bytes as they come and gives items.
#[derive(Debug)]
pub struct Reader {
    held: Vec<u8>,
    /// Bytes of `held` that were looked at already, without finding an end of line.
    seen: usize,
    size_max: usize,
    payload: Option<Payload>,
    used: bool,
}

/// A command that waits for its payload.
#[derive(Debug)]
struct Payload {
    command: CommandLine,
    pattern: Vec<u8>,
    text: Vec<u8>,
}

impl Reader {
    /// Holds at most `size_max` bytes of one command.
    pub fn new(size_max: usize) -> Self {
        Self { held: Vec::new(), seen: 0, size_max, payload: None, used: false }
    }

    /// Takes bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// True if nothing is held: no command has begun.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.payload.is_none()
    }

    /// True once an item was given.
    pub fn was_used(&self) -> bool {
        self.used
    }

    /// The next item; `None`: more bytes are needed.
    pub fn next_item(&mut self) -> Option<Item> {
        if self.payload.is_some() {
            return self.next_of_payload();
        }
        let Some(end) = self.line_end() else {
            return (self.held.len() > self.size_max).then(|| self.overflow());
        };
        if end > self.size_max {
            return Some(self.overflow());
        }
        let line = self.held.get(..end).unwrap_or_default();
        let stop = command_end(line);
        let text = line.get(..stop).unwrap_or_default();
        let (text, pattern) = match payload_pattern(text) {
            Some((text, pattern)) => (text, Some(pattern.to_vec())),
            None => (text, None),
        };
        let command = split(text);
        // The separator goes with the command; the rest of the line is the next one, even if it is empty.
        self.held.drain(..=stop);
        self.seen = 0;
        self.used = true;
        match pattern {
            None => Some(Item::Command(command)),
            Some(pattern) => {
                self.payload = Some(Payload { command, pattern, text: Vec::new() });
                Some(Item::PayloadPrompt)
            }
        }
    }

    fn next_of_payload(&mut self) -> Option<Item> {
        let end = self.line_end();
        let waiting = self.payload.as_mut()?;
        let Some(end) = end else {
            return (self.held.len() + waiting.text.len() > self.size_max).then(|| self.overflow());
        };
        let line = self.held.get(..end).unwrap_or_default();
        let bare = line.strip_suffix(b"\r").unwrap_or(line);
        let last = bare == waiting.pattern.as_slice();
        if !last {
            waiting.text.extend_from_slice(line);
            waiting.text.push(b'\n');
        }
        let too_long = waiting.text.len() > self.size_max;
        self.held.drain(..=end);
        self.seen = 0;
        if too_long {
            return Some(self.overflow());
        }
        if !last {
            return Some(Item::PayloadPrompt);
        }
        let Payload { mut command, text, .. } = self.payload.take()?;
        command.payload = Some(text.into());
        Some(Item::Command(command))
    }

    fn line_end(&mut self) -> Option<usize> {
        let found = self.held.get(self.seen..).and_then(|rest| rest.find_byte(b'\n'));
        match found {
            Some(at) => Some(self.seen + at),
            None => {
                self.seen = self.held.len();
                None
            }
        }
    }

    fn overflow(&mut self) -> Item {
        self.held = Vec::new();
        self.seen = 0;
        self.payload = None;
        Item::TooLong
    }
}

/// Where a command ends in its line: at the first `;` that no `\` precedes.
fn command_end(line: &[u8]) -> usize {
    let mut escaped = false;
    for (at, byte) in line.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b';' => return at,
            _ => {}
        }
    }
    line.len()
}

/// The text before `<<` at the end of a command, and the letters after it. Blanks after `<<` make it a plain word.
fn payload_pattern(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let start = text.iter().rposition(|b| is_blank(*b)).map_or(0, |at| at + 1);
    let (before, last) = text.split_at(start);
    let pattern = last.strip_prefix(b"<<")?;
    (pattern.len() <= PATTERN_MAX).then_some((before, pattern))
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c | 0)
}

/// Words between blanks; `\` makes the next byte literal.
fn split(text: &[u8]) -> CommandLine {
    let mut line = CommandLine::default();
    let mut word: Option<Vec<u8>> = None;
    let mut escaped = false;
    let close = |word: &mut Option<Vec<u8>>, line: &mut CommandLine| {
        let Some(text) = word.take() else { return };
        if line.words.len() < WORDS_MAX {
            line.words.push(text.into());
        } else {
            line.too_many = true;
        }
    };
    for byte in text {
        if escaped {
            escaped = false;
            word.get_or_insert_default().push(*byte);
        } else if *byte == b'\\' {
            escaped = true;
            word.get_or_insert_default();
        } else if is_blank(*byte) {
            close(&mut word, &mut line);
        } else {
            word.get_or_insert_default().push(*byte);
        }
    }
    close(&mut word, &mut line);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commands as `a|b c`, payloads in brackets, prompts as `+`.
    fn read(bytes: &[u8]) -> String {
        let mut reader = Reader::new(64);
        reader.push(bytes);
        render(&mut reader)
    }

    fn render(reader: &mut Reader) -> String {
        let mut out = Vec::new();
        while let Some(item) = reader.next_item() {
            out.push(match item {
                Item::PayloadPrompt => "+".to_string(),
                Item::TooLong => "!".to_string(),
                Item::Command(c) => {
                    let words: Vec<String> = c.words.iter().map(|w| w.to_string()).collect();
                    let payload = c.payload.map(|p| format!("[{}]", p.escape_ascii())).unwrap_or_default();
                    format!("{}{payload}", words.join("|"))
                }
            });
        }
        out.join(" ")
    }

    // The original's behaviour for each, but for `<<E`, which came after 2.6.
    #[test]
    fn lines_become_commands() {
        for (bytes, want) in [
            (&b"show version\n"[..], "show|version"),
            (b"show version", ""),
            (b"show version\r\nshow\tstat\n", "show|version show|stat"),
            (b"   show    version   \n", "show|version"),
            (b"show version;show backend\n", "show|version show|backend"),
            (b"show version;\n", "show|version "),
            (b"\n", ""),
            (b"get weight be\\/s1\n", "get|weight|be/s1"),
            (b"add acl #1 /a\\ b;show acl #1\n", "add|acl|#1|/a b show|acl|#1"),
            (b"get weight be/s\\;1\n", "get|weight|be/s;1"),
            (b"a \\\\\n", "a|\\"),
            (b"a \\\n", "a|"),
            (b"add map #0 <<\nfoo bar\nx y\n\nshow acl\n", "+ + + add|map|#0[foo bar\\nx y\\n] show|acl"),
            (b"add map #0 <<E\nfoo\n\nE\n", "+ + + add|map|#0[foo\\n\\n]"),
            (b"show version <<;show backend\nfoo\n\n", "+ + + show|version[show backend\\nfoo\\n]"),
            (b"show version << ; show backend\n", "show|version|<< show|backend"),
            (b"a <<tooloong\n", "a|<<tooloong"),
            (b"a<<\n", "a<<"),
            (b"<<\n\n", "+ []"),
        ] {
            assert_eq!(read(bytes), want, "{}", bytes.as_bstr());
        }
        assert_eq!(read(&[b'x'; 65]), "!");
        assert_eq!(read(&[b'x'; 64]), "");
        let long = [&[b'x'; 65][..], b"\n"].concat();
        assert_eq!(read(&long), "!");
        let payload = [b"a <<\n", &[b'x'; 65][..], b"\n\n"].concat();
        assert_eq!(read(&payload), "+ !");
    }

    #[test]
    fn words_are_bounded() {
        let mut reader = Reader::new(1000);
        reader.push("w ".repeat(WORDS_MAX + 1).as_bytes());
        reader.push(b"\n");
        let Some(Item::Command(line)) = reader.next_item() else { panic!("a command") };
        assert!(line.too_many && line.words.len() == WORDS_MAX);
    }

    proptest::proptest! {
        /// However the bytes are cut, the same items come out, and nothing panics.
        #[test]
        fn cuts_do_not_matter(
            bytes in proptest::collection::vec(
                proptest::prop_oneof![
                    proptest::sample::select(b" ;\\\n<ab\r\0".to_vec()),
                    proptest::num::u8::ANY,
                ],
                0..120,
            ),
            cut in 0usize..120,
        ) {
            let cut = cut.min(bytes.len());
            let whole = {
                let mut reader = Reader::new(10_000);
                reader.push(&bytes);
                render(&mut reader)
            };
            let mut reader = Reader::new(10_000);
            reader.push(&bytes[..cut]);
            let mut parts = vec![render(&mut reader)];
            reader.push(&bytes[cut..]);
            parts.push(render(&mut reader));
            let count = |s: &str| s.split(' ').filter(|w| !w.is_empty()).count();
            let whole_count = count(&whole);
            proptest::prop_assert_eq!(parts.iter().map(|p| count(p)).sum::<usize>(), whole_count);
            let mut small = Reader::new(16);
            small.push(&bytes);
            render(&mut small);
        }
    }
}

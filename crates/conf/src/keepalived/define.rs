//! Lines before they are words: `@id` conditions, `$NAME=` definitions, `${NAME}` insertions, `~SEQ` and `~LST`.
//!
//! All of it is done line by line, as the original does: a definition counts from its line on, and is put in when it is
//! used, so that definitions inside definitions follow later changes. The manual's section is *Parameter substitution*.

use std::collections::BTreeMap;

use bstr::{BStr, BString, ByteSlice};
use evenkeel_base::rng::Rng;

use super::Env;
use super::finding::Finding;
use super::lex::{Text, is_blank};
use super::outside::Outside;

/// Deepest insertion within insertions: deeper ones contain themselves.
const INSERTIONS_MAX: usize = 64;

/// Longest line after insertions.
pub(crate) const LINE_MAX: usize = 64 * 1024;

/// Most lines, and bytes of lines, that the files, definitions and sequences make: enough for twenty thousand instances.
pub(crate) const LINES_MAX: usize = 400_000;

/// Most bytes of them.
pub(crate) const MADE_MAX: usize = 64 * 1024 * 1024;

/// How much is made before the rest is left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Lines.
    pub(crate) lines: usize,
    /// Bytes of them, with what definitions make on the way.
    pub(crate) bytes: usize,
}

impl Bounds {
    /// What users have.
    pub(crate) const USUAL: Bounds = Bounds { lines: LINES_MAX, bytes: MADE_MAX };
}

/// What is kept of definitions and names for insertions.
pub(crate) struct Definer<'a> {
    names: BTreeMap<BString, Vec<BString>>,
    env: &'a Env,
    outside: &'a dyn Outside,
    rng: Rng,
    folder: BString,
    /// The multi-line definition that is being read.
    open: Option<(BString, Vec<BString>)>,
    /// Lines made so far, and bytes.
    made: (usize, usize),
    bounds: Bounds,
}

/// What takes the finished lines.
pub(crate) type Sink<'s> = &'s mut dyn FnMut(&mut Definer<'_>, &Text);

impl<'a> Definer<'a> {
    /// Without definitions.
    pub(crate) fn new(env: &'a Env, outside: &'a dyn Outside, bounds: Bounds) -> Self {
        Self {
            names: BTreeMap::new(),
            env,
            outside,
            rng: Rng::new(env.random_seed),
            folder: BString::default(),
            open: None,
            made: (0, 0),
            bounds,
        }
    }

    /// `${_PWD}` is this folder from now on; gives the one before.
    pub(crate) fn enter(&mut self, folder: &str) -> BString {
        std::mem::replace(&mut self.folder, folder.into())
    }

    /// Back to the folder before.
    pub(crate) fn leave(&mut self, folder: BString) {
        self.folder = folder;
    }

    /// The end of a file ends a definition that still wants lines.
    pub(crate) fn end_of_file(&mut self) {
        if let Some((name, lines)) = self.open.take() {
            self.names.insert(name, lines);
        }
    }

    /// `random_seed`.
    fn seed(&mut self, line: &[u8]) {
        if let Some(rest) = line.strip_prefix(b"random_seed")
            && let Some(seed) = rest.to_str().ok().and_then(|s| s.trim().parse().ok())
        {
            self.rng = Rng::new(seed);
        }
    }

    /// A line of the file, without comment and blanks at its ends.
    pub(crate) fn line(&mut self, text: &Text, findings: &mut Vec<Finding>, sink: Sink<'_>) {
        if let Some((name, mut lines)) = self.open.take() {
            let (body, more) = continued(&text.bytes);
            lines.push(body.into());
            if more {
                self.open = Some((name, lines));
            } else {
                self.names.insert(name, lines);
            }
            return;
        }
        self.logical(text, 0, findings, sink);
    }

    fn logical(&mut self, text: &Text, depth: usize, findings: &mut Vec<Finding>, sink: Sink<'_>) {
        if self.spent(text.bytes.len(), text, findings) {
            return;
        }
        let mut text = text.trimmed();
        if text.bytes.first() == Some(&b'@') {
            match self.condition(&text) {
                Some(rest) => text = rest,
                None => return,
            }
        }
        if text.bytes.is_empty() {
            return;
        }
        if let Some((name, value)) = definition(&text.bytes) {
            let (value, more) = continued(value);
            let name = BString::from(name);
            match more {
                // What stands before the backslash is the first line, if it is anything.
                true => {
                    let first = if value.is_empty() { Vec::new() } else { vec![value.into()] };
                    self.open = Some((name, first));
                }
                false => {
                    self.names.insert(name, vec![value.into()]);
                }
            }
            return;
        }
        if let Some(kind) = Block::of(&text.bytes) {
            return self.block(kind, &text, depth, findings, sink);
        }
        if depth > INSERTIONS_MAX || text.bytes.len() > LINE_MAX {
            findings.push(
                Finding::tolerated(
                    "endless-definition",
                    "this line grows without end: a definition contains itself",
                    text.whole(),
                )
                .help("keepalived would hang here."),
            );
            return;
        }
        match self.inserted(&text) {
            None => {
                self.made.0 += 1;
                self.seed(&text.bytes);
                sink(self, &text);
            }
            Some(lines) => {
                for line in &lines {
                    self.logical(line, depth + 1, findings, sink);
                }
            }
        }
    }

    /// Counts what is made; true where it is too much. Said once.
    fn spent(&mut self, len: usize, text: &Text, findings: &mut Vec<Finding>) -> bool {
        /// What a line costs beside its bytes.
        const LINE: usize = 16;
        let full = |made: (usize, usize), bounds: Bounds| made.0 > bounds.lines || made.1 > bounds.bytes;
        if full(self.made, self.bounds) {
            return true;
        }
        self.made.1 += len + LINE;
        if full(self.made, self.bounds) {
            let message = "definitions and sequences make more lines than can be read: the rest is left out";
            findings.push(Finding::tolerated("too-much", message, text.whole()));
        }
        full(self.made, self.bounds)
    }

    /// What follows `@id` or `@^id` where it holds.
    fn condition(&self, text: &Text) -> Option<Text> {
        let (negative, start) = if text.bytes.get(1) == Some(&b'^') { (true, 2) } else { (false, 1) };
        let rest = text.bytes.get(start..).unwrap_or_default();
        let len = rest.iter().position(|b| is_blank(*b)).unwrap_or(rest.len());
        let matches = rest[..len] == *self.env.config_id.as_bytes();
        (matches != negative).then(|| text.slice(start + len, text.bytes.len()).trimmed())
    }

    /// The line with its first insertion made; `None` where there is none. Several lines where the definition has them.
    fn inserted(&mut self, text: &Text) -> Option<Vec<Text>> {
        let bytes = text.bytes.clone();
        let mut from = 0;
        while let Some(found) = bytes[from..].find_byte(b'$') {
            let at = from + found;
            from = at + 1;
            let Some((name, arguments, end)) = reference(&bytes, at) else { continue };
            let Some(value) = self.value(name, arguments) else { continue };
            let place = text.span(at, end);
            let rest = text.slice(end, bytes.len());
            if value.len() > 1 && !rest.trimmed().bytes.is_empty() {
                continue;
            }
            let mut lines = Vec::with_capacity(value.len().max(1));
            let mut line = text.slice(0, at);
            for (n, part) in value.iter().enumerate() {
                if n > 0 {
                    lines.push(std::mem::take(&mut line));
                }
                line.push(&Text::put(part, place));
            }
            line.push(&rest);
            lines.push(line);
            return Some(lines);
        }
        None
    }

    fn value(&mut self, name: &BStr, arguments: &BStr) -> Option<Vec<BString>> {
        if let Some(lines) = self.names.get(name)
            && arguments.is_empty()
        {
            return Some(lines.clone());
        }
        let one = |text: BString| Some(vec![text]);
        match name.as_bytes() {
            b"_PWD" => one(self.folder.clone()),
            b"_INSTANCE" => one(self.env.instance.as_str().into()),
            b"_HASH" => one("#".into()),
            b"_BANG" => one("!".into()),
            b"_RANDOM" => one(self.random(arguments).to_string().into()),
            // From 2.3 on.
            b"_ENV" => {
                let name = arguments.to_str().ok()?.trim();
                one(self.outside.environment(name).unwrap_or_default().into())
            }
            _ => None,
        }
    }

    /// `${_RANDOM [MIN [MAX]]}`: 0 to 32767 where they are not said.
    fn random(&mut self, arguments: &BStr) -> u32 {
        let mut numbers = arguments.to_str().unwrap_or("").split_ascii_whitespace().map(str::parse::<u32>);
        let low = numbers.next().and_then(Result::ok).unwrap_or(0);
        let high = numbers.next().and_then(Result::ok).unwrap_or(32_767);
        let (low, high) = (low.min(high), low.max(high));
        low + self.rng.below((high - low).saturating_add(1))
    }

    /// `~SEQ(…)` and `~LST(…)`: the rest of the line once per value.
    fn block(&mut self, kind: Block, text: &Text, depth: usize, findings: &mut Vec<Finding>, sink: Sink<'_>) {
        let word = kind.word();
        let wrong = |findings: &mut Vec<Finding>| {
            findings.push(
                Finding::tolerated(
                    "bad-sequence",
                    format!("Invalid {word} specification '{}'", text.bytes),
                    text.whole(),
                )
                .note(kind.usage()),
            );
        };
        let start = word.len();
        let bytes = text.bytes.clone();
        let Some(len) = bytes[start..].find_byte(b')') else { return wrong(findings) };
        let inside = text.slice(start + 1, start + len);
        let inside = self.argument_text(inside, depth);
        let rest = text.slice(start + len + 1, bytes.len());
        let Some(rows) = (match kind {
            Block::Decimal | Block::Hex => sequence(&inside, kind == Block::Hex),
            Block::List => list(&inside),
        }) else {
            return wrong(findings);
        };
        for row in rows {
            if self.spent(0, text, findings) {
                break;
            }
            for (name, value) in row {
                self.names.insert(name, vec![value]);
            }
            self.logical(&rest, depth + 1, findings, sink);
        }
    }

    /// Definitions may stand among the numbers.
    fn argument_text(&mut self, mut text: Text, depth: usize) -> BString {
        for _ in depth..INSERTIONS_MAX {
            match self.inserted(&text) {
                Some(mut lines) if lines.len() == 1 && lines[0].bytes.len() <= LINE_MAX => {
                    text = lines.remove(0);
                }
                Some(_) | None => break,
            }
        }
        text.bytes
    }
}

/// The body of a line of a definition, and whether a backslash asks for more.
fn continued(line: &[u8]) -> (&[u8], bool) {
    match line.trim_end().strip_suffix(b"\\") {
        Some(body) => (body.trim(), true),
        None => (line.trim(), false),
    }
}

/// `NAME` and the value of `$NAME=value`.
fn definition(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = line.strip_prefix(b"$")?;
    let len = name_len(rest);
    let value = rest.get(len..)?.strip_prefix(b"=")?;
    (len > 0).then_some((&rest[..len], value))
}

/// How many bytes belong to a name: letters, digits, `_`; no digit first.
fn name_len(text: &[u8]) -> usize {
    if text.first().is_some_and(u8::is_ascii_digit) {
        return 0;
    }
    crate::env::name_len(text)
}

/// Name, arguments and end of the `$NAME` or `${NAME …}` at `at`. Without braces, a blank, a comma, a closing parenthesis
/// or the line's end must follow.
fn reference(line: &[u8], at: usize) -> Option<(&BStr, &BStr, usize)> {
    let rest = line.get(at + 1..)?;
    if let Some(inner) = rest.strip_prefix(b"{") {
        let close = inner.find_byte(b'}')?;
        let inner = &inner[..close];
        let len = name_len(inner);
        let arguments = &inner[len..];
        let parted = arguments.is_empty() || arguments.first().is_some_and(|b| is_blank(*b));
        return (len > 0 && parted)
            .then(|| (inner[..len].as_bstr(), arguments.trim().as_bstr(), at + close + 3));
    }
    let len = name_len(rest);
    let ends = rest.get(len).is_none_or(|b| is_blank(*b) || matches!(b, b',' | b')'));
    (len > 0 && ends).then(|| (rest[..len].as_bstr(), BStr::new(b""), at + 1 + len))
}

/// Which block a line starts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Decimal,
    Hex,
    List,
}

impl Block {
    fn of(line: &[u8]) -> Option<Self> {
        [Block::Decimal, Block::Hex, Block::List].into_iter().find(|kind| {
            line.strip_prefix(kind.word().as_bytes()).is_some_and(|rest| rest.first() == Some(&b'('))
        })
    }

    const fn word(self) -> &'static str {
        match self {
            Block::Decimal => "~SEQ",
            Block::Hex => "~SEQx",
            Block::List => "~LST",
        }
    }

    const fn usage(self) -> &'static str {
        match self {
            Block::Decimal | Block::Hex => "wanted: ~SEQ(NAME, [start,] [step,] end)",
            Block::List => "wanted: ~LST(NAME, value, …) or ~LST({A,B}, {1,2}, …)",
        }
    }
}

/// What names are set to for one turn.
type Row = Vec<(BString, BString)>;

/// `NAME, [start, [step,]] end`.
fn sequence(inside: &BString, hex: bool) -> Option<Box<dyn Iterator<Item = Row>>> {
    let inside = inside.to_str().ok()?;
    let mut parts = inside.split(',').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?.to_owned();
    let numbers: Vec<i64> = parts.map(number).collect::<Option<_>>()?;
    let toward = |end: i64| if end > 0 { 1 } else { -1 };
    let (start, step, end) = match numbers[..] {
        [end] => (toward(end), toward(end), end),
        [start, end] => (start, if end >= start { 1 } else { -1 }, end),
        [start, step, end] => (start, step, end),
        _ => return None,
    };
    if step == 0 || (end > start && step < 0) || (end < start && step > 0) {
        return None;
    }
    let mut next = Some(start);
    Some(Box::new(std::iter::from_fn(move || {
        let value = next.filter(|v| if step > 0 { *v <= end } else { *v >= end })?;
        next = value.checked_add(step);
        let text = if hex { format!("{value:x}") } else { value.to_string() };
        Some(vec![(name.as_str().into(), text.into())])
    })))
}

/// A whole number, `0x…` too.
fn number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let value = match digits.strip_prefix("0x") {
        Some(hex) => i64::from(u32::from_str_radix(hex, 16).ok()?),
        None => i64::from(digits.parse::<u32>().ok()?),
    };
    Some(if negative { -value } else { value })
}

/// `NAME, value, …` or `{A, B}, {1, 2}, …`.
fn list(inside: &BString) -> Option<Box<dyn Iterator<Item = Row>>> {
    let items = items(inside)?;
    let (names, values) = items.split_first()?;
    let sound = |name: &BString| name_len(name) == name.len() && !name.is_empty();
    if values.is_empty() || !names.iter().all(sound) {
        return None;
    }
    // A single name takes its value whole; blanks within one are none of a list.
    if values.iter().flatten().any(|v| v.iter().any(|b| is_blank(*b))) {
        return None;
    }
    let names = names.clone();
    let rows: Vec<Row> = values
        .iter()
        .map(|row| {
            let value = |n: usize| row.get(n).cloned().unwrap_or_default();
            names.iter().enumerate().map(|(n, name)| (name.clone(), value(n))).collect()
        })
        .collect();
    Some(Box::new(rows.into_iter()))
}

/// The items of a list: each a row of values, one where there are no braces.
fn items(inside: &[u8]) -> Option<Vec<Vec<BString>>> {
    let mut rows = Vec::new();
    let mut rest = inside.trim();
    loop {
        if let Some(inner) = rest.strip_prefix(b"{") {
            let close = inner.find_byte(b'}')?;
            rows.push(inner[..close].split_str(",").map(|v| v.trim().into()).collect());
            rest = inner[close + 1..].trim();
        } else {
            let len = rest.find_byte(b',').unwrap_or(rest.len());
            rows.push(vec![rest[..len].trim().into()]);
            rest = &rest[len..];
        }
        match rest.strip_prefix(b",") {
            Some(more) => rest = more.trim(),
            None => return rest.is_empty().then_some(rows),
        }
    }
}

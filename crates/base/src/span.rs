//! Places in the user's files. A [`Span`] is two offsets and a file; the [`SourceMap`] turns it back into
//! file, line, column and text.

/// Index of a file in a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FileId(pub u32);

/// A byte range of one file. `Span::default()` is "nowhere" (the start of file 0, empty).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// The range `start..end` of `file`.
    pub fn new(file: FileId, start: u32, end: u32) -> Self {
        debug_assert!(start <= end);
        Self { file, start, end }
    }

    /// From the start of `self` to the end of `other`; `self` alone where they are in different files.
    pub fn to(self, other: Span) -> Span {
        if self.file != other.file || other.end < self.start {
            return self;
        }
        Span { file: self.file, start: self.start, end: other.end }
    }

    /// The empty span just after `self`: where a missing word belongs.
    pub fn after(self) -> Span {
        Span { file: self.file, start: self.end, end: self.end }
    }
}

/// One file as read, with its line starts.
#[derive(Debug)]
struct Source {
    name: String,
    text: Vec<u8>,
    line_starts: Vec<u32>,
}

/// All files that took part in one configuration.
#[derive(Debug, Default)]
pub struct SourceMap {
    sources: Vec<Source>,
}

/// A place as people name it. Lines and columns count from 1; columns count characters (invalid UTF-8: bytes).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The file's name as the user gave it.
    pub file: &'a str,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl SourceMap {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file. Text beyond 4 GiB is cut: offsets are 32 bits (the reader refuses such files first).
    pub fn add(&mut self, name: impl Into<String>, mut text: Vec<u8>) -> FileId {
        text.truncate(u32::MAX as usize - 1);
        let mut line_starts = vec![0];
        line_starts.extend(text.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i as u32 + 1));
        let id = FileId(self.sources.len() as u32);
        self.sources.push(Source { name: name.into(), text, line_starts });
        id
    }

    /// The file's name, or `""` for an id of another map.
    pub fn name(&self, file: FileId) -> &str {
        self.sources.get(file.0 as usize).map_or("", |s| s.name.as_str())
    }

    /// The file's bytes.
    pub fn text(&self, file: FileId) -> &[u8] {
        self.sources.get(file.0 as usize).map_or(&[], |s| s.text.as_slice())
    }

    /// Number of files.
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// True before the first file.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Line number (from 1) of an offset.
    pub fn line(&self, file: FileId, offset: u32) -> u32 {
        self.sources
            .get(file.0 as usize)
            .map_or(0, |s| s.line_starts.partition_point(|start| *start <= offset) as u32)
    }

    /// The start of a span in people's terms.
    pub fn place(&self, span: Span) -> Place<'_> {
        let line = self.line(span.file, span.start);
        let start = self.line_start(span.file, line);
        let text = self.text(span.file);
        let head = text.get(start as usize..(span.start as usize).min(text.len())).unwrap_or(&[]);
        let column = match std::str::from_utf8(head) {
            Ok(s) => s.chars().count() as u32 + 1,
            Err(_) => head.len() as u32 + 1,
        };
        Place { file: self.name(span.file), line, column }
    }

    /// The bytes of a line (from 1), without its line end.
    pub fn line_text(&self, file: FileId, line: u32) -> &[u8] {
        let start = self.line_start(file, line) as usize;
        let rest = self.text(file).get(start..).unwrap_or(&[]);
        let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        let text = &rest[..end];
        text.strip_suffix(b"\r").unwrap_or(text)
    }

    /// Offset of the first byte of a line (from 1).
    pub fn line_start(&self, file: FileId, line: u32) -> u32 {
        self.sources
            .get(file.0 as usize)
            .and_then(|s| s.line_starts.get(line.saturating_sub(1) as usize))
            .copied()
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_and_survive_odd_ends() {
        let mut map = SourceMap::new();
        let file = map.add("a.cfg", "one\r\nzwö drei\nlast".as_bytes().to_vec());
        let at = |start| map.place(Span::new(file, start, start));
        assert_eq!(at(0), Place { file: "a.cfg", line: 1, column: 1 });
        assert_eq!(at(10), Place { file: "a.cfg", line: 2, column: 5 });
        assert_eq!(at(15), Place { file: "a.cfg", line: 3, column: 1 });
        assert_eq!(map.line_text(file, 1), b"one");
        assert_eq!(map.line_text(file, 3), b"last");
        assert_eq!(map.line_text(file, 9), b"one", "a line that is not there falls back to the first");
        assert_eq!(map.place(Span::new(FileId(7), 3, 4)).line, 0);
    }
}

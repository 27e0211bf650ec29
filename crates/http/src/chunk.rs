//! The chunked coding (RFC 9112 §7.1), read without holding data back and written anew: extensions are dropped.

use crate::codec::{Limits, parse_trailers};
use crate::error::{Kind, Malformed};
use crate::fields::Fields;
use crate::known::Known;

/// Most digits of a chunk size: 64 bits.
const SIZE_DIGITS_MAX: u32 = 16;
/// Most bytes of one chunk's extensions: nobody uses any, attackers pad with them.
const EXTENSION_MAX: u32 = 1024;
/// Most bytes of all extensions of a body: one byte of data must not cost a kilobyte of framing for ever.
const EXTENSIONS_MAX: u32 = 16 * 1024;
/// Most bytes of a trailer section: as a head.
const TRAILERS_MAX: usize = 16384 - 1024;

/// What a piece of input was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkStep {
    /// All of the input was framing and is consumed.
    More,
    /// `input[start..end]` is data; bytes before it were framing. `end` bytes are consumed.
    Data {
        /// Offset of the first byte of data.
        start: usize,
        /// Offset after the last.
        end: usize,
    },
    /// The body is complete with its trailers; the next message starts after `consumed` bytes.
    End {
        /// Bytes consumed.
        consumed: usize,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// In the digits of a size.
    #[default]
    Size,
    /// After them, in white space: an extension or the line's end.
    SizeSpace,
    /// In an extension.
    Extension,
    /// After the CR of a size line.
    SizeLf,
    /// In data.
    Data,
    /// After data.
    DataCr,
    /// After data and CR.
    DataLf,
    /// After the last chunk's line.
    Trailers,
    /// After the empty line.
    Done,
}

/// Reads a chunked body piece by piece.
#[derive(Clone, Debug, Default)]
pub struct ChunkDecoder {
    state: State,
    /// Digits of the size so far.
    digits: u32,
    /// The size so far; in data, what is left of it.
    left: u64,
    /// Bytes of this chunk's extensions, and of all.
    extension: u32,
    extensions: u32,
    /// The trailer section so far, and where its last line starts.
    text: Vec<u8>,
    line: usize,
    trailers: Fields,
}

impl ChunkDecoder {
    /// At the start of a body.
    pub fn new() -> Self {
        Self::default()
    }

    /// Back to the start of a body; the memory stays.
    pub fn reset(&mut self) {
        self.state = State::Size;
        self.digits = 0;
        self.left = 0;
        self.extension = 0;
        self.extensions = 0;
        self.text.clear();
        self.line = 0;
        self.trailers.clear();
    }

    /// Reads on. Call again with what is left after each [`ChunkStep::Data`]; after [`ChunkStep::End`] the input is
    /// the next message's and every further call gives `End { consumed: 0 }`.
    pub fn decode(&mut self, input: &[u8]) -> Result<ChunkStep, Malformed> {
        let mut at = 0;
        loop {
            match self.state {
                State::Data if self.left == 0 => self.state = State::DataCr,
                State::Data => {
                    let rest = (input.len() - at) as u64;
                    if rest == 0 {
                        return Ok(ChunkStep::More);
                    }
                    let n = rest.min(self.left);
                    self.left -= n;
                    return Ok(ChunkStep::Data { start: at, end: at + n as usize });
                }
                State::Trailers => match self.take_trailers(input, at)? {
                    Some(consumed) => return Ok(ChunkStep::End { consumed }),
                    None => return Ok(ChunkStep::More),
                },
                State::Done => return Ok(ChunkStep::End { consumed: at }),
                State::Size
                | State::SizeSpace
                | State::Extension
                | State::SizeLf
                | State::DataCr
                | State::DataLf => {
                    let Some(b) = input.get(at) else { return Ok(ChunkStep::More) };
                    self.frame(*b).map_err(|kind| Malformed::new(kind, at))?;
                    at += 1;
                }
            }
        }
    }

    /// Data left in the chunk that is being read: so much may be moved past the decoder.
    pub fn remaining_in_chunk(&self) -> u64 {
        match self.state {
            State::Data => self.left,
            State::Size
            | State::SizeSpace
            | State::Extension
            | State::SizeLf
            | State::DataCr
            | State::DataLf
            | State::Trailers
            | State::Done => 0,
        }
    }

    /// Says that `n` bytes of the chunk's data went another way (splice). More than remain count as all that remain.
    pub fn advance(&mut self, n: u64) {
        debug_assert!(n <= self.remaining_in_chunk());
        if self.state == State::Data {
            self.left = self.left.saturating_sub(n);
        }
    }

    /// True after the end.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The trailers, after the end.
    pub fn trailers(&self) -> &Fields {
        &self.trailers
    }

    /// One byte of framing.
    fn frame(&mut self, b: u8) -> Result<(), Kind> {
        self.state = match (self.state, b) {
            (State::Size, _) if b.is_ascii_hexdigit() => {
                let digit = match b {
                    b'0'..=b'9' => b - b'0',
                    _ => (b | 0x20) - b'a' + 10,
                };
                self.digits += 1;
                self.left = self.left << 4 | u64::from(digit);
                if self.digits > SIZE_DIGITS_MAX || self.left > i64::MAX as u64 {
                    return Err(Kind::BadChunkSize);
                }
                State::Size
            }
            (State::Size, _) if self.digits == 0 => return Err(Kind::BadChunkSize),
            (State::Size | State::SizeSpace, b';') => {
                self.extension = 0;
                State::Extension
            }
            (State::Size | State::SizeSpace | State::Extension, b'\r') => State::SizeLf,
            (State::Size, b' ' | b'\t') => {
                self.extension = 0;
                State::SizeSpace
            }
            (State::SizeSpace, b' ' | b'\t') => {
                self.count_extension()?;
                State::SizeSpace
            }
            (State::Size | State::SizeSpace, b'\n') => return Err(Kind::BadChunkEnd),
            (State::Size | State::SizeSpace, _) => return Err(Kind::BadChunkSize),
            (State::Extension, b'\t' | b' '..=b'~' | 0x80..) => {
                self.count_extension()?;
                State::Extension
            }
            (State::Extension, _) => return Err(Kind::BadChunkExtension),
            (State::SizeLf, b'\n') if self.left == 0 => State::Trailers,
            (State::SizeLf, b'\n') => State::Data,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => {
                self.digits = 0;
                State::Size
            }
            (State::SizeLf | State::DataCr | State::DataLf, _) => return Err(Kind::BadChunkEnd),
            (state @ (State::Data | State::Trailers | State::Done), _) => state,
        };
        Ok(())
    }

    fn count_extension(&mut self) -> Result<(), Kind> {
        self.extension += 1;
        self.extensions += 1;
        if self.extension > EXTENSION_MAX || self.extensions > EXTENSIONS_MAX {
            return Err(Kind::BadChunkExtension);
        }
        Ok(())
    }

    /// Collects trailer lines to the empty one; says how many bytes are consumed then.
    fn take_trailers(&mut self, input: &[u8], mut at: usize) -> Result<Option<usize>, Malformed> {
        loop {
            let rest = input.get(at..).unwrap_or_default();
            let lf = memchr::memchr(b'\n', rest);
            let piece = rest.get(..lf.map_or(rest.len(), |n| n + 1)).unwrap_or_default();
            if self.text.len() + piece.len() > TRAILERS_MAX {
                return Err(Malformed::new(Kind::TrailersTooLarge, at));
            }
            self.text.extend_from_slice(piece);
            at += piece.len();
            if lf.is_none() {
                return Ok(None);
            }
            if !self.text.ends_with(b"\r\n") {
                return Err(Malformed::new(Kind::BadChunkEnd, at - 1));
            }
            if self.text.len() == self.line + 2 {
                break;
            }
            self.line = self.text.len();
        }
        parse_trailers(&self.text, &mut self.trailers, &Limits::default())?;
        for known in [Known::ContentLength, Known::TransferEncoding, Known::Host] {
            if self.trailers.contains(known) {
                return Err(Malformed::new(Kind::BadTrailer, at));
            }
        }
        self.state = State::Done;
        Ok(Some(at))
    }
}

/// Writes the line before a chunk of `len` bytes. After the data the caller writes CRLF. (0 would end the body:
/// [`write_last_chunk`].)
pub fn write_chunk_head(len: u64, out: &mut Vec<u8>) {
    debug_assert!(len > 0);
    let digits = (64 - len.leading_zeros()).div_ceil(4).max(1);
    for i in (0..digits).rev() {
        let digit = (len >> (4 * i)) as u8 & 0xf;
        out.push(if digit < 10 { b'0' + digit } else { b'A' + digit - 10 });
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes the end of a body: the last chunk, the trailers, the empty line.
pub fn write_last_chunk(trailers: &Fields, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    trailers.write_to(out);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes in pieces of `step` bytes: data, trailers as written, bytes left over.
    fn decode(input: &[u8], step: usize) -> Result<(Vec<u8>, Vec<u8>, usize), Kind> {
        let mut decoder = ChunkDecoder::new();
        let (mut at, mut end, mut data) = (0, 0, Vec::new());
        loop {
            let piece = &input[at..end];
            match decoder.decode(piece).map_err(|e| e.kind)? {
                ChunkStep::More => {
                    at = end;
                    if end == input.len() {
                        return Ok((data, b"(open)".to_vec(), 0));
                    }
                    end = (end + step).min(input.len());
                }
                ChunkStep::Data { start, end } => {
                    data.extend_from_slice(&piece[start..end]);
                    at += end;
                }
                ChunkStep::End { consumed } => {
                    let mut trailers = Vec::new();
                    decoder.trailers().write_to(&mut trailers);
                    return Ok((data, trailers, input.len() - at - consumed));
                }
            }
        }
    }

    #[track_caller]
    fn check(input: &str, want: Result<(&str, &str, usize), Kind>) {
        let want = want.map(|(d, t, n)| (d.as_bytes().to_vec(), t.as_bytes().to_vec(), n));
        for step in [1, 2, 3, 7, usize::MAX / 2] {
            let got = decode(input.as_bytes(), step).map(|(d, t, n)| {
                let open = t == b"(open)" || step != usize::MAX / 2;
                (d, t, if open { want.as_ref().map_or(0, |w| w.2) } else { n })
            });
            assert_eq!(got, want, "{input:?} in steps of {step}");
        }
    }

    #[test]
    fn chunks() {
        check("5\r\nhello\r\n0\r\n\r\n", Ok(("hello", "", 0)));
        check("5\r\nhello\r\n0\r\n\r\nGET", Ok(("hello", "", 3)));
        check("3\r\nabc\r\n002\r\nde\r\n000\r\n\r\n", Ok(("abcde", "", 0)));
        check("a;x=y\r\n0123456789\r\n0;z\r\n\r\n", Ok(("0123456789", "", 0)));
        check("5 ; a=\"b;c\"\r\nhello\r\n0\r\nX: y\r\nz:1\r\n\r\n", Ok(("hello", "X: y\r\nz: 1\r\n", 0)));
        check("0\r\n\r\n", Ok(("", "", 0)));
        check("5\r\nhel", Ok(("hel", "(open)", 0)));
        check("0\r\nX: y\r\n", Ok(("", "(open)", 0)));
    }

    #[test]
    fn what_is_refused() {
        for (input, kind) in [
            ("\r\n", Kind::BadChunkSize),
            (";a\r\n", Kind::BadChunkSize),
            (" 5\r\n", Kind::BadChunkSize),
            ("+5\r\n", Kind::BadChunkSize),
            ("-5\r\n", Kind::BadChunkSize),
            ("0x5\r\n", Kind::BadChunkSize),
            ("5g\r\n", Kind::BadChunkSize),
            ("5 6\r\n", Kind::BadChunkSize),
            ("ffffffffffffffff\r\n", Kind::BadChunkSize),
            ("00000000000000005\r\n", Kind::BadChunkSize),
            ("5\nhello\r\n0\r\n\r\n", Kind::BadChunkEnd),
            ("5\rhello\r\n0\r\n\r\n", Kind::BadChunkEnd),
            ("5\r\nhello0\r\n\r\n", Kind::BadChunkEnd),
            ("5\r\nhello\n0\r\n\r\n", Kind::BadChunkEnd),
            ("5\r\nhello\r\r\n0\r\n\r\n", Kind::BadChunkEnd),
            ("5;a\nb\r\n", Kind::BadChunkExtension),
            ("5;a\u{1}\r\n", Kind::BadChunkExtension),
            ("0\r\nX: y\n\r\n", Kind::BadChunkEnd),
            ("0\r\n\n", Kind::BadChunkEnd),
            ("0\r\nX y\r\n\r\n", Kind::BadName),
            ("0\r\nX : y\r\n\r\n", Kind::BadName),
            ("0\r\n X: y\r\n\r\n", Kind::BadFold),
            ("0\r\nContent-Length: 3\r\n\r\n", Kind::BadTrailer),
            ("0\r\ntransfer-encoding: chunked\r\n\r\n", Kind::BadTrailer),
        ] {
            check(input, Err(kind));
        }
        check(&format!("5;{}\r\n", "a".repeat(2000)), Err(Kind::BadChunkExtension));
        check(&format!("0\r\nX: {}\r\n\r\n", "a".repeat(20_000)), Err(Kind::TrailersTooLarge));
        check(&format!("0\r\n{}\r\n", "X: y\r\n".repeat(101)), Err(Kind::TooManyFields));
    }

    #[test]
    fn spliced_data_is_counted() {
        let mut decoder = ChunkDecoder::new();
        assert_eq!(decoder.decode(b"10000\r\n"), Ok(ChunkStep::More));
        assert_eq!(decoder.remaining_in_chunk(), 65536);
        decoder.advance(65530);
        assert_eq!(decoder.decode(b"123456\r\n0\r\n\r\n"), Ok(ChunkStep::Data { start: 0, end: 6 }));
        assert_eq!(decoder.remaining_in_chunk(), 0);
        assert_eq!(decoder.decode(b"\r\n0\r\n\r\n"), Ok(ChunkStep::End { consumed: 7 }));
        assert_eq!(decoder.decode(b"GET"), Ok(ChunkStep::End { consumed: 0 }));
        assert!(decoder.is_done());
        decoder.reset();
        assert_eq!(decoder.decode(b"0\r\n\r\n"), Ok(ChunkStep::End { consumed: 5 }));
    }

    #[test]
    fn sizes_are_written_in_hex() {
        for (len, want) in
            [(1, "1"), (15, "F"), (16, "10"), (0x1234_abcd, "1234ABCD"), (u64::MAX, "FFFFFFFFFFFFFFFF")]
        {
            let mut out = Vec::new();
            write_chunk_head(len, &mut out);
            assert_eq!(out, format!("{want}\r\n").as_bytes());
        }
        let mut trailers = Fields::new();
        trailers.push("X", b"y");
        let mut out = Vec::new();
        write_last_chunk(&trailers, &mut out);
        assert_eq!(out, b"0\r\nX: y\r\n\r\n");
    }
}

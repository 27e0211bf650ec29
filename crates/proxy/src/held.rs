//! Held: a body of which more and more is in hand, without its framing. Each byte is looked at once, however small the
//! pieces that it comes in.

use evenkeel_expr::facts::{Blame, Phase};
use evenkeel_http::{ChunkDecoder, ChunkStep, Framing};

use crate::exchange::Failure;

/// What is in hand of a body.
#[derive(Debug)]
pub(crate) struct Held {
    framing: Framing,
    decoder: ChunkDecoder,
    /// How much of the raw bytes was looked at.
    at: usize,
    /// The body so far.
    pub(crate) body: Vec<u8>,
    /// That is all of it.
    pub(crate) complete: bool,
}

impl Held {
    /// Nothing yet of a body of this framing.
    pub(crate) fn new(framing: Framing) -> Held {
        let complete = matches!(framing, Framing::None | Framing::Length(0));
        Held { framing, decoder: ChunkDecoder::new(), at: 0, body: Vec::new(), complete }
    }

    /// Looks at what has come since: `raw` is all that stands behind the head.
    pub(crate) fn look(&mut self, raw: &[u8]) -> Result<(), Failure> {
        while !self.complete {
            let rest = raw.get(self.at..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(());
            }
            match self.framing {
                Framing::None => self.complete = true,
                Framing::Length(n) => {
                    let left = n.saturating_sub(self.at as u64);
                    let take = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    self.body.extend_from_slice(rest.get(..take).unwrap_or_default());
                    self.at += take;
                    self.complete = self.at as u64 == n;
                }
                Framing::UntilClose | Framing::Tunnel => {
                    self.body.extend_from_slice(rest);
                    self.at += rest.len();
                }
                Framing::Chunked => {
                    let bad = Failure::page(400, Blame::Proxy, Phase::Request);
                    match self.decoder.decode(rest).map_err(|_| bad)? {
                        ChunkStep::More => self.at += rest.len(),
                        ChunkStep::Data { start, end } => {
                            self.body.extend_from_slice(rest.get(start..end).unwrap_or_default());
                            self.at += end;
                        }
                        ChunkStep::End { consumed } => {
                            self.at += consumed;
                            self.complete = true;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_the_same_in_any_pieces_and_no_byte_is_looked_at_twice() {
        for (framing, raw, want, complete) in [
            (Framing::Length(5), &b"hello, next"[..], &b"hello"[..], true),
            (Framing::Length(50), b"hello", b"hello", false),
            (Framing::Chunked, b"3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: t\r\n\r\nGET", b"hello", true),
            (Framing::Chunked, b"3\r\nhel\r\n2", b"hel", false),
            (Framing::UntilClose, b"hello", b"hello", false),
            (Framing::None, b"GET", b"", true),
        ] {
            for step in [1, 2, 3, 7, raw.len()] {
                let mut held = Held::new(framing);
                let mut seen = 0;
                for end in (0..raw.len()).step_by(step).chain([raw.len()]) {
                    let before = held.at;
                    held.look(&raw[..end]).expect("it is well formed");
                    assert!(held.at >= before && held.at <= end, "it never goes back, nor ahead");
                    // What was given once is done with: the next look begins behind it.
                    assert!(held.complete || held.at == end, "{framing:?} {step}: {} of {end}", held.at);
                    seen += held.at - before;
                }
                assert_eq!((held.body.as_slice(), held.complete), (want, complete), "{framing:?} {step}");
                assert!(seen <= raw.len());
            }
        }
        assert!(Held::new(Framing::Chunked).look(b"zz\r\n").is_err());
    }
}

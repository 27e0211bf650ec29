//! Moves one direction's body or stream from a socket to another: counted, bounded, with the message's framing followed.
//!
//! ```text
//!  src ──read──▶ scratch ──decode──▶ out ──send──▶ dst        small pieces, chunked bodies
//!  src ──splice──▶ pipe ──splice──▶ dst                        large bodies, tunnels under load
//! ```
//! At most one scratch buffer (or one pipe) of bytes is under way, so a slow receiver stops the reading.

use std::task::{Context, Poll, ready};

use evenkeel_base::Instant;
use evenkeel_http::{ChunkDecoder, ChunkStep, Framing};
use evenkeel_sys::sock::Spliced;
use evenkeel_sys::{Pipe, Sock, clock};

use crate::shard::Shard;

/// From this many bytes left on, a body is spliced instead of copied: below, the pipe's extra calls cost more than the
/// copies (measured, see docs/benchmarks.md).
pub(crate) const SPLICE_MIN: u64 = 48 * 1024;

/// A stream without a known length is spliced after this many reads in a row that filled most of the scratch buffer.
const FULL_READS_MIN: u32 = 2;

/// Which end is being waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The one that is read.
    Src,
    /// The one that is written.
    Dst,
}

/// Why a body did not arrive whole.
#[derive(Debug)]
pub(crate) enum PumpError {
    /// The source ended before the framing said so.
    Truncated,
    /// Reading failed (a reset).
    Src,
    /// Writing failed.
    Dst,
    /// The chunked framing is broken.
    Malformed,
}

/// What is still to be read.
#[derive(Debug)]
enum Shape {
    Done,
    Length(u64),
    Chunked(Box<ChunkDecoder>),
    Open,
}

/// How the bytes are framed towards the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outgoing {
    /// As they are.
    Plain,
    /// In chunks, with trailers.
    Chunks,
}

/// Whether bytes put ahead of a body are in the books already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// They are.
    Already,
    /// They count when they are sent.
    NotYet,
}

/// One direction.
#[derive(Debug)]
pub(crate) struct Pump {
    shape: Shape,
    outgoing: Outgoing,
    out: Vec<u8>,
    out_at: usize,
    pipe: Option<Pipe>,
    full_reads: u32,
    /// Bytes that were read beyond the end of the message: the next one's.
    pub surplus: Vec<u8>,
    /// Bytes written to the destination, but for those counted before.
    pub moved: u64,
    /// Bytes of chunk framing queued so far: the original counts data, trailers and one byte for the end.
    framing: u64,
    /// Bytes at the head of `out` that were counted when they were put there.
    counted: usize,
    /// The last progress, for timeouts.
    pub since: Instant,
    /// Which end is waited for.
    pub waiting: Side,
    /// True once the source's end of stream was seen.
    pub src_closed: bool,
    splice: bool,
}

impl Pump {
    /// For a message of this framing. Data of a chunked message is sent on as `outgoing` says.
    pub(crate) fn new(framing: Framing, outgoing: Outgoing, splice: bool) -> Self {
        let shape = match framing {
            Framing::None | Framing::Length(0) => Shape::Done,
            Framing::Length(n) => Shape::Length(n),
            Framing::Chunked => Shape::Chunked(Box::default()),
            Framing::UntilClose | Framing::Tunnel => Shape::Open,
        };
        Self {
            shape,
            outgoing,
            out: Vec::new(),
            out_at: 0,
            pipe: None,
            full_reads: 0,
            surplus: Vec::new(),
            moved: 0,
            framing: 0,
            counted: 0,
            since: clock::coarse(),
            waiting: Side::Src,
            src_closed: false,
            splice,
        }
    }

    /// True if all was read; some may still have to be written.
    pub(crate) fn read_done(&self) -> bool {
        matches!(self.shape, Shape::Done)
    }

    /// True if all was read and written.
    pub(crate) fn is_done(&self) -> bool {
        self.read_done() && self.out_at >= self.out.len() && self.pipe.as_ref().is_none_or(Pipe::is_empty)
    }

    /// Queues bytes ahead of the body (a head that did not fit into the socket).
    pub(crate) fn prepend(&mut self, bytes: &[u8], counted: Counted) {
        debug_assert!(self.out_at == 0 && self.moved == 0, "only before anything was sent");
        if counted == Counted::Already {
            self.counted += bytes.len();
        }
        self.out.splice(0..0, bytes.iter().copied());
    }

    /// Queues the rest of a head and body, of which the first `counted` bytes are in the books already.
    pub(crate) fn prepend_rest(&mut self, bytes: &[u8], counted: usize) {
        self.prepend(bytes, Counted::NotYet);
        self.counted += counted;
    }

    /// What was moved, as the original counts it: without the framing of chunks.
    pub(crate) fn volume(&self) -> u64 {
        self.moved.saturating_sub(self.framing)
    }

    /// The framing queued since the last call, for bytes that are counted before they are sent.
    pub(crate) fn take_framing(&mut self) -> u64 {
        std::mem::take(&mut self.framing)
    }

    /// Takes bytes that were read with the head: body first, the rest is surplus. Appends what is to be sent to `out`.
    pub(crate) fn feed_into(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), PumpError> {
        match &mut self.shape {
            Shape::Done => self.surplus.extend_from_slice(input),
            Shape::Open => out.extend_from_slice(input),
            Shape::Length(left) => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                let (body, rest) = input.split_at(take);
                out.extend_from_slice(body);
                self.surplus.extend_from_slice(rest);
                *left -= take as u64;
                if *left == 0 {
                    self.shape = Shape::Done;
                }
            }
            Shape::Chunked(_) => self.feed_chunks(input, out)?,
        }
        Ok(())
    }

    fn feed_chunks(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), PumpError> {
        let chunks = self.outgoing == Outgoing::Chunks;
        loop {
            let before = out.len();
            let Shape::Chunked(decoder) = &mut self.shape else { return Ok(()) };
            match decoder.decode(input).map_err(|_| PumpError::Malformed)? {
                ChunkStep::More => return Ok(()),
                ChunkStep::Data { start, end } => {
                    let data = input.get(start..end).unwrap_or_default();
                    if chunks {
                        evenkeel_http::write_chunk_head(data.len() as u64, out);
                    }
                    out.extend_from_slice(data);
                    if chunks {
                        out.extend_from_slice(b"\r\n");
                    }
                    self.framing += (out.len() - before - data.len()) as u64;
                    input = input.get(end..).unwrap_or_default();
                }
                ChunkStep::End { consumed } => {
                    if chunks {
                        evenkeel_http::write_last_chunk(decoder.trailers(), out);
                        let counted = decoder.trailers().counted_as_trailers();
                        self.framing += ((out.len() - before) as u64).saturating_sub(counted);
                    }
                    self.surplus.extend_from_slice(input.get(consumed..).unwrap_or_default());
                    self.shape = Shape::Done;
                    return Ok(());
                }
            }
        }
    }

    /// Moves what can be moved. Ready when the message is through (or, of a stream, the source has closed).
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        shard: &Shard,
        src: &Sock,
        dst: &Sock,
    ) -> Poll<Result<(), PumpError>> {
        loop {
            ready!(self.poll_flush(cx, dst))?;
            if matches!(self.shape, Shape::Done) {
                self.give_pipe_back(shard);
                return Poll::Ready(Ok(()));
            }
            self.waiting = Side::Src;
            if self.wants_splice() && self.take_pipe(shard) {
                match self.poll_splice(cx, shard, src) {
                    Poll::Ready(done) => done?,
                    Poll::Pending => {
                        // A tunnel may be silent for hours: others use the pipe meanwhile.
                        if matches!(self.shape, Shape::Open) {
                            self.give_pipe_back(shard);
                        }
                        return Poll::Pending;
                    }
                }
            } else {
                ready!(self.poll_copy(cx, shard, src, dst))?;
            }
            self.since = clock::coarse();
        }
    }

    /// Writes what is queued.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>, dst: &Sock) -> Poll<Result<(), PumpError>> {
        while let Some(rest) = self.out.get(self.out_at..).filter(|r| !r.is_empty()) {
            self.waiting = Side::Dst;
            let n = ready!(dst.poll_send(cx, rest)).map_err(|_| PumpError::Dst)?;
            self.out_at += n;
            let before = self.counted.min(n);
            self.counted -= before;
            self.moved += (n - before) as u64;
            self.since = clock::coarse();
        }
        if self.out_at > 0 {
            self.out = Vec::new();
            self.out_at = 0;
        }
        let more = !self.read_done();
        while let Some(pipe) = self.pipe.as_ref().filter(|p| !p.is_empty()) {
            self.waiting = Side::Dst;
            let n = ready!(dst.poll_splice_out(cx, pipe, pipe.len(), more)).map_err(|_| PumpError::Dst)?;
            self.moved += n as u64;
            self.since = clock::coarse();
        }
        Poll::Ready(Ok(()))
    }

    fn wants_splice(&self) -> bool {
        self.splice
            && match &self.shape {
                Shape::Length(left) => *left >= SPLICE_MIN || self.pipe.is_some(),
                Shape::Open => self.full_reads >= FULL_READS_MIN,
                Shape::Done | Shape::Chunked(_) => false,
            }
    }

    fn take_pipe(&mut self, shard: &Shard) -> bool {
        if self.pipe.is_none() {
            self.pipe = shard.take_pipe();
            if self.pipe.is_none() {
                // No descriptors left for pipes: copying always works.
                self.splice = false;
            }
        }
        self.pipe.is_some()
    }

    fn give_pipe_back(&mut self, shard: &Shard) {
        if let Some(pipe) = self.pipe.take() {
            shard.give_pipe(pipe);
        }
    }

    fn poll_splice(
        &mut self,
        cx: &mut Context<'_>,
        shard: &Shard,
        src: &Sock,
    ) -> Poll<Result<(), PumpError>> {
        let Some(pipe) = &self.pipe else { return Poll::Ready(Ok(())) };
        let left = match &self.shape {
            Shape::Length(left) => *left,
            Shape::Open | Shape::Done | Shape::Chunked(_) => u64::MAX,
        };
        let max = usize::try_from(left).unwrap_or(usize::MAX).min(pipe.capacity());
        match ready!(src.poll_splice_in(cx, pipe, max)) {
            Ok(Spliced::Moved(0)) => self.source_closed(),
            Ok(Spliced::Moved(n)) => {
                if let Shape::Length(left) = &mut self.shape {
                    *left = left.saturating_sub(n as u64);
                    if *left == 0 {
                        self.shape = Shape::Done;
                    }
                } else if n < shard.scratch_len() / 8 {
                    // A trickle: copying is cheaper again.
                    self.full_reads = 0;
                }
                Poll::Ready(Ok(()))
            }
            Ok(Spliced::PipeBusy) => Poll::Ready(Ok(())),
            Err(_) => Poll::Ready(Err(PumpError::Src)),
        }
    }

    fn source_closed(&mut self) -> Poll<Result<(), PumpError>> {
        self.src_closed = true;
        if matches!(self.shape, Shape::Open) {
            self.shape = Shape::Done;
            if self.outgoing == Outgoing::Chunks {
                self.out.extend_from_slice(b"0\r\n\r\n");
            }
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(Err(PumpError::Truncated))
    }

    fn poll_copy(
        &mut self,
        cx: &mut Context<'_>,
        shard: &Shard,
        src: &Sock,
        dst: &Sock,
    ) -> Poll<Result<(), PumpError>> {
        let mut scratch = shard.scratch();
        let n = match ready!(src.poll_recv(cx, &mut scratch)) {
            Ok(0) => return self.source_closed(),
            Ok(n) => n,
            Err(_) => return Poll::Ready(Err(PumpError::Src)),
        };
        self.full_reads = if n >= scratch.len() / 2 { self.full_reads + 1 } else { 0 };
        let input = scratch.get(..n).unwrap_or_default();
        let plain = match &mut self.shape {
            Shape::Open if self.outgoing == Outgoing::Plain => Some(n),
            Shape::Length(left) => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(n);
                *left -= take as u64;
                if *left == 0 {
                    self.shape = Shape::Done;
                }
                Some(take)
            }
            Shape::Open | Shape::Done | Shape::Chunked(_) => None,
        };
        if let Some(take) = plain {
            let (body, rest) = input.split_at(take);
            self.surplus.extend_from_slice(rest);
            return self.send_or_keep(cx, body, dst);
        }
        if matches!(self.shape, Shape::Open) {
            let before = self.out.len();
            evenkeel_http::write_chunk_head(n as u64, &mut self.out);
            self.out.extend_from_slice(input);
            self.out.extend_from_slice(b"\r\n");
            self.framing += (self.out.len() - before - input.len()) as u64;
            return Poll::Ready(Ok(()));
        }
        let mut out = std::mem::take(&mut self.out);
        let fed = self.feed_chunks(input, &mut out);
        self.out = out;
        Poll::Ready(fed)
    }

    /// Writes straight from the scratch buffer; only what the socket does not take is kept.
    fn send_or_keep(&mut self, cx: &mut Context<'_>, body: &[u8], dst: &Sock) -> Poll<Result<(), PumpError>> {
        let mut rest = body;
        while !rest.is_empty() {
            match dst.poll_send(cx, rest) {
                Poll::Ready(Ok(n)) => {
                    self.moved += n as u64;
                    rest = rest.get(n..).unwrap_or_default();
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Err(PumpError::Dst)),
                Poll::Pending => {
                    self.out.extend_from_slice(rest);
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

//! Counters: one writer each, any number of readers.
//!
//! Each shard has its own set; the admin room adds the sets up into [`Totals`]. `clear counters` never writes to a
//! shard's memory: it keeps the totals of that moment and shows the difference ([`Totals::minus`]).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that one thread writes and any may read.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// A counter at zero.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds. Only the counter's own shard may call this: it is a load and a store, not a locked addition.
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Adds one. See [`Counter::add`].
    pub fn bump(&self) {
        self.add(1);
    }

    /// Raises the number to `n` if it is lower. Same rule as [`Counter::add`].
    pub fn raise(&self, n: u64) {
        if n > self.0.load(Relaxed) {
            self.0.store(n, Relaxed);
        }
    }

    /// Puts a number in its place. Same rule as [`Counter::add`].
    pub fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

// A macro, because each counter must appear in three shapes: in the sets that have it, in the sum, and in the code
// that adds one to the other; a name forgotten in one of them would be a number silently lost.
macro_rules! counters {
    (
        totals { $($(#[$doc:meta])* $all:ident),* $(,)? }
        $( $(#[$set_doc:meta])* $set:ident { $($field:ident),* $(,)? } )*
    ) => {
        /// Sums of counters over all shards. A number that a kind of object does not count stays zero.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Totals { $( $(#[$doc])* pub $all: u64, )* }

        impl Totals {
            /// What was added since `earlier`: the numbers to show after `clear counters`.
            pub fn minus(&self, earlier: &Totals) -> Totals {
                Totals { $( $all: self.$all.saturating_sub(earlier.$all), )* }
            }

            /// The sum of both.
            pub fn plus(&self, other: &Totals) -> Totals {
                Totals { $( $all: self.$all.wrapping_add(other.$all), )* }
            }
        }

        $(
            $(#[$set_doc])*
            #[derive(Debug, Default)]
            pub struct $set { $(
                #[doc = concat!("See [`Totals::", stringify!($field), "`].")]
                pub $field: Counter,
            )* }

            impl $set {
                /// All at zero.
                pub const fn new() -> Self {
                    Self { $( $field: Counter::new(), )* }
                }

                /// Adds this shard's numbers to the sum.
                pub fn add_to(&self, sum: &mut Totals) {
                    $( sum.$field = sum.$field.wrapping_add(self.$field.get()); )*
                }
            }
        )*
    };
}

counters! {
    totals {
        /// Sessions (frontend, listener) or streams (backend, server).
        stot,
        /// Bytes from clients.
        bin,
        /// Bytes to clients.
        bout,
        /// Requests denied by a rule.
        dreq,
        /// Responses denied by a rule.
        dresp,
        /// Requests in error: malformed, aborted or timed out before they were complete, tarpitted.
        ereq,
        /// Failed connections to servers.
        econ,
        /// Responses in error, `srv_abrt` included.
        eresp,
        /// Connection retries.
        wretr,
        /// Redispatches to another server.
        wredis,
        /// Transfers that the client aborted.
        cli_abrt,
        /// Transfers that the server aborted.
        srv_abrt,
        /// Responses with status 100–199.
        hrsp_1xx,
        /// Responses with status 200–299.
        hrsp_2xx,
        /// Responses with status 300–399.
        hrsp_3xx,
        /// Responses with status 400–499.
        hrsp_4xx,
        /// Responses with status 500–599.
        hrsp_5xx,
        /// Responses with any other status, or protocol errors.
        hrsp_other,
        /// HTTP requests.
        req_tot,
        /// Times that balancing chose the object.
        lbtot,
        /// Connections accepted.
        conn_tot,
        /// Requests answered by the proxy itself: stats, redirects, services.
        intercepted,
        /// Connections refused by `tcp-request connection`.
        dcon,
        /// Sessions refused by `tcp-request session`.
        dses,
        /// Header rewrites that failed.
        wrew,
        /// Connections to servers tried.
        connect,
        /// Requests sent over a pooled connection.
        reuse,
        /// Cache lookups.
        cache_lookups,
        /// Cache hits.
        cache_hits,
        /// Cache hits found through a hint.
        cache_hint_hits,
        /// Bytes given to the compressor.
        comp_in,
        /// Bytes that came out of the compressor.
        comp_out,
        /// Bytes that went past the compressor because of a limit.
        comp_byp,
        /// Responses compressed.
        comp_rsp,
        /// Internal errors.
        internal_errors,
        /// Failed checks. Not kept by shards: health checks run once per server.
        chkfail,
        /// Transitions to DOWN. Not kept by shards.
        chkdown,
        /// Errors that `observe` counted against the server. Not kept by shards.
        hanafail,
        /// Sessions that were none of HTTP/1, 2 or 3.
        sess_other,
        /// HTTP/1 sessions.
        h1sess,
        /// HTTP/2 sessions.
        h2sess,
        /// HTTP/3 sessions.
        h3sess,
        /// Requests that were none of HTTP/1, 2 or 3.
        req_other,
        /// HTTP/1 requests.
        h1req,
        /// HTTP/2 requests.
        h2req,
        /// HTTP/3 requests.
        h3req,
        /// Request bytes received from the client side.
        reqbin,
        /// Request bytes sent to the server side.
        reqbout,
        /// Response bytes received from the server side.
        resbin,
        /// Response bytes sent to the client side.
        resbout,
        /// HTTP/1 connections.
        h1_total_connections,
        /// HTTP/1 streams.
        h1_total_streams,
        /// Bytes received over HTTP/1 connections.
        h1_bytes_in,
        /// Bytes sent over HTTP/1 connections.
        h1_bytes_out,
        /// Bytes received over HTTP/1 by splicing.
        h1_spliced_bytes_in,
        /// Bytes sent over HTTP/1 by splicing.
        h1_spliced_bytes_out,
    }

    /// One frontend's counters on one shard.
    FrontendCounters {
        stot, bin, bout, dreq, dresp, ereq, hrsp_1xx, hrsp_2xx, hrsp_3xx, hrsp_4xx, hrsp_5xx, hrsp_other, req_tot,
        conn_tot, intercepted, dcon, dses, wrew, cache_lookups, cache_hits, cache_hint_hits, comp_in, comp_out,
        comp_byp, comp_rsp, internal_errors, sess_other, h1sess, h2sess, h3sess, req_other, h1req, h2req, h3req,
        reqbin, reqbout, resbin, resbout, h1_total_connections, h1_total_streams, h1_bytes_in, h1_bytes_out,
        h1_spliced_bytes_in, h1_spliced_bytes_out,
    }

    /// One backend's counters on one shard.
    BackendCounters {
        stot, bin, bout, dreq, dresp, econ, eresp, wretr, wredis, cli_abrt, srv_abrt, hrsp_1xx, hrsp_2xx, hrsp_3xx,
        hrsp_4xx, hrsp_5xx, hrsp_other, req_tot, lbtot, intercepted, wrew, connect, reuse, cache_lookups, cache_hits,
        cache_hint_hits, comp_in, comp_out, comp_byp, comp_rsp, internal_errors, reqbin, reqbout, resbin, resbout,
        h1_total_connections, h1_total_streams, h1_bytes_in, h1_bytes_out, h1_spliced_bytes_in, h1_spliced_bytes_out,
    }

    /// One server's counters on one shard.
    ServerCounters {
        stot, bin, bout, dresp, econ, eresp, wretr, wredis, cli_abrt, srv_abrt, hrsp_1xx, hrsp_2xx, hrsp_3xx,
        hrsp_4xx, hrsp_5xx, hrsp_other, req_tot, lbtot, wrew, connect, reuse, internal_errors, reqbin, reqbout,
        resbin, resbout,
    }

    /// One listening address's counters on one shard (`option socket-stats`).
    ListenerCounters {
        stot, bin, bout, dreq, dresp, ereq, conn_tot, dcon, dses, wrew, internal_errors, reqbin, reqbout, resbin,
        resbout,
    }
}

/// The counter of a response's status class: `hrsp_1xx` … `hrsp_5xx`, else `hrsp_other`.
macro_rules! status_counter {
    ($($set:ident),*) => { $(
        impl $set {
            /// The counter for responses of this status.
            pub fn hrsp(&self, status: u16) -> &Counter {
                match status / 100 {
                    1 => &self.hrsp_1xx,
                    2 => &self.hrsp_2xx,
                    3 => &self.hrsp_3xx,
                    4 => &self.hrsp_4xx,
                    5 => &self.hrsp_5xx,
                    _ => &self.hrsp_other,
                }
            }
        }
    )* };
}
status_counter!(FrontendCounters, BackendCounters, ServerCounters);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_add_up_and_clearing_is_a_difference() {
        let shards = [FrontendCounters::new(), FrontendCounters::new()];
        shards[0].stot.bump();
        shards[1].stot.add(4);
        shards[1].hrsp(503).bump();
        shards[1].hrsp(999).bump();
        let read = || {
            let mut sum = Totals::default();
            shards.iter().for_each(|s| s.add_to(&mut sum));
            sum
        };
        let cleared = read();
        assert_eq!((cleared.stot, cleared.hrsp_5xx, cleared.hrsp_other), (5, 1, 1));
        shards[0].stot.add(2);
        assert_eq!(read().minus(&cleared).stot, 2);
    }

    #[test]
    fn a_raised_counter_keeps_the_highest() {
        let c = Counter::new();
        for (n, want) in [(3, 3), (1, 3), (9, 9)] {
            c.raise(n);
            assert_eq!(c.get(), want);
        }
    }
}

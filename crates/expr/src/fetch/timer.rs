//! Timers and counts of the exchange (configuration manual of 3.x; the log's `%T…` aliases are the same figures).

use super::{Fetch, One, one, refused};
use crate::arg::NONE;
use crate::logformat::timers;
use crate::needs::Needs;
use crate::value::{Kind, Value};

pub(super) const ENTRIES: &[Fetch] = &[
    timer("fc.timer.handshake", "Milliseconds from accept to the end of handshakes: `%Th`.", |_, e| {
        millis(timers::handshake(e))
    }),
    timer("fc.timer.total", "Milliseconds since accept: `%Tt`.", |_, e| millis(timers::total(e))),
    timer("req.timer.idle", "Milliseconds before the first byte of the request: `%Ti`.", |_, e| {
        millis(timers::idle(e))
    }),
    timer("req.timer.hdr", "Milliseconds to receive the request's head: `%TR`.", |_, e| {
        millis(timers::request(e))
    }),
    timer("req.timer.tq", "Handshake, idle time and request: `%Tq`.", |_, e| millis(timers::tq(e))),
    timer("req.timer.queue", "Milliseconds in queues: `%Tw`.", |_, e| millis(timers::queue(e))),
    timer("bc.timer.connect", "Milliseconds to connect to the server: `%Tc`.", |_, e| {
        millis(timers::connect(e))
    }),
    timer("res.timer.hdr", "Milliseconds until the response's head: `%Tr`.", |_, e| {
        millis(timers::response(e))
    }),
    timer("res.timer.data", "Milliseconds to transfer the data: `%Td`.", |_, e| millis(timers::data(e))),
    timer("txn.timer.total", "Milliseconds from the request's first byte to the end: `%Ta`.", |_, e| {
        millis(timers::active(e))
    }),
    timer("txn.timer.user", "Milliseconds as the user sees it: `%Tu`.", |_, e| millis(timers::user(e))),
    count("bytes_in", "Bytes from the client.", |_, e| Some(Value::Int(e.stream.bytes_in as i64))),
    count("bytes_out", "Bytes to the client.", |_, e| Some(Value::Int(e.stream.bytes_out as i64))),
    count("req.bytes_in", "Bytes from the client.", |_, e| Some(Value::Int(e.stream.bytes_in as i64))),
    count("req.bytes_out", "Bytes to the server.", |_, e| Some(Value::Int(e.stream.bytes_in as i64))),
    count("res.bytes_in", "Bytes from the server.", |_, e| Some(Value::Int(e.stream.bytes_out as i64))),
    count("res.bytes_out", "Bytes to the client.", |_, e| Some(Value::Int(e.stream.bytes_out as i64))),
    count("txn.conn_retries", "Connection retries: `%rc`.", |_, e| {
        Some(Value::Int(i64::from(e.stream.retries)))
    }),
    count("txn.status", "The status sent to the client: `%ST`.", |_, e| {
        Some(Value::Int(i64::from(e.stream.status)))
    }),
    one(
        "txn.redispatched",
        NONE,
        Kind::Bool,
        Needs::END,
        "The request went to another server than was meant.",
        &[],
        |_, e| Some(Value::Bool(e.stream.redispatched)),
    ),
    one(
        "txn.sess_term_state",
        NONE,
        Kind::Str,
        Needs::END,
        "How the session ended: `%ts`.",
        &[("txn.sess_term_state", "--")],
        |_, e| {
            let end = e.stream.termination;
            Some(Value::owned(vec![end.blame.letter(), end.phase.letter()]))
        },
    ),
    count("txn.id32", "A number of this exchange.", |_, e| Some(Value::Int(i64::from(e.stream.number)))),
    // Never set so far: rules do not yet say where the verdict fell.
    refused("last_rule_file", "not built yet: the place of the last rule"),
    refused("last_rule_line", "not built yet: the place of the last rule"),
    refused("last_entity", "not built yet: the place of the last rule"),
    refused("waiting_entity", "not built yet: the place of the last rule"),
    refused("term_events", "not built yet: the events that ended a stream"),
    one(
        "prio_class",
        NONE,
        Kind::Int,
        Needs::RUNNING,
        "The priority class: 0 until rules can set it.",
        &[("prio_class", "0")],
        |_, _| Some(Value::Int(0)),
    ),
    one(
        "prio_offset",
        NONE,
        Kind::Int,
        Needs::RUNNING,
        "The priority offset: 0 until rules can set it.",
        &[("prio_offset", "0")],
        |_, _| Some(Value::Int(0)),
    ),
];

const fn timer(name: &'static str, doc: &'static str, eval: One) -> Fetch {
    one(name, NONE, Kind::Int, Needs::END, doc, &[], eval)
}

const fn count(name: &'static str, doc: &'static str, eval: One) -> Fetch {
    one(name, NONE, Kind::Int, Needs::END, doc, &[], eval)
}

fn millis<'a>(ms: i64) -> Option<Value<'a>> {
    Some(Value::Int(ms))
}

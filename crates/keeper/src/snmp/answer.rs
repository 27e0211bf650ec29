//! Answers to what a master asks (RFC 2741 §7.2).

use evenkeel_wire::agentx::{Body, PAYLOAD_LEN_MAX, Pdu, SearchRange, Value, VarBind, error};

use super::Rows;

/// Bytes of values that an answer carries at most: what is left of a payload after its head.
const VALUES_LEN_MAX: usize = PAYLOAD_LEN_MAX - 64;

/// The answer to a request; `None`: it wants none (it is an answer itself, or ends something).
pub fn answer(request: &Pdu, rows: &Rows) -> Option<Pdu> {
    let (error, index, binds) = match &request.body {
        Body::Get(ranges) => (error::NONE, 0, bounded(ranges.iter().map(|range| get(range, rows)))),
        Body::GetNext(ranges) => (error::NONE, 0, bounded(ranges.iter().map(|range| next(range, rows)))),
        Body::GetBulk { non_repeaters, max_repetitions, ranges } => {
            (error::NONE, 0, bulk(usize::from(*non_repeaters), *max_repetitions, ranges, rows))
        }
        // Everything here is read-only; whoever undoes or commits nevertheless hears the same.
        Body::TestSet(_) => (error::NOT_WRITABLE, 1, Vec::new()),
        Body::CommitSet | Body::UndoSet => (error::GENERAL, 0, Vec::new()),
        Body::CleanupSet
        | Body::Open { .. }
        | Body::Close(_)
        | Body::Register(_)
        | Body::Unregister(_)
        | Body::Notify(_)
        | Body::Ping
        | Body::Response { .. } => return None,
    };
    let body = Body::Response { uptime: 0, error, index, binds };
    Some(Pdu { context: None, body, ..*request })
}

fn get(range: &SearchRange, rows: &Rows) -> VarBind {
    VarBind { name: range.start.clone(), value: rows.get(&range.start) }
}

fn next(range: &SearchRange, rows: &Rows) -> VarBind {
    match rows.next(range) {
        Some((name, value)) => VarBind { name: name.clone(), value: value.clone() },
        None => VarBind { name: range.start.clone(), value: Value::EndOfMibView },
    }
}

/// RFC 2741 §7.2.3.3: the first ranges once, then the others by turns, until nothing follows or the answer is full.
fn bulk(non_repeaters: usize, max_repetitions: u16, ranges: &[SearchRange], rows: &Rows) -> Vec<VarBind> {
    let (once, repeated) = ranges.split_at_checked(non_repeaters).unwrap_or((ranges, &[]));
    let mut repeated = repeated.to_vec();
    let mut left = max_repetitions;
    let mut turn = Vec::new().into_iter();
    let repetitions = std::iter::from_fn(|| {
        loop {
            if let Some(bind) = turn.next() {
                return Some(bind);
            }
            left = left.checked_sub(1)?;
            let mut any = false;
            let mut binds = Vec::with_capacity(repeated.len());
            for range in &mut repeated {
                let bind = next(range, rows);
                any |= bind.value != Value::EndOfMibView;
                range.start = bind.name.clone();
                range.include = false;
                binds.push(bind);
            }
            if !any {
                // One turn of ends is enough.
                left = 0;
            }
            if binds.is_empty() {
                return None;
            }
            turn = binds.into_iter();
        }
    });
    bounded(once.iter().map(|range| next(range, rows)).chain(repetitions))
}

/// As many as fit into a message.
fn bounded(binds: impl Iterator<Item = VarBind>) -> Vec<VarBind> {
    let mut len = 0;
    binds
        .take_while(|bind| {
            len += bind.wire_len();
            len <= VALUES_LEN_MAX
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use evenkeel_wire::agentx::Oid;

    use super::*;

    fn oid(text: &str) -> Oid {
        text.parse().expect("a row")
    }

    fn rows() -> Rows {
        let mut rows = Rows::default();
        for (object, index, n) in [("1.3.1", 1, 11), ("1.3.1", 3, 13), ("1.3.2", 0, 20), ("1.3.10", 0, 100)] {
            rows.put(&oid(object), &[index], Value::Integer(n));
        }
        rows
    }

    fn range(start: &str, include: bool, end: &str) -> SearchRange {
        SearchRange {
            start: oid(start),
            include,
            end: if end.is_empty() { Oid::default() } else { oid(end) },
        }
    }

    /// Error, its position, and the rows.
    type Told = (u16, u16, Vec<(String, Value)>);

    fn ask(body: Body) -> Option<Told> {
        let request = Pdu { session: 1, transaction: 2, packet: 3, context: Some(Vec::new()), body };
        let answer = answer(&request, &rows())?;
        assert_eq!((answer.session, answer.transaction, answer.packet), (1, 2, 3));
        let Body::Response { error, index, binds, .. } = answer.body else { panic!("an answer") };
        Some((error, index, binds.into_iter().map(|bind| (bind.name.to_string(), bind.value)).collect()))
    }

    fn values(body: Body) -> Vec<(String, Value)> {
        ask(body).expect("an answer").2
    }

    #[test]
    fn gets_are_exact() {
        for (name, want) in [
            ("1.3.1.3", Value::Integer(13)),
            ("1.3.1.2", Value::NoSuchInstance),
            ("1.3.1", Value::NoSuchInstance),
            ("1.3.2.0.1", Value::NoSuchInstance),
            ("1.3.3.0", Value::NoSuchObject),
            ("1.3", Value::NoSuchObject),
            ("2", Value::NoSuchObject),
        ] {
            assert_eq!(values(Body::Get(vec![range(name, false, "")])), [(name.to_owned(), want)]);
        }
    }

    #[test]
    fn nexts_walk_in_order_and_stay_in_their_range() {
        for (start, include, end, want) in [
            ("1.3", false, "", ("1.3.1.1", Value::Integer(11))),
            ("1.3.1.1", true, "", ("1.3.1.1", Value::Integer(11))),
            ("1.3.1.1", false, "", ("1.3.1.3", Value::Integer(13))),
            ("1.3.2.0", false, "", ("1.3.10.0", Value::Integer(100))),
            ("1.3.1.3", false, "1.3.2", ("1.3.1.3", Value::EndOfMibView)),
            ("1.3.10.0", false, "", ("1.3.10.0", Value::EndOfMibView)),
        ] {
            let got = values(Body::GetNext(vec![range(start, include, end)]));
            assert_eq!(got, [(want.0.to_owned(), want.1)], "{start} {include} {end}");
        }
    }

    #[test]
    fn bulks_take_turns_and_end() {
        let bulk =
            |non_repeaters, max_repetitions, ranges| Body::GetBulk { non_repeaters, max_repetitions, ranges };
        let (all, ten) = (range("1.3", false, ""), range("1.3.2.0", false, ""));
        let names = |body| values(body).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(bulk(1, 2, vec![all.clone(), all.clone()])), ["1.3.1.1", "1.3.1.1", "1.3.1.3"]);
        assert_eq!(
            names(bulk(0, 2, vec![all.clone(), ten.clone()])),
            ["1.3.1.1", "1.3.10.0", "1.3.1.3", "1.3.10.0"]
        );
        let whole = values(bulk(0, u16::MAX, vec![ten]));
        assert_eq!(whole.len(), 2);
        assert_eq!(whole[1].1, Value::EndOfMibView);
        assert_eq!(names(bulk(9, 9, vec![all.clone()])), ["1.3.1.1"]);
        assert_eq!(values(bulk(0, 0, vec![all])), []);
        assert_eq!(values(bulk(0, u16::MAX, vec![])), []);
    }

    #[test]
    fn nothing_can_be_set_and_answers_are_not_answered() {
        assert_eq!(ask(Body::TestSet(Vec::new())), Some((error::NOT_WRITABLE, 1, Vec::new())));
        assert_eq!(ask(Body::CommitSet), Some((error::GENERAL, 0, Vec::new())));
        assert_eq!(ask(Body::CleanupSet), None);
        assert_eq!(ask(Body::Ping), None);
        assert_eq!(ask(Body::Response { uptime: 0, error: 0, index: 0, binds: Vec::new() }), None);
    }

    #[test]
    fn answers_fit_into_messages() {
        let mut rows = Rows::default();
        for n in 0..3000 {
            rows.put(&oid("1.3.1"), &[n], Value::Octets(vec![7; 100]));
        }
        let ranges = vec![range("1.3", false, "")];
        let body = Body::GetBulk { non_repeaters: 0, max_repetitions: u16::MAX, ranges };
        let request = Pdu { session: 1, transaction: 2, packet: 3, context: None, body };
        let mut bytes = Vec::new();
        answer(&request, &rows).expect("an answer").write(&mut bytes);
        assert!(bytes.len() > PAYLOAD_LEN_MAX / 2);
        assert!(matches!(Pdu::parse(&bytes), Ok(Some((_, len))) if len == bytes.len()));
    }
}

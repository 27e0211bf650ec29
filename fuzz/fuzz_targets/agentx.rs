//! AgentX messages: no panic, no more bytes taken than given, and what is read reads the same after it was written.
#![no_main]

use evenkeel_wire::agentx::Pdu;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let read = |bytes: &[u8]| {
        let Ok(Some((pdu, len))) = Pdu::parse(bytes) else { return };
        assert!(len <= bytes.len());
        let mut again = Vec::new();
        pdu.write(&mut again);
        let whole = again.len();
        assert_eq!(Pdu::parse(&again), Ok(Some((pdu, whole))));
    };
    read(data);
    // With a header that fits: most lengths do not.
    let Some(([kind, flags], payload)) = data.split_first_chunk::<2>() else { return };
    let payload = &payload[..payload.len() / 4 * 4];
    let mut bytes = vec![1, kind % 20, *flags, 0];
    bytes.extend([7; 12]);
    let len = payload.len() as u32;
    bytes.extend(if flags & 0x10 == 0 { len.to_le_bytes() } else { len.to_be_bytes() });
    bytes.extend(payload);
    read(&bytes);
});

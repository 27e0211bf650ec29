//! The originals' hashes, bit for bit: the same key must reach the same server (configuration manual, `hash-type`).

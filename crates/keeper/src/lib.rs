//! The keeper's hands: what the VRRP brain wants done is done here.
#![forbid(unsafe_code)]

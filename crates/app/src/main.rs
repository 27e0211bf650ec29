//! The door.

pub mod render;

fn main() {}

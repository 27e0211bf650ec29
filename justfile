# `just` is a command runner; Debian 12 has no package of it: `cargo install just`. Every recipe is one line that can be
# typed without it.

# All tests, as in CI.
test *args:
    tests/run {{args}}

# Before every commit: quick rules, lints, tests.
check:
    tests/run --no-install fmt clippy tidy reference keywords test

# The demo: web servers and a proxy in front of them, on this machine.
demo *args:
    cargo run --release -- demo {{args}}

# Measures against haproxy and nginx of this machine, writes docs/benchmarks.md.
bench *args:
    cargo xtask bench {{args}}

# Coverage of HAProxy's keywords.
keywords *args:
    cargo xtask keywords {{args}}

# docs/keywords/, from the registries.
reference:
    cargo xtask reference

# The house rules that no compiler checks.
tidy:
    cargo xtask tidy

# A fuzz target for some minutes: needs a nightly compiler and `cargo install cargo-fuzz`.
fuzz target minutes="10":
    cargo +nightly fuzz run {{target}} -- -max_total_time=$(( {{minutes}} * 60 ))

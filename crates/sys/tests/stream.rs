//! Real sockets on loopback: what the hot path promises about readiness, ends and errors.
#![allow(clippy::print_stderr)]

use std::future::{Future, poll_fn};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, IntoRawFd};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use evenkeel_sys::connect::PortRange;
use evenkeel_sys::listen::BindStep;
use evenkeel_sys::sock::{Seen, Spliced};
use evenkeel_sys::{Addr, Bound, ConnectError, ConnectOpts, ListenOpts, Listener, Pipe, Sock, connect};

fn run<F: Future>(f: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime").block_on(f)
}

fn loopback() -> Addr {
    Addr::Inet(SocketAddr::from(([127, 0, 0, 1], 0)))
}

/// Our socket and a plain blocking peer.
async fn pair() -> (Sock, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let to = Addr::Inet(listener.local_addr().expect("bound"));
    let sock = connect(&to, &ConnectOpts::default()).expect("starts").finish().await.expect("connects");
    (sock, listener.accept().expect("accepts").0)
}

fn poll_now<T>(f: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    f(&mut Context::from_waker(Waker::noop()))
}

/// Lets the reactor see what the kernel has.
async fn settle(sock: &Sock) -> Seen {
    poll_fn(|cx| sock.poll_readable(cx)).await.expect("reactor")
}

async fn splice_in(sock: &Sock, pipe: &Pipe, max: usize) -> io::Result<Spliced> {
    poll_fn(|cx| sock.poll_splice_in(cx, pipe, max)).await
}

static UNIQUE: AtomicU32 = AtomicU32::new(0);

fn unique(what: &str) -> PathBuf {
    let n = UNIQUE.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("ek-{what}-{}-{n}", std::process::id()))
}

#[test]
fn short_read_clears_readiness_and_new_data_sets_it() {
    run(async {
        let (sock, mut peer) = pair().await;
        assert!(sock.is_quiet());
        for word in ["first", "second"] {
            peer.write_all(word.as_bytes()).expect("fits");
            assert_eq!(settle(&sock).await, Seen::Data);
            assert!(!sock.is_quiet());
            let mut buf = [0u8; 64];
            let n = sock.recv(&mut buf).await.expect("data");
            assert_eq!(&buf[..n], word.as_bytes());
            assert!(poll_now(|cx| sock.poll_readable(cx)).is_pending(), "drained: no call needed to know");
            assert!(sock.is_quiet());
            let err = sock.try_recv(&mut buf).expect_err("nothing known");
            assert_eq!(err.kind(), io::ErrorKind::WouldBlock);
        }
    });
}

#[test]
fn full_read_is_not_taken_for_drained() {
    run(async {
        let (sock, mut peer) = pair().await;
        peer.write_all(b"123456").expect("fits");
        let mut three = [0u8; 3];
        assert_eq!(sock.recv(&mut three).await.expect("data"), 3);
        assert!(poll_now(|cx| sock.poll_readable(cx)).is_ready());
        assert_eq!(sock.recv(&mut three).await.expect("data"), 3);
        assert!(sock.is_quiet(), "one peek settles that nothing is left");
        assert!(poll_now(|cx| sock.poll_readable(cx)).is_pending());
    });
}

#[test]
fn data_and_end_in_one_event_are_both_seen() {
    run(async {
        for len in [1usize, 64, 100] {
            let (sock, mut peer) = pair().await;
            peer.write_all(&vec![b'x'; len]).expect("fits");
            drop(peer);
            // Both are in the kernel before the reactor looks: one event.
            while settle(&sock).await != Seen::Closed {
                tokio::task::yield_now().await;
            }
            let mut buf = [0u8; 64];
            let mut got = 0;
            loop {
                match sock.recv(&mut buf).await.expect("no error") {
                    0 => break,
                    n => got += n,
                }
            }
            assert_eq!(got, len);
            assert!(!sock.is_quiet(), "a closed connection is no good to a pool");
            assert_eq!(sock.recv(&mut buf).await.expect("again"), 0, "the end stays");
        }
    });
}

#[test]
fn end_after_a_short_read_wakes_the_reader() {
    run(async {
        let (sock, mut peer) = pair().await;
        peer.write_all(b"x").expect("fits");
        let mut buf = [0u8; 64];
        assert_eq!(sock.recv(&mut buf).await.expect("data"), 1);
        let mut end = pin!(sock.recv(&mut buf));
        assert!(poll_now(|cx| end.as_mut().poll(cx)).is_pending());
        drop(peer);
        assert_eq!(end.await.expect("no error"), 0);
    });
}

#[test]
fn half_close_keeps_the_other_direction() {
    run(async {
        let (sock, mut peer) = pair().await;
        sock.send_all(b"question").await.expect("fits");
        sock.shutdown_write().expect("open");
        let mut question = String::new();
        peer.read_to_string(&mut question).expect("until our FIN");
        assert_eq!(question, "question");
        peer.write_all(b"answer").expect("still open");
        peer.shutdown(Shutdown::Write).expect("open");
        let mut got = Vec::with_capacity(64);
        while poll_fn(|cx| sock.poll_recv_vec(cx, &mut got)).await.expect("no error") > 0 {}
        assert_eq!(got, b"answer");
        let err = sock.send_all(b"x").await.expect_err("we closed it");
        assert_eq!(err.kind(), io::ErrorKind::BrokenPipe);
    });
}

#[test]
fn reset_is_an_error_on_both_sides() {
    run(async {
        let (sock, mut peer) = pair().await;
        sock.set_linger_zero().expect("open");
        drop(sock);
        let err = peer.read(&mut [0u8; 8]).expect_err("reset");
        assert_eq!(err.kind(), io::ErrorKind::ConnectionReset);

        let (sock, peer) = pair().await;
        sock.send_all(b"unread").await.expect("fits");
        // The data must have arrived, for closing over unread data is what resets.
        peer.peek(&mut [0u8; 8]).expect("arrives");
        drop(peer);
        let err = sock.recv(&mut [0u8; 8]).await.expect_err("reset");
        assert_eq!(err.kind(), io::ErrorKind::ConnectionReset);
        assert!(!sock.is_quiet());
    });
}

#[test]
fn full_send_buffer_waits_and_is_woken() {
    run(async {
        let (sock, mut peer) = pair().await;
        let block = vec![7u8; 1 << 20];
        let mut sent = 0;
        while let Poll::Ready(n) = poll_now(|cx| sock.poll_send(cx, &block)) {
            sent += n.expect("open");
        }
        assert_eq!(sock.try_send(&block).expect_err("full").kind(), io::ErrorKind::WouldBlock);
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            peer.read_to_end(&mut all).expect("no reset");
            all.len()
        });
        let slices = [io::IoSlice::new(b"tail"), io::IoSlice::new(b"!")];
        sent += poll_fn(|cx| sock.poll_send_vectored(cx, &slices)).await.expect("room again");
        drop(sock);
        assert_eq!(reader.join().expect("no panic"), sent);
    });
}

#[test]
fn splice_moves_ten_mebibytes_unchanged_both_ways() {
    const TOTAL: usize = 10 << 20;
    run(async {
        let (left, mut client) = pair().await;
        let (right, mut server) = pair().await;
        let data: Arc<Vec<u8>> =
            Arc::new((0..TOTAL).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect());
        let spawn = |mut from: TcpStream, data: Arc<Vec<u8>>| {
            std::thread::spawn(move || {
                from.write_all(&data).expect("taken");
                from.shutdown(Shutdown::Write).expect("open");
            })
        };
        let to_server = spawn(client.try_clone().expect("fd"), data.clone());
        let to_client = spawn(server.try_clone().expect("fd"), data.clone());
        let at_server = std::thread::spawn(move || {
            let mut all = Vec::new();
            server.read_to_end(&mut all).expect("no reset");
            all
        });
        let at_client = std::thread::spawn(move || {
            let mut all = Vec::new();
            client.read_to_end(&mut all).expect("no reset");
            all
        });
        let (a, b) = tokio::join!(relay(&left, &right), relay(&right, &left));
        assert_eq!((a, b), (TOTAL, TOTAL));
        for t in [to_server, to_client] {
            t.join().expect("no panic");
        }
        assert!(at_server.join().expect("no panic") == *data, "the same bytes at the server");
        assert!(at_client.join().expect("no panic") == *data, "the same bytes at the client");
    });
}

async fn relay(from: &Sock, to: &Sock) -> usize {
    let pipe = Pipe::new(256 << 10).expect("pipe");
    let mut moved = 0;
    let mut ended = false;
    while !ended || !pipe.is_empty() {
        if !ended && pipe.len() < pipe.capacity() {
            match splice_in(from, &pipe, 1 << 20).await.expect("no error") {
                Spliced::Moved(0) => ended = true,
                Spliced::Moved(_) | Spliced::PipeBusy => {}
            }
        }
        while !pipe.is_empty() {
            moved += poll_fn(|cx| to.poll_splice_out(cx, &pipe, usize::MAX, false)).await.expect("open");
        }
    }
    to.shutdown_write().expect("open");
    moved
}

#[test]
fn a_pipe_full_of_small_segments_says_so() {
    run(async {
        let (sock, mut peer) = pair().await;
        peer.set_nodelay(true).expect("tcp");
        let pipe = Pipe::new(4096).expect("pipe");
        let mut busy = false;
        for _ in 0..64 {
            peer.write_all(b"x").expect("fits");
            settle(&sock).await;
            if splice_in(&sock, &pipe, 4096).await.expect("no error") == Spliced::PipeBusy {
                busy = true;
                break;
            }
        }
        assert!(busy, "{} bytes in a pipe of one page", pipe.len());
        let held = pipe.len();
        assert_eq!(
            poll_fn(|cx| sock.poll_splice_out(cx, &pipe, usize::MAX, false)).await.expect("open"),
            held
        );
        assert!(matches!(splice_in(&sock, &pipe, 4096).await.expect("no error"), Spliced::Moved(n) if n > 0));
    });
}

#[test]
fn connects_accepts_and_names_both_ends() {
    let path = unique("stream");
    let abstract_name = unique("abstract").into_os_string().into_encoded_bytes();
    let v6 = Addr::Inet("[::1]:0".parse().expect("literal"));
    run(async {
        for addr in [loopback(), v6, Addr::Unix(path.clone()), Addr::Abstract(abstract_name)] {
            let listener =
                match Listener::bind(&addr, &ListenOpts { v6only: Some(true), ..ListenOpts::default() }) {
                    Ok(l) => l,
                    Err(e) if matches!(&addr, Addr::Inet(a) if a.is_ipv6()) => {
                        eprintln!("skipped: no IPv6 loopback here ({e})");
                        continue;
                    }
                    Err(e) => panic!("{e}"),
                };
            let local = listener.local_addr().expect("bound");
            let connecting = connect(&local, &ConnectOpts::default()).expect("starts");
            let (there, peer) = listener.accept().await.expect("accepts");
            let here = connecting.finish().await.expect("connects");
            match peer.inet() {
                Some(_) => {
                    assert_eq!(here.local_addr().expect("bound"), peer);
                    assert_eq!(here.peer_addr().expect("connected"), local);
                }
                None => assert_eq!(peer, Addr::Unix(PathBuf::new())),
            }
            here.send_all(b"hello").await.expect("fits");
            let mut buf = [0u8; 16];
            let n = there.recv(&mut buf).await.expect("arrives");
            assert_eq!(&buf[..n], b"hello");
            drop(here);
            assert_eq!(there.recv(&mut buf).await.expect("end"), 0, "{addr}");
        }
    });
    let _ = std::fs::remove_file(path);
}

#[test]
fn a_unix_path_is_replaced_without_a_gap_and_with_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let path = unique("replaced");
    let addr = Addr::Unix(path.clone());
    let opts = ListenOpts { mode: Some(0o600), ..ListenOpts::default() };
    run(async {
        let old = Listener::bind(&addr, &opts).expect("new path");
        let new = Listener::bind(&addr, &opts).expect("replaces");
        let _here = connect(&addr, &ConnectOpts::default()).expect("somebody listens");
        new.accept().await.expect("the new one gets it");
        assert!(poll_now(|cx| old.poll_accept(cx)).is_pending());
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        let leftovers = std::fs::read_dir(path.parent().expect("has one")).expect("temp dir");
        let name = path.file_name().expect("has one").to_string_lossy().into_owned();
        let extra =
            leftovers.flatten().filter(|e| e.file_name().to_string_lossy().starts_with(&format!("{name}.")));
        assert_eq!(extra.count(), 0, "no temporary name stays");
    });
    let _ = std::fs::remove_file(&path);
    let nowhere = Addr::Unix("/no-such-folder/x".into());
    assert_eq!(Bound::bind(&nowhere, &opts).expect_err("no folder").step, BindStep::Bind);
}

#[test]
fn adopted_descriptors_accept_even_twice() {
    run(async {
        let theirs = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let to = Addr::Inet(theirs.local_addr().expect("bound"));
        let n = theirs.as_raw_fd();
        let first = Bound::adopt(n).expect("open").register().expect("reactor");
        let second =
            Bound::bind(&Addr::Fd(n), &ListenOpts::default()).expect("again").register().expect("reactor");
        let _a = connect(&to, &ConnectOpts::default()).expect("starts").finish().await.expect("connects");
        first.accept().await.expect("accepts");
        let _b = connect(&to, &ConnectOpts::default()).expect("starts").finish().await.expect("connects");
        second.accept().await.expect("accepts");
        assert_eq!(first.addr().to_string(), format!("fd@{n}"));
    });
    for (n, why) in [(-1, "never open"), (i32::MAX, "not open")] {
        assert_eq!(Bound::adopt(n).expect_err(why).step, BindStep::Adopt);
    }
    let file = std::fs::File::open("/dev/null").expect("there").into_raw_fd();
    assert!(Bound::adopt(file).is_err(), "not a socket");

    run(async {
        let (ours, mut peer) = std::os::unix::net::UnixStream::pair().expect("pair");
        let sock = Sock::adopt(ours.into()).expect("adopts");
        peer.write_all(b"hi").expect("fits");
        assert_eq!(sock.recv(&mut [0u8; 8]).await.expect("data"), 2);
        assert!(sock.as_fd().as_raw_fd() > 2);
    });
}

#[test]
fn refusals_are_told_apart() {
    run(async {
        let gone = TcpListener::bind("127.0.0.1:0").expect("loopback").local_addr().expect("bound");
        let refused = connect(&Addr::Inet(gone), &ConnectOpts::default()).expect("starts").finish().await;
        match refused {
            Err(ConnectError::Remote(e)) => assert_eq!(e.kind(), io::ErrorKind::ConnectionRefused),
            other => panic!("{other:?}"),
        }
        // The same, found by the first write.
        let sock = connect(&Addr::Inet(gone), &ConnectOpts::default()).expect("starts").into_sock();
        let err = sock.send_all(b"x").await.expect_err("refused");
        assert_eq!(err.kind(), io::ErrorKind::ConnectionRefused);

        let foreign = ConnectOpts { source: Some(([192, 0, 2, 1], 0).into()), ..ConnectOpts::default() };
        assert!(matches!(connect(&Addr::Inet(gone), &foreign), Err(ConnectError::Source(_))));
        let absent = connect(&Addr::Unix(unique("absent")), &ConnectOpts::default());
        assert!(matches!(absent, Err(ConnectError::Remote(e)) if e.kind() == io::ErrorKind::NotFound));
        assert!(matches!(connect(&Addr::Fd(0), &ConnectOpts::default()), Err(ConnectError::Unsupported)));

        let first = Bound::bind(&loopback(), &ListenOpts::default()).expect("free port");
        let taken = first.local_addr().expect("bound");
        let alone = ListenOpts { reuseport: false, ..ListenOpts::default() };
        assert!(Bound::bind(&taken, &alone).expect_err("taken").in_use());
        assert!(Bound::bind(&taken, &ListenOpts::default()).is_ok(), "shards share a port");
        assert!(PortRange::new(2, 1).is_none());
    });
}

#[test]
fn source_address_and_ports_are_used() {
    run(async {
        let listener = Listener::bind(&loopback(), &ListenOpts::default()).expect("free port");
        let to = listener.local_addr().expect("bound");
        let low = 61_000 + (std::process::id() % 1_000) as u16;
        let ports = Arc::new(PortRange::new(low, low + 99).expect("not empty"));
        let source = Some(([127, 0, 0, 9], 0).into());
        for source_ports in [None, Some(ports)] {
            let ranged = source_ports.is_some();
            let opts = ConnectOpts { source, source_ports, ..ConnectOpts::default() };
            let _here = connect(&to, &opts).expect("starts");
            let (_there, peer) = listener.accept().await.expect("accepts");
            let peer = peer.inet().expect("tcp");
            assert_eq!(peer.ip().to_string(), "127.0.0.9");
            assert!(!ranged || (low..low + 100).contains(&peer.port()), "{peer}");
        }
    });
}

#[test]
fn a_paused_listener_refuses_and_comes_back() {
    run(async {
        // An address of its own, for the port must be named to be kept.
        let port = 20_000 + (std::process::id() % 10_000) as u16;
        let to = Addr::Inet(([127, 0, 0, 77], port).into());
        let listener = Listener::bind(&to, &ListenOpts::default()).expect("free port");
        let bound = listener.pause().expect("tcp");
        let refused = match connect(&to, &ConnectOpts::default()) {
            Ok(c) => c.finish().await.is_err(),
            Err(_) => true,
        };
        assert!(refused);
        bound.resume().expect("still bound");
        let listener = bound.register().expect("reactor");
        let _here = connect(&to, &ConnectOpts::default()).expect("starts").finish().await.expect("connects");
        listener.accept().await.expect("accepts");
    });
}

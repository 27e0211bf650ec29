//! Ports on loopback. A port is kept by a bound socket that does not listen: the proxy binds beside it (SO_REUSEPORT),
//! nobody else gets it, and it receives nothing.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// A port that is ours as long as this lives. Where nobody listens beside it, connecting to it is refused.
#[derive(Debug)]
pub struct Port {
    _kept: Socket,
    addr: SocketAddr,
}

impl Port {
    /// A free port of 127.0.0.1.
    pub fn reserve() -> Port {
        Port::reserve_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// This address, with a free port if it has port 0.
    ///
    /// # Panics
    /// If somebody else has it.
    pub fn reserve_at(addr: SocketAddr) -> Port {
        Port::try_reserve_at(addr).expect("loopback has free ports")
    }

    /// This address; `None` if somebody else has it.
    pub fn try_reserve_at(addr: SocketAddr) -> Option<Port> {
        let socket = tcp(addr);
        socket.bind(&addr.into()).ok()?;
        // Afterwards: a port that another test keeps in the same way must not be shared with it.
        socket.set_reuse_port(true).expect("Linux has it");
        let addr = local(&socket);
        Some(Port { _kept: socket, addr })
    }

    /// Where it is.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

/// A port where the system listens and nobody ever answers: its queue is full, so that connecting takes forever.
#[derive(Debug)]
pub struct Swamp {
    socket: Socket,
    _stuck: Vec<TcpStream>,
}

impl Swamp {
    /// Fills a queue of the smallest size.
    ///
    /// # Panics
    /// If the system has no free ports.
    pub fn new() -> Swamp {
        const QUEUE_MAX: usize = 64;
        const FULL_AFTER: Duration = Duration::from_millis(200);
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let socket = tcp(addr);
        socket.bind(&addr.into()).expect("loopback has free ports");
        socket.listen(0).expect("it is bound");
        let addr = local(&socket);
        let mut stuck = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&addr, FULL_AFTER) {
            stuck.push(stream);
            assert!(stuck.len() < QUEUE_MAX, "this system's queues never fill");
        }
        Swamp { socket, _stuck: stuck }
    }

    /// Where it is.
    pub fn addr(&self) -> SocketAddr {
        local(&self.socket)
    }
}

impl Default for Swamp {
    fn default() -> Self {
        Swamp::new()
    }
}

fn tcp(addr: SocketAddr) -> Socket {
    Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP)).expect("descriptors are left")
}

fn local(socket: &Socket) -> SocketAddr {
    socket.local_addr().ok().and_then(|a| a.as_socket()).expect("it is bound to an IP address")
}

//! A mail server that takes everything and keeps it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use evenkeel_lab::netns::Node;

/// A server on a node's `127.0.0.1:25`. It lives as long as the test.
#[derive(Clone, Debug)]
pub struct Mailbox {
    kept: Arc<Mutex<Vec<String>>>,
}

impl Mailbox {
    /// Starts one.
    ///
    /// # Panics
    /// If the port is taken.
    #[track_caller]
    pub fn start(node: &Node) -> Mailbox {
        let listener = node.within(|| TcpListener::bind("127.0.0.1:25")).expect("a namespace");
        let listener = listener.expect("a port of the node's own");
        let mailbox = Mailbox { kept: Arc::default() };
        let shared = mailbox.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mailbox = shared.clone();
                // A client that goes in the middle has sent nothing.
                std::thread::spawn(move || mailbox.serve(stream).ok());
            }
        });
        mailbox
    }

    /// Every mail so far: the envelope's lines, an empty line, then what was sent.
    pub fn mails(&self) -> Vec<String> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut out = stream.try_clone()?;
        let mut lines = BufReader::new(stream).lines();
        out.write_all(b"220 mailbox\r\n")?;
        let mut envelope = String::new();
        while let Some(line) = lines.next() {
            let line = line?;
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "DATA" => {
                    out.write_all(b"354 go on\r\n")?;
                    let mut text = format!("{envelope}\n");
                    for line in lines.by_ref() {
                        let line = line?;
                        if line == "." {
                            break;
                        }
                        text.push_str(&line);
                        text.push('\n');
                    }
                    self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                    out.write_all(b"250 kept\r\n")?;
                }
                "QUIT" => return out.write_all(b"221 bye\r\n"),
                _ => {
                    envelope = envelope + &line + "\n";
                    out.write_all(b"250 yes\r\n")?;
                }
            }
        }
        Ok(())
    }
}

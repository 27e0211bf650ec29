//! Small HTTP/1.1 servers that say who they are. Each runs in a thread of its own, can be stopped (listener closed,
//! connections reset) and started again on the same port, counts what it serves and remembers what it was asked.
//!
//! Every kind answers these paths, whatever the method:
//!
//! | path | answer |
//! |---|---|
//! | `/api/echo` | JSON: who answered, the client's address, the request line and headers as they came, the body's size and CRC |
//! | `/health` | `ok`, or 503 while [`WebServer::fail_with`] is set |
//! | `/slow?ms=N` | after N milliseconds |
//! | `/status?code=N` | that status |
//! | `/bytes?n=N` | N bytes of [`pattern`], with a length |
//! | `/chunked?n=N&piece=P` | the same in chunks of P bytes, with a trailer |
//! | `/toend?n=N` | the same without a length, ended by closing |
//! | `/short?n=N` | announces N bytes, sends half and closes |
//! | `/reset` | reads the request and resets the connection |
//! | `/close` | answers with `Connection: close` |
//! | `/cookie?name=A&value=B` | sets that cookie |
//! | `/early` | 103 first, then 200 |
//! | `/upgrade` | 101 and then echoes bytes until the end; so does method CONNECT |
//!
//! Beyond these a *static* server has a site with a style sheet, a script and pictures, a *dynamic* one answers any path
//! with a page, an *upload* server takes any POST or PUT and remembers size and CRC.

mod count;
mod html;
mod picture;
mod routes;
mod server;
mod text;
mod wire;

pub use count::{Counts, Seen};
pub use server::{WebError, WebKind, WebServer, WebSpec};
pub use text::{crc32, pattern};

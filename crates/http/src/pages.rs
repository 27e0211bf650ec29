//! The answers that the proxy gives itself, in the original's shape and in our words. `errorfile` replaces them.

use crate::response::{ResponseHead, reason_phrase};

macro_rules! pages {
    ($($status:literal $reason:literal $length:literal $text:literal,)*) => {
        /// The whole answer for a status that the proxy gives itself; `None` for others.
        pub const fn error_page(status: u16) -> Option<&'static [u8]> {
            match status {
                $($status => Some(
                    concat!(
                        "HTTP/1.1 ", $status, " ", $reason, "\r\ncontent-length: ", $length,
                        "\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n",
                        "<html><body><h1>", $status, " ", $reason, "</h1>\n", $text, "\n</body></html>\n",
                    )
                    .as_bytes(),
                ),)*
                _ => None,
            }
        }

        #[cfg(test)]
        const STATUSES: &[u16] = &[$($status),*];
    };
}

// Status, reason, length of the body (a test holds it), the sentence.
pages! {
    200 "OK" 58 "Service ready.",
    400 "Bad request" 97 "The proxy could not understand this request.",
    401 "Unauthorized" 97 "A user name and a password are needed here.",
    403 "Forbidden" 100 "The rules of this site do not allow this request.",
    404 "Not Found" 84 "There is nothing at this address.",
    405 "Method Not Allowed" 103 "This method cannot be used on this address.",
    407 "Unauthorized" 97 "The proxy needs a user name and a password.",
    408 "Request Time-out" 99 "The request did not arrive whole in time.",
    410 "Gone" 88 "What was at this address is gone for good.",
    413 "Payload Too Large" 99 "The request is larger than allowed here.",
    421 "Misdirected Request" 103 "This server does not answer for that site.",
    422 "Unprocessable Content" 103 "The request's encoding is not supported.",
    425 "Too Early" 114 "The request came before the connection was safe; send it again.",
    429 "Too Many Requests" 107 "Too many requests came from you in a short time.",
    500 "Internal Server Error" 112 "The proxy failed while it worked on this request.",
    501 "Not Implemented" 96 "The proxy does not know how to do this.",
    502 "Bad Gateway" 99 "The server gave an answer that makes no sense.",
    503 "Service Unavailable" 97 "No server can take this request now.",
    504 "Gateway Time-out" 92 "The server did not answer in time.",
}

/// Makes an answer with a body of plain bytes. An empty type is left out.
pub fn status_response(head: &mut ResponseHead, status: u16, content_type: &[u8], length: usize) {
    head.clear();
    head.set_status(status, reason_phrase(status).as_bytes());
    head.fields_mut().push("content-length", length.to_string().as_bytes());
    if !content_type.is_empty() {
        head.fields_mut().push("content-type", content_type);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Framing, Limits, Method, parse_response};

    #[test]
    fn pages_are_whole_answers() {
        for status in STATUSES {
            let page = error_page(*status).expect("listed");
            let mut head = ResponseHead::new();
            let n = parse_response(page, &mut head, &Limits::default()).expect("valid").expect("complete");
            assert_eq!(head.status(), *status);
            assert_eq!(head.body(Method::Get), Ok(Framing::Length((page.len() - n) as u64)), "{status}");
        }
        assert_eq!(error_page(418), None);
    }
}

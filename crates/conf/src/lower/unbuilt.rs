//! Keywords of whole features that are not built yet. Each is refused by name, with the feature as the reason.

use super::keyword::{Keyword, Sections};

const STICK: &str = "not built yet: stick tables";
const COMPRESSION: &str = "not built yet: compression";
const FILTERS: &str = "not built yet: filters";
const MAIL: &str = "not built yet: e-mail alerts";
const EXTERNAL: &str = "not built yet: external checks";
const FCGI: &str = "not built yet: FastCGI";
const TLS: &str = "not built yet: TLS";
const QUIC: &str = "not built yet: QUIC";

const fn compression(name: &'static str) -> Keyword {
    Keyword::refused(name, Sections::ANY, COMPRESSION, "Compresses bodies.")
}

const fn mail(name: &'static str) -> Keyword {
    Keyword::refused(name, Sections::ANY, MAIL, "Mails about changes of servers.")
}

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    compression("compression algo"),
    compression("compression algo-req"),
    compression("compression algo-res"),
    compression("compression direction"),
    compression("compression minsize-req"),
    compression("compression minsize-res"),
    compression("compression offload"),
    compression("compression type"),
    Keyword::refused("crt", Sections::FRONT_OWN, TLS, "A certificate."),
    mail("email-alert from"),
    mail("email-alert level"),
    mail("email-alert mailers"),
    mail("email-alert myhostname"),
    mail("email-alert to"),
    Keyword::refused("external-check command", Sections::BACK, EXTERNAL, "The program that checks."),
    Keyword::refused("external-check path", Sections::BACK, EXTERNAL, "The program's PATH."),
    Keyword::refused("filter", Sections::ANY_OWN, FILTERS, "A filter on the data."),
    Keyword::refused("filter-sequence", Sections::ANY_OWN, FILTERS, "The order of filters."),
    Keyword::refused(
        "force-be-switch",
        Sections::FRONT_OWN,
        "not built yet: publishing of backends",
        "Backends that are not published are used all the same.",
    ),
    Keyword::refused("log-steps", Sections::FRONT, "not built yet: log profiles", "When lines are logged."),
    Keyword::refused("option external-check", Sections::BACK, EXTERNAL, "Checks by a program."),
    Keyword::refused("quic-initial", Sections::FRONT_NAMED, QUIC, "Rules on the first packet."),
    Keyword::refused("ssl-f-use", Sections::FRONT_OWN, TLS, "A certificate for a name."),
    Keyword::refused("stick match", Sections::BACK_OWN, STICK, "Looks for a key in a table."),
    Keyword::refused("stick on", Sections::BACK_OWN, STICK, "Clients keep their server by a key."),
    Keyword::refused("stick store-request", Sections::BACK_OWN, STICK, "Keeps a key of a request."),
    Keyword::refused("stick store-response", Sections::BACK_OWN, STICK, "Keeps a key of a response."),
    Keyword::refused("stick-table", Sections::ANY_OWN, STICK, "A table of keys."),
    Keyword::refused("use-fcgi-app", Sections::BACK_OWN, FCGI, "Speaks FastCGI to servers."),
];

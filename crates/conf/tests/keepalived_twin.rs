//! Small files through the real Keepalived 2.2.7 and through the reader: the same exit code, the same lines complained
//! about. Skipped where there is no Keepalived, or no right to make a namespace.
#![expect(clippy::print_stdout, reason = "a skipped test says why")]

mod keepalived;

use keepalived::rows;

/// A row's name and text.
type Row = (String, String);

/// `keyword value` lines in an instance that is well otherwise.
fn instance(lines: &str) -> String {
    format!(
        "vrrp_instance VI {{\n interface eth0\n virtual_router_id 5\n virtual_ipaddress {{\n 10.0.0.5\n }}\n{lines}\n}}\n"
    )
}

/// What stands around the lines of a block: its head, lines that it needs, and its end.
fn around(block: &str) -> (&'static str, &'static str) {
    match block {
        "global" => ("global_defs {\n", "}\n"),
        "instance" => (
            "vrrp_instance VI {\n interface eth0\n virtual_router_id 5\n virtual_ipaddress {\n 10.0.0.5\n }\n",
            "}\n",
        ),
        "script" => ("vrrp_script S {\n script /nosuch\n", "}\n"),
        "file" => ("track_file F {\n", " file /tmp/evenkeel-none\n}\n"),
        "process" => ("vrrp_track_process P {\n", "process x\n}\n"),
        "bfd" => ("bfd_instance B {\n", " neighbor_ip 10.0.0.9\n}\n"),
        "garp" => ("garp_group {\n interface eth0\n garp_interval 1\n", "}\n"),
        _ => ("", ""),
    }
}

/// Compares rows with the original, all at once.
fn compare(name: &str, rows: &[Row]) {
    let folder = keepalived::Folder::new(name);
    let paths: Vec<_> =
        rows.iter().enumerate().map(|(n, (_, text))| folder.write(&format!("{n}.conf"), text)).collect();
    let theirs = match keepalived::theirs(&paths) {
        Ok(theirs) => theirs,
        Err(why) => return println!("skipped: {why}"),
    };
    let mut out = String::new();
    let mut differing = 0;
    for ((row, path), theirs) in rows.iter().zip(&paths).zip(&theirs) {
        // It crashes, or hangs, on some of its own mistakes.
        if theirs.code >= 124 {
            continue;
        }
        let differences = keepalived::differences(path, theirs);
        if !differences.is_empty() {
            differing += 1;
            out.push_str(&format!("--- {}\n{}\n{differences}", row.0, row.1));
        }
    }
    assert!(out.is_empty(), "{differing} of {} rows:\n{out}", rows.len());
}

#[test]
fn every_keyword_takes_and_refuses_the_same_values() {
    let mut all: Vec<Row> = Vec::new();
    for (block, keywords) in rows::KEYWORDS {
        let (head, tail) = around(block);
        // Values that no keyword stops at: one file for all keywords.
        for value in ["x", "0", "-1", "1", "300", "1.5", "99999999999", "on"] {
            let lines: String = keywords
                .split_ascii_whitespace()
                .filter(|keyword| !rows::UNSAFE_BESIDE_OTHERS.contains(keyword))
                .map(|keyword| format!(" {keyword} {value}\n"))
                .collect();
            all.push((format!("{block} {value}"), format!("{head}{lines}{tail}")));
        }
        for keyword in keywords.split_ascii_whitespace() {
            all.push((format!("{block} {keyword}"), format!("{head} {keyword}\n{tail}")));
        }
    }
    compare("keywords", &all);
}

#[test]
fn braces_quotes_and_comments_are_read_alike() {
    let all: Vec<Row> = rows::SHAPES.iter().map(|text| ((*text).to_owned(), (*text).to_owned())).collect();
    compare("shapes", &all);
}

#[test]
fn definitions_and_conditions_are_read_alike() {
    let all: Vec<Row> =
        rows::DEFINITIONS.iter().map(|text| ((*text).to_owned(), (*text).to_owned())).collect();
    compare("definitions", &all);
}

#[test]
fn addresses_routes_and_rules_are_read_alike() {
    let list = |keyword: &str, lines: &[&str]| -> Vec<Row> {
        let one = |line: &&str| {
            let item = line.replace('|', "\n");
            ((*line).to_owned(), instance(&format!(" {keyword} {{\n  {item}\n }}")))
        };
        lines.iter().map(one).collect()
    };
    let mut all = list("virtual_ipaddress", rows::ADDRESSES);
    all.extend(list("virtual_ipaddress_excluded", rows::EXCLUDED));
    all.extend(list("unicast_peer", rows::PEERS));
    all.extend(list("virtual_routes", rows::ROUTES));
    all.extend(list("virtual_rules", rows::RULES));
    let statics = |line: &&str| {
        let text = format!(
            "track_group G {{\n group {{\n VI\n }}\n}}\nstatic_ipaddress {{\n {line}\n}}\n{}",
            instance("")
        );
        ((*line).to_owned(), text)
    };
    all.extend(rows::STATICS.iter().map(statics));
    compare("addresses", &all);
}

#[test]
fn what_does_not_go_together_is_told_alike() {
    let mut all: Vec<Row> = Vec::new();
    for lines in rows::TOGETHER {
        let lines = lines.replace('|', "\n");
        for (name, head) in [("", ""), ("strict ", "global_defs {\n vrrp_strict\n}\n")] {
            all.push((format!("{name}{lines}"), format!("{head}{}", instance(&lines))));
        }
    }
    let wholes = rows::WHOLES.iter().map(|text| {
        let text = text.replace("@VI@", &instance("")).replace(
            "@VJ@",
            &instance("").replace("VI", "VJ").replace("router_id 5", "router_id 6").replace("0.5", "0.6"),
        );
        (text.clone(), text)
    });
    all.extend(wholes);
    compare("together", &all);
}

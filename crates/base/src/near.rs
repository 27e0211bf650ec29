//! *Did you mean*: the nearest known name to a misspelt one.

/// Longest word that is compared; longer ones have no neighbour.
const LEN_MAX: usize = 64;

/// The candidate nearest to `word`, if it is near enough to be what was meant: at most a third of the letters
/// changed, added, dropped or swapped with their neighbour. Ties go to the first candidate. ASCII case is ignored.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.len() / 3).clamp(1, 3);
    let mut best: Option<(usize, &str)> = None;
    for name in candidates {
        if name.len().abs_diff(word.len()) > limit {
            continue;
        }
        let d = distance(word.as_bytes(), name.as_bytes());
        if d <= limit && best.is_none_or(|(b, _)| d < b) {
            best = Some((d, name));
        }
    }
    best.map(|(_, name)| name)
}

/// Optimal string alignment distance, ASCII case ignored.
fn distance(a: &[u8], b: &[u8]) -> usize {
    if a.len() > LEN_MAX || b.len() > LEN_MAX {
        return usize::MAX;
    }
    let eq = |x: u8, y: u8| x.eq_ignore_ascii_case(&y);
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let cost = usize::from(!eq(a[i - 1], b[j - 1]));
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + cost);
            if i > 1 && j > 1 && eq(a[i - 1], b[j - 2]) && eq(a[i - 2], b[j - 1]) {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = last;
        last = row;
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn neighbours() {
        let names = ["balance", "bind", "vrrp_mcast_group4", "mode", "option"];
        for (word, want) in [
            ("blance", Some("balance")),
            ("vrrp_macst_group4", Some("vrrp_mcast_group4")),
            ("mdoe", Some("mode")),
            ("BIND", Some("bind")),
            ("frobnicate", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, names), want, "{word}");
        }
    }
}

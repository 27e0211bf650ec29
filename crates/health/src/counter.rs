//! `rise` and `fall`: how many answers in a row it takes to believe them.
//!
//! One number says it all: 0 is dead, `rise + fall - 1` is in perfect health, `rise` and above is up. A server starts at
//! `rise`: up, but the first failure takes it down.

/// How a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Health {
    /// Takes everything.
    Up,
    /// Keeps its clients, takes no new ones (`disable-on-404`): `NOLB` on the stats page.
    Stopping,
    /// Takes nothing.
    Down,
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    rise: u32,
    fall: u32,
    value: u32,
}

impl Counter {
    /// Up, until the first failure. Both bounds count as at least 1.
    pub fn new(rise: u32, fall: u32) -> Self {
        let (rise, fall) = (rise.max(1), fall.max(1));
        Self { rise, fall, value: rise }
    }

    /// 0 to `rise + fall - 1`.
    pub const fn value(self) -> u32 {
        self.value
    }

    /// The largest value.
    pub const fn top(self) -> u32 {
        self.rise.saturating_add(self.fall).saturating_sub(1)
    }

    /// True at `rise` and above.
    pub const fn is_up(self) -> bool {
        self.value >= self.rise
    }

    /// True on the way up or down, or when not checked yet.
    pub const fn is_moving(self) -> bool {
        self.value > 0 && self.value < self.top()
    }

    /// As the stats page and the log write it: `2/3` of an up server, `1/2` of a down one.
    pub const fn count(self) -> (u32, u32) {
        if self.is_up() { (self.value - self.rise + 1, self.fall) } else { (self.value, self.rise) }
    }

    /// A success. True where the value changed.
    pub fn pass(&mut self) -> bool {
        if self.value >= self.top() {
            return false;
        }
        self.value += 1;
        if self.is_up() {
            self.value = self.top();
        }
        true
    }

    /// A failure. True where the value changed.
    pub fn fail(&mut self) -> bool {
        if self.value == 0 {
            return false;
        }
        self.value -= 1;
        if !self.is_up() {
            self.value = 0;
        }
        true
    }

    /// As at the start.
    pub fn restart(&mut self) {
        self.value = self.rise;
    }

    /// To the top.
    pub fn fill(&mut self) {
        self.value = self.top();
    }

    /// To the bottom.
    pub fn clear(&mut self) {
        self.value = 0;
    }

    /// The next failure but one will be the last; an earlier one stays.
    pub fn weaken(&mut self) {
        self.value = self.value.min(self.rise.saturating_add(1));
    }

    /// The next failure will be the last; an earlier one stays.
    pub fn doom(&mut self) {
        self.value = self.value.min(self.rise);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_as_the_stats_page_does() {
        type After = (u32, u32, bool);
        let rows: &[(u32, u32, &str, &[After])] = &[
            (2, 3, "+---", &[(3, 3, true), (2, 3, true), (1, 3, true), (0, 2, false)]),
            (2, 3, "-", &[(0, 2, false)]),
            (2, 3, "-++", &[(0, 2, false), (1, 2, false), (3, 3, true)]),
            (2, 3, "-+-", &[(0, 2, false), (1, 2, false), (0, 2, false)]),
            (2, 3, "+-+", &[(3, 3, true), (2, 3, true), (3, 3, true)]),
            (1, 1, "-+", &[(0, 1, false), (1, 1, true)]),
        ];
        for (rise, fall, results, want) in rows {
            let mut counter = Counter::new(*rise, *fall);
            for (result, want) in results.bytes().zip(*want) {
                if result == b'+' {
                    counter.pass()
                } else {
                    counter.fail()
                };
                let (n, of) = counter.count();
                assert_eq!((n, of, counter.is_up()), *want, "{rise} {fall} {results}");
            }
        }
    }
}

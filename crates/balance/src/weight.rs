//! Weights: what the user wrote, and what the dynamic algorithms use.

/// The dynamic algorithms count weights in sixteenths, so that slow start can move in small steps.
pub const SCALE: u32 = 16;

/// A server's `weight`: 0 to 256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(u16);

impl Weight {
    /// The largest.
    pub const MAX: Weight = Weight(256);

    /// `None` past 256.
    pub fn new(n: u32) -> Option<Self> {
        (n <= u32::from(Self::MAX.0)).then_some(Self(n as u16))
    }

    /// As a number.
    pub const fn get(self) -> u32 {
        self.0 as u32
    }
}

impl Default for Weight {
    /// The manual's default: 1.
    fn default() -> Self {
        Self(1)
    }
}

/// A weight in sixteenths: 0 to 4096. This is what balances; it differs from `16 × weight` only in slow start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectiveWeight(u16);

impl EffectiveWeight {
    /// The largest.
    pub const MAX: EffectiveWeight = EffectiveWeight(256 * SCALE as u16);

    /// No traffic but what persistence brings.
    pub const ZERO: EffectiveWeight = EffectiveWeight(0);

    /// The whole of a weight.
    pub const fn full(weight: Weight) -> Self {
        Self(weight.0 * SCALE as u16)
    }

    /// The share `steps / SCALE` of a weight; `steps` past `SCALE` count as all of it.
    pub fn share(weight: Weight, steps: u32) -> Self {
        Self(weight.0 * steps.min(SCALE) as u16)
    }

    /// In sixteenths.
    pub const fn get(self) -> u32 {
        self.0 as u32
    }

    /// In the user's units, rounded up: what the stats page shows.
    pub const fn shown(self) -> u32 {
        self.get().div_ceil(SCALE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        assert_eq!(Weight::new(256), Some(Weight::MAX));
        assert_eq!(Weight::new(257), None);
        assert_eq!(EffectiveWeight::full(Weight::MAX), EffectiveWeight::MAX);
        assert_eq!(EffectiveWeight::share(Weight::MAX, 99), EffectiveWeight::MAX);
        assert_eq!(EffectiveWeight::share(Weight(10), 1).shown(), 1);
        assert_eq!(EffectiveWeight::share(Weight(10), 2).shown(), 2);
    }
}

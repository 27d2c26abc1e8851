//! Chance that falls the same way on every machine.

/// SplitMix64 (Steele, Lea, Flood 2014): 64 bits of state, passes BigCrush, and needs
/// nothing but whole-number arithmetic.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// An independent source for a part of the whole, by its name: what one vehicle does
    /// must not change what another one meets.
    pub(crate) fn fork(&self, name: &str) -> Self {
        Self(name.bytes().fold(self.0, |state, byte| stir(state ^ u64::from(byte))))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        stir(self.0)
    }

    /// Even in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Even between two bounds.
    pub(crate) fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True in a share `p` of the cases.
    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// One of them; `None` of none.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let many = u64::try_from(from.len()).ok().filter(|n| *n > 0)?;
        from.get(usize::try_from(self.next() % many).ok()?)
    }

    /// Near enough to the standard normal distribution (Irwin–Hall of twelve, bounded by
    /// ±6), made of sums alone: logarithms differ in their last bit between machines.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// SplitMix64's finaliser: each bit of the input changes half of the output's.
pub(crate) const fn stir(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

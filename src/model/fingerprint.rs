//! The order-free checksum of a set of rows.

/// Row count and modular sum of row hashes. Two sets of rows are equal exactly when their fingerprints are, but for a
/// chance of about 2⁻¹²⁸.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// How many rows.
    pub rows: u64,
    /// Sum of their row hashes modulo 2¹²⁸.
    pub sum: u128,
}

impl Fingerprint {
    /// Adds a row.
    pub fn add(&mut self, row_hash: u128) {
        self.rows = self.rows.wrapping_add(1);
        self.sum = self.sum.wrapping_add(row_hash);
    }

    /// Takes a row away.
    pub fn remove(&mut self, row_hash: u128) {
        self.rows = self.rows.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(row_hash);
    }

    /// The fingerprint of both sets of rows.
    pub fn plus(self, other: Fingerprint) -> Fingerprint {
        Fingerprint { rows: self.rows.wrapping_add(other.rows), sum: self.sum.wrapping_add(other.sum) }
    }

    /// The inverse of [`plus`](Fingerprint::plus).
    pub fn minus(self, other: Fingerprint) -> Fingerprint {
        Fingerprint { rows: self.rows.wrapping_sub(other.rows), sum: self.sum.wrapping_sub(other.sum) }
    }
}

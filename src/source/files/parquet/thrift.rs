//! Just enough of Thrift's compact protocol to see what a Parquet file claims, before a reader believes it.

pub(super) const STOP: u8 = 0;
pub(super) const I32: u8 = 5;
const BINARY: u8 = 8;
pub(super) const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;
/// Structures of Parquet nest to about six; the reader recurses.
const DEEPEST: usize = 32;

/// Reads a value; every method gives `None` where the bytes end early or make no sense.
pub(super) struct Thrift<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Thrift<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(count).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    pub(super) fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// A number in zigzag form.
    pub(super) fn signed(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// The next field's id and type; the type is [`STOP`] at the end of the structure.
    pub(super) fn field(&mut self, last_id: &mut i64) -> Option<(i64, u8)> {
        let head = self.byte()?;
        let kind = head & 0x0f;
        if kind != STOP {
            *last_id = match head >> 4 {
                0 => self.signed()?,
                delta => *last_id + i64::from(delta),
            };
        }
        Some((*last_id, kind))
    }

    /// A list's length and the type of its elements. Each takes a byte at least, so that a claimed length that the
    /// bytes cannot hold, and for which a reader would allocate, is refused.
    pub(super) fn list(&mut self) -> Option<(usize, u8)> {
        let head = self.byte()?;
        let size = match head >> 4 {
            15 => usize::try_from(self.unsigned()?).ok()?,
            size => usize::from(size),
        };
        (size <= self.rest.len()).then_some((size, head & 0x0f))
    }

    /// Calls `on_field` for each field of a structure; it reads the field and says so, or leaves it.
    pub(super) fn structure(&mut self, mut on_field: impl FnMut(i64, u8, &mut Self) -> Option<bool>) -> Option<()> {
        let mut id = 0;
        loop {
            let (id, kind) = self.field(&mut id)?;
            if kind == STOP {
                return Some(());
            }
            if !on_field(id, kind, self)? {
                self.skip(kind, 0)?;
            }
        }
    }

    /// Skips a field's value.
    pub(super) fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match kind {
            1 | 2 => Some(()),
            3 => self.byte().map(drop),
            4..=6 => self.unsigned().map(drop),
            7 => self.take(8).map(drop),
            BINARY => {
                let length = self.unsigned()?;
                self.take(length).map(drop)
            }
            LIST | 10 => {
                let (size, kind) = self.list()?;
                (0..size).try_for_each(|_| self.skip_element(kind, depth + 1))
            }
            11 => self.skip_map(depth),
            STRUCT => {
                let mut id = 0;
                loop {
                    match self.field(&mut id)?.1 {
                        STOP => return Some(()),
                        kind => self.skip(kind, depth + 1)?,
                    }
                }
            }
            _ => None,
        }
    }

    /// Booleans are a byte in a list, and a part of the field's head elsewhere.
    fn skip_element(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            1 | 2 => self.byte().map(drop),
            kind => self.skip(kind, depth),
        }
    }

    fn skip_map(&mut self, depth: usize) -> Option<()> {
        let size = usize::try_from(self.unsigned()?).ok().filter(|size| *size <= self.rest.len())?;
        if size == 0 {
            return Some(());
        }
        let kinds = self.byte()?;
        (0..size).try_for_each(|_| {
            self.skip_element(kinds >> 4, depth + 1)?;
            self.skip_element(kinds & 0x0f, depth + 1)
        })
    }
}

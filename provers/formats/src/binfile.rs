//! The container that all three files share, iden3's "binfile": four letters, a version, a number of sections, and the
//! sections, each with its type (4 bytes) and its length (8 bytes) before it; all numbers little-endian
//! (github.com/iden3/binfileutils). Sections stand in any order, which is kept, so that a file is written as it was read.

use crate::FormatError;

/// A kind of file.
pub(crate) struct Kind {
    /// Its first four bytes.
    pub(crate) magic: &'static str,
    /// The version read and written here.
    pub(crate) version: u32,
    /// The sections it must have.
    pub(crate) required: &'static [u32],
}

/// More than any of the formats has; a search among so few is quick whoever made the file.
const MOST_SECTIONS: u32 = 32;

/// The sections of a file, none twice, all that are required.
pub(crate) struct Sections<'a> {
    all: Vec<(u32, &'a [u8])>,
}

impl<'a> Sections<'a> {
    pub(crate) fn read(kind: &Kind, bytes: &'a [u8]) -> Result<Self, FormatError> {
        let Some(rest) = bytes.strip_prefix(kind.magic.as_bytes()) else {
            return Err(FormatError::Kind {
                expected: kind.magic,
                got: bytes.iter().take(4).copied().collect(),
            });
        };
        let mut rest = Reader::new("the sections", rest);
        let version = rest.u32()?;
        if version != kind.version {
            return Err(FormatError::Version {
                kind: kind.magic,
                expected: kind.version,
                got: version,
            });
        }
        let count = rest.u32()?;
        if count > MOST_SECTIONS {
            let expected = format!("at most {MOST_SECTIONS}");
            return Err(FormatError::value("number of sections", expected, count));
        }
        let mut all: Vec<(u32, &[u8])> = Vec::new();
        for _ in 0..count {
            let (id, length) = (rest.u32()?, rest.u64()?);
            if all.iter().any(|(other, _)| *other == id) {
                return Err(FormatError::Twice(id));
            }
            all.push((id, rest.take(length)?));
        }
        rest.end()?;
        match kind
            .required
            .iter()
            .find(|id| !all.iter().any(|s| s.0 == **id))
        {
            Some(missing) => Err(FormatError::Missing(*missing)),
            None => Ok(Self { all }),
        }
    }

    /// The content of a required section.
    pub(crate) fn section(&self, id: u32, what: &'static str) -> Result<Reader<'a>, FormatError> {
        let found = self.all.iter().find(|section| section.0 == id);
        let (_, bytes) = found.ok_or(FormatError::Missing(id))?;
        Ok(Reader::new(what, bytes))
    }

    /// The types of all sections in the file's order.
    pub(crate) fn order(&self) -> Vec<u32> {
        self.all.iter().map(|section| section.0).collect()
    }

    /// As [`Self::order`], of a file that has no sections but the required ones.
    pub(crate) fn order_of_known(&self, kind: &Kind) -> Result<Vec<u32>, FormatError> {
        let order = self.order();
        match order.iter().find(|id| !kind.required.contains(id)) {
            Some(unknown) => Err(FormatError::Unknown(*unknown)),
            None => Ok(order),
        }
    }
}

/// Appends a file with the sections of `order`; `content` appends the content of one.
pub(crate) fn write(
    out: &mut Vec<u8>,
    kind: &Kind,
    order: &[u32],
    content: impl Fn(u32, &mut Vec<u8>),
) {
    out.extend_from_slice(kind.magic.as_bytes());
    put_u32(out, kind.version);
    put_count(out, order.len());
    for id in order {
        put_u32(out, *id);
        let length_at = out.len();
        out.extend_from_slice(&[0; 8]);
        content(*id, out);
        let length = (out.len() - length_at - 8) as u64;
        out[length_at..length_at + 8].copy_from_slice(&length.to_le_bytes());
    }
}

/// Reads from the front of some bytes, never past their end.
pub(crate) struct Reader<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(what: &'static str, rest: &'a [u8]) -> Self {
        Self { what, rest }
    }

    /// Bytes left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn take(&mut self, length: u64) -> Result<&'a [u8], FormatError> {
        let split = usize::try_from(length)
            .ok()
            .and_then(|at| self.rest.split_at_checked(at));
        let (head, tail) = split.ok_or(FormatError::Short {
            what: self.what,
            expected: length,
            got: self.rest.len() as u64,
        })?;
        self.rest = tail;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, FormatError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, FormatError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, FormatError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A number of things of `size` bytes each that follow, all of which are there: what is allocated for them is never
    /// more than the file holds.
    pub(crate) fn count(&mut self, size: usize) -> Result<usize, FormatError> {
        let count = self.u32()?;
        let (expected, got) = (u64::from(count) * size as u64, self.left() as u64);
        if expected > got {
            let what = self.what;
            return Err(FormatError::Short {
                what,
                expected,
                got,
            });
        }
        Ok(count as usize)
    }

    /// All that is left, which must be `count` things of `size` bytes each.
    pub(crate) fn all_of(&mut self, count: usize, size: usize) -> Result<&'a [u8], FormatError> {
        let taken = self.take(count as u64 * size as u64)?;
        self.end()?;
        Ok(taken)
    }

    pub(crate) fn end(&self) -> Result<(), FormatError> {
        match self.rest.len() {
            0 => Ok(()),
            bytes => Err(FormatError::Long {
                what: self.what,
                bytes,
            }),
        }
    }
}

pub(crate) fn put_u32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

/// A count or an index, which these formats write in 4 bytes.
///
/// # Panics
/// If it does not fit: no file of these formats can hold what is being written.
pub(crate) fn put_count(out: &mut Vec<u8>, number: usize) {
    put_u32(
        out,
        u32::try_from(number).expect("at most 2^32 - 1 of anything in a file"),
    );
}

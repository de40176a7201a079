//! Words of a file, mapped.
#![allow(unsafe_code)]

use memmap2::Mmap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// A file of 64-bit words, little-endian, read where it lies.
#[derive(Clone)]
pub struct Mapping(Arc<Mmap>);

impl Mapping {
    /// Maps a file. Bytes after the last whole word are left out.
    ///
    /// Whoever calls this sees to it that nobody writes to the file or cuts it while it is mapped: that it was
    /// written under another name, renamed when it was whole, and is replaced or removed but never changed. A word
    /// that changes all the same makes a wrong sum; a file that is cut ends the process.
    ///
    /// # Errors
    /// Those of the operating system; and a machine whose words are not little-endian.
    pub fn open(file: &File) -> io::Result<Self> {
        if cfg!(target_endian = "big") {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "mapped tables are for little-endian machines",
            ));
        }
        // SAFETY: the file keeps its content while it is mapped; see the precondition above.
        let map = unsafe { Mmap::map(file) }?;
        Ok(Self(Arc::new(map)))
    }

    /// All words.
    pub fn words(&self) -> &[u64] {
        // SAFETY: every bit pattern is a word, and `align_to` leaves out what is not aligned or whole. A mapping begins
        // at a page, so nothing is left out in front.
        let (_, words, _) = unsafe { self.0.align_to() };
        words
    }

    /// Some of the words, which keep the mapping; `None` if the file has not so many.
    pub fn section(&self, words: Range<usize>) -> Option<Section> {
        self.words().get(words.clone())?;
        Some(Section {
            mapping: self.clone(),
            words,
        })
    }
}

/// Some words of a mapping.
pub struct Section {
    mapping: Mapping,
    words: Range<usize>,
}

impl AsRef<[u64]> for Section {
    fn as_ref(&self) -> &[u64] {
        &self.mapping.words()[self.words.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, Write};

    #[test]
    fn words_of_a_file() {
        let mut file = tempfile::tempfile().expect("a file");
        let words: Vec<u64> = (0..1000u64)
            .map(|i| i.wrapping_mul(0x0102_0304_0506_0708))
            .collect();
        for word in &words {
            file.write_all(&word.to_le_bytes()).expect("written");
        }
        file.write_all(&[1, 2, 3]).expect("written");
        file.rewind().expect("a file");
        let mapping = Mapping::open(&file).expect("mapped");
        assert_eq!(mapping.words(), words);
        assert_eq!(mapping.words().as_ptr().addr() % 64, 0);
        let section = mapping.section(8..20).expect("inside");
        drop((mapping.clone(), file));
        assert_eq!(section.as_ref(), &words[8..20]);
        assert!(mapping.section(8..1001).is_none());
    }
}

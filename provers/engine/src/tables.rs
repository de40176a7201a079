//! The file of tables: a cache beside a key file, mapped and never changed. Its layout is in the crate's documentation.

use crate::Csr;
use crate::bases::{Bases, Parts, Set, Storage, TablesError, table};
use crate::csr::System;
use crate::selection::Selection;
use ark_bn254::{g1, g2};
use ark_ec::short_weierstrass::Affine;
use prooflane_kernels::{Backend, Curve, Domain, FixedBases, Mapping, Radix, Section, TableError};
use prooflane_verifier::{KeyId, VerifyingKey};
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

const MAGIC: u64 = u64::from_le_bytes(*b"PLNBASES");
const VERSION: u64 = 2;
/// Words of the header, its digest the last four.
const HEADER: usize = 64;
const DIGEST: usize = 4;
/// Where the sections are listed: start, end and digest of each.
const LISTED: usize = 16;
const ENTRY: usize = 2 + DIGEST;
/// Sections begin at multiples of so many words, a cache line.
const LINE: usize = 8;
/// The verifying key, the matrices and the selections; then A, B1, B2, L and H.
const SECTIONS: usize = 6;

type Digest = [u64; DIGEST];

/// What tables must belong to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    /// The digest at the end of the key file.
    pub(crate) key_file: [u8; 32],
    /// [`Circuit::code`], zeros where there is none.
    ///
    /// [`Circuit::code`]: prooflane_circuits::Circuit::code
    pub(crate) code: [u8; 32],
}

/// Where the tables of a key are.
pub(crate) fn path(dir: &Path, circuit: &str, key_id: KeyId, backend: Backend) -> PathBuf {
    let key_id = key_id.to_string();
    dir.join(format!("{circuit}.{}.{backend}.tables", &key_id[..16]))
}

/// Removes the tables of other keys of the circuit.
pub(crate) fn remove_others(dir: &Path, circuit: &str, key_id: KeyId) -> io::Result<()> {
    let (prefix, key_id) = (format!("{circuit}."), key_id.to_string());
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(&prefix)) else {
            continue;
        };
        if rest.ends_with(".tables") && !rest.starts_with(&key_id[..16]) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A file that is mapped.
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    mapping: Mapping,
    sections: [(Range<usize>, Digest); SECTIONS],
}

impl Opened {
    /// Whether every section still is what was written. Reads all of the file.
    pub(crate) fn is_intact(&self) -> bool {
        self.sections.iter().all(|(range, digest)| {
            let words = self.mapping.words().get(range.clone());
            words.is_some_and(|words| digest_of(words) == *digest)
        })
    }
}

fn digest_of(words: &[u64]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    each_bytes(words, |bytes| {
        hasher.update(bytes);
        Ok(())
    })
    .expect("hashing succeeds");
    words_of(hasher.finalize())
}

fn words_of(digest: impl Into<[u8; 32]>) -> Digest {
    let digest = digest.into();
    let (words, _) = digest.as_chunks::<8>();
    std::array::from_fn(|i| u64::from_le_bytes(words[i]))
}

/// Words as bytes, many at a time.
fn each_bytes(words: &[u64], mut use_bytes: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut bytes = vec![0; 8 * words.len().min(1 << 14)];
    for words in words.chunks(1 << 14) {
        let bytes = &mut bytes[..8 * words.len()];
        for (bytes, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        use_bytes(bytes)?;
    }
    Ok(())
}

/// Everything that is in a file: all that proving takes.
pub(crate) struct Tables {
    pub(crate) verifying: VerifyingKey,
    pub(crate) system: System,
    pub(crate) bases: Bases,
}

/// Maps tables that are there and belong: header, list, matrices and selections are checked, the tables' own content is
/// only where it matters ([`Opened::is_intact`]), because a proof that does not verify never gets out.
pub(crate) fn open(path: &Path, identity: &Identity, backend: Backend) -> Option<Tables> {
    let mapping = Mapping::open(&File::open(path).ok()?).ok()?;
    let (header, _) = mapping.words().split_first_chunk::<HEADER>()?;
    let (body, digest) = header.split_last_chunk::<DIGEST>()?;
    let belongs = header[..LISTED] == first_words(identity, backend, header[7], header[8])[..]
        && digest_of(body) == *digest;
    if !belongs {
        return None;
    }
    let (columns, public) = (
        usize::try_from(header[7]).ok()?,
        usize::try_from(header[8]).ok()?,
    );
    let entry = |i: usize| -> Option<(Range<usize>, Digest)> {
        let entry = header[LISTED + ENTRY * i..].first_chunk::<ENTRY>()?;
        let range = usize::try_from(entry[0]).ok()?..usize::try_from(entry[1]).ok()?;
        (range.start <= range.end && range.end <= mapping.words().len())
            .then(|| (range, [entry[2], entry[3], entry[4], entry[5]]))
    };
    let sections = [
        entry(0)?,
        entry(1)?,
        entry(2)?,
        entry(3)?,
        entry(4)?,
        entry(5)?,
    ];
    let (range, digest) = &sections[0];
    let mut small = mapping.words().get(range.clone())?;
    if digest_of(small) != *digest {
        return None;
    }
    let verifying = read_verifying(&mut small, public)?;
    let private = columns.checked_sub(1 + public)?;
    let system = System {
        num_public: public,
        columns,
        a: Csr::read(&mut small, columns)?,
        b: Csr::read(&mut small, columns)?,
        c: Csr::read(&mut small, columns)?,
    };
    let selections = [
        Selection::read(&mut small, columns)?,
        Selection::read(&mut small, columns)?,
        Selection::read(&mut small, columns)?,
        Selection::read(&mut small, private)?,
    ];
    let [a, b_g1, b_g2, l] = selections;
    let section = |i: usize| mapping.section(sections[i].0.clone());
    let h = stored::<g1::Config>(section(5)?, backend)?;
    let bases = Bases {
        domain: Domain::new(h.len(), backend).ok()?,
        a: set(a, 1, section(1)?, backend)?,
        b_g1: set(b_g1, 1, section(2)?, backend)?,
        b_g2: set::<g2::Config>(b_g2, 1, section(3)?, backend)?,
        l: set(l, 0, section(4)?, backend)?,
        h,
        file: Some(Opened {
            path: path.to_owned(),
            mapping: mapping.clone(),
            sections,
        }),
    };
    Some(Tables {
        verifying,
        system,
        bases,
    })
}

fn stored<C: Curve>(section: Section, backend: Backend) -> Option<FixedBases<C, Storage>> {
    let table = FixedBases::from_words(Storage::File(section)).ok()?;
    (table.backend() == backend).then_some(table)
}

fn set<C: Curve>(
    selection: Selection,
    appended: usize,
    section: Section,
    backend: Backend,
) -> Option<Set<C>> {
    let table = stored(section, backend)?;
    (table.len() == selection.len() + appended).then_some(Set { selection, table })
}

/// The words before the list.
fn first_words(identity: &Identity, backend: Backend, columns: u64, public: u64) -> [u64; LISTED] {
    let backend = match backend {
        Backend::Ifma => 52,
        Backend::Scalar => 64,
    };
    let [a, b, c, d] = words_of(identity.key_file);
    let [e, f, g, h] = words_of(identity.code);
    [
        MAGIC, VERSION, backend, a, b, c, d, columns, public, e, f, g, h, 0, 0, 0,
    ]
}

fn put_point<C: Curve>(words: &mut Vec<u64>, point: &Affine<C>) {
    words.extend_from_slice(C::pack(point, Radix::Words64).as_ref());
}

fn take_point<C: Curve>(words: &mut &[u64]) -> Option<Affine<C>> {
    let (point, rest) = words.split_at_checked(C::WORDS)?;
    *words = rest;
    Some(C::unpack(C::points(point).first()?, Radix::Words64))
}

fn put_verifying(words: &mut Vec<u64>, key: &VerifyingKey) {
    put_point(words, &key.alpha);
    [key.beta, key.gamma, key.delta]
        .iter()
        .for_each(|point| put_point(words, point));
    key.ic.iter().for_each(|point| put_point(words, point));
}

fn read_verifying(words: &mut &[u64], public: usize) -> Option<VerifyingKey> {
    Some(VerifyingKey {
        alpha: take_point(words)?,
        beta: take_point(words)?,
        gamma: take_point(words)?,
        delta: take_point(words)?,
        ic: (0..=public)
            .map(|_| take_point(words))
            .collect::<Option<_>>()?,
    })
}

/// Why there is no file.
pub(crate) enum CreateError {
    Tables(TablesError),
    Io(io::Error),
}

impl From<io::Error> for CreateError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<TableError> for CreateError {
    fn from(error: TableError) -> Self {
        Self::Tables(error.into())
    }
}

/// Builds tables one after the other, writes each before the next, and maps the file once it is whole.
pub(crate) fn create(
    path: &Path,
    identity: &Identity,
    backend: Backend,
    verifying: &VerifyingKey,
    system: &System,
    parts: &Parts,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Bases, CreateError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let temp = NamedTempFile::new_in(dir)?;
    let mut writer = Writer {
        file: BufWriter::with_capacity(1 << 20, temp),
        position: HEADER,
        listed: vec![],
    };
    writer.file.write_all(&[0; 8 * HEADER])?;
    let mut small = vec![];
    put_verifying(&mut small, verifying);
    for matrix in [&system.a, &system.b, &system.c] {
        matrix.write(&mut small);
    }
    for selection in [&parts.a.0, &parts.b_g1.0, &parts.b_g2.0, &parts.l.0] {
        selection.write(&mut small);
    }
    writer.section(&small)?;
    writer.section(table(&parts.a.1, parts.a.2, backend, progress)?.as_words())?;
    writer.section(table(&parts.b_g1.1, parts.b_g1.2, backend, progress)?.as_words())?;
    writer.section(table(&parts.b_g2.1, parts.b_g2.2, backend, progress)?.as_words())?;
    writer.section(table(&parts.l.1, parts.l.2, backend, progress)?.as_words())?;
    writer.section(table(&parts.h.0, parts.h.1, backend, progress)?.as_words())?;

    let mut header = vec![];
    header.extend(first_words(
        identity,
        backend,
        system.columns as u64,
        system.num_public as u64,
    ));
    header.append(&mut writer.listed);
    header.resize(HEADER - DIGEST, 0);
    header.extend(digest_of(&header));
    let mut temp = writer
        .file
        .into_inner()
        .map_err(|error| error.into_error())?;
    temp.seek(SeekFrom::Start(0))?;
    each_bytes(&header, |bytes| temp.write_all(bytes))?;
    temp.as_file().sync_all()?;
    temp.persist(path).map_err(|error| error.error)?;
    let tables = open(path, identity, backend)
        .ok_or_else(|| io::Error::other("the tables just written cannot be read back"))?;
    Ok(tables.bases)
}

struct Writer {
    file: BufWriter<NamedTempFile>,
    /// In words.
    position: usize,
    listed: Vec<u64>,
}

impl Writer {
    fn section(&mut self, words: &[u64]) -> io::Result<()> {
        let mut hasher = blake3::Hasher::new();
        each_bytes(words, |bytes| {
            hasher.update(bytes);
            self.file.write_all(bytes)
        })?;
        let end = self.position + words.len();
        self.listed.extend([self.position as u64, end as u64]);
        self.listed.extend(words_of(hasher.finalize()));
        self.position = end.next_multiple_of(LINE);
        self.file
            .write_all(&[0; 8 * LINE][..8 * (self.position - end)])
    }
}

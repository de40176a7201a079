//! Signed notes (c2sp.org/signed-note) and the two kinds of keys that sign here: a log's, Ed25519 over the text (0x01), and
//! a witness's, Ed25519 over the text and a time (0x04, c2sp.org/tlog-cosignature).

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::Signer;
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};
use thiserror::Error;
use zeroize::Zeroizing;

/// Longest note that is read, and most signatures on it: more than anyone needs, and little enough to be harmless.
const NOTE_BYTES: usize = 1 << 20;
const SIGNATURES: usize = 100;

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The note's text, `0x01`: a log's signature.
    Ed25519,
    /// The note's text and the time in seconds, `0x04`: a witness's cosignature.
    Cosignature,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Kind::Ed25519 => 1,
            Kind::Cosignature => 4,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Kind::Ed25519, Kind::Cosignature]
            .into_iter()
            .find(|kind| kind.byte() == byte)
    }
}

/// Why some text is no key. It never quotes the text, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// A name is not empty and has neither spaces nor a plus.
    #[error("a key's name has at least one character, no spaces and no plus")]
    Name,
    /// Not `<name>+<key id, 8 hex digits>+<Base64>`, or for a signing key that after `PRIVATE+KEY+`.
    #[error("not a key: expected {expected}")]
    Format {
        /// The form that was expected.
        expected: &'static str,
    },
    /// A type of key that is not used here.
    #[error("a key of type 0x01 or 0x04 was expected, got {0:#04x}")]
    Type(u8),
    /// The key id in the text is not this key's.
    #[error("the key's id is {expected:08x}, got {got:08x}: the key was damaged or renamed")]
    Id {
        /// What the name and the key hash to.
        expected: u32,
        /// What the text says.
        got: u32,
    },
    /// 32 bytes that are no point of the curve, or one of small order.
    #[error("these 32 bytes are no Ed25519 verifying key")]
    Point,
}

fn check_name(name: &str) -> Result<(), KeyError> {
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+') {
        return Err(KeyError::Name);
    }
    Ok(())
}

/// A key that signatures are checked with. Printed and parsed as a vkey, `name+id+Base64(type ‖ key)`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    name: String,
    kind: Kind,
    key: ed25519_dalek::VerifyingKey,
    id: u32,
}

impl VerifyingKey {
    fn new(name: &str, kind: Kind, key: ed25519_dalek::VerifyingKey) -> Result<Self, KeyError> {
        check_name(name)?;
        if key.is_weak() {
            return Err(KeyError::Point);
        }
        let mut sha = Sha256::new_with_prefix(name);
        sha.update([b'\n', kind.byte()]);
        sha.update(key.as_bytes());
        let [a, b, c, d, ..]: [u8; 32] = sha.finalize().into();
        Ok(Self {
            name: name.into(),
            kind,
            key,
            id: u32::from_be_bytes([a, b, c, d]),
        })
    }

    /// Whose key it is: for a log the origin of its checkpoints.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The first four bytes of SHA-256(name ‖ newline ‖ type ‖ key).
    pub fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    fn made(&self, signature: &Signature) -> bool {
        signature.name == self.name && signature.id == self.id
    }

    fn accepts(&self, text: &str, signature: &Signature) -> bool {
        let (message, bytes) = match (self.kind, signature.bytes.split_first_chunk()) {
            (Kind::Ed25519, _) => (text.to_owned(), &signature.bytes[..]),
            (Kind::Cosignature, Some((time, bytes))) => {
                let time = u64::from_be_bytes(*time);
                if i64::try_from(time).is_err() {
                    return false;
                }
                (cosigned(time, text), bytes)
            }
            (Kind::Cosignature, None) => return false,
        };
        ed25519_dalek::Signature::from_slice(bytes).is_ok_and(|signature| {
            self.key
                .verify_strict(message.as_bytes(), &signature)
                .is_ok()
        })
    }
}

/// What a witness signs (c2sp.org/tlog-cosignature, "Ed25519 signed message").
fn cosigned(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind.byte()], &self.key.as_bytes()[..]].concat();
        write!(f, "{}+{:08x}+{}", self.name, self.id, STANDARD.encode(key))
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What stands in `name+id+Base64(type ‖ key)`.
struct Parts {
    name: String,
    /// As written, which may be wrong.
    id: u32,
    kind: Kind,
    key: Zeroizing<[u8; 32]>,
}

fn parse_key(text: &str, expected: &'static str) -> Result<Parts, KeyError> {
    let format = || KeyError::Format { expected };
    let (name, rest) = text.split_once('+').ok_or_else(format)?;
    let (id, key) = rest.split_once('+').ok_or_else(format)?;
    let hex = id.len() == 8 && id.bytes().all(|b| b.is_ascii_hexdigit());
    let id = u32::from_str_radix(id, 16).ok().filter(|_| hex);
    let key = Zeroizing::new(STANDARD.decode(key).map_err(|_| format())?);
    let (kind, key) = key.split_first().ok_or_else(format)?;
    Ok(Parts {
        name: name.into(),
        id: id.ok_or_else(format)?,
        kind: Kind::of(*kind).ok_or(KeyError::Type(*kind))?,
        key: Zeroizing::new(key.try_into().map_err(|_| format())?),
    })
}

fn same_id(expected: u32, got: u32) -> Result<(), KeyError> {
    if expected == got {
        Ok(())
    } else {
        Err(KeyError::Id { expected, got })
    }
}

impl FromStr for VerifyingKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let Parts {
            name,
            id,
            kind,
            key,
        } = parse_key(text, "<name>+<key id>+<Base64>")?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&key).map_err(|_| KeyError::Point)?;
        let key = Self::new(&name, kind, key)?;
        same_id(key.id, id)?;
        Ok(key)
    }
}

/// A key that signs: a log's, or a witness's. Wiped from memory when dropped; implements no `Debug`.
#[derive(Clone)]
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    public: VerifyingKey,
}

const PRIVATE: &str = "PRIVATE+KEY+";

impl SigningKey {
    /// The key that grows from 32 random bytes (RFC 8032, 5.1.5).
    ///
    /// # Errors
    /// [`KeyError::Name`].
    pub fn from_seed(name: &str, kind: Kind, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = VerifyingKey::new(name, kind, key.verifying_key())?;
        Ok(Self { key, public })
    }

    /// Reads what [`SigningKey::secret`] wrote, or Go's `note.GenerateKey`.
    ///
    /// # Errors
    /// [`KeyError`], which quotes nothing of the text.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let expected = "PRIVATE+KEY+<name>+<key id>+<Base64>";
        let rest = text.strip_prefix(PRIVATE);
        let rest = rest.ok_or(KeyError::Format { expected })?;
        let Parts {
            name,
            id,
            kind,
            key,
        } = parse_key(rest, expected)?;
        let key = Self::from_seed(&name, kind, &key)?;
        same_id(key.public.id, id)?;
        Ok(key)
    }

    /// The secret key as text, for a file that only its owner reads.
    pub fn secret(&self) -> Zeroizing<String> {
        let VerifyingKey { name, kind, id, .. } = &self.public;
        let bytes = Zeroizing::new([&[kind.byte()], &self.key.as_bytes()[..]].concat());
        let text = Zeroizing::new(STANDARD.encode(&*bytes));
        Zeroizing::new(format!("{PRIVATE}{name}+{id:08x}+{}", *text))
    }

    /// The key that checks its signatures.
    pub fn verifying(&self) -> &VerifyingKey {
        &self.public
    }

    /// Signs a note's text. A cosignature carries the time, in seconds since the epoch; a log's signature does not, and the
    /// same text always gets the same bytes.
    pub(crate) fn sign(&self, text: &str, unix_seconds: u64) -> Signature {
        let sign = |message: &str| self.key.sign(message.as_bytes()).to_bytes();
        let bytes = match self.public.kind {
            Kind::Ed25519 => sign(text).to_vec(),
            Kind::Cosignature => {
                let signature = sign(&cosigned(unix_seconds, text));
                [&unix_seconds.to_be_bytes()[..], &signature].concat()
            }
        };
        Signature {
            name: self.public.name.clone(),
            id: self.public.id,
            bytes,
        }
    }
}

/// One signature line, `— name Base64(key id ‖ signature)`. Says nothing until a key has checked it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Signature {
    name: String,
    id: u32,
    bytes: Vec<u8>,
}

impl Signature {
    /// Whose key it says made it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The time that a cosignature names, in seconds since the epoch; it means something once `key`, a witness's, has
    /// accepted the note.
    pub fn unix_seconds(&self, key: &VerifyingKey) -> Option<u64> {
        let (time, _) = self.bytes.split_first_chunk()?;
        (key.kind == Kind::Cosignature && key.made(self)).then(|| u64::from_be_bytes(*time))
    }

    /// Reads several lines, each with its newline, as a witness answers.
    ///
    /// # Errors
    /// [`NoteError::Signature`] with the line that is none.
    pub fn parse_lines(text: &str) -> Result<Vec<Self>, NoteError> {
        text.split_inclusive('\n')
            .map(|line| {
                let line = line.strip_suffix('\n').ok_or(NoteError::Format)?;
                line.parse()
            })
            .collect()
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id.to_be_bytes()[..], &self.bytes].concat();
        write!(f, "\u{2014} {} {}", self.name, STANDARD.encode(bytes))
    }
}

impl FromStr for Signature {
    type Err = NoteError;

    fn from_str(line: &str) -> Result<Self, NoteError> {
        let parse = || {
            let (name, bytes) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
            check_name(name).ok()?;
            let bytes = STANDARD.decode(bytes).ok()?;
            let (id, bytes) = bytes.split_first_chunk()?;
            (!bytes.is_empty()).then(|| Self {
                name: name.into(),
                id: u32::from_be_bytes(*id),
                bytes: bytes.into(),
            })
        };
        parse().ok_or_else(|| NoteError::Signature(line.into()))
    }
}

/// Why a note cannot be read or is not to be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoteError {
    /// Not text, an empty line and signature lines, each ended by a newline; or too long; or with control characters.
    #[error(
        "not a signed note: expected text, an empty line, and 1 to 100 signature lines, in at most 1 MiB"
    )]
    Format,
    /// A line after the text that is no signature.
    #[error("not a signature line (— <name> <Base64>): {0:?}")]
    Signature(String),
    /// A key that is known here signed, but not this text.
    #[error("the signature of {0} is not of this text: the note was changed or forged")]
    Forged(String),
    /// None of the known keys signed.
    #[error("no signature is of a key that is known here")]
    Unknown,
}

/// A text with signatures, checked or not: [`Note::verify`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

impl Note {
    /// A text that `key` signs. The text ends with a newline and has no control characters.
    pub(crate) fn sign(text: String, key: &SigningKey) -> Self {
        let signatures = vec![key.sign(&text, 0)];
        Self { text, signatures }
    }

    /// The text, which is to be ignored unless [`Note::verify`] accepts.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its signature lines.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The same text with this signature alone.
    pub fn with_only(&self, signature: Signature) -> Self {
        Self {
            text: self.text.clone(),
            signatures: vec![signature],
        }
    }

    /// Adds signatures that it does not have yet; one of a key that signed before replaces that.
    pub fn add(&mut self, signatures: impl IntoIterator<Item = Signature>) {
        for new in signatures {
            let same = |old: &&mut Signature| old.name == new.name && old.id == new.id;
            match self.signatures.iter_mut().find(same) {
                Some(old) => *old = new,
                None => self.signatures.push(new),
            }
        }
    }

    /// Which of these keys signed this text. Signatures of other keys count for nothing.
    ///
    /// # Errors
    /// [`NoteError::Forged`] if a line claims to be of one of these keys and is not, [`NoteError::Unknown`] if none signed.
    pub fn verify<'k>(&self, keys: &'k [VerifyingKey]) -> Result<Vec<&'k VerifyingKey>, NoteError> {
        let mut signed = Vec::new();
        for key in keys {
            let mut lines = self
                .signatures
                .iter()
                .filter(|line| key.made(line))
                .peekable();
            if lines.peek().is_some() {
                if !lines.all(|line| key.accepts(&self.text, line)) {
                    return Err(NoteError::Forged(key.name.clone()));
                }
                signed.push(key);
            }
        }
        if signed.is_empty() {
            return Err(NoteError::Unknown);
        }
        Ok(signed)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES || note.contains(|c: char| c < ' ' && c != '\n') {
            return Err(NoteError::Format);
        }
        let end = note.rfind("\n\n").ok_or(NoteError::Format)?;
        let (text, lines) = (&note[..=end], &note[end + 2..]);
        let signatures = Signature::parse_lines(lines)?;
        if signatures.is_empty() || signatures.len() > SIGNATURES {
            return Err(NoteError::Format);
        }
        Ok(Self {
            text: text.into(),
            signatures,
        })
    }
}

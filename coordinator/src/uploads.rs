//! Inputs that are too large for a request: put into the blob store first, then named by the
//! submission.

use crate::{Coordinator, Error, layout};
use prooflane_store::PutMode;
use serde_json::Value;
use std::fmt::{Display, Formatter};
use std::str::FromStr;

/// An upload, named by who makes it and what it holds: nobody can use another's, and what is found
/// under the name is what was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadId([u8; 32]);

impl UploadId {
    /// Most bytes of an upload: of a witness, or of evidence.
    pub const BYTES: usize = prooflane_ledger::MAX_BYTES;
    /// Most of one that is a task's inputs: as JSON in memory they take many times as much.
    pub const INPUT_BYTES: usize = 16 * 1024 * 1024;

    /// The name of so many bytes with this SHA-256, uploaded by this requester.
    #[must_use]
    pub fn new(requester: &str, bytes: u64, sha256: &[u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("prooflane upload v1");
        hasher.update(&bytes.to_le_bytes());
        hasher.update(sha256);
        hasher.update(requester.as_bytes());
        Self(hasher.finalize().into())
    }

    /// Where its bytes are.
    #[must_use]
    pub fn blob(&self) -> String {
        format!("{}{self}", layout::UPLOADS)
    }

    /// The name of these bytes.
    #[must_use]
    pub fn of(requester: &str, bytes: &[u8]) -> Self {
        Self::new(requester, bytes.len() as u64, &sha256(bytes))
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}

impl Display for UploadId {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for UploadId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| {
            Error::invalid(
                "upload",
                format!("expected 64 hexadecimal digits, got {text:?}"),
            )
        })?;
        Ok(Self(bytes))
    }
}

/// Where a submission's inputs are. Private: no `Debug`.
#[derive(Clone)]
pub enum Inputs {
    /// Here.
    Here(Value),
    /// In an upload of the requester's, as JSON.
    Uploaded(UploadId),
}

impl From<Value> for Inputs {
    fn from(inputs: Value) -> Self {
        Self::Here(inputs)
    }
}

/// The inputs that were uploaded.
pub(crate) fn inputs_of(id: UploadId, bytes: &[u8]) -> Result<Value, Error> {
    if bytes.len() > UploadId::INPUT_BYTES {
        let (most, got) = (UploadId::INPUT_BYTES, bytes.len());
        let problem = format!("expected at most {most} bytes of inputs, got {got}");
        return Err(Error::invalid("upload", problem));
    }
    // Says where, and nothing of what is there.
    serde_json::from_slice(bytes)
        .map_err(|error| Error::InvalidInputs(format!("upload {id} is not JSON: {error}")))
}

impl Coordinator {
    /// Takes the bytes of an upload. A blob store that takes them from the requester directly does
    /// without this call.
    ///
    /// # Errors
    /// [`Error::Invalid`] if these are not the bytes that were announced; the store's.
    pub async fn upload(&self, requester: &str, id: UploadId, bytes: &[u8]) -> Result<(), Error> {
        if UploadId::of(requester, bytes) != id {
            let problem = format!(
                "expected the bytes that upload {id} was announced with, got {} others",
                bytes.len()
            );
            return Err(Error::invalid("body", problem));
        }
        let blob = id.blob();
        let put = self.ports.blobs.put(&blob, bytes, PutMode::IfAbsent).await;
        put.map(drop).map_err(Error::from)
    }

    /// What was uploaded by this requester.
    ///
    /// # Errors
    /// [`Error::UnknownUpload`]; the store's.
    pub async fn uploaded(&self, requester: &str, id: UploadId) -> Result<Vec<u8>, Error> {
        let bytes = self.ports.blobs.get(&id.blob()).await?;
        let bytes = bytes.ok_or(Error::UnknownUpload(id))?;
        if UploadId::of(requester, &bytes) == id {
            return Ok(bytes);
        }
        Err(Error::UnknownUpload(id))
    }

    /// It has served. One that stays costs space only.
    pub async fn drop_upload(&self, id: UploadId) {
        if let Err(error) = self.ports.blobs.delete(&id.blob()).await {
            tracing::warn!(upload = %id, %error, "an upload that was used is not deleted");
        }
    }

    /// Deletes every upload, used or not: for the start of a network in one process, where nobody
    /// else is in the middle of one. Whoever was uploads again.
    ///
    /// # Errors
    /// The store's.
    pub async fn drop_uploads(&self) -> Result<(), Error> {
        loop {
            let names = self.ports.blobs.list(layout::UPLOADS, None, 100).await?;
            if names.is_empty() {
                return Ok(());
            }
            for name in names {
                self.ports.blobs.delete(&name).await?;
            }
        }
    }
}

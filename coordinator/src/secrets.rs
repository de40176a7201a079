//! Inputs at rest. From privacy level 2 they are encrypted under a key of the task's own
//! (ChaCha20-Poly1305, RFC 8439), which is deleted in the write that ends the task; the ciphertext
//! left behind is noise. A key encrypts exactly one message, so the nonce is constant.

use crate::{Entropy, Error};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use prooflane_market::TaskId;
use zeroize::Zeroizing;

pub(crate) struct InputKey(Zeroizing<[u8; 32]>);

impl InputKey {
    pub(crate) fn generate(entropy: &dyn Entropy) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        entropy.fill(key.as_mut());
        Self(key)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let key = bytes
            .try_into()
            .map_err(|_| Error::Corrupt { what: "input key" })?;
        Ok(Self(Zeroizing::new(key)))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_ref()
    }

    pub(crate) fn encrypt(&self, task: TaskId, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let payload = Payload {
            msg: plain,
            aad: task.0.as_bytes(),
        };
        self.cipher()
            .encrypt(&Nonce::default(), payload)
            .map_err(|_| Error::invalid("inputs", "too large to encrypt"))
    }

    pub(crate) fn decrypt(&self, task: TaskId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let payload = Payload {
            msg: sealed,
            aad: task.0.as_bytes(),
        };
        self.cipher()
            .decrypt(&Nonce::default(), payload)
            .map(Zeroizing::new)
            .map_err(|_| Error::Corrupt {
                what: "encrypted input",
            })
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new((&*self.0).into())
    }
}

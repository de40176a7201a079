//! What a proof is bound to: `docs/x402.md`, "Nonce" and "Binding".

use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use prooflane_verifier::{Fr, field};
use sha2::{Digest, Sha256};

/// Recognises the nonces that it made, without keeping any.
pub(crate) struct Nonces {
    secret: [u8; 32],
}

/// Bytes of a nonce: the time (8), random ones (8), the tag (16).
const NONCE: usize = 32;
/// Those under the tag.
const TAGGED: usize = 16;

impl Nonces {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// A fresh nonce for an origin.
    pub(crate) fn issue(&self, now: u64, entropy: [u8; 16], origin: &str) -> String {
        let mut nonce = [0; NONCE];
        nonce[..8].copy_from_slice(&now.to_be_bytes());
        nonce[8..TAGGED].copy_from_slice(&entropy[..8]);
        let tag = self.tag(&nonce[..TAGGED], origin).finalize().into_bytes();
        nonce[TAGGED..].copy_from_slice(&tag[..NONCE - TAGGED]);
        hex::encode(nonce)
    }

    /// When a nonce was issued, if it is one of ours for this origin.
    pub(crate) fn issued(&self, nonce: &str, origin: &str) -> Option<u64> {
        let mut bytes = [0; NONCE];
        hex::decode_to_slice(nonce, &mut bytes).ok()?;
        // One text each, or the same nonce could make two bindings.
        if nonce.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let (tagged, tag) = bytes.split_at(TAGGED);
        self.tag(tagged, origin).verify_truncated_left(tag).ok()?;
        Some(u64::from_be_bytes(tagged[..8].try_into().ok()?))
    }

    fn tag(&self, tagged: &[u8], origin: &str) -> Hmac<Sha256> {
        Hmac::<Sha256>::new_from_slice(&self.secret)
            .expect("HMAC takes keys of any length")
            .chain_update("prooflane x402 nonce v1")
            .chain_update(tagged)
            .chain_update(origin)
    }
}

/// The binding to one request: method, origin, path and query, body, nonce.
pub fn binding(method: &Method, origin: &str, path: &str, body: &[u8], nonce: &str) -> Fr {
    let body = hex::encode(Sha256::digest(body));
    let text = [method.as_str(), origin, path, &body, nonce].join("\n");
    field::text_to_field("x402-binding", &text)
}

/// A field element as x402's JSON has it here: `0x` and 64 hexadecimal digits.
pub fn to_hex(element: &Fr) -> String {
    format!("0x{}", hex::encode(field::to_bytes_be(element)))
}

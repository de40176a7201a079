//! BLAKE-512, the SHA-3 finalist ("BLAKE-1"), from which circomlibjs and zk-kit derive keys and nonces. It is not BLAKE2b.
//!
//! Specification: Aumasson, Henzen, Meier, Phan, "SHA-3 proposal BLAKE", version 1.3, with salt 0.

use zeroize::Zeroizing;

/// The first 1024 bits of pi's fraction.
const PI: [u64; 16] = [
    0x243f6a8885a308d3,
    0x13198a2e03707344,
    0xa4093822299f31d0,
    0x082efa98ec4e6c89,
    0x452821e638d01377,
    0xbe5466cf34e90c6c,
    0xc0ac29b7c97c50dd,
    0x3f84d5b5b5470917,
    0x9216d5d98979fb1b,
    0xd1310ba698dfb5ac,
    0x2ffd72dbd01adfb7,
    0xb8e1afed6a267e96,
    0xba7c9045f12c7f99,
    0x24a19947b3916cf7,
    0x0801f2e2858efc16,
    0x636920d871574e69,
];

const INITIAL: [u64; 8] = [
    0x6a09e667f3bcc908,
    0xbb67ae8584caa73b,
    0x3c6ef372fe94f82b,
    0xa54ff53a5f1d36f1,
    0x510e527fade682d1,
    0x9b05688c2b3e6c1f,
    0x1f83d9abfb41bd6b,
    0x5be0cd19137e2179,
];

const SIGMA: [[usize; 16]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

/// The columns, then the diagonals, that a round mixes.
const MIXES: [[usize; 4]; 8] = [
    [0, 4, 8, 12],
    [1, 5, 9, 13],
    [2, 6, 10, 14],
    [3, 7, 11, 15],
    [0, 5, 10, 15],
    [1, 6, 11, 12],
    [2, 7, 8, 13],
    [3, 4, 9, 14],
];

/// BLAKE-512 of `message`.
pub(crate) fn blake512(message: &[u8]) -> Zeroizing<[u8; 64]> {
    // A one bit, zeros, a one bit, and the length in bits as 16 bytes.
    let mut padded = Zeroizing::new(Vec::with_capacity(message.len() + 256));
    padded.extend_from_slice(message);
    padded.push(0x80);
    while padded.len() % 128 != 112 {
        padded.push(0);
    }
    *padded.last_mut().unwrap_or(&mut 0) |= 1;
    padded.extend_from_slice(&(message.len() as u128 * 8).to_be_bytes());

    let mut state = INITIAL;
    for (i, block) in padded.chunks_exact(128).enumerate() {
        // Bits of the message up to this block's end, or 0 if there are none in it.
        let counter = if i * 128 < message.len() {
            message.len().min((i + 1) * 128) as u64 * 8
        } else {
            0
        };
        compress(&mut state, block, counter);
    }
    let mut digest = Zeroizing::new([0; 64]);
    digest
        .chunks_exact_mut(8)
        .zip(state)
        .for_each(|(out, word)| out.copy_from_slice(&word.to_be_bytes()));
    digest
}

fn compress(state: &mut [u64; 8], block: &[u8], counter: u64) {
    let word = |i: usize| {
        block[8 * i..8 * i + 8]
            .iter()
            .fold(0, |n, byte| n << 8 | u64::from(*byte))
    };
    let mut v = [0; 16];
    v[..8].copy_from_slice(state);
    v[8..].copy_from_slice(&PI[..8]);
    v[12] ^= counter;
    v[13] ^= counter;
    for sigma in (0..16).map(|round| SIGMA[round % 10]) {
        for ([a, b, c, d], pair) in MIXES.into_iter().zip(sigma.chunks_exact(2)) {
            for (j, k, [r, s]) in [(pair[0], pair[1], [32, 25]), (pair[1], pair[0], [16, 11])] {
                v[a] = v[a].wrapping_add(v[b]).wrapping_add(word(j) ^ PI[k]);
                v[d] = (v[d] ^ v[a]).rotate_right(r);
                v[c] = v[c].wrapping_add(v[d]);
                v[b] = (v[b] ^ v[c]).rotate_right(s);
            }
        }
    }
    (0..8).for_each(|i| state[i] ^= v[i] ^ v[i + 8]);
}

#[cfg(test)]
mod tests {
    use super::blake512;

    /// The two test vectors of the specification: one zero byte, and 144 zero bytes.
    #[test]
    fn specification_vectors() {
        assert_eq!(
            hex::encode(*blake512(&[0])),
            "97961587f6d970faba6d2478045de6d1fabd09b61ae50932054d52bc29d31be4\
             ff9102b9f69e2bbdb83be13d4b9c06091e5fa0b48bd081b634058be0ec49beb3"
        );
        assert_eq!(
            hex::encode(*blake512(&[0; 144])),
            "313717d608e9cf758dcb1eb0f0c3cf9fc150b2d500fb33f51c52afc99d358a2f\
             1374b8a38bba7974e7f6ef79cab16f22ce1e649d6e01ad9589c213045d545dde"
        );
    }
}

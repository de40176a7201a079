//! Number-theoretic transforms over the scalar field, for the one thing a proof needs them for: from the
//! values of a polynomial on a domain to those on a coset of it.

mod lanes;
#[cfg(test)]
mod tests;
mod words;

use crate::backend::{Backend, BackendError};
use ark_bn254::Fr;
use ark_ff::FftField;
use zeroize::Zeroizing;

/// The powers of a root of unity whose order `n` is a power of two, and what transforms over them take.
///
/// Its coset of odd powers is that of `g w^j`, with `w` the domain's generator and `g` the generator of the
/// domain of twice the size: where snarkjs's keys have their bases H.
pub struct Domain {
    size: usize,
    kind: Kind,
}

enum Kind {
    #[cfg(target_arch = "x86_64")]
    Lanes(crate::simd::Ifma, Box<lanes::Tables>),
    Words(words::Tables),
}

/// The field has a root of unity of twice that order.
const MOST_POINTS: usize = 1 << 27;

/// Why there is no such domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// The machine cannot compute with it.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The field has no such domain, or none of twice the size.
    #[error("a domain of {0} points; expected a power of two, at most 2^27")]
    Size(usize),
}

impl Domain {
    /// Computes the twiddles, on all threads of the current pool.
    ///
    /// # Errors
    /// A size for which there is no domain, or a backend that this machine lacks.
    pub fn new(size: usize, backend: Backend) -> Result<Self, DomainError> {
        if !size.is_power_of_two() || size > MOST_POINTS {
            return Err(DomainError::Size(size));
        }
        let shift = Fr::get_root_of_unity(2 * size as u64).ok_or(DomainError::Size(size))?;
        let kind = match backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => {
                let ifma = crate::simd::Ifma::detect().ok_or(BackendError::Unavailable)?;
                if size >= lanes::LEAST {
                    Kind::Lanes(ifma, Box::new(lanes::Tables::new(size, shift)))
                } else {
                    Kind::Words(words::Tables::new(size, shift))
                }
            }
            #[cfg(not(target_arch = "x86_64"))]
            Backend::Ifma => return Err(BackendError::Unavailable.into()),
            Backend::Scalar => Kind::Words(words::Tables::new(size, shift)),
        };
        Ok(Self { size, kind })
    }

    /// How many points.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The values of `a b - c` on the coset of odd powers, where `a` and `b` interpolate the values given over
    /// the domain, and `c` their products. Values that are not given are zero. Six transforms.
    ///
    /// # Panics
    /// If more values are given than the domain has points.
    pub fn quotient(&self, a: &[Fr], b: &[Fr]) -> Zeroizing<Vec<Fr>> {
        let most = a.len().max(b.len());
        assert!(most <= self.size, "{most} values over {} points", self.size);
        match &self.kind {
            #[cfg(target_arch = "x86_64")]
            Kind::Lanes(ifma, tables) => tables.quotient(*ifma, a, b),
            Kind::Words(tables) => {
                #[cfg(target_arch = "x86_64")]
                if let Some(adx) = crate::words::Adx::detect() {
                    return tables.quotient(adx, a, b);
                }
                tables.quotient(crate::words::Plain, a, b)
            }
        }
    }
}

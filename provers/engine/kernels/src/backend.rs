//! Which instructions to use.

use std::fmt;

/// The kinds of arithmetic there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Eight lanes of AVX-512 IFMA.
    Ifma,
    /// 64-bit words, on every machine.
    Scalar,
}

/// The environment variable that forces a backend: `scalar` or `ifma`.
pub const ENGINE_VARIABLE: &str = "PROOFLANE_ENGINE";

/// Why there is no such backend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// A value of [`ENGINE_VARIABLE`] that means nothing.
    #[error("{ENGINE_VARIABLE} is `{0}`; expected `scalar` or `ifma`, or unset it")]
    Unknown(String),
    /// This machine lacks the instructions.
    #[error(
        "this machine has no AVX-512 IFMA; use the scalar backend (`{ENGINE_VARIABLE}=scalar`, or unset)"
    )]
    Unavailable,
}

impl Backend {
    /// The one that [`ENGINE_VARIABLE`] names, or else the fastest here.
    pub fn from_environment() -> Result<Self, BackendError> {
        match std::env::var_os(ENGINE_VARIABLE) {
            None => Ok(Self::fastest()),
            Some(name) => Self::named(&name.to_string_lossy()),
        }
    }

    fn named(name: &str) -> Result<Self, BackendError> {
        match name {
            "" => Ok(Self::fastest()),
            "scalar" => Ok(Self::Scalar),
            "ifma" if Self::Ifma.is_available() => Ok(Self::Ifma),
            "ifma" => Err(BackendError::Unavailable),
            _ => Err(BackendError::Unknown(name.to_owned())),
        }
    }

    /// The fastest that this machine has.
    pub fn fastest() -> Self {
        if Self::Ifma.is_available() {
            Self::Ifma
        } else {
            Self::Scalar
        }
    }

    /// Whether this machine has it.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Ifma => crate::simd::Ifma::detect().is_some(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Ifma => false,
            Self::Scalar => true,
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ifma => "ifma",
            Self::Scalar => "scalar",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(Backend::named("scalar"), Ok(Backend::Scalar));
        assert_eq!(Backend::named(""), Ok(Backend::fastest()));
        assert_eq!(
            Backend::named("avx"),
            Err(BackendError::Unknown("avx".to_owned()))
        );
        let expected = if Backend::Ifma.is_available() {
            Ok(Backend::Ifma)
        } else {
            Err(BackendError::Unavailable)
        };
        assert_eq!(Backend::named("ifma"), expected);
    }
}

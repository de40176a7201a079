//! What tests of several modules share.

use crate::simd::Simd;

/// The vector instructions, or a line that says that they are not tested here.
pub(crate) fn ifma() -> Option<impl Simd> {
    #[cfg(target_arch = "x86_64")]
    let ifma = crate::simd::Ifma::detect();
    #[cfg(not(target_arch = "x86_64"))]
    let ifma = None::<crate::simd::Portable>;
    if ifma.is_none() {
        eprintln!("NOT TESTED: this machine has no AVX-512 IFMA");
    }
    ifma
}

/// Runs a kernel on checked plain arithmetic and, where there is one, on the vector unit.
macro_rules! on_every_vector {
    ($kernel:expr) => {
        Portable.run($kernel);
        if let Some(simd) = ifma() {
            simd.run($kernel);
        }
    };
}
pub(crate) use on_every_vector;

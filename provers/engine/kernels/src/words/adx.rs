//! Multiplication with two carry chains side by side, and sums whose carries stay in the processor's flags.
#![allow(unsafe_code)]

use super::{Modulus, Wide, Words};
use crate::simd::{Kernel, Machine};
use ark_ff::MontConfig;
use core::arch::asm;

/// The proof that this machine has `mulx`, `adcx` and `adox`: see [`Adx::detect`].
#[derive(Clone, Copy)]
pub(crate) struct Adx(());

impl Adx {
    /// Asks the processor.
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("adx") && is_x86_feature_detected!("bmi2")).then_some(Self(()))
    }
}

impl Machine for Adx {
    fn run<K: Kernel<Self>>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
}

/// Five words `t += a * b[offset / 8]`, the last of them new.
macro_rules! multiply_row {
    ($offset:literal, $t0:literal, $t1:literal, $t2:literal, $t3:literal, $t4:literal) => {
        concat!(
            "mov rdx, [{b} + ",
            $offset,
            "]\n",
            "xor {low:e}, {low:e}\n",
            "mulx {high}, {low}, [{a}]\n",
            "adox ",
            $t0,
            ", {low}\n",
            "adcx ",
            $t1,
            ", {high}\n",
            "mulx {high}, {low}, [{a} + 8]\n",
            "adox ",
            $t1,
            ", {low}\n",
            "adcx ",
            $t2,
            ", {high}\n",
            "mulx {high}, {low}, [{a} + 16]\n",
            "adox ",
            $t2,
            ", {low}\n",
            "adcx ",
            $t3,
            ", {high}\n",
            "mulx ",
            $t4,
            ", {low}, [{a} + 24]\n",
            "adox ",
            $t3,
            ", {low}\n",
            "mov {low:e}, 0\n",
            "adcx ",
            $t4,
            ", {low}\n",
            "adox ",
            $t4,
            ", {low}\n",
        )
    };
}

/// The same of `t0` to `t4`.
macro_rules! multiply {
    ($offset:literal) => {
        multiply_row!($offset, "{t0}", "{t1}", "{t2}", "{t3}", "{t4}")
    };
}

/// `t = (t + quotient * p) / 2^64`.
macro_rules! reduce {
    () => {
        concat!(
            "mov rdx, {inverse}\n",
            "imul rdx, {t0}\n",
            "xor {low:e}, {low:e}\n",
            "mulx {high}, {low}, [{p}]\n",
            "adcx {low}, {t0}\n",
            "mov {t0}, {high}\n",
            "adcx {t0}, {t1}\n",
            "mulx {t1}, {low}, [{p} + 8]\n",
            "adox {t0}, {low}\n",
            "adcx {t1}, {t2}\n",
            "mulx {t2}, {low}, [{p} + 16]\n",
            "adox {t1}, {low}\n",
            "adcx {t2}, {t3}\n",
            "mulx {t3}, {low}, [{p} + 24]\n",
            "adox {t2}, {low}\n",
            "mov {low:e}, 0\n",
            "adcx {t3}, {low}\n",
            "adox {t3}, {t4}\n",
        )
    };
}

impl Words for Adx {
    /// The order of gnark-crypto's `mul_adx`, without its last subtraction.
    #[inline(always)]
    fn multiply<C: MontConfig<4>>(self, a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
        let (t0, t1, t2, t3): (u64, u64, u64, u64);
        // SAFETY: an `Adx` exists only where the instructions were detected. They read 32 bytes each from
        // three arrays of that size, write only the registers named, and leave the stack alone.
        unsafe {
            asm!(
                "mov rdx, [{b}]",
                "mulx {t1}, {t0}, [{a}]",
                "mulx {t2}, {low}, [{a} + 8]",
                "add {t1}, {low}",
                "mulx {t3}, {low}, [{a} + 16]",
                "adc {t2}, {low}",
                "mulx {t4}, {low}, [{a} + 24]",
                "adc {t3}, {low}",
                "adc {t4}, 0",
                reduce!(),
                multiply!(8),
                reduce!(),
                multiply!(16),
                reduce!(),
                multiply!(24),
                reduce!(),
                a = in(reg) a.as_ptr(),
                b = in(reg) b.as_ptr(),
                p = in(reg) Modulus::<C>::P.as_ptr(),
                inverse = in(reg) C::INV,
                t0 = out(reg) t0,
                t1 = out(reg) t1,
                t2 = out(reg) t2,
                t3 = out(reg) t3,
                t4 = out(reg) _,
                low = out(reg) _,
                high = out(reg) _,
                out("rdx") _,
                options(pure, readonly, nostack),
            );
        }
        [t0, t1, t2, t3]
    }

    #[inline(always)]
    fn add<C: MontConfig<4>>(self, a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
        let ([mut t0, mut t1, mut t2, mut t3], [b0, b1, b2, b3]) = (*a, *b);
        // SAFETY: every x86_64 has the instructions. They read 32 bytes from one or both rows of `RAISE`,
        // of that size, write only the registers named, and leave the stack alone.
        unsafe {
            asm!(
                "sub {b0}, [{p}]",
                "sbb {b1}, [{p} + 8]",
                "sbb {b2}, [{p} + 16]",
                "sbb {b3}, [{p} + 24]",
                "add {t0}, {b0}",
                "adc {t1}, {b1}",
                "adc {t2}, {b2}",
                "adc {t3}, {b3}",
                "cmovc {p}, {nothing}",
                "add {t0}, [{p}]",
                "adc {t1}, [{p} + 8]",
                "adc {t2}, [{p} + 16]",
                "adc {t3}, [{p} + 24]",
                p = inout(reg) Modulus::<C>::RAISE[1].as_ptr() => _,
                nothing = in(reg) Modulus::<C>::RAISE[0].as_ptr(),
                t0 = inout(reg) t0,
                t1 = inout(reg) t1,
                t2 = inout(reg) t2,
                t3 = inout(reg) t3,
                b0 = inout(reg) b0 => _,
                b1 = inout(reg) b1 => _,
                b2 = inout(reg) b2 => _,
                b3 = inout(reg) b3 => _,
                options(pure, readonly, nostack),
            );
        }
        [t0, t1, t2, t3]
    }

    #[inline(always)]
    fn subtract<C: MontConfig<4>>(self, a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
        let ([mut t0, mut t1, mut t2, mut t3], [b0, b1, b2, b3]) = (*a, *b);
        // SAFETY: as in `add`.
        unsafe {
            asm!(
                "sub {t0}, {b0}",
                "sbb {t1}, {b1}",
                "sbb {t2}, {b2}",
                "sbb {t3}, {b3}",
                "cmovnc {p}, {nothing}",
                "add {t0}, [{p}]",
                "adc {t1}, [{p} + 8]",
                "adc {t2}, [{p} + 16]",
                "adc {t3}, [{p} + 24]",
                p = inout(reg) Modulus::<C>::RAISE[1].as_ptr() => _,
                nothing = in(reg) Modulus::<C>::RAISE[0].as_ptr(),
                t0 = inout(reg) t0,
                t1 = inout(reg) t1,
                t2 = inout(reg) t2,
                t3 = inout(reg) t3,
                b0 = in(reg) b0,
                b1 = in(reg) b1,
                b2 = in(reg) b2,
                b3 = in(reg) b3,
                options(pure, readonly, nostack),
            );
        }
        [t0, t1, t2, t3]
    }

    #[inline(always)]
    fn multiply_wide(self, a: &[u64; 4], b: &[u64; 4]) -> Wide {
        let mut t = [0u64; 8];
        // SAFETY: as in `multiply`.
        unsafe {
            asm!(
                "mov rdx, [{b}]",
                "mulx {t1}, {t0}, [{a}]",
                "mulx {t2}, {low}, [{a} + 8]",
                "add {t1}, {low}",
                "mulx {t3}, {low}, [{a} + 16]",
                "adc {t2}, {low}",
                "mulx {t4}, {low}, [{a} + 24]",
                "adc {t3}, {low}",
                "adc {t4}, 0",
                multiply_row!(8, "{t1}", "{t2}", "{t3}", "{t4}", "{t5}"),
                multiply_row!(16, "{t2}", "{t3}", "{t4}", "{t5}", "{t6}"),
                multiply_row!(24, "{t3}", "{t4}", "{t5}", "{t6}", "{t7}"),
                a = in(reg) a.as_ptr(),
                b = in(reg) b.as_ptr(),
                t0 = out(reg) t[0],
                t1 = out(reg) t[1],
                t2 = out(reg) t[2],
                t3 = out(reg) t[3],
                t4 = out(reg) t[4],
                t5 = out(reg) t[5],
                t6 = out(reg) t[6],
                t7 = out(reg) t[7],
                low = out(reg) _,
                high = out(reg) _,
                out("rdx") _,
                options(pure, readonly, nostack),
            );
        }
        t
    }

    #[inline(always)]
    fn reduce<C: MontConfig<4>>(self, a: &Wide) -> [u64; 4] {
        let [mut t0, mut t1, mut t2, mut t3, high @ ..] = *a;
        // SAFETY: as in `multiply`; of `high`, too, it reads 32 bytes.
        unsafe {
            asm!(
                "xor {t4:e}, {t4:e}",
                reduce!(),
                reduce!(),
                reduce!(),
                reduce!(),
                "add {t0}, [{high_words}]",
                "adc {t1}, [{high_words} + 8]",
                "adc {t2}, [{high_words} + 16]",
                "adc {t3}, [{high_words} + 24]",
                high_words = in(reg) high.as_ptr(),
                p = in(reg) Modulus::<C>::P.as_ptr(),
                inverse = in(reg) C::INV,
                t0 = inout(reg) t0,
                t1 = inout(reg) t1,
                t2 = inout(reg) t2,
                t3 = inout(reg) t3,
                t4 = out(reg) _,
                low = out(reg) _,
                high = out(reg) _,
                out("rdx") _,
                options(pure, readonly, nostack),
            );
        }
        [t0, t1, t2, t3]
    }

    #[inline(always)]
    fn subtract_wide<C: MontConfig<4>>(self, a: &Wide, b: &Wide) -> Wide {
        let mut t = *a;
        // SAFETY: as in `add`; of `b`, it reads 64 bytes.
        unsafe {
            asm!(
                "sub {t0}, [{b}]",
                "sbb {t1}, [{b} + 8]",
                "sbb {t2}, [{b} + 16]",
                "sbb {t3}, [{b} + 24]",
                "sbb {t4}, [{b} + 32]",
                "sbb {t5}, [{b} + 40]",
                "sbb {t6}, [{b} + 48]",
                "sbb {t7}, [{b} + 56]",
                "cmovnc {p}, {nothing}",
                "add {t4}, [{p}]",
                "adc {t5}, [{p} + 8]",
                "adc {t6}, [{p} + 16]",
                "adc {t7}, [{p} + 24]",
                b = in(reg) b.as_ptr(),
                p = inout(reg) Modulus::<C>::RAISE_ONCE[1].as_ptr() => _,
                nothing = in(reg) Modulus::<C>::RAISE_ONCE[0].as_ptr(),
                t0 = inout(reg) t[0],
                t1 = inout(reg) t[1],
                t2 = inout(reg) t[2],
                t3 = inout(reg) t[3],
                t4 = inout(reg) t[4],
                t5 = inout(reg) t[5],
                t6 = inout(reg) t[6],
                t7 = inout(reg) t[7],
                options(pure, readonly, nostack),
            );
        }
        t
    }
}

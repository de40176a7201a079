//! Batch-affine addition: many independent `sum += point`, one inversion for all.
//!
//! Affine addition takes one inversion, which Montgomery's trick shares: of denominators `d_i`, invert
//! the product alone and multiply back (P. Montgomery, "Speeding the Pollard and elliptic curve methods
//! of factorization", 1987, section 10.3.1). What is left is 5 multiplications and a squaring.

use crate::curve::{Curve, Vector};
use crate::simd::{Kernel, Machine, prefetch};

/// A packed point of the curve of `V`.
pub(crate) type Packed<V> = <<V as Vector>::Curve as Curve>::Packed;

/// A slot that reads as infinity, whatever the table.
pub(crate) const NOTHING: u32 = u32::MAX;

/// [`Vector::BATCH`] vectors of running sums, and what one step over them needs.
pub(crate) struct Batch<V: Vector> {
    machine: V::Machine,
    /// The sums. Where [`Batch::infinite`] has a bit, the coordinates mean nothing.
    x: Vec<V::Memory>,
    y: Vec<V::Memory>,
    infinite: Vec<u8>,
    /// The points to be added, and which of them are infinity.
    point_x: Vec<V::Memory>,
    point_y: Vec<V::Memory>,
    nothing: Vec<u8>,
    /// Products of the denominators before each.
    products: Vec<V::Memory>,
    /// Lanes whose denominator was replaced by one.
    special: Vec<u8>,
}

impl<V: Vector> Batch<V> {
    pub(crate) fn new(machine: V::Machine) -> Self {
        let zeros = || vec![V::ZEROS; V::BATCH];
        Self {
            machine,
            x: zeros(),
            y: zeros(),
            infinite: vec![0; V::BATCH],
            point_x: zeros(),
            point_y: zeros(),
            nothing: vec![0; V::BATCH],
            products: zeros(),
            special: vec![0; V::BATCH],
        }
    }

    /// Makes the sums the points in the slots: those of vector `v` begin at `starts[v]`.
    pub(crate) fn set(&mut self, table: &[Packed<V>], slots: &[u32], starts: &[u32]) {
        self.machine.run(Set {
            batch: self,
            table,
            slots,
            starts,
        });
    }

    /// Adds the points in the slots to the sums: those of vector `v` begin at `starts[v] + offset`.
    pub(crate) fn add(&mut self, table: &[Packed<V>], slots: &[u32], starts: &[u32], offset: u32) {
        self.machine.run(Add {
            batch: self,
            table,
            slots,
            starts,
            offset,
        });
    }

    /// Doubles the first `vectors` sums `times` times.
    pub(crate) fn double(&mut self, vectors: usize, times: u32) {
        self.machine.run(Double {
            batch: self,
            vectors,
            times,
        });
    }

    /// Writes the sums of as many vectors as the points fill.
    pub(crate) fn write(&self, points: &mut [Packed<V>]) {
        self.machine.run(Write {
            batch: self,
            points,
        });
    }
}

/// Asks for the points in the slots of a vector, if there are more slots.
#[inline(always)]
fn prefetch_points<V: Vector>(table: &[Packed<V>], slots: &[u32], start: usize) {
    let Some(slots) = slots.get(start..start + V::LANES) else {
        return;
    };
    for slot in slots {
        if let Some(point) = table.get((slot >> 1) as usize) {
            for line in point.as_ref().as_chunks::<8>().0 {
                prefetch(line);
            }
        }
    }
}

/// How many vectors ahead to ask for points, where they are read for the first time.
const AHEAD: usize = 8;

struct Set<'a, V: Vector> {
    batch: &'a mut Batch<V>,
    table: &'a [Packed<V>],
    slots: &'a [u32],
    starts: &'a [u32],
}

impl<V: Vector> Kernel<V::Machine> for Set<'_, V> {
    type Output = ();

    #[inline(always)]
    fn run(self, machine: V::Machine) {
        let Self {
            batch,
            table,
            slots,
            starts,
        } = self;
        for (v, start) in starts.iter().enumerate() {
            let start = *start as usize;
            if let Some(ahead) = starts.get(v + AHEAD) {
                prefetch_points::<V>(table, slots, *ahead as usize);
                prefetch_points::<V>(table, slots, *ahead as usize + V::LANES);
            }
            let (x, y, infinite) = V::gather(machine, table, &slots[start..start + V::LANES]);
            x.store(&mut batch.x[v]);
            y.store(&mut batch.y[v]);
            batch.infinite[v] = infinite;
        }
    }
}

struct Add<'a, V: Vector> {
    batch: &'a mut Batch<V>,
    table: &'a [Packed<V>],
    slots: &'a [u32],
    starts: &'a [u32],
    offset: u32,
}

impl<V: Vector> Kernel<V::Machine> for Add<'_, V> {
    type Output = ();

    #[inline(always)]
    fn run(self, machine: V::Machine) {
        let Self {
            batch,
            table,
            slots,
            starts,
            offset,
        } = self;
        let mut product = V::one(machine);
        for (v, start) in starts.iter().enumerate() {
            let start = (start + offset) as usize;
            let (x2, y2, nothing) = V::gather(machine, table, &slots[start..start + V::LANES]);
            let mut denominator = x2.sub_wide(V::load(machine, &batch.x[v]));
            let special = nothing | batch.infinite[v] | denominator.may_be_zero();
            if special != 0 {
                denominator = V::select(special, V::one(machine), denominator);
            }
            batch.nothing[v] = nothing;
            batch.special[v] = special;
            x2.store(&mut batch.point_x[v]);
            y2.store(&mut batch.point_y[v]);
            product.store(&mut batch.products[v]);
            product = denominator.mul(product);
        }
        let mut inverse = product.invert();
        for v in (0..starts.len()).rev() {
            // For the next step.
            prefetch_points::<V>(table, slots, (starts[v] + offset) as usize + V::LANES);
            let (x1, x2) = (
                V::load(machine, &batch.x[v]),
                V::load(machine, &batch.point_x[v]),
            );
            let (y1, y2) = (
                V::load(machine, &batch.y[v]),
                V::load(machine, &batch.point_y[v]),
            );
            let special = batch.special[v];
            let mut denominator = x2.sub_wide(x1);
            if special != 0 {
                denominator = V::select(special, V::one(machine), denominator);
            }
            let slope = y2
                .sub_wide(y1)
                .mul(V::load(machine, &batch.products[v]).mul(inverse));
            inverse = denominator.mul(inverse);
            let mut x3 = slope.square_minus(x1, x2);
            let mut y3 = x1.sub_wide(x3).mul_minus(slope, y1);
            if special != 0 {
                let (nothing, infinite) = (batch.nothing[v], batch.infinite[v]);
                // A sum of nothing and nothing stays infinite; of nothing and a point is the point.
                (x3, y3) = (V::select(infinite, x2, x3), V::select(infinite, y2, y3));
                (x3, y3) = (V::select(nothing, x1, x3), V::select(nothing, y1, y3));
                batch.infinite[v] = nothing & infinite;
                let left = special & !(nothing | infinite);
                if left != 0 {
                    let (x, y, infinite) = batch.add_one_by_one(v, left);
                    (x3, y3) = (
                        V::select(left, V::load(machine, &x), x3),
                        V::select(left, V::load(machine, &y), y3),
                    );
                    batch.infinite[v] |= infinite & left;
                }
            }
            x3.store(&mut batch.x[v]);
            y3.store(&mut batch.y[v]);
        }
    }
}

impl<V: Vector> Batch<V> {
    /// The sums of vector `v` and the points to be added to it by arkworks's complete formulas, in the
    /// lanes of the mask: where the points are equal or opposite.
    #[cold]
    #[inline(never)]
    fn add_one_by_one(&self, v: usize, mask: u8) -> (V::Memory, V::Memory, u8) {
        self.machine.run(AddOneByOne {
            batch: self,
            v,
            mask,
        })
    }
}

struct AddOneByOne<'a, V: Vector> {
    batch: &'a Batch<V>,
    v: usize,
    mask: u8,
}

impl<V: Vector> Kernel<V::Machine> for AddOneByOne<'_, V> {
    type Output = (V::Memory, V::Memory, u8);

    #[inline(always)]
    fn run(self, machine: V::Machine) -> Self::Output {
        let Self { batch, v, mask } = self;
        let infinity = <V::Curve as Curve>::INFINITY;
        let (mut sums, mut points) = ([infinity; 8], [infinity; 8]);
        let at = |memory: &[V::Memory]| V::load(machine, &memory[v]);
        V::scatter(at(&batch.x), at(&batch.y), batch.infinite[v], &mut sums);
        V::scatter(
            at(&batch.point_x),
            at(&batch.point_y),
            batch.nothing[v],
            &mut points,
        );
        let mut slots = [NOTHING; 8];
        for i in (0..V::LANES).filter(|i| mask >> i & 1 == 1) {
            let unpack = |packed| V::Curve::unpack(packed, V::RADIX);
            let sum = unpack(&sums[i]) + unpack(&points[i]);
            sums[i] = V::Curve::pack(&sum.into(), V::RADIX);
            slots[i] = 2 * i as u32;
        }
        let (x, y, infinite) = V::gather(machine, &sums, &slots);
        let (mut memory_x, mut memory_y) = (V::ZEROS, V::ZEROS);
        x.store(&mut memory_x);
        y.store(&mut memory_y);
        (memory_x, memory_y, infinite)
    }
}

struct Double<'a, V: Vector> {
    batch: &'a mut Batch<V>,
    vectors: usize,
    times: u32,
}

impl<V: Vector> Kernel<V::Machine> for Double<'_, V> {
    type Output = ();

    /// The slope is `3x^2 / 2y`; neither group has a point with `y = 0`.
    #[inline(always)]
    fn run(self, machine: V::Machine) {
        let Self {
            batch,
            vectors,
            times,
        } = self;
        for _ in 0..times {
            let mut product = V::one(machine);
            for v in 0..vectors {
                product.store(&mut batch.products[v]);
                product = denominator(machine, batch, v).mul(product);
            }
            let mut inverse = product.invert();
            for v in (0..vectors).rev() {
                let (x, y): (V, V) = (V::load(machine, &batch.x[v]), V::load(machine, &batch.y[v]));
                let square = x.square();
                let numerator = square.add(square).add(square);
                let slope = numerator.mul(V::load(machine, &batch.products[v]).mul(inverse));
                inverse = denominator(machine, batch, v).mul(inverse);
                // `square_minus` wants one operand of at most p; x may be more.
                let x3 = slope.mul_minus(slope, x.add(x));
                x3.store(&mut batch.x[v]);
                x.sub_wide(x3).mul_minus(slope, y).store(&mut batch.y[v]);
            }
        }
    }
}

/// `2y`, or one where the sum is infinity.
#[inline(always)]
fn denominator<V: Vector>(machine: V::Machine, batch: &Batch<V>, v: usize) -> V {
    let y = V::load(machine, &batch.y[v]);
    V::select(batch.infinite[v], V::one(machine), y.add(y))
}

struct Write<'a, V: Vector> {
    batch: &'a Batch<V>,
    points: &'a mut [Packed<V>],
}

impl<V: Vector> Kernel<V::Machine> for Write<'_, V> {
    type Output = ();

    #[inline(always)]
    fn run(self, machine: V::Machine) {
        let Self { batch, points } = self;
        for (v, points) in points.chunks_exact_mut(V::LANES).enumerate() {
            let (x, y) = (V::load(machine, &batch.x[v]), V::load(machine, &batch.y[v]));
            V::scatter(x, y, batch.infinite[v], points);
        }
    }
}

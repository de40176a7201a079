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
    /// What the slopes are divided by.
    denominators: Vec<V::Memory>,
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
            denominators: zeros(),
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
        // Slices of one length, so that nothing is checked within the loops.
        let vectors = starts.len();
        let (xs, ys) = (&mut batch.x[..vectors], &mut batch.y[..vectors]);
        let infinites = &mut batch.infinite[..vectors];
        let point_xs = &mut batch.point_x[..vectors];
        let point_ys = &mut batch.point_y[..vectors];
        let nothings = &mut batch.nothing[..vectors];
        let denominators = &mut batch.denominators[..vectors];
        let products = &mut batch.products[..vectors];
        let specials = &mut batch.special[..vectors];
        let mut product = V::one(machine);
        for v in 0..vectors {
            let start = (starts[v] + offset) as usize;
            let (x2, y2, nothing) = V::gather(machine, table, &slots[start..start + V::LANES]);
            let mut denominator = x2.sub_wide(V::load(machine, &xs[v]));
            let special = nothing | infinites[v] | denominator.may_be_zero();
            if special != 0 {
                denominator = V::select(special, V::one(machine), denominator);
            }
            nothings[v] = nothing;
            specials[v] = special;
            x2.store(&mut point_xs[v]);
            y2.store(&mut point_ys[v]);
            denominator.store(&mut denominators[v]);
            product.store(&mut products[v]);
            product = denominator.mul(product);
        }
        let mut inverse = product.invert();
        for v in (0..vectors).rev() {
            // For the next step.
            prefetch_points::<V>(table, slots, (starts[v] + offset) as usize + V::LANES);
            let (x1, y1): (V, V) = (V::load(machine, &xs[v]), V::load(machine, &ys[v]));
            let (x2, y2) = (
                V::load(machine, &point_xs[v]),
                V::load(machine, &point_ys[v]),
            );
            let slope = y2
                .sub_wide(y1)
                .mul(V::load(machine, &products[v]).mul(inverse));
            inverse = V::load(machine, &denominators[v]).mul(inverse);
            let mut x3 = slope.square_minus(x1, x2);
            let mut y3 = x1.sub_wide(x3).mul_minus(slope, y1);
            let special = specials[v];
            if special != 0 {
                let (nothing, infinite) = (nothings[v], infinites[v]);
                // A sum of nothing and nothing stays infinite; of nothing and a point is the point.
                (x3, y3) = (V::select(infinite, x2, x3), V::select(infinite, y2, y3));
                (x3, y3) = (V::select(nothing, x1, x3), V::select(nothing, y1, y3));
                infinites[v] = nothing & infinite;
                let left = special & !(nothing | infinite);
                if left != 0 {
                    let sum = [xs[v], ys[v]];
                    let point = [point_xs[v], point_ys[v]];
                    let ([x, y], infinite) = add_one_by_one::<V>(machine, sum, point, left);
                    (x3, y3) = (
                        V::select(left, V::load(machine, &x), x3),
                        V::select(left, V::load(machine, &y), y3),
                    );
                    infinites[v] |= infinite & left;
                }
            }
            x3.store(&mut xs[v]);
            y3.store(&mut ys[v]);
        }
    }
}

/// Sums of points by arkworks's complete formulas, in the lanes of the mask: where they are equal or opposite. Which of
/// the sums are infinite, too.
#[cold]
#[inline(never)]
fn add_one_by_one<V: Vector>(
    machine: V::Machine,
    sum: [V::Memory; 2],
    point: [V::Memory; 2],
    mask: u8,
) -> ([V::Memory; 2], u8) {
    machine.run(AddOneByOne::<V> { sum, point, mask })
}

struct AddOneByOne<V: Vector> {
    sum: [V::Memory; 2],
    point: [V::Memory; 2],
    mask: u8,
}

impl<V: Vector> Kernel<V::Machine> for AddOneByOne<V> {
    type Output = ([V::Memory; 2], u8);

    #[inline(always)]
    fn run(self, machine: V::Machine) -> Self::Output {
        let Self { sum, point, mask } = self;
        let infinity = <V::Curve as Curve>::INFINITY;
        let (mut sums, mut points) = ([infinity; 8], [infinity; 8]);
        for ([x, y], packed) in [(sum, &mut sums), (point, &mut points)] {
            V::scatter(V::load(machine, &x), V::load(machine, &y), 0, packed);
        }
        let mut slots = [NOTHING; 8];
        for i in (0..V::LANES).filter(|i| mask >> i & 1 == 1) {
            let unpack = |packed| V::Curve::unpack(packed, V::RADIX);
            let sum = unpack(&sums[i]) + unpack(&points[i]);
            sums[i] = V::Curve::pack(&sum.into(), V::RADIX);
            slots[i] = 2 * i as u32;
        }
        let (x, y, infinite) = V::gather(machine, &sums, &slots);
        let mut memory = [V::ZEROS; 2];
        x.store(&mut memory[0]);
        y.store(&mut memory[1]);
        (memory, infinite)
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

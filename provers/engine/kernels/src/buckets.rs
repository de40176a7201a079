//! Many sums of points at once: every point has a bucket, and the buckets' sums are wanted.
//!
//! The points of a bucket are added one after the other, those of many buckets in step, so that a step
//! is one batch of independent additions. A bucket with far more points than the rest is cut into
//! pieces, whose sums are added in another round. Pieces are sorted by length: those that run out
//! leave the batch at its end.

use crate::batch::{Batch, NOTHING, Packed};
use crate::curve::{Curve, Vector};
use zeroize::{DefaultIsZeroes, Zeroize, Zeroizing};

/// Which bucket a point goes to, and its slot: twice its index in the table, odd to negate it.
type Pair = (u32, u32);

/// Marks a piece that is not all of its bucket.
const PART: u32 = 1 << 31;

/// Running sums, and room to work in.
pub(crate) struct Buckets<V: Vector> {
    batch: Batch<V>,
    sums: Vec<Packed<V>>,
    /// No sum was added to yet.
    untouched: bool,
    /// What is to be added, and to how many points of each bucket that amounts.
    pairs: Zeroizing<Vec<Pair>>,
    counts: Zeroizing<Vec<u32>>,
    room: Room,
}

/// Buffers of a round. What they hold depends on scalars, so they are wiped.
#[derive(Default)]
struct Room {
    cursors: Vec<Cursor>,
    /// By length, how many pieces; then the next piece of that length.
    lengths: Vec<u32>,
    pieces: Vec<Piece>,
    /// Where the slots of a vector of pieces begin.
    starts: Vec<u32>,
    slots: Vec<u32>,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.cursors.zeroize();
        self.lengths.zeroize();
        self.pieces.zeroize();
        self.starts.zeroize();
        self.slots.zeroize();
    }
}

/// So many equal values instead of what is there. A buffer that is too small is wiped before it goes.
fn refill<T: Copy + Zeroize>(buffer: &mut Vec<T>, value: T, length: usize) {
    if buffer.capacity() < length {
        buffer.zeroize();
        *buffer = Vec::with_capacity(length);
    }
    buffer.clear();
    buffer.resize(length, value);
}

/// Where the next slot of a bucket goes.
#[derive(Clone, Copy, Default)]
struct Cursor {
    position: u32,
    left: u32,
    piece: u32,
}

#[derive(Clone, Copy, Default)]
struct Piece {
    /// With [`PART`], where the bucket has other pieces.
    bucket: u32,
    length: u32,
    /// The next piece of the bucket.
    next: u32,
}

impl DefaultIsZeroes for Cursor {}
impl DefaultIsZeroes for Piece {}

impl<V: Vector> Buckets<V> {
    /// So many empty buckets.
    pub(crate) fn new(machine: V::Machine, buckets: usize) -> Self {
        Self {
            batch: Batch::new(machine),
            sums: vec![V::Curve::INFINITY; buckets],
            untouched: true,
            pairs: Zeroizing::default(),
            counts: Zeroizing::new(vec![0; buckets]),
            room: Room::default(),
        }
    }

    /// The sums, and as many empty buckets instead as asked for.
    pub(crate) fn replace(&mut self, buckets: usize) -> Vec<Packed<V>> {
        self.untouched = true;
        self.counts = Zeroizing::new(vec![0; buckets]);
        std::mem::replace(&mut self.sums, vec![V::Curve::INFINITY; buckets])
    }

    pub(crate) fn sums(&self) -> &[Packed<V>] {
        &self.sums
    }

    /// Makes room for so many points.
    pub(crate) fn reserve(&mut self, points: usize) {
        if self.pairs.capacity() < points {
            self.pairs = Zeroizing::new(Vec::with_capacity(points));
        }
    }

    /// Notes that point `index` of the table goes to the bucket.
    #[inline(always)]
    pub(crate) fn push(&mut self, bucket: u32, index: u32, negative: bool) {
        self.counts[bucket as usize] += 1;
        self.pairs.push((bucket, index << 1 | u32::from(negative)));
    }

    /// Adds the points noted to their buckets.
    pub(crate) fn add(&mut self, table: &[Packed<V>]) {
        let mut parts = self.round(table);
        while !self.pairs.is_empty() {
            parts = self.round(&parts);
        }
        self.untouched = false;
    }

    /// Adds up the pieces. What is left to be added is noted anew; the points are returned.
    fn round(&mut self, table: &[Packed<V>]) -> Vec<Packed<V>> {
        self.cut();
        self.arrange();
        self.pairs.clear();
        self.counts.fill(0);
        let mut parts = Vec::new();
        let vectors = self.room.starts.len();
        // Batches of one size: a small one would cost as many inversions as a full one.
        let batch = vectors.div_ceil(vectors.div_ceil(V::BATCH).max(1)).max(1);
        let mut results = vec![V::Curve::INFINITY; batch * V::LANES];
        for first in (0..vectors).step_by(batch) {
            let last = vectors.min(first + batch);
            self.sum_pieces(table, first, last);
            let pieces = first * V::LANES..self.room.pieces.len().min(last * V::LANES);
            if !self.untouched {
                self.add_sums(pieces.clone());
            }
            let results = &mut results[..(last - first) * V::LANES];
            self.batch.write(results);
            for (piece, result) in self.room.pieces[pieces].iter().zip(results) {
                if piece.bucket & PART == 0 {
                    self.sums[piece.bucket as usize] = *result;
                } else {
                    let bucket = piece.bucket & !PART;
                    self.counts[bucket as usize] += 1;
                    self.pairs.push((bucket, (parts.len() as u32) << 1));
                    parts.push(*result);
                }
            }
        }
        parts
    }

    /// The longest a piece may be: so long that the pieces just fill a batch, where there are few
    /// buckets, and not much longer than an ordinary bucket.
    fn longest(&self) -> u32 {
        let points = self.pairs.len();
        let used = self
            .counts
            .iter()
            .filter(|count| **count != 0)
            .count()
            .max(1);
        let room = V::BATCH * V::LANES;
        let filling = points / room.saturating_sub(used).max(room / 2) + 1;
        filling.min(2 * points / used + 8).max(2) as u32
    }

    /// Cuts buckets into pieces and sorts these, longest first.
    fn cut(&mut self) {
        let longest = self.longest();
        let counts = &self.counts;
        let Room {
            cursors,
            lengths,
            pieces,
            starts,
            slots,
        } = &mut self.room;
        refill(lengths, 0, longest as usize + 1);
        // A bucket of n points has ceil(n / longest) pieces, as even as can be.
        let shape = |count: u32| {
            let number = count.div_ceil(longest);
            let (length, longer) = (count / number, count % number);
            (number, length, longer)
        };
        for count in counts.iter().filter(|count| **count != 0) {
            let (number, length, longer) = shape(*count);
            lengths[length as usize] += number - longer;
            if longer != 0 {
                lengths[length as usize + 1] += longer;
            }
        }
        let mut total = 0;
        for number in lengths.iter_mut().rev() {
            total += std::mem::replace(number, total);
        }
        refill(pieces, Piece::default(), total as usize);
        refill(cursors, Cursor::default(), counts.len());
        for (bucket, count) in counts.iter().enumerate().filter(|(_, count)| **count != 0) {
            let (number, length, longer) = shape(*count);
            let part = if number > 1 { PART } else { 0 };
            let mut next = 0;
            for k in 0..number {
                let length = length + u32::from(k < longer);
                let id = lengths[length as usize];
                lengths[length as usize] += 1;
                pieces[id as usize] = Piece {
                    bucket: bucket as u32 | part,
                    length,
                    next,
                };
                next = id;
            }
            cursors[bucket].piece = next;
        }
        refill(starts, 0, pieces.len().div_ceil(V::LANES));
        let mut end = 0;
        for (start, vector) in starts.iter_mut().zip(pieces.chunks(V::LANES)) {
            *start = end;
            end += vector[0].length * V::LANES as u32;
        }
        refill(slots, NOTHING, end as usize);
        for cursor in cursors.iter_mut() {
            if let Some(piece) = pieces.get(cursor.piece as usize) {
                *cursor = Cursor::at::<V>(cursor.piece, piece, starts);
            }
        }
    }

    /// Puts every slot in its place: slot `k` of a piece `k` vectors after the first.
    fn arrange(&mut self) {
        let Room {
            cursors,
            pieces,
            starts,
            slots,
            ..
        } = &mut self.room;
        for (bucket, slot) in self.pairs.iter() {
            let cursor = &mut cursors[*bucket as usize];
            if cursor.left == 0 {
                let next = pieces[cursor.piece as usize].next;
                *cursor = Cursor::at::<V>(next, &pieces[next as usize], starts);
            }
            slots[cursor.position as usize] = *slot;
            cursor.position += V::LANES as u32;
            cursor.left -= 1;
        }
    }

    /// Adds up the pieces of some vectors, into the batch.
    fn sum_pieces(&mut self, table: &[Packed<V>], first: usize, last: usize) {
        let Room {
            pieces,
            starts,
            slots,
            ..
        } = &self.room;
        let starts = &starts[first..last];
        self.batch.set(table, slots, starts);
        let length = |v: usize| pieces[(first + v) * V::LANES].length;
        let mut active = starts.len();
        for step in 1..length(0) {
            while length(active - 1) <= step {
                active -= 1;
            }
            self.batch
                .add(table, slots, &starts[..active], step * V::LANES as u32);
        }
    }

    /// Adds to the batch what the buckets of whole pieces hold already.
    fn add_sums(&mut self, pieces: std::ops::Range<usize>) {
        let pieces = &self.room.pieces[pieces];
        let vectors = pieces.len().div_ceil(V::LANES);
        let mut slots = Zeroizing::new(vec![NOTHING; vectors * V::LANES]);
        for (slot, piece) in slots.iter_mut().zip(pieces) {
            if piece.bucket & PART == 0 {
                *slot = piece.bucket << 1;
            }
        }
        let starts: Vec<u32> = (0..vectors as u32).map(|v| v * V::LANES as u32).collect();
        self.batch.add(&self.sums, &slots, &starts, 0);
    }
}

impl Cursor {
    fn at<V: Vector>(id: u32, piece: &Piece, starts: &[u32]) -> Self {
        let (vector, lane) = (id as usize / V::LANES, id as usize % V::LANES);
        Self {
            position: starts[vector] + lane as u32,
            left: piece.length,
            piece: id,
        }
    }
}

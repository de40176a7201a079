//! Picking values by a public range predicate, and counting them: which are picked, and how many, stays private.

use crate::boxes::{BOX, Boxes, Interval, Place, greatest};
use crate::column::{Column, Layout, VALUES};
use crate::field::F;
use crate::table::{At, Cell, Linear, Table, next, set};
use crate::taken::Taken;
use p3_matrix::dense::RowMajorMatrix;
use rayon::prelude::*;

/// What a column's table has for it.
pub(crate) struct Picks {
    range: [u64; 2],
    /// Whether the value in each place is picked: it is there and within the range.
    pub(crate) selected: Vec<Cell>,
    /// How many are picked in the rows before this one.
    pub(crate) rank: Cell,
    places: Vec<Place>,
    pub(crate) boxes: Boxes,
}

impl Picks {
    /// Picks those values between two keys, both included, that are there.
    pub(crate) fn new(
        table: &mut Table,
        layout: &Layout,
        source: u32,
        there: &[Linear],
        range: [u64; 2],
    ) -> Self {
        let [first, last] = range;
        let interval = |first, last, class| Interval { first, last, class };
        let mut intervals = Vec::new();
        intervals.extend(first.checked_sub(1).map(|end| interval(0, end, 0)));
        intervals.push(interval(first, last, 1));
        if last < greatest(layout.limbs) {
            intervals.push(interval(last + 1, greatest(layout.limbs), 0));
        }
        let boxes = Boxes::new(BOX, &intervals, layout.limbs, &[]);
        let rank = table.column();
        let (mut selected, mut places) = (Vec::new(), Vec::new());
        for (place, there) in there.iter().enumerate() {
            let picked = table.column();
            table.demand_bit(picked);
            let not_there = Linear::one() - there.clone();
            table.demand(At::All, Linear::from(picked) * not_there);
            let value = layout.value(source, place);
            places.push(boxes.place(table, &value, there, picked.into()));
            selected.push(picked);
        }
        let picks = Self {
            range,
            selected,
            rank,
            places,
            boxes,
        };
        table.demand(At::Row(0), Linear::from(rank));
        table.demand(At::Transition, picks.before(VALUES) - next(rank));
        picks
    }

    /// How many are picked before this place of a row.
    pub(crate) fn before(&self, place: usize) -> Linear {
        let mut before = Linear::from(self.rank);
        for picked in &self.selected[..place] {
            before += Linear::from(*picked);
        }
        before
    }

    /// Writes the cells of the `counting` rows of the column's table, and the table of boxes.
    pub(crate) fn fill(
        &self,
        [own, boxes]: [&mut RowMajorMatrix<F>; 2],
        counting: u64,
        column: &Column,
        looked_up: &Taken,
    ) {
        let taken = self.boxes.none_taken();
        let width = own.width;
        let [first, last] = self.range;
        let rows = own.values.par_chunks_mut(width).zip(0..counting as usize);
        let picked: Vec<u64> = rows
            .map(|(cells, row)| {
                let mut count = 0;
                for (place, of) in self.places.iter().enumerate() {
                    let Some(value) = column.get((row * VALUES + place) as u64) else {
                        continue;
                    };
                    let picked = u64::from((first..=last).contains(&value));
                    set(cells, self.selected[place], picked);
                    count += picked;
                    self.boxes.fill_place(of, value, cells, &taken, looked_up);
                }
                count
            })
            .collect();
        let mut rank = 0;
        for (cells, picked) in own.values.chunks_mut(width).zip(picked) {
            set(cells, self.rank, rank);
            rank += picked;
        }
        self.boxes.fill(boxes, &taken);
    }
}

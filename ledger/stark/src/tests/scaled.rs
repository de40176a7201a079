//! One column as another, scaled.

use super::{column, none_is_free};
use crate::affine::{MAX_FACTOR, Plan};
use crate::field::F;
use crate::{Affine, Column, Layout, VerifyError};
use p3_field::PrimeCharacteristicRing;

/// Whether `output` is proved to be `input` scaled; a proof that is made all the same is rejected.
fn holds(claim: Affine, input: &Column, output: &Column) -> bool {
    let [of_input, of_output] = [input, output].map(|of| (of.layout(), of.commitment()));
    let proof = claim.prove(input, output);
    assert_eq!(claim.holds(input, output), proof.is_ok());
    if let Ok(proof) = proof {
        claim.verify(of_input, of_output, &proof).unwrap();
        assert!(claim.verify(of_output, of_input, &proof).is_err());
        let other = Affine {
            offset: claim.offset + 1,
            ..claim
        };
        assert!(other.verify(of_input, of_output, &proof).is_err());
        return true;
    }
    let owned = |(layout, commitment): (Layout, &crate::Commitment)| (layout, commitment.clone());
    if let Some(plan) = Plan::new(&claim, owned(of_input), owned(of_output)) {
        let opened = [input.opened(), output.opened()];
        let own = plan.fill(input, output);
        let proof = plan.statement.prove_anyway(own, &opened).unwrap();
        assert!(claim.verify(of_input, of_output, &proof).is_err());
    }
    false
}

#[test]
fn columns_are_scaled() {
    let keys = [0, 7, 65_535, 65_536, 0xffff_ffff, 123_456_789, 1, 2, 3];
    let claim = Affine {
        factor: 100,
        offset: 31,
    };
    let scaled = keys.map(|key| key * 100 + 31);
    let input = column(&keys, None, 2, 1);
    assert!(holds(claim, &input, &column(&scaled, None, 4, 2)));
    let mut wrong = scaled;
    wrong[3] += 1 << 16;
    assert!(!holds(claim, &input, &column(&wrong, None, 4, 2)));

    // From the middle of the range of signed keys, mirrored.
    let middle = 1_u64 << 63;
    let signed = [middle, middle - 1, middle + 5, 0, u64::MAX];
    let mirrored = signed.map(|key| !key);
    let mirror = Affine {
        factor: -1,
        offset: i128::from(u64::MAX),
    };
    let (input, output) = (column(&signed, None, 4, 1), column(&mirrored, None, 4, 2));
    assert!(holds(mirror, &input, &output));
    let steep = Affine {
        factor: -8_192,
        offset: 8_192 * i128::from(u32::MAX),
    };
    let small = [0, 1, u64::from(u32::MAX)];
    let large = small.map(|key| 8_192 * (u64::from(u32::MAX) - key));
    let (input, output) = (column(&small, None, 2, 1), column(&large, None, 3, 2));
    assert!(holds(steep, &input, &output));
}

#[test]
fn what_is_missing_stays_missing() {
    let keys = [5, 0, 7];
    let gaps = [true, false, true];
    let same = Affine {
        factor: 1,
        offset: 0,
    };
    let input = column(&keys, Some(&gaps), 1, 1);
    assert!(holds(same, &input, &column(&keys, Some(&gaps), 1, 2)));
    let all = [true; 3];
    assert!(!holds(same, &input, &column(&keys, Some(&all), 1, 2)));
    assert!(!holds(same, &input, &column(&keys, None, 1, 2)));
}

#[test]
fn no_carry_is_free() {
    let keys: Vec<u64> = (0..20).map(|row| (row << 40) | (row * 77_777)).collect();
    let scaled: Vec<u64> = keys.iter().map(|key| key * 9 + 70_000).collect();
    let (input, output) = (column(&keys, None, 4, 1), column(&scaled, None, 4, 2));
    let claim = Affine {
        factor: 9,
        offset: 70_000,
    };
    let of = |column: &Column| (column.layout(), column.commitment().clone());
    let plan = Plan::new(&claim, of(&input), of(&output)).unwrap();
    let mut own = plan.fill(&input, &output);
    let data = [input.opened(), output.opened()];
    none_is_free(&plan.statement, &mut own, &data, &[0, 1]);
    let mut lie = plan.fill(&input, &output);
    lie[0].values[1] += F::ONE;
    let proof = plan.statement.prove_anyway(lie, &data).unwrap();
    let [of_input, of_output] = [&input, &output].map(|of| (of.layout(), of.commitment()));
    assert!(claim.verify(of_input, of_output, &proof).is_err());
}

#[test]
fn factors_beyond_their_bounds_are_refused() {
    let (input, output) = (column(&[1, 2], None, 4, 7), column(&[1, 2], None, 4, 8));
    for factor in [i64::MIN, i64::MAX, MAX_FACTOR + 1, -MAX_FACTOR - 1] {
        let claim = Affine { factor, offset: 0 };
        assert!(claim.prove(&input, &output).is_err(), "{factor}");
        assert!(!claim.holds(&input, &output), "{factor}");
        let proof = Affine {
            factor: 1,
            offset: 0,
        }
        .prove(&input, &output)
        .unwrap();
        let (of_input, of_output) = (input.commitment(), output.commitment());
        let verified = claim.verify(
            (input.layout(), of_input),
            (output.layout(), of_output),
            &proof,
        );
        assert!(matches!(verified, Err(VerifyError::Claim)), "{factor}");
    }
    let claim = Affine {
        factor: 1,
        offset: i128::MIN,
    };
    assert!(claim.prove(&input, &output).is_err());
    assert!(!claim.holds(&input, &output));
    // Twice zero is zero, but a factor has its bounds there too.
    let zeros = [7, 8].map(|seed| column(&[0, 0], None, 4, seed));
    for (factor, possible) in [(MAX_FACTOR, true), (MAX_FACTOR + 1, false)] {
        let claim = Affine { factor, offset: 0 };
        assert_eq!(holds(claim, &zeros[0], &zeros[1]), possible);
    }
}

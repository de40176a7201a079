//! What must hold of any bytes whatever, for the tests here and for the fuzzers in `fuzz/`: reading ends without a panic,
//! and what is accepted is written back to the byte, so that there is one way to write each value.

use prooflane_formats::{Origin, R1csFile, Wtns, Zkey};

/// Any bytes as a constraint system; true if they are one.
pub(crate) fn r1cs(bytes: &[u8]) -> bool {
    let Ok(file) = R1csFile::read(bytes) else {
        return false;
    };
    assert!(
        file.to_bytes() == bytes,
        "a constraint system is written otherwise than it was read"
    );
    let system = file.system();
    assert_eq!(
        (system.columns(), system.constraints()),
        (file.wires(), file.constraints.len())
    );
    true
}

/// Any bytes as a witness; true if they are one.
pub(crate) fn wtns(bytes: &[u8]) -> bool {
    let Ok(file) = Wtns::read(bytes) else {
        return false;
    };
    assert!(
        *file.to_bytes() == bytes,
        "a witness is written otherwise than it was read"
    );
    let (count, first) = (file.values().len(), file.values()[0]);
    let witness = file
        .into_witness(count - 1)
        .map(|witness| witness.assignment()[0]);
    assert_eq!(witness, Ok(first));
    true
}

/// Any bytes as a proving key; true if they are one.
pub(crate) fn zkey(bytes: &[u8]) -> bool {
    let checked = Zkey::read(bytes, Origin::Anyone);
    let Ok(key) = Zkey::read(bytes, Origin::Checked) else {
        assert!(
            checked.is_err(),
            "more is accepted from anyone than from a checked file"
        );
        return false;
    };
    assert!(
        key.to_bytes() == bytes,
        "a key is written otherwise than it was read"
    );
    let [a, b] = key.matrices();
    assert_eq!((a.len(), b.len()), (key.constraints(), key.constraints()));
    let _ = key.check();
    checked.is_ok()
}

/// Any bytes as whatever they may be.
pub(crate) fn any(bytes: &[u8]) -> bool {
    r1cs(bytes) | wtns(bytes) | zkey(bytes)
}

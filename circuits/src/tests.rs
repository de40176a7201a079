use super::*;

#[test]
fn examples_satisfy() {
    for circuit in registry() {
        let t = std::time::Instant::now();
        let r1cs = circuit.r1cs().unwrap();
        let t1 = t.elapsed();
        let example = circuit.example();
        let t = std::time::Instant::now();
        circuit.public_inputs(&example).unwrap();
        let t2 = t.elapsed();
        let t = std::time::Instant::now();
        let witness = circuit.witness(&example).unwrap();
        let t3 = t.elapsed();
        println!(
            "{} {} priv {} nnz {} shape {t1:?} native {t2:?} witness {t3:?}",
            circuit.id(),
            r1cs.constraints(),
            r1cs.num_private,
            r1cs.a
                .iter()
                .chain(&r1cs.b)
                .chain(&r1cs.c)
                .map(Vec::len)
                .sum::<usize>()
        );
        assert_eq!(r1cs.columns(), witness.assignment().len());
        assert_eq!(
            r1cs.first_unsatisfied(witness.assignment()),
            None,
            "{}",
            circuit.id()
        );
    }
}

//! Random inputs: honest ones satisfy the constraints, and natives and gadgets agree.

use proptest::prelude::*;

use super::*;

/// Public inputs and witness of `inputs`, which must be valid, agree and satisfy; and the witness, made without constraints, is the
/// assignment that comes with them.
fn satisfied<S: Statement>(inputs: &Value) -> Result<(), TestCaseError> {
    let circuit = circuit(S::ID);
    let witness = circuit
        .witness(inputs)
        .map_err(|e| TestCaseError::fail(e.to_string()))?;
    prop_assert_eq!(
        witness.public_inputs(),
        circuit.public_inputs(inputs).unwrap()
    );
    let statement = S::parse(inputs).unwrap();
    let (r1cs, synthesized) =
        Builder::matrices(&statement.public(), |b| statement.synthesize::<Row>(b));
    prop_assert_eq!(r1cs.digest(), circuit.r1cs().unwrap().digest());
    prop_assert_eq!(synthesized.assignment(), witness.assignment());
    prop_assert_eq!(r1cs.first_unsatisfied(witness.assignment()), None);
    Ok(())
}

fn u64s() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0..1000u64, Just(u64::MAX)]
}

fn element() -> impl Strategy<Value = Fr> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(|b| Fr::from_be_bytes_mod_order(&b)),
        Just(-fr(1)),
        Just(fr(0))
    ]
}

/// `z` after synthesis, judged by the matrices of the same synthesis.
fn holds(public: &[Fr], synthesize: impl Fn(&mut Builder<Row>)) -> bool {
    let (r1cs, witness) = Builder::matrices(public, &synthesize);
    r1cs.first_unsatisfied(witness.assignment()).is_none()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn payments(
        seed: [u8; 32], secret: [u8; 64], recipient in "\\PC{1,40}", asset in "\\PC{1,40}", tx in "\\PC{1,70}",
        amounts in (u64s(), u64s()), now in u64s(), age in u64s(), slack in u64s(), binding in element(), packed: bool,
    ) {
        let (attestor, secret) = (Attestor::from_seed(&seed), PayerSecret::from_entropy(&secret));
        let age = age.min(now);
        let receipt = Receipt {
            payer_commitment: secret.commitment(),
            recipient: recipient_to_field(&recipient),
            asset: asset_to_field(&asset),
            amount: amounts.0.max(amounts.1),
            payment_time: now - age,
            tx_hash: tx_hash_to_field(&tx),
        };
        let (key, signature) = (attestor.public_key(), attestor.sign(&receipt));
        prop_assert!(verify(&key, receipt.message(), &signature));
        prop_assert_eq!(Signature::unpack(&signature.pack()), Some(signature));
        let unpacked = json!({ "r8": [signature.r8.x.to_string(), signature.r8.y.to_string()], "s": signature.s.to_string() });
        let inputs = json!({
            "attestorKey": { "x": key.x.to_string(), "y": key.y.to_string() },
            "recipientKey": recipient,
            "asset": asset,
            "minAmount": amounts.0.min(amounts.1).to_string(),
            "maxBlockAge": age.saturating_add(slack),
            "currentTime": now,
            "binding": binding.to_string(),
            "nullifier": nullifier(secret.expose(), receipt.tx_hash).to_string(),
            "actualAmount": receipt.amount,
            "payerSecret": secret.expose().to_string(),
            "txHash": tx,
            "paymentTime": receipt.payment_time.to_string(),
            "signature": if packed { json!(format!("0x{}", hex::encode(signature.pack()))) } else { unpacked },
        });
        satisfied::<payment::Payment>(&inputs)?;
    }

    #[test]
    fn ranges(mut bounds in [u64s(), u64s(), u64s()], blinding in element()) {
        bounds.sort_unstable();
        let [min, value, max] = bounds;
        let commitment = commit(value, blinding).to_string();
        let inputs = json!({ "value": value, "blinding": blinding.to_string(), "min": min.to_string(), "max": max, "commitment": commitment });
        satisfied::<range::Range>(&inputs)?;
    }

    /// A tree, the path of one of its leaves, and the circuit's two forms of input all lead to the same root.
    #[test]
    fn memberships(count in 1..40u64, pick: prop::sample::Index) {
        let circuit = circuit("merkle@1");
        let index = pick.index(count as usize);
        let leaves: Vec<String> = (0..count).map(bytes32).collect();
        let hashed = leaves.iter().map(|leaf| bytes32_to_field(&crate::fields::bytes(leaf).unwrap())).collect::<Vec<_>>();
        let tree = MerkleTree::new(hashed.clone()).unwrap();
        prop_assert_eq!(1 << tree.depth(), count.next_power_of_two());
        let path = tree.path(index).unwrap();
        prop_assert_eq!(merkle_root(hashed[index], index as u64, &path), tree.root());
        prop_assert_eq!(tree.path(count as usize), None);
        let path: Vec<String> = path.iter().map(Fr::to_string).collect();
        let by_path = json!({ "leaf": leaves[index], "path": path, "index": index, "root": tree.root().to_string() });
        satisfied::<merkle::Merkle>(&by_path)?;
        let public = circuit.public_inputs(&by_path).unwrap();
        prop_assert_eq!(&public, &[tree.root(), hashed[index], fr(tree.depth() as u64)]);
        prop_assert_eq!(circuit.public_inputs(&json!({ "leaves": leaves, "leaf_index": index })).unwrap(), public);
    }

    #[test]
    fn rows(
        row in prop::collection::vec(prop::option::weighted(0.8, u64s()), 1..=ROW_PARTS), pick: prop::sample::Index, bounds in (u64s(), u64s()),
        salt: [u8; 31], path: [[[u8; 32]; 3]; ROW_LEVELS], index in 0..1u64 << 22, binding in element(),
    ) {
        let column = pick.index(row.len());
        let path = path.map(|level| level.map(|bytes| Fr::from_be_bytes_mod_order(&bytes)));
        let mut node = row_leaf(&row, &salt);
        for (level, [a, b, c]) in path.iter().enumerate() {
            node = row_node(match index >> (2 * level) & 3 {
                0 => [node, *a, *b, *c],
                1 => [*a, node, *b, *c],
                2 => [*a, *b, node, *c],
                _ => [*a, *b, *c, node],
            });
        }
        let root = rows_root(node, row.len());
        let (low, high) = bounds;
        let inputs = json!({
            "row": row, "column": column, "low": low, "high": high, "binding": binding.to_string(),
            "salt": format!("0x{}", hex::encode(salt)), "index": index, "root": root.to_string(),
            "path": path.iter().map(|level| level.map(|sibling| sibling.to_string())).collect::<Vec<_>>(),
        });
        let circuit = circuit("dataset-row@1");
        if row[column].is_some_and(|value| (low..=high).contains(&value)) {
            satisfied::<dataset_row::DatasetRow>(&inputs)?;
            let public = [root, fr(column as u64), fr(low), fr(high), binding];
            prop_assert_eq!(circuit.public_inputs(&inputs).unwrap(), public);
        } else {
            let field = format!("inputs.row[{column}]");
            let error = circuit.public_inputs(&inputs).unwrap_err();
            prop_assert_eq!(error.field(), &field);
            let dishonest = dataset_row::DatasetRow::parse(&inputs).unwrap();
            let z = dishonest.assign();
            prop_assert!(circuit.r1cs().unwrap().first_unsatisfied(z.assignment()).is_some());
        }
    }

    #[test]
    fn poseidon_gadget_computes_poseidon(inputs in prop::collection::vec(element(), 1..=MAX_INPUTS)) {
        let mut public = vec![poseidon(&inputs)];
        let synthesize = |b: &mut Builder<Row>| {
            let inputs: Vec<_> = inputs.iter().map(|x| b.private(*x)).collect();
            let hash = poseidon::poseidon_gadget(b, &inputs.iter().collect::<Vec<_>>(), &[]);
            let [expected] = b.public();
            b.equal(&hash, &expected);
        };
        prop_assert!(holds(&public, synthesize));
        public[0] += fr(1);
        prop_assert!(!holds(&public, synthesize));
    }

    /// Valid or not, the gadget accepts what the native verification accepts.
    #[test]
    fn eddsa_gadget_verifies_as_verify(seed: [u8; 32], message in element(), change in 0..5) {
        let key = SecretKey::from_seed(&seed);
        let (mut public, mut signature) = (key.public_key(), key.sign(message));
        match change {
            0 => (),
            1 => signature.r8 = -signature.r8,
            2 => signature = key.sign(message + fr(1)),
            3 => public = -public,
            _ => signature.s.0[0] ^= 1,
        }
        let valid = verify(&public, message, &signature);
        prop_assert_eq!(valid, change == 0);
        let synthesize = |b: &mut Builder<Row>| {
            let [x, y, message] = b.public();
            eddsa::verify_gadget(b, &edwards::PointVar { x, y }, &message, &signature);
        };
        prop_assert_eq!(holds(&[public.x, public.y, message], synthesize), valid);
    }
}

#[test]
fn an_empty_tree_has_no_root() {
    assert_eq!(MerkleTree::new(vec![]), None);
    let single = MerkleTree::new(vec![fr(7)]).unwrap();
    assert_eq!(
        (single.root(), single.depth(), single.path(0)),
        (fr(7), 0, Some(vec![]))
    );
}

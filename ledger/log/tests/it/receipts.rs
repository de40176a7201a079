//! Receipts: they verify with nothing but keys, and not when anything in them was changed.

use crate::support::*;
use prooflane_log::receipt::ReceiptError;
use prooflane_log::{Policy, Receipt, Witness};
use prooflane_store::ManualClock;
use std::sync::Arc;

const TIME: u64 = 1_679_315_147;

async fn receipt() -> Receipt {
    let ground = Ground::new();
    let log = ground.open(1).await;
    for n in 0..21u8 {
        log.append(vec![n; 3], None).await.unwrap();
    }
    let checkpoint = log.await_inclusion(20).await.unwrap();
    for number in [1, 2] {
        let clock = Arc::new(ManualClock::new(TIME * 1000));
        let witness = Witness::new(
            ground.table.clone(),
            clock,
            witness_key(number),
            vec![log.key().clone()],
        )
        .unwrap();
        let request = log.witness_request(checkpoint.clone(), 0).await.unwrap();
        let line = witness.add_checkpoint(&request.to_string()).await.unwrap();
        let keys = [1, 2].map(|number| witness_key(number).verifying().clone());
        log.add_cosignatures(&checkpoint, &format!("{line}\n"), &keys)
            .await
            .unwrap();
    }
    let receipt = log
        .receipt(13, Some(b"what it is about".to_vec()))
        .await
        .unwrap();
    assert_eq!(receipt.checkpoint.note().signatures().len(), 3);
    let key = witness_key(2);
    let times = receipt.checkpoint.note().signatures().iter();
    let times: Vec<_> = times
        .filter_map(|line| line.unix_seconds(key.verifying()))
        .collect();
    assert_eq!(times, [TIME]);
    receipt
}

fn policy(quorum: usize) -> Policy {
    Policy {
        log: vec![log_key().verifying().clone()],
        witnesses: [1, 2, 3].map(|n| witness_key(n).verifying().clone()).into(),
        quorum,
    }
}

#[tokio::test]
async fn a_receipt_verifies_offline_and_only_for_its_entry() {
    let receipt = receipt().await;
    let text = receipt.to_string();
    assert_eq!(text.parse::<Receipt>().unwrap(), receipt);
    let checkpoint = receipt.verify(&[13; 3], &policy(2)).unwrap();
    assert_eq!(checkpoint.size, 21);
    receipt
        .verify(&[13; 3], &Policy::log(log_key().verifying().clone()))
        .unwrap();
    assert!(matches!(
        receipt.verify(&[14; 3], &policy(0)),
        Err(ReceiptError::Proof(_))
    ));
    assert!(matches!(
        receipt.verify(&[13; 2], &policy(0)),
        Err(ReceiptError::Proof(_))
    ));
    assert_eq!(
        receipt.verify(&[13; 3], &policy(3)),
        Err(ReceiptError::Witnesses {
            expected: 3,
            got: 2
        })
    );
    // A key of another log, a witness in the log's place, the log in a witness's place, one witness named twice.
    let mut other = policy(0);
    other.log = vec![witness_key(1).verifying().clone()];
    assert!(receipt.verify(&[13; 3], &other).is_err());
    let mut own = policy(1);
    own.witnesses = own.log.clone();
    assert!(receipt.verify(&[13; 3], &own).is_err());
    let mut twice = policy(2);
    twice.witnesses = vec![witness_key(1).verifying().clone(); 2];
    assert!(receipt.verify(&[13; 3], &twice).is_err());
    // After a rotation both keys are believed.
    let mut rotated = policy(2);
    let new = prooflane_log::SigningKey::from_seed(ORIGIN, prooflane_log::Kind::Ed25519, &[9; 32])
        .unwrap();
    rotated.log.insert(0, new.verifying().clone());
    receipt.verify(&[13; 3], &rotated).unwrap();
}

#[tokio::test]
async fn every_changed_bit_of_a_receipt_is_noticed() {
    let receipt = receipt().await;
    let text = receipt.to_string();
    let extra = text.find("extra ").unwrap();
    let extra = extra..extra + text[extra..].find('\n').unwrap();
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let Ok(changed) = String::from_utf8(bytes) else {
                continue;
            };
            let accepted = changed
                .parse::<Receipt>()
                .is_ok_and(|receipt| receipt.verify(&[13; 3], &policy(2)).is_ok());
            // What is extra is nobody's word.
            assert!(!accepted || extra.contains(&at), "byte {at}, bit {bit}");
        }
    }
}

#[tokio::test]
async fn what_is_no_receipt_is_refused() {
    let text = receipt().await.to_string();
    for (old, new) in [
        ("@v1", "@v2"),
        ("index 13", "index 013"),
        ("index 13", "index"),
        ("index", "Index"),
        ("extra ", "extra  "),
        ("extra ", "extra !"),
        ("\n\n", "\n"),
        ("index 13\n", "index 13\nx\n"),
        (
            "index 13\n",
            &format!(
                "index 13\n{}",
                format!("{}\n", prooflane_log::Hash::EMPTY_ROOT).repeat(64)
            ),
        ),
    ] {
        assert!(text.contains(old));
        assert!(
            text.replacen(old, new, 1).parse::<Receipt>().is_err(),
            "{old:?} as {new:?}"
        );
    }
    assert!("".parse::<Receipt>().is_err());
}

use crate::harness::*;
use prooflane_circuits::{Fr, find};
use prooflane_coordinator::{Attempt, PaymentClaim, Redeemed};
use prooflane_market::Rules;
use prooflane_verifier::Proof;
use serde_json::json;
use std::sync::LazyLock;

/// The circuit's example, bound to this purpose.
pub(crate) fn payment(binding: &str) -> (PaymentClaim, Proof) {
    let circuit = find("payment@1").unwrap();
    let mut inputs = circuit.example();
    inputs["binding"] = json!(binding);
    let public = circuit.public_inputs(&inputs).unwrap();
    let claim = PaymentClaim {
        attestor: [public[0], public[1]],
        recipient: public[2],
        asset: public[3],
        min_amount: 1_000_000,
        max_block_age: 60,
        current_time: START / 1_000,
        binding: public[7],
        nullifier: public[8],
        window: 0,
        attempt: Attempt::default(),
    };
    assert_eq!(claim.public_inputs(), public, "the circuit's own order");
    (claim, groth16_of("payment@1", &inputs))
}

static COFFEE: LazyLock<(PaymentClaim, Proof)> = LazyLock::new(|| payment("1"));
static CAKE: LazyLock<(PaymentClaim, Proof)> = LazyLock::new(|| payment("2"));

fn net() -> Net {
    Net::with(Rules::open(), payment_only(), |table| table)
}

#[tokio::test]
async fn a_payment_is_admitted_for_one_thing_and_for_that_again() {
    let net = net();
    let (coffee, proof) = &*COFFEE;
    let (cake, other_proof) = &*CAKE;
    assert_eq!(coffee.nullifier, cake.nullifier);
    let first = net.redeem(coffee, proof).await.unwrap();
    assert_eq!(first, Redeemed::Admitted);
    let again = net.redeem(coffee, proof).await.unwrap();
    assert_eq!(again, Redeemed::Admitted);
    let spent = net.redeem(cake, other_proof).await.unwrap();
    assert_eq!(spent, Redeemed::AlreadySpent);
    // Whoever was admitted may ask again however late.
    net.clock.set(START + 3_600_000);
    assert_eq!(net.redeem(coffee, proof).await.unwrap(), Redeemed::Admitted);
}

#[tokio::test]
async fn a_proof_of_anything_else_is_invalid_and_claims_nothing() {
    let net = net();
    let (coffee, proof) = &*COFFEE;
    assert_eq!(
        net.redeem(coffee, &CAKE.1).await.unwrap(),
        Redeemed::Invalid
    );
    let mut tampered = proof.to_compact();
    tampered[..32].copy_from_slice(&CAKE.1.to_compact()[..32]);
    let tampered = Proof::from_compact(&tampered).unwrap();
    assert_eq!(
        net.redeem(coffee, &tampered).await.unwrap(),
        Redeemed::Invalid
    );
    type Change = fn(&mut PaymentClaim);
    let changes: [Change; 8] = [
        |c| c.attestor[0] += Fr::from(1),
        |c| c.recipient += Fr::from(1),
        |c| c.asset += Fr::from(1),
        |c| c.min_amount += 1,
        |c| c.max_block_age += 1,
        |c| c.current_time += 1,
        |c| c.binding += Fr::from(1),
        |c| c.nullifier += Fr::from(1),
    ];
    for change in changes {
        let mut other = coffee.clone();
        change(&mut other);
        let invalid = net.redeem(&other, proof).await.unwrap();
        assert_eq!(invalid, Redeemed::Invalid);
    }
    assert_eq!(net.redeem(coffee, proof).await.unwrap(), Redeemed::Admitted);
}

#[tokio::test]
async fn a_proof_for_another_time_is_outside_the_window() {
    let net = net();
    let (coffee, proof) = &*COFFEE;
    for skew in [61_000_i64, -61_000] {
        net.clock.set(START.saturating_add_signed(skew));
        let outside = net.redeem(coffee, proof).await.unwrap();
        assert_eq!(outside, Redeemed::OutsideWindow);
    }
    net.clock.set(START + 60_999);
    let inside = net.redeem(coffee, proof).await.unwrap();
    assert_eq!(inside, Redeemed::Admitted);
}

#[tokio::test]
async fn a_longer_window_lets_a_proof_be_older_and_no_younger() {
    let net = net();
    let (mut coffee, proof) = COFFEE.clone();
    coffee.window = 300;
    for (offset, expected) in [
        (-61_000_i64, Redeemed::OutsideWindow),
        (361_000, Redeemed::OutsideWindow),
        (360_000, Redeemed::Admitted),
    ] {
        net.clock.set(START.saturating_add_signed(offset));
        assert_eq!(net.redeem(&coffee, &proof).await.unwrap(), expected);
    }
    let net = Net::with(Rules::open(), payment_only(), |table| table);
    coffee.window = u64::MAX;
    net.clock.set(START + 3_661_000);
    let outside = net.redeem(&coffee, &proof).await.unwrap();
    assert_eq!(outside, Redeemed::OutsideWindow, "at most an hour");
}

fn attempt(id: &str, replaces: Option<&str>) -> (PaymentClaim, Proof) {
    let (mut coffee, proof) = COFFEE.clone();
    coffee.attempt = Attempt {
        id: Some(id.to_owned()),
        replaces: replaces.map(str::to_owned),
    };
    (coffee, proof)
}

#[tokio::test]
async fn only_the_attempt_that_claimed_is_admitted_by_its_claim() {
    let net = net();
    let redeem =
        async |(claim, proof): (PaymentClaim, Proof)| net.redeem(&claim, &proof).await.unwrap();
    assert_eq!(redeem(attempt("a", None)).await, Redeemed::Admitted);
    assert_eq!(redeem(attempt("a", None)).await, Redeemed::Admitted);
    assert_eq!(redeem(attempt("b", None)).await, Redeemed::Repeated);
    assert_eq!(redeem(attempt("b", Some("c"))).await, Redeemed::Repeated);
    // Who names no attempt asks whether this claim was made, and it was.
    assert_eq!(redeem(COFFEE.clone()).await, Redeemed::Admitted);
    assert_eq!(redeem(CAKE.clone()).await, Redeemed::AlreadySpent);
    let (claim, _) = attempt("a", None);
    let other = net.redeem(&claim, &CAKE.1).await.unwrap();
    assert_eq!(other, Redeemed::Invalid, "a proof of something else");
}

#[tokio::test]
async fn an_attempt_that_gave_up_is_replaced_once() {
    let net = net();
    let redeem =
        async |(claim, proof): (PaymentClaim, Proof)| net.redeem(&claim, &proof).await.unwrap();
    assert_eq!(redeem(attempt("a", None)).await, Redeemed::Admitted);
    let replacing = |id| redeem(attempt(id, Some("a")));
    let both = tokio::join!(replacing("b"), replacing("c"));
    assert!(
        both == (Redeemed::Admitted, Redeemed::Repeated)
            || both == (Redeemed::Repeated, Redeemed::Admitted),
        "{both:?}"
    );
    assert_eq!(redeem(attempt("a", None)).await, Redeemed::Repeated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_attempts_at_one_claim_one_is_admitted() {
    let net = net();
    let calls: Vec<_> = (0..32)
        .map(|n| {
            let c = net.c.clone();
            tokio::spawn(async move {
                let (claim, proof) = attempt(&format!("attempt-{n}"), None);
                c.redeem(&claim, &proof).await.unwrap()
            })
        })
        .collect();
    let mut admitted = 0;
    for call in calls {
        match call.await.unwrap() {
            Redeemed::Admitted => admitted += 1,
            verdict => assert_eq!(verdict, Redeemed::Repeated),
        }
    }
    assert_eq!(admitted, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_claims_on_one_payment_thirty_two_calls_at_once_admit_one() {
    let net = net();
    let calls: Vec<_> = (0..32)
        .map(|n| {
            let c = net.c.clone();
            tokio::spawn(async move {
                let (claim, proof) = if n % 2 == 0 { &*COFFEE } else { &*CAKE };
                c.redeem(claim, proof).await.unwrap()
            })
        })
        .collect();
    let mut verdicts = Vec::new();
    for call in calls {
        verdicts.push(call.await.unwrap());
    }
    let (coffee, cake): (Vec<_>, Vec<_>) =
        verdicts.chunks(2).map(|pair| (pair[0], pair[1])).unzip();
    let (winner, loser) = if coffee[0] == Redeemed::Admitted {
        (coffee, cake)
    } else {
        (cake, coffee)
    };
    assert_eq!(winner, [Redeemed::Admitted; 16]);
    assert_eq!(loser, [Redeemed::AlreadySpent; 16]);
}

#[tokio::test]
async fn a_network_without_the_circuit_says_so() {
    let net = Net::open();
    let refused = net.redeem(&COFFEE.0, &COFFEE.1).await;
    assert_eq!(code(refused), "unknown_circuit");
}

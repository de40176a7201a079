use crate::harness::*;
use prooflane_coordinator::Auctioneer;
use prooflane_market::{Credits, Millis, ProverId, Rules, Status, TaskId};
use prooflane_store::{Clock, Expect, Key, ManualClock, Write};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

async fn auction(net: &Net, auctioneer: &mut Auctioneer) -> usize {
    let once = net.c.auction_once(auctioneer, Duration::ZERO);
    once.await.unwrap()
}

async fn epoch_version(net: &Net) -> u64 {
    let key = Key::new("leader#0", "epoch");
    net.table.get(&key).await.unwrap().unwrap().version
}

#[tokio::test]
async fn of_several_auctioneers_one_clears_and_the_others_are_idle() {
    let net = Net::open();
    net.prover("p1", 40).await;
    let [mut a, mut b] = ["a", "b"].map(|name| auctioneer(name, &net.clock));
    assert_eq!(auction(&net, &mut a).await, 0);
    let id = net.submitted().await;
    assert_eq!(auction(&net, &mut b).await, 0);
    assert_eq!(net.status(id).await, Status::Pending);
    assert_eq!((a.leads(), b.leads()), (true, false));
    assert_eq!(auction(&net, &mut a).await, 1);
    // As long as one beats, the other stays idle.
    for _ in 0..10 {
        net.clock.advance(Duration::from_secs(5));
        auction(&net, &mut a).await;
        auction(&net, &mut b).await;
    }
    assert_eq!((epoch_version(&net).await, b.leads()), (1, false));
}

#[tokio::test]
async fn a_paused_leader_that_wakes_up_assigns_nothing() {
    let net = Net::open();
    net.prover("p1", 40).await;
    // Its own clock stands still while it is stopped: woken up, it believes that it has just beaten.
    let stopped = Arc::new(ManualClock::new(START));
    let mut a = auctioneer("a", &stopped);
    let mut b = auctioneer("b", &net.clock);
    auction(&net, &mut a).await;
    auction(&net, &mut b).await;
    net.clock.advance(Duration::from_secs(10));
    auction(&net, &mut b).await;
    assert!(b.leads() && a.leads());
    let id = net.submitted().await;
    assert_eq!(auction(&net, &mut a).await, 0);
    assert!(!a.leads(), "its commit failed the check");
    assert_eq!(net.status(id).await, Status::Pending);
    assert_eq!(auction(&net, &mut b).await, 1, "the hint is there at once");
    net.conserved().await;
}

#[tokio::test]
async fn shards_are_cleared_side_by_side() {
    let rules = Rules {
        market_shards: 2,
        ..Rules::open()
    };
    let net = Net::with(rules, range_only(), |table| table);
    net.prover("p1", 40).await;
    let clock = net.clock.clone();
    let elapsed = move || Millis(clock.now_millis());
    let [mut first, mut second] = [0, 1].map(|shard| Auctioneer::new("a", shard, elapsed.clone()));
    let ids = [2_u128 << 120, 3 << 120].map(|id| TaskId(Uuid::from_u128(id)));
    for id in ids {
        let mut one = submission();
        one.task_id = Some(id);
        net.submit(one).await.unwrap();
    }
    assert_eq!(auction(&net, &mut first).await, 1);
    assert_eq!(net.status(ids[0]).await, Status::Assigned);
    assert_eq!(net.status(ids[1]).await, Status::Pending);
    assert_eq!(auction(&net, &mut second).await, 1);
    net.conserved().await;
}

#[tokio::test]
async fn an_unreadable_task_does_not_keep_its_batch_from_being_cleared() {
    let net = Net::open();
    net.prover("p1", 40).await;
    let damaged = net.submitted().await;
    let fine = net.submitted().await;
    let key = Key::new(format!("task#{damaged}"), "task");
    let item = net.table.get(&key).await.unwrap().unwrap();
    let write = Write::Put {
        key,
        expect: Expect::Version(item.version),
        body: b"{".to_vec(),
        wake: item.wake,
        listing: item.listing,
    };
    net.table.commit(&[write]).await.unwrap();
    let first = net.auction_once(Duration::ZERO).await;
    assert_eq!(code(first), "corrupt_record");
    assert_eq!(net.status(fine).await, Status::Assigned);
}

#[tokio::test]
async fn many_bids_are_kept_outside_the_table_and_recompute_to_the_same_winner() {
    let net = Net::open();
    for n in 0..70_u64 {
        net.prover(&format!("p{n}"), 20 + n).await;
    }
    let id = net.submitted().await;
    assert_eq!(net.auction().await, 1);
    let transcripts = net.transcripts(id).await.unwrap();
    let (1, transcript) = &transcripts[0] else {
        panic!("one attempt")
    };
    assert_eq!(transcript.bids.len(), 70);
    let winner = transcript.winner().unwrap();
    assert_eq!(winner.prover, ProverId::new("p0").unwrap());
    assert_eq!(winner.price, Credits(21));
    let key = Key::new(format!("task#{id}"), "transcript#00001");
    let item = net.table.get(&key).await.unwrap().unwrap();
    assert!(item.body.len() < 1_000, "{} bytes", item.body.len());
    net.conserved().await;
}

#[tokio::test]
async fn priority_goes_first_but_never_starves_who_has_waited() {
    let net = Net::open();
    let mut low = submission();
    low.priority = 0;
    let old = net.submit(low).await.unwrap().record.task.id();
    // A hundred points are ten minutes.
    net.clock.advance(Duration::from_secs(599));
    let urgent = |net: &Net| {
        let mut high = submission();
        high.priority = 100;
        let c = net.c.clone();
        async move { c.submit(high).await.unwrap().record.task.id() }
    };
    let earlier = urgent(&net).await;
    net.clock.advance(Duration::from_secs(2));
    let later = urgent(&net).await;
    // Those that came in are looked at in vain, so that only their order counts afterwards.
    assert_eq!(net.auction().await, 0);
    let p1 = net.register("p1", false, false).await;
    for next in [earlier, old, later] {
        let mut one = ask(40);
        one.capacity = 1;
        net.place_ask(&p1, one).await.unwrap();
        net.auction().await;
        assert_eq!(net.status(next).await, Status::Assigned);
        net.claimed(&p1).await;
        net.accept(&p1, next, 1, &PROOF).await.unwrap();
    }
}

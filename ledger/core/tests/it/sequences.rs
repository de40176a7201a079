//! Random sequences of what several accounts do, against a model.

use crate::model::{ACCOUNTS, Line, Model, answer};
use crate::support::{Ground, datasets, pool};
use prooflane_ledger::{DatasetId, Ledger, Permission, Permissions};
use prooflane_store::{Expect, Index, Key, Query, Table, Write};
use proptest::prelude::*;
use uuid::Uuid;

/// What an account looks at.
#[derive(Clone, Copy, Debug)]
enum View {
    Recorded,
    Evidence,
    Dataset,
    Operations,
    Lineage,
    Grants,
}

/// Numbers are places in [`ACCOUNTS`], in the pool, and in its datasets.
#[derive(Clone, Debug)]
enum Step {
    Record {
        by: usize,
        said: usize,
        /// Of those that may be drawn.
        id: usize,
    },
    Grant {
        by: usize,
        dataset: usize,
        account: usize,
        permissions: Permissions,
    },
    Look {
        by: usize,
        dataset: usize,
        view: View,
    },
    /// Another process goes on.
    Reopen,
    /// Whoever recorded the last so many died before they were in the index.
    LeaveBehind { last: usize },
}

fn permissions() -> impl Strategy<Value = Permissions> {
    use Permission::{Administer, Prove, Read, Write};
    proptest::sample::subsequence(vec![Read, Write, Prove, Administer], 0..=4)
        .prop_map(|given| given.into_iter().collect())
}

fn step() -> impl Strategy<Value = Step> {
    use View::{Dataset, Evidence, Grants, Lineage, Operations, Recorded};
    // The first may do everything, without whom little came of it.
    let by = || prop_oneof![Just(0), 0..ACCOUNTS.len()];
    let dataset = || 0..datasets().len();
    let views = [Recorded, Evidence, Dataset, Operations, Lineage, Grants];
    // Mostly each evidence has an id of its own, under which it comes again; sometimes that of another.
    let record = (by(), 0..pool().len(), 0..100_usize).prop_map(|(by, said, id)| Step::Record {
        by,
        said,
        id: if id < 80 { said } else { id % 16 },
    });
    let grant = (by(), dataset(), 1..ACCOUNTS.len(), permissions()).prop_map(
        |(by, dataset, account, permissions)| Step::Grant {
            by,
            dataset,
            account,
            permissions,
        },
    );
    let look = (by(), dataset(), proptest::sample::select(views.to_vec()))
        .prop_map(|(by, dataset, view)| Step::Look { by, dataset, view });
    prop_oneof![
        8 => record,
        4 => grant,
        6 => look,
        1 => Just(Step::Reopen),
        2 => (1..4_usize).prop_map(|last| Step::LeaveBehind { last }),
    ]
}

/// Takes all that follows from the last entries out of the index.
async fn leave_behind(ground: &Ground, model: &Model, last: usize) {
    let kept = model.lines.len().saturating_sub(last);
    let indexed = Key::new("ledger", "indexed");
    let Some(item) = ground.table.get(&indexed).await.unwrap() else {
        return;
    };
    let has: usize = serde_json::from_slice(&item.body).unwrap();
    if has <= kept {
        return;
    }
    let expect = Expect::Exists;
    let mut writes = vec![Write::Put {
        key: indexed,
        expect,
        body: kept.to_string().into(),
        wake: None,
        listing: None,
    }];
    for dataset in datasets() {
        let partition = Query::new(Index::Primary, format!("ledger#dataset#{dataset}"));
        for item in ground.table.query(&partition).await.unwrap().items {
            let body: serde_json::Value = serde_json::from_slice(&item.body).unwrap();
            let of = body.get("index").or(body.get("made_by"));
            if of.unwrap().as_u64().unwrap() >= kept as u64 {
                let key = item.key;
                writes.push(Write::Delete { key, expect });
            }
        }
    }
    ground.table.commit(&writes).await.unwrap();
}

async fn look(model: &Model, ledger: &Ledger, by: usize, dataset: DatasetId, view: View) {
    let by = ACCOUNTS[by];
    match view {
        View::Recorded => model.check_recorded(ledger, by).await,
        View::Evidence => model.check_evidence(ledger, by).await,
        View::Dataset => model.check_dataset(ledger, by, dataset).await,
        View::Operations => model.check_operations(ledger, by, dataset).await,
        View::Lineage => model.check_lineage(ledger, by, dataset).await,
        View::Grants => model.check_grants(ledger, by, dataset).await,
    }
}

async fn follow(steps: Vec<Step>) {
    let ground = Ground::new();
    let datasets = datasets();
    let mut ledger = ground.open().await;
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Record { by, said, id } => {
                let line = Line {
                    by: ACCOUNTS[by],
                    id: Uuid::from_u128(id as u128),
                    said: &pool()[said],
                };
                let got = ledger.record(line.by, line.id, line.said.bytes.clone());
                let got = answer(got.await.map(|(index, _)| index));
                assert_eq!(got, model.record(line));
            }
            Step::Grant {
                by,
                dataset,
                account,
                permissions,
            } => {
                let (by, dataset) = (ACCOUNTS[by], datasets[dataset]);
                let account = ACCOUNTS[account].unwrap();
                let got = ledger.grant(by, dataset, account, &permissions).await;
                let expected = model.grant(by, dataset, account, &permissions);
                assert_eq!(answer(got), expected);
            }
            Step::Look { by, dataset, view } => {
                look(&model, &ledger, by, datasets[dataset], view).await;
            }
            Step::Reopen => ledger = ground.open().await,
            Step::LeaveBehind { last } => leave_behind(&ground, &model, last).await,
        }
    }
    model.check_all(&ledger).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_accounts_do_the_ledger_shows(steps in proptest::collection::vec(step(), 10..150)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(follow(steps));
    }
}

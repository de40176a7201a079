use crate::patience::{Failure, Patience, failure, refused, repeated};
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, CancellationReason, ConditionCheck, Delete,
    GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure as OnFailure, ScalarAttributeType,
    TransactWriteItem, Update,
};
use prooflane_store::limits::{self, Position};
use prooflane_store::{
    CommitError, Expect, Found, Index, IndexKey, Item, Key, Page, Query, StoreError, Table, Write,
};
use std::collections::HashMap;

type Attributes = HashMap<String, AttributeValue>;

/// A [`Table`] in one DynamoDB table: key `pk`, `sk`; sparse indexes `wake` (`wake_pk`, `wake_sk`) and
/// `listing` (`list_pk`, `list_sk`), both projecting everything.
///
/// Every call asks what it costs, so that whoever reads the answers can add it up: the table of
/// requests in `docs/operations.md` is counted in this way.
#[derive(Clone, Debug)]
pub struct DynamoTable {
    client: Client,
    table: String,
}

impl DynamoTable {
    /// The table of that name.
    #[must_use]
    pub fn new(config: &SdkConfig, table: impl Into<String>) -> Self {
        Self {
            client: Client::new(config),
            table: table.into(),
        }
    }

    /// Makes the table, for tests and emulators; on AWS the infrastructure does. Well if it is there.
    ///
    /// # Errors
    /// [`StoreError`] if it can neither be made nor found.
    pub async fn create(&self) -> Result<(), StoreError> {
        let invalid = |error: aws_sdk_dynamodb::error::BuildError| {
            StoreError::Invalid(format!("the table's definition: {error}"))
        };
        let keys = |pk: &str, sk: &str| {
            [(pk, KeyType::Hash), (sk, KeyType::Range)]
                .into_iter()
                .map(|(name, kind)| {
                    let key = KeySchemaElement::builder().attribute_name(name);
                    key.key_type(kind).build()
                })
                .collect::<Result<Vec<_>, _>>()
        };
        let mut create = self
            .client
            .create_table()
            .table_name(&self.table)
            .billing_mode(BillingMode::PayPerRequest)
            .set_key_schema(Some(keys("pk", "sk").map_err(invalid)?));
        for name in ["pk", "sk", "wake_pk", "wake_sk", "list_pk", "list_sk"] {
            let attribute = AttributeDefinition::builder().attribute_name(name);
            let attribute = attribute.attribute_type(ScalarAttributeType::S).build();
            create = create.attribute_definitions(attribute.map_err(invalid)?);
        }
        for index in [Index::Wake, Index::Listing] {
            let (pk, sk) = names(index);
            let all = Projection::builder().projection_type(ProjectionType::All);
            let index = GlobalSecondaryIndex::builder()
                .index_name(index_name(index).unwrap_or_default())
                .set_key_schema(Some(keys(pk, sk).map_err(invalid)?))
                .projection(all.build());
            create = create.global_secondary_indexes(index.build().map_err(invalid)?);
        }
        match repeated(|| create.clone().send()).await? {
            Ok(_) => {}
            Err(error) if error.code() == Some("ResourceInUseException") => {}
            Err(error) => return Err(refused(&error)),
        }
        let mut patience = Patience::default();
        loop {
            let describe = || self.client.describe_table().table_name(&self.table).send();
            let described = repeated(describe).await?.map_err(|e| refused(&e))?;
            let status = described.table.and_then(|table| table.table_status);
            if status.is_none_or(|status| status.as_str() == "ACTIVE") {
                return Ok(());
            }
            if !patience.pause().await {
                return Err(StoreError::Unavailable("the table is still made".into()));
            }
        }
    }

    /// One write is one conditional request: half the price of a transaction.
    async fn write(&self, write: &Write) -> Result<(), CommitError> {
        if let Write::Check { key, .. } = write {
            let item = self.raw(key).await?;
            return write.decide(0, item.as_ref().map(found).transpose()?);
        }
        let mut patience = Patience::default();
        loop {
            let sent = match prepare(write) {
                Prepared::Update(update) => {
                    let request = self
                        .client
                        .update_item()
                        .return_consumed_capacity(ReturnConsumedCapacity::Total)
                        .table_name(&self.table)
                        .set_key(Some(name(write.key())))
                        .update_expression(update.change)
                        .condition_expression(update.condition)
                        .set_expression_attribute_names(Some(update.names))
                        .set_expression_attribute_values(Some(update.values))
                        .return_values_on_condition_check_failure(OnFailure::AllOld);
                    let sent = request.send().await;
                    sent.map(drop).map_err(|error| match failure(error) {
                        Failure::Answered(UpdateItemError::ConditionalCheckFailedException(e)) => {
                            Failure::Answered(Answer::Failed(e.item().cloned()))
                        }
                        other => other.map(|error| Answer::Other(refused(&error))),
                    })
                }
                Prepared::Test(test) => {
                    let request = self
                        .client
                        .delete_item()
                        .return_consumed_capacity(ReturnConsumedCapacity::Total)
                        .table_name(&self.table)
                        .set_key(Some(name(write.key())))
                        .condition_expression(test.condition)
                        .set_expression_attribute_names(test.names)
                        .set_expression_attribute_values(test.values)
                        .return_values_on_condition_check_failure(OnFailure::AllOld);
                    let sent = request.send().await;
                    sent.map(drop).map_err(|error| match failure(error) {
                        Failure::Answered(DeleteItemError::ConditionalCheckFailedException(e)) => {
                            Failure::Answered(Answer::Failed(e.item().cloned()))
                        }
                        other => other.map(|error| Answer::Other(refused(&error))),
                    })
                }
            };
            match sent {
                Ok(()) => return Ok(()),
                Err(Failure::Answered(Answer::Failed(old))) => {
                    let old = old.filter(|old| !old.is_empty());
                    write.decide(0, old.as_ref().map(found).transpose()?)?;
                    // A service that does not tell what it found: look again.
                }
                Err(Failure::Answered(Answer::Other(error)) | Failure::Refused(error)) => {
                    return Err(error.into());
                }
                Err(Failure::Unknown(why)) => return Err(CommitError::Unknown(why)),
                Err(Failure::Busy) => {}
            }
            if !patience.pause().await {
                return Err(StoreError::Throttled.into());
            }
        }
    }

    /// Several writes are one transaction. Its token makes it safe to send again: within ten minutes
    /// the same token is the same transaction (Amazon DynamoDB API Reference, TransactWriteItems,
    /// `ClientRequestToken`).
    async fn transact(&self, writes: &[Write]) -> Result<(), CommitError> {
        let items = writes
            .iter()
            .map(|write| self.part(write))
            .collect::<Result<Vec<_>, _>>()?;
        let token = uuid::Uuid::new_v4().to_string();
        let request = self
            .client
            .transact_write_items()
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .set_transact_items(Some(items))
            .client_request_token(token);
        let mut patience = Patience::default();
        let mut unknown = None;
        loop {
            let error = match request.clone().send().await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            match failure(error) {
                Failure::Answered(TransactWriteItemsError::TransactionCanceledException(e)) => {
                    verdict(writes, e.cancellation_reasons())?;
                }
                Failure::Answered(error) if error.is_transaction_in_progress_exception() => {
                    unknown = Some("the same transaction is still in progress".to_owned());
                }
                Failure::Answered(error) => return Err(refused(&error).into()),
                Failure::Refused(error) => return Err(error.into()),
                Failure::Busy => {}
                Failure::Unknown(why) => unknown = Some(why),
            }
            if !patience.pause().await {
                return Err(match unknown {
                    Some(why) => CommitError::Unknown(why),
                    None => StoreError::Throttled.into(),
                });
            }
        }
    }

    async fn raw(&self, key: &Key) -> Result<Option<Attributes>, StoreError> {
        let request = self
            .client
            .get_item()
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .table_name(&self.table)
            .set_key(Some(name(key)))
            .consistent_read(true);
        let answer = repeated(|| request.clone().send()).await?;
        Ok(answer.map_err(|error| refused(&error))?.item)
    }

    fn part(&self, write: &Write) -> Result<TransactWriteItem, StoreError> {
        let invalid = |error: aws_sdk_dynamodb::error::BuildError| {
            StoreError::Invalid(format!("{}: {error}", write.key()))
        };
        let part = TransactWriteItem::builder();
        let key = Some(name(write.key()));
        Ok(match (prepare(write), write) {
            (Prepared::Update(update), _) => {
                let update = Update::builder()
                    .table_name(&self.table)
                    .set_key(key)
                    .update_expression(update.change)
                    .condition_expression(update.condition)
                    .set_expression_attribute_names(Some(update.names))
                    .set_expression_attribute_values(Some(update.values))
                    .return_values_on_condition_check_failure(OnFailure::AllOld);
                part.update(update.build().map_err(invalid)?).build()
            }
            (Prepared::Test(test), Write::Delete { .. }) => {
                let delete = Delete::builder()
                    .table_name(&self.table)
                    .set_key(key)
                    .condition_expression(test.condition)
                    .set_expression_attribute_names(test.names)
                    .set_expression_attribute_values(test.values)
                    .return_values_on_condition_check_failure(OnFailure::AllOld);
                part.delete(delete.build().map_err(invalid)?).build()
            }
            (Prepared::Test(test), _) => {
                let check = ConditionCheck::builder()
                    .table_name(&self.table)
                    .set_key(key)
                    .condition_expression(test.condition)
                    .set_expression_attribute_names(test.names)
                    .set_expression_attribute_values(test.values)
                    .return_values_on_condition_check_failure(OnFailure::AllOld);
                part.condition_check(check.build().map_err(invalid)?)
                    .build()
            }
        })
    }
}

/// What the service said to a single write.
enum Answer {
    /// The condition failed; with the item as it was found, if there was one.
    Failed(Option<Attributes>),
    /// Something else.
    Other(StoreError),
}

/// The first write that was refused. `Ok` where none was and the transaction only met another one,
/// or was throttled: it can be sent again.
fn verdict(writes: &[Write], reasons: &[CancellationReason]) -> Result<(), CommitError> {
    for (index, (write, reason)) in writes.iter().zip(reasons).enumerate() {
        match reason.code() {
            Some("ConditionalCheckFailed") => {
                let old = reason.item().filter(|old| !old.is_empty());
                write.decide(index, old.map(found).transpose()?)?;
            }
            Some("ValidationError" | "ItemCollectionSizeLimitExceeded") => {
                let message = reason.message().unwrap_or("no message");
                return Err(StoreError::Invalid(format!("write {index}: {message}")).into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// A write as DynamoDB's expressions.
enum Prepared {
    Update(Change),
    /// For a delete or a check.
    Test(Test),
}

struct Change {
    change: String,
    condition: String,
    names: HashMap<String, String>,
    values: Attributes,
}

struct Test {
    condition: String,
    names: Option<HashMap<String, String>>,
    values: Option<Attributes>,
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn name(key: &Key) -> Attributes {
    HashMap::from([
        ("pk".to_owned(), text(&key.partition)),
        ("sk".to_owned(), text(&key.sort)),
    ])
}

fn prepare(write: &Write) -> Prepared {
    let mut names = HashMap::new();
    let mut values = Attributes::new();
    let mut named = |short: &str, long: &str| {
        names.insert(short.to_owned(), long.to_owned());
    };
    match write {
        Write::Put {
            expect,
            body,
            wake,
            listing,
            ..
        } => {
            named("#version", "version");
            named("#body", "body");
            named("#counter", "counter");
            values.insert(":zero".into(), number(0));
            values.insert(":one".into(), number(1));
            values.insert(
                ":body".into(),
                AttributeValue::B(Blob::new(body.as_slice())),
            );
            let mut set =
                String::from("SET #version = if_not_exists(#version, :zero) + :one, #body = :body");
            let mut remove = Vec::new();
            for (index, place) in [(Index::Wake, wake), (Index::Listing, listing)] {
                let (pk, sk) = self::names(index);
                match place {
                    Some(IndexKey { partition, sort }) => {
                        set += &format!(", {pk} = :{pk}, {sk} = :{sk}");
                        values.insert(format!(":{pk}"), text(partition));
                        values.insert(format!(":{sk}"), text(sort));
                    }
                    None => remove.extend([pk, sk]),
                }
            }
            let condition = match expect {
                Expect::Absent => "attribute_not_exists(pk)".to_owned(),
                Expect::Version(version) => {
                    values.insert(":version".into(), number(version));
                    "#version = :version AND attribute_not_exists(#counter)".to_owned()
                }
                Expect::Exists => {
                    "attribute_exists(pk) AND attribute_not_exists(#counter)".to_owned()
                }
            };
            if *expect == Expect::Absent {
                names.remove("#counter");
            }
            if !remove.is_empty() {
                set += &format!(" REMOVE {}", remove.join(", "));
            }
            Prepared::Update(Change {
                change: set,
                condition,
                names,
                values,
            })
        }
        Write::Add {
            delta, at_least, ..
        } => {
            named("#version", "version");
            named("#counter", "counter");
            // In numbers that cannot overflow: DynamoDB's have 38 digits.
            let delta = i128::from(*delta);
            let least = (i128::from(*at_least) - delta).max(i128::from(i64::MIN) - delta);
            let most = i128::from(i64::MAX) - delta;
            values.insert(":delta".into(), number(delta));
            values.insert(":one".into(), number(1));
            values.insert(":least".into(), number(least));
            values.insert(":most".into(), number(most));
            let mut condition = "#counter BETWEEN :least AND :most".to_owned();
            if (least..=most).contains(&0) {
                condition = format!("attribute_not_exists(pk) OR {condition}");
            }
            Prepared::Update(Change {
                change: "ADD #counter :delta, #version :one".into(),
                condition,
                names,
                values,
            })
        }
        Write::Delete { expect, .. } | Write::Check { expect, .. } => {
            let condition = match expect {
                Expect::Absent => "attribute_not_exists(pk)",
                Expect::Exists => "attribute_exists(pk)",
                Expect::Version(version) => {
                    named("#version", "version");
                    values.insert(":version".into(), number(version));
                    "#version = :version"
                }
            };
            Prepared::Test(Test {
                condition: condition.into(),
                names: (!names.is_empty()).then_some(names),
                values: (!values.is_empty()).then_some(values),
            })
        }
    }
}

fn names(index: Index) -> (&'static str, &'static str) {
    match index {
        Index::Primary => ("pk", "sk"),
        Index::Wake => ("wake_pk", "wake_sk"),
        Index::Listing => ("list_pk", "list_sk"),
    }
}

fn index_name(index: Index) -> Option<&'static str> {
    match index {
        Index::Primary => None,
        Index::Wake => Some("wake"),
        Index::Listing => Some("listing"),
    }
}

fn damaged(attributes: &Attributes, what: &str) -> StoreError {
    let key = ["pk", "sk"].map(|part| match attributes.get(part) {
        Some(AttributeValue::S(text)) => text.as_str(),
        _ => "?",
    });
    StoreError::Corrupt(format!("{}/{}: {what}", key[0], key[1]))
}

fn integer<T: std::str::FromStr>(
    attributes: &Attributes,
    name: &str,
) -> Result<Option<T>, StoreError> {
    let read = |value: &AttributeValue| {
        let parsed = value.as_n().ok().and_then(|digits| digits.parse().ok());
        parsed.ok_or_else(|| damaged(attributes, name))
    };
    attributes.get(name).map(read).transpose()
}

fn found(attributes: &Attributes) -> Result<Found, StoreError> {
    Ok(Found {
        version: integer(attributes, "version")?.ok_or_else(|| damaged(attributes, "version"))?,
        counter: integer(attributes, "counter")?,
    })
}

fn item(attributes: &Attributes) -> Result<Item, StoreError> {
    let string = |name: &str| match attributes.get(name) {
        Some(AttributeValue::S(text)) => Some(text.clone()),
        _ => None,
    };
    let place = |index| {
        let (pk, sk) = names(index);
        let place = string(pk).zip(string(sk));
        place.map(|(partition, sort)| IndexKey { partition, sort })
    };
    let Found { version, counter } = found(attributes)?;
    Ok(Item {
        key: string("pk")
            .zip(string("sk"))
            .map(|(partition, sort)| Key { partition, sort })
            .ok_or_else(|| damaged(attributes, "key"))?,
        version,
        body: match attributes.get("body") {
            Some(AttributeValue::B(body)) => body.as_ref().to_vec(),
            _ => Vec::new(),
        },
        counter: counter.unwrap_or(0),
        wake: place(Index::Wake),
        listing: place(Index::Listing),
    })
}

/// Where the last item of a page stands in the index that was walked.
fn position(query: &Query, last: &Attributes) -> Result<Position, StoreError> {
    let string = |name: &str| match last.get(name) {
        Some(AttributeValue::S(text)) => Ok(text.clone()),
        _ => Err(damaged(last, name)),
    };
    Ok(Position {
        sort: string(names(query.index).1)?,
        key: Key::new(string("pk")?, string("sk")?),
    })
}

#[async_trait]
impl Table for DynamoTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        limits::key(key)?;
        self.raw(key).await?.as_ref().map(item).transpose()
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let after = limits::query(query)?;
        if let (Some(from), Some(to)) = (&query.from, &query.to)
            && from >= to
        {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        }
        let (pk, sk) = names(query.index);
        let mut condition = format!("{pk} = :partition");
        let mut values = Attributes::from([(":partition".into(), text(&query.partition))]);
        let from = query.from.as_ref().filter(|from| !from.is_empty());
        // A sort key takes one condition, and BETWEEN includes both ends.
        match (from, &query.to) {
            (Some(_), Some(_)) => condition += &format!(" AND {sk} BETWEEN :from AND :to"),
            (Some(_), None) => condition += &format!(" AND {sk} >= :from"),
            (None, Some(_)) => condition += &format!(" AND {sk} < :to"),
            (None, None) => {}
        }
        for (name, end) in [(":from", from), (":to", query.to.as_ref())] {
            if let Some(end) = end {
                values.insert(name.into(), text(end));
            }
        }
        let start = after.map(|position| {
            let mut start = name(&position.key);
            start.insert(pk.into(), text(&query.partition));
            start.insert(sk.into(), text(position.sort));
            start
        });
        let limit = i32::try_from(query.limit).unwrap_or(i32::MAX);
        let request = self
            .client
            .query()
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .table_name(&self.table)
            .set_index_name(index_name(query.index).map(str::to_owned))
            .consistent_read(query.index == Index::Primary)
            .key_condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .scan_index_forward(!query.descending)
            .limit(limit)
            .set_exclusive_start_key(start);
        let answer = repeated(|| request.clone().send()).await?;
        let answer = answer.map_err(|error| refused(&error))?;
        let mut items = Vec::new();
        for attributes in answer.items() {
            let item = item(attributes)?;
            let sort = match query.index {
                Index::Primary => Some(&item.key.sort),
                Index::Wake => item.wake.as_ref().map(|place| &place.sort),
                Index::Listing => item.listing.as_ref().map(|place| &place.sort),
            };
            if query.to.is_none() || sort != query.to.as_ref() {
                items.push(item);
            }
        }
        let next = answer.last_evaluated_key().filter(|last| !last.is_empty());
        let next = next.map(|last| position(query, last)).transpose()?;
        Ok(Page {
            items,
            next: next.map(|position| position.cursor(query)),
        })
    }

    async fn commit(&self, writes: &[Write]) -> Result<(), CommitError> {
        limits::commit(writes)?;
        match writes {
            [write] => self.write(write).await,
            writes => self.transact(writes).await,
        }
    }
}

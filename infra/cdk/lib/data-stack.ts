import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps, Validations } from "aws-cdk-lib";
import { AttributeType, BillingMode, type GlobalSecondaryIndexProps, ProjectionType, Table, TableEncryption } from "aws-cdk-lib/aws-dynamodb";
import { Key } from "aws-cdk-lib/aws-kms";
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from "aws-cdk-lib/aws-s3";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { auctionQueue, prefix, proverQueue, RESULTS, tableName } from "./names.ts";
import type { Settings } from "./settings.ts";

/** Of the functions that queues feed; a queue's visibility is six times that, as AWS asks for. */
export const AUCTION_TIME_OUT = Duration.seconds(30);
export const VERIFY_TIME_OUT = Duration.seconds(15);
const VISIBILITY_FACTOR = 6;

export const INDEXES = ["wake", "listing"] as const;

/** What has state. */
export class DataStack extends Stack {
  readonly table: Table;
  readonly bucket: Bucket;
  readonly key: Key;
  /** A JSON object: what each version of the ledger's log key is derived from. The last one signs. */
  readonly ledgerKeys: Secret;
  /** One for each shard, in order. */
  readonly auctions: Queue[];
  readonly results: Queue;
  /** By class of the fleet. */
  readonly provers: Map<string, Queue>;

  constructor(scope: Construct, id: string, settings: Settings, props: StackProps) {
    super(scope, id, { ...props, terminationProtection: settings.production });
    const removalPolicy = settings.production ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY;

    this.table = new Table(this, "Table", {
      tableName: tableName(settings),
      partitionKey: text("pk"),
      sortKey: text("sk"),
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.DEFAULT,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      timeToLiveAttribute: "expires",
      deletionProtection: settings.production,
      removalPolicy,
    });
    this.table.addGlobalSecondaryIndex(index("wake", "wake"));
    this.table.addGlobalSecondaryIndex(index("listing", "list"));

    this.key = new Key(this, "Key", {
      description: `Prooflane ${settings.stage}: inputs, proofs and proving keys in S3`,
      enableKeyRotation: true,
      removalPolicy,
    });
    this.bucket = new Bucket(this, "Bucket", {
      encryption: BucketEncryption.KMS,
      encryptionKey: this.key,
      bucketKeyEnabled: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      versioned: true,
      removalPolicy,
      lifecycleRules: [
        { id: "inputs", prefix: "inputs/", expiration: Duration.days(30) },
        { id: "uploads", prefix: "uploads/", expiration: Duration.days(1) },
        {
          id: "leftovers",
          noncurrentVersionExpiration: Duration.days(30),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
    });
    Validations.of(this.bucket).acknowledge({
      id: "AwsSolutions-S1",
      reason: "Nobody but the network's own roles reads the bucket, and CloudTrail can record their requests by name.",
    });

    this.ledgerKeys = new Secret(this, "LedgerKeys", {
      secretName: `${prefix(settings)}ledger-keys`,
      description: `Prooflane ${settings.stage}: the keys of the dataset ledger's log, by version`,
      generateSecretString: { secretStringTemplate: "{}", generateStringKey: "1", passwordLength: 64, excludePunctuation: true },
      removalPolicy,
    });
    Validations.of(this.ledgerKeys).acknowledge({
      id: "AwsSolutions-SMG4",
      reason: "Whoever verifies receipts has to hear of a new key, so that a person adds it; old ones stay.",
    });

    this.auctions = Array.from({ length: settings.marketShards }, (_, shard) =>
      this.queue(settings, auctionQueue(shard), visibility(AUCTION_TIME_OUT), 5),
    );
    this.results = this.queue(settings, RESULTS, visibility(VERIFY_TIME_OUT), 5);
    // A prover extends what it works on; a task that ten machines could not finish is looked at by a person.
    this.provers = new Map(
      settings.classes.map(({ name }) => [name, this.queue(settings, proverQueue(name), Duration.seconds(60), 10)]),
    );

    new CfnOutput(this, "TableName", { value: this.table.tableName });
    new CfnOutput(this, "BucketName", { value: this.bucket.bucketName });
    new CfnOutput(this, "QueuePrefix", { value: prefix(settings) });
  }

  /** Every queue of the network, by its name without the prefix. */
  get queues(): Map<string, Queue> {
    const auctions = this.auctions.map((queue, shard) => [auctionQueue(shard), queue] as const);
    const provers = [...this.provers].map(([prover, queue]) => [proverQueue(prover), queue] as const);
    return new Map([...auctions, [RESULTS, this.results], ...provers]);
  }

  private queue(settings: Settings, name: string, visibilityTimeout: Duration, receives: number): Queue {
    const common = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true };
    const dead = new Queue(this, `${name}-dead`, {
      ...common,
      queueName: `${prefix(settings)}${name}-dead`,
      retentionPeriod: Duration.days(14),
    });
    return new Queue(this, name, {
      ...common,
      queueName: `${prefix(settings)}${name}`,
      visibilityTimeout,
      deadLetterQueue: { queue: dead, maxReceiveCount: receives },
    });
  }
}

const text = (name: string) => ({ name, type: AttributeType.STRING });

const index = (indexName: string, key: string): GlobalSecondaryIndexProps => ({
  indexName,
  partitionKey: text(`${key}_pk`),
  sortKey: text(`${key}_sk`),
  projectionType: ProjectionType.ALL,
});

const visibility = (timeOut: Duration) => Duration.seconds(VISIBILITY_FACTOR * timeOut.toSeconds());

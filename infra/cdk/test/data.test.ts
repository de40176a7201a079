import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, test } from "vitest";
import { synthesized } from "./synthesized.ts";

const dev = synthesized().template("Data");
const prod = synthesized({ stage: "prod" }).template("Data");

test("the table is on demand, can be restored to any second, and forgets what has expired", () => {
  const index = (IndexName: string, key: string) => ({
    IndexName,
    KeySchema: [
      { AttributeName: `${key}_pk`, KeyType: "HASH" },
      { AttributeName: `${key}_sk`, KeyType: "RANGE" },
    ],
    Projection: { ProjectionType: "ALL" },
  });
  dev.hasResourceProperties("AWS::DynamoDB::Table", {
    TableName: "prooflane-dev",
    BillingMode: "PAY_PER_REQUEST",
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    TimeToLiveSpecification: { AttributeName: "expires", Enabled: true },
    GlobalSecondaryIndexes: [index("wake", "wake"), index("listing", "list")],
  });
});

test("the bucket is encrypted under its own key, closed to the public and versioned", () => {
  dev.hasResourceProperties("AWS::S3::Bucket", {
    BucketEncryption: {
      ServerSideEncryptionConfiguration: [
        {
          BucketKeyEnabled: true,
          ServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms", KMSMasterKeyID: Match.anyValue() },
        },
      ],
    },
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    },
    VersioningConfiguration: { Status: "Enabled" },
  });
  dev.hasResourceProperties("AWS::KMS::Key", { EnableKeyRotation: true });
  dev.hasResourceProperties("AWS::S3::BucketPolicy", {
    PolicyDocument: Match.objectLike({
      Statement: [
        Match.objectLike({ Effect: "Deny", Action: "s3:*", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
      ],
    }),
  });
});

test("inputs and uploads go away; keys, proofs and transcripts stay", () => {
  const bucket = Object.values(dev.findResources("AWS::S3::Bucket"))[0];
  expect(bucket?.Properties.LifecycleConfiguration.Rules).toEqual([
    { Id: "inputs", Prefix: "inputs/", ExpirationInDays: 30, Status: "Enabled" },
    { Id: "uploads", Prefix: "uploads/", ExpirationInDays: 1, Status: "Enabled" },
    {
      Id: "leftovers",
      NoncurrentVersionExpiration: { NoncurrentDays: 30 },
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
      Status: "Enabled",
    },
  ]);
});

describe("queues", () => {
  test.each([
    ["auction-0", 180, 5],
    ["auction-1", 180, 5],
    ["results", 90, 5],
    ["prover-fleet-cpu", 60, 10],
    ["prover-fleet-gpu", 60, 10],
  ])("%s gives up to its dead-letter queue", (name, VisibilityTimeout, maxReceiveCount) => {
    const data = synthesized({ marketShards: 2 }).template("Data");
    const dead = data.findResources("AWS::SQS::Queue", {
      Properties: { QueueName: `prooflane-dev-${name}-dead`, MessageRetentionPeriod: 14 * 86_400 },
    });
    const [id] = Object.keys(dead);
    data.hasResourceProperties("AWS::SQS::Queue", {
      QueueName: `prooflane-dev-${name}`,
      VisibilityTimeout,
      RedrivePolicy: { maxReceiveCount, deadLetterTargetArn: { "Fn::GetAtt": [id, "Arn"] } },
    });
  });

  test("every one is encrypted", () => {
    dev.allResourcesProperties("AWS::SQS::Queue", { SqsManagedSseEnabled: true });
  });
});

test("production keeps its data whatever happens to the stack", () => {
  for (const type of ["AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SecretsManager::Secret"]) {
    prod.allResources(type, { DeletionPolicy: "Retain", UpdateReplacePolicy: "Retain" });
    dev.allResources(type, { DeletionPolicy: "Delete" });
  }
  prod.hasResourceProperties("AWS::DynamoDB::Table", { DeletionProtectionEnabled: true });
  dev.hasResourceProperties("AWS::DynamoDB::Table", { DeletionProtectionEnabled: false });
});

test("costs are tagged by stage and room", () => {
  for (const [template, room] of [
    [dev, "data"],
    [synthesized().template("Api"), "api"],
  ] as const) {
    const type = room === "data" ? "AWS::SQS::Queue" : "AWS::Lambda::Function";
    template.allResourcesProperties(type, {
      Tags: [
        { Key: "prooflane:room", Value: room },
        { Key: "prooflane:stage", Value: "dev" },
      ],
    });
  }
});

test("outputs say where everything is", () => {
  for (const name of ["TableName", "BucketName", "QueuePrefix"]) dev.hasOutput(name, {});
});

import { describe, expect, test } from "vitest";
import { FOLDERS } from "../lib/names.ts";
import { type StackId, synthesized } from "./synthesized.ts";

const all = (...parts: string[][]) => [...new Set(parts.flat())].sort();

interface Statement {
  Action: string | string[];
  Resource: unknown;
  Condition?: unknown;
}

const made = synthesized();
const list = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);

/** What a role may do: `action on resource`, with intrinsic functions as readable text. */
function permissions(stack: StackId, role: string): string[] {
  const template = made.template(stack).toJSON();
  const policies = Object.values<any>(template.Resources).filter(
    ({ Type, Properties }) =>
      Type === "AWS::IAM::Policy" && Properties.Roles.some(({ Ref }: { Ref: string }) => Ref.startsWith(role)),
  );
  const statements: Statement[] = policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
  return all(
    statements.flatMap(({ Action, Resource }) =>
      list(Action).flatMap((action) => list(Resource).map((resource) => `${action} on ${readable(resource)}`)),
    ),
  );
}

function readable(value: any): string {
  if (typeof value === "string") return value;
  if (value.Ref) return value.Ref;
  if (value["Fn::ImportValue"]) return origin(value["Fn::ImportValue"]);
  if (value["Fn::GetAtt"]) return value["Fn::GetAtt"][0].replace(/[0-9A-F]{8}$/, "");
  if (value["Fn::Sub"]) return value["Fn::Sub"];
  return value["Fn::Join"][1].map(readable).join("");
}

/** The resource behind an export, without CDK's hash. */
function origin(exported: string): string {
  const name = /ExportsOutput(?:FnGetAtt|Ref)(.*)[0-9A-F]{8}(?:Arn)?[0-9A-F]{8}$/.exec(exported)?.[1];
  if (name === undefined) throw new Error(`strange export ${exported}`);
  return name.toLowerCase();
}

const TABLE = ["ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"].flatMap((action) =>
  ["table", "table/index/listing", "table/index/wake"].map((resource) => `dynamodb:${action} on ${resource}`),
);
const files = (action: string, folders: readonly string[]) =>
  folders.map((folder) => `s3:${action} on bucket/${folder}/*`);
const USE_KEY = ["kms:Decrypt on key", "kms:GenerateDataKey on key"];
const queues = (actions: string[], names: string[]) =>
  names.flatMap((name) => actions.map((action) => `sqs:${action} on ${name}`));
const SEND = ["GetQueueUrl", "SendMessage"];
const RECEIVE = ["ChangeMessageVisibility", "DeleteMessage", "GetQueueUrl", "ReceiveMessage"];
const AUCTIONS = ["auction0"];
const PROVERS = ["proverfleetcpu", "proverfleetgpu"];

/** The same for every function: its own log group, and its traces. */
const functionOf = (name: string) => [
  `logs:CreateLogStream on ${name}logs`,
  `logs:PutLogEvents on ${name}logs`,
  "xray:PutTelemetryRecords on *",
  "xray:PutTraceSegments on *",
];

describe("a role may do this and nothing else", () => {
  test("api", () => {
    const folders = FOLDERS.filter((folder) => folder !== "keys");
    expect(permissions("Api", "apirole")).toEqual(
      all(
        TABLE,
        files("GetObject", FOLDERS),
        files("PutObject", folders),
        files("DeleteObject", ["inputs", "uploads", "ledger"]),
        ["s3:ListBucket on bucket", "secretsmanager:GetSecretValue on ledgerkeys"],
        USE_KEY,
        queues(SEND, [...AUCTIONS, ...PROVERS]),
        queues(RECEIVE, PROVERS),
        functionOf("api"),
      ),
    );
  });

  test("auction", () => {
    expect(permissions("Api", "auctionrole")).toEqual(
      all(
        TABLE,
        files("GetObject", ["keys", "transcripts"]),
        files("PutObject", ["transcripts"]),
        ["s3:ListBucket on bucket"],
        USE_KEY,
        queues(SEND, [...AUCTIONS, ...PROVERS]),
        queues([...RECEIVE, "GetQueueAttributes"], AUCTIONS),
        functionOf("auction"),
      ),
    );
  });

  test("verify", () => {
    expect(permissions("Api", "verifyrole")).toEqual(
      all(
        TABLE,
        files("GetObject", ["keys", "proofs"]),
        files("DeleteObject", ["inputs", "proofs"]),
        ["s3:ListBucket on bucket", "kms:Decrypt on key"],
        queues(SEND, AUCTIONS),
        queues([...RECEIVE, "GetQueueAttributes"], ["results"]),
        functionOf("verify"),
      ),
    );
  });

  test("sweep", () => {
    expect(permissions("Api", "sweeprole")).toEqual(
      all(
        TABLE,
        files("GetObject", ["keys"]),
        files("DeleteObject", ["inputs"]),
        ["s3:ListBucket on bucket", "kms:Decrypt on key"],
        queues(SEND, [...AUCTIONS, ...PROVERS]),
        queues(["GetQueueAttributes"], PROVERS),
        functionOf("sweep"),
      ),
    );
  });

  test("an instance of fleet-cpu", () => {
    const mine = permissions("Fleet", "fleetcpurole").filter((permission) => !permission.includes("cdk-hnb659fds-assets"));
    const group = "autoScalingGroup:*:autoScalingGroupName/prooflane-dev-fleet-cpu";
    const arn = `arn:AWS::Partition:autoscaling:AWS::Region:AWS::AccountId:${group}`;
    expect(mine).toEqual(
      all(
        TABLE,
        files("GetObject", ["keys", "inputs"]),
        files("PutObject", ["proofs"]),
        ["s3:ListBucket on bucket"],
        USE_KEY,
        queues(RECEIVE, ["proverfleetcpu"]),
        queues(SEND, ["results", ...AUCTIONS, "proverfleetcpu"]),
        [
          `autoscaling:SetInstanceProtection on ${arn}`,
          `autoscaling:CompleteLifecycleAction on ${arn}`,
          `autoscaling:RecordLifecycleActionHeartbeat on ${arn}`,
        ],
        ["CreateLogStream", "DescribeLogStreams", "PutLogEvents"].map((action) => `logs:${action} on fleetcpulogs`),
        ["CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"].map(
          (action) => `ssmmessages:${action} on *`,
        ),
        ["ssm:UpdateInstanceInformation on *"],
      ),
    );
  });

  test("the worker's binary is one object", () => {
    const assets = permissions("Fleet", "fleetcpurole").filter((one) => one.includes("cdk-hnb659fds-assets"));
    expect(assets).toHaveLength(1);
    expect(assets[0]).toMatch(/^s3:GetObject on .*\/[0-9a-f]{64}[0-9a-f.]*$/);
  });
});

test("no role may do everything with anything, and none takes a policy that AWS manages", () => {
  for (const stack of ["Data", "Api", "Fleet", "Watch"] as const) {
    const template = made.template(stack);
    for (const { Properties } of Object.values(template.findResources("AWS::IAM::Policy"))) {
      for (const { Action } of Properties.PolicyDocument.Statement as Statement[]) {
        for (const action of list(Action)) expect(action).not.toContain("*");
      }
    }
    for (const { Properties } of Object.values(template.findResources("AWS::IAM::Role"))) {
      expect(Properties.ManagedPolicyArns).toBeUndefined();
    }
  }
});

test("the bucket's key serves only through S3", () => {
  for (const { Action, Condition } of statements("Api")) {
    if (list(Action).some((action) => action.startsWith("kms:"))) {
      expect(JSON.stringify(Condition)).toContain("kms:ViaService");
    }
  }
});

test("whoever reads a folder may list it, and no other", () => {
  const lists = statements("Api").filter(({ Action }) => list(Action).includes("s3:ListBucket"));
  const listed = lists.map(({ Condition }) => (Condition as any).StringLike["s3:prefix"]);
  expect(listed).toEqual([
    FOLDERS.map((folder) => `${folder}/*`),
    ["keys/*", "transcripts/*"],
    ["keys/*", "proofs/*"],
    ["keys/*"],
  ]);
});

/** Of all roles in a stack. */
function statements(stack: StackId): Statement[] {
  const policies = Object.values(made.template(stack).findResources("AWS::IAM::Policy"));
  return policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
}

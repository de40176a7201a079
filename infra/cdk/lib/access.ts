import { type CfnElement, Stack, Validations } from "aws-cdk-lib";
import { Effect, type IGrantable, PolicyStatement, type Role } from "aws-cdk-lib/aws-iam";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { type DataStack, INDEXES } from "./data-stack.ts";
import type { Folder } from "./names.ts";

/** What a role may do in the bucket, folder by folder. */
export interface Files {
  get: Folder[];
  put?: Folder[];
  delete?: Folder[];
}

/** Every decision is a conditional write, so that whoever decides reads and writes the table. */
export function table(role: IGrantable, data: DataStack): void {
  const indexes = INDEXES.map((index) => `${data.table.tableArn}/index/${index}`);
  allow(role, TABLE_ACTIONS, [data.table.tableArn, ...indexes]);
}

const TABLE_ACTIONS = ["GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"].map(
  (action) => `dynamodb:${action}`,
);

export function files(role: Role, data: DataStack, wanted: Files): void {
  const { bucket, key } = data;
  const within = (folders: Folder[]) => folders.map((folder) => bucket.arnForObjects(`${folder}/*`));
  const { get, put = [], delete: remove = [] } = wanted;
  allow(role, ["s3:GetObject"], within(get));
  if (put.length > 0) allow(role, ["s3:PutObject"], within(put));
  if (remove.length > 0) allow(role, ["s3:DeleteObject"], within(remove));
  // Whoever may not list is told of a missing file that it is forbidden, not that it is missing.
  const prefixes = get.map((folder) => `${folder}/*`);
  allow(role, ["s3:ListBucket"], [bucket.bucketArn], { StringLike: { "s3:prefix": prefixes } });
  const logicalId = data.getLogicalId(bucket.node.defaultChild as CfnElement);
  for (const folder of new Set([...get, ...put, ...remove])) {
    wildcard(role, `<${logicalId}.Arn>/${folder}/*`, "The objects of one folder of the network's own bucket.");
  }
  // S3 uses the key on the role's behalf; the role itself can decrypt nothing with it.
  const { region } = Stack.of(role);
  const through = { StringEquals: { "kms:ViaService": `s3.${region}.amazonaws.com` } };
  const keyActions = put.length > 0 ? ["kms:Decrypt", "kms:GenerateDataKey"] : ["kms:Decrypt"];
  allow(role, keyActions, [key.keyArn], through);
}

export const send = (role: IGrantable, queues: IQueue[]): void =>
  allow(role, ["sqs:GetQueueUrl", "sqs:SendMessage"], arns(queues));

export function receive(role: IGrantable, queues: IQueue[]): void {
  const actions = ["GetQueueUrl", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"];
  allow(
    role,
    actions.map((action) => `sqs:${action}`),
    arns(queues),
  );
}

/**
 * SQS stops measuring a queue that nobody touched for six hours, and then takes up to 15 minutes to
 * start again: for so long a fleet at zero would not notice its first task.
 */
export const keepMeasured = (role: IGrantable, queues: IQueue[]): void =>
  allow(role, ["sqs:GetQueueAttributes"], arns(queues));

export function allow(
  role: IGrantable,
  actions: string[],
  resources: string[],
  conditions: Record<string, Record<string, unknown>> = {},
): void {
  role.grantPrincipal.addToPrincipalPolicy(new PolicyStatement({ effect: Effect.ALLOW, actions, resources, conditions }));
}

/** Says to cdk-nag why a resource in a role's policy ends in, or is, a wildcard. */
export function wildcard(role: Role, resource: string, reason: string): void {
  Validations.of(role).acknowledge({ id: `AwsSolutions-IAM5[Resource::${resource}]`, reason });
}

const arns = (queues: IQueue[]): string[] => queues.map((queue) => queue.queueArn);

/**
 * Deploys the Data and Api stacks to an emulator of AWS, as `cdk synth` writes them, and prints
 * where everything is as one JSON object. Two things differ from a real deployment: functions are
 * told the emulator's address, and no bootstrap stack is asked for, because an emulator has none.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import {
  Capability,
  CloudFormationClient,
  CreateStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  type Stack as Deployed,
  UpdateStackCommand,
  waitUntilStackCreateComplete,
  waitUntilStackUpdateComplete,
} from "@aws-sdk/client-cloudformation";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { App, DefaultStackSynthesizer } from "aws-cdk-lib";
import { type AssetManifest, FileAssetPackaging } from "aws-cdk-lib/cloud-assembly-schema";
import { zipSync, type Zippable } from "fflate";
import { core } from "../lib/network.ts";
import { settings } from "../lib/settings.ts";

const USAGE = "npm run --silent deploy-local -- --endpoint URL --functions DIR [--stage dev] [--context NAME=VALUE]...";

// What every emulator takes; a real account would refuse them.
const ACCOUNT = "000000000000";
const REGION = "us-east-1";
const CLIENT = { region: REGION, credentials: { accessKeyId: "test", secretAccessKey: "test" } };
const WAIT_SECONDS = 120;

const { endpoint, context } = args();
const cloudFormation = new CloudFormationClient({ ...CLIENT, endpoint });
const s3 = new S3Client({ ...CLIENT, endpoint, forcePathStyle: true });

const output = mkdtempSync(join(tmpdir(), "prooflane-cdk-"));
try {
  console.log(JSON.stringify(await deploy()));
} catch (error) {
  console.error(`deploy-local: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  rmSync(output, { recursive: true });
}

function args(): { endpoint: string; context: Record<string, string> } {
  const { values } = parseArgs({
    options: {
      endpoint: { type: "string" },
      functions: { type: "string" },
      stage: { type: "string", default: "dev" },
      context: { type: "string", multiple: true, default: [] },
    },
  });
  if (!values.endpoint || !values.functions) {
    console.error(`deploy-local: --endpoint and --functions are needed: ${USAGE}`);
    process.exit(2);
  }
  // npm runs this in the package's folder; paths are meant from where npm was called.
  const functions = resolve(process.env.INIT_CWD ?? ".", values.functions);
  const more = values.context.map((pair) => {
    const [name = "", ...value] = pair.split("=");
    return [name, value.join("=")];
  });
  return { endpoint: values.endpoint, context: { ...Object.fromEntries(more), stage: values.stage, functions } };
}

async function deploy(): Promise<object> {
  const app = new App({ analyticsReporting: false, outdir: output, context });
  const stacks = core(app, settings(app.node), {
    synthesizer: () => new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
    environment: { AWS_ENDPOINT_URL: endpoint },
  });
  const assembly = app.synth();
  const outputs: Record<string, string> = {};
  for (const { stackName } of [stacks.data, stacks.api]) {
    const { template } = assembly.getStackByName(stackName);
    await upload(stackName);
    Object.assign(outputs, await apply(stackName, JSON.stringify(template)));
  }
  const of = (name: string): string => {
    const value = outputs[name];
    if (value === undefined) throw new Error(`the stacks have no output ${name}`);
    return value;
  };
  return {
    // The name that AWS gives it does not resolve here; the emulator goes by the Host header.
    apiUrl: endpoint,
    apiHost: `${of("ApiId")}.execute-api.localhost:${new URL(endpoint).port}`,
    apiId: of("ApiId"),
    table: of("TableName"),
    bucket: of("BucketName"),
    queuePrefix: of("QueuePrefix"),
    functions: Object.fromEntries([...stacks.api.functions.keys()].map((name) => [name, of(`Function${name}`)])),
  };
}

/** Puts a stack's folders where its template looks for them. */
async function upload(stackName: string): Promise<void> {
  const manifest = JSON.parse(readFileSync(join(output, `${stackName}.assets.json`), "utf8")) as AssetManifest;
  const folders = Object.values(manifest.files ?? {}).filter(
    ({ source }) => source.packaging === FileAssetPackaging.ZIP_DIRECTORY,
  );
  for (const { source, destinations } of folders) {
    const body = zip(join(output, source.path ?? ""));
    for (const destination of Object.values(destinations)) {
      const Bucket = destination.bucketName
        .replace("${AWS::AccountId}", ACCOUNT)
        .replace("${AWS::Region}", REGION);
      await s3.send(new CreateBucketCommand({ Bucket }));
      await s3.send(new PutObjectCommand({ Bucket, Key: destination.objectKey, Body: body }));
    }
  }
}

/** The files of a folder, executable, and stored as they are: this is not sent far. */
function zip(folder: string): Uint8Array {
  const files: Zippable = {};
  for (const name of readdirSync(folder)) {
    files[name] = [readFileSync(join(folder, name)), { level: 0, os: 3, attrs: 0o100755 << 16 }];
  }
  return zipSync(files);
}

/** Creates the stack, or updates it where there is one; its outputs. */
async function apply(StackName: string, TemplateBody: string): Promise<Record<string, string>> {
  const stack = { StackName, TemplateBody, Capabilities: [Capability.CAPABILITY_NAMED_IAM] };
  const wait = { client: cloudFormation, maxWaitTime: WAIT_SECONDS, minDelay: 1, maxDelay: 1 };
  const there = await find(StackName);
  try {
    if (there === undefined) {
      await cloudFormation.send(new CreateStackCommand(stack));
      await waitUntilStackCreateComplete(wait, { StackName });
    } else {
      await cloudFormation.send(new UpdateStackCommand(stack));
      await waitUntilStackUpdateComplete(wait, { StackName });
    }
  } catch (error) {
    if (!said(error, "No updates are to be performed")) {
      throw new Error(`${StackName}: ${await reasons(StackName, error)}`);
    }
  }
  const outputs = (await find(StackName))?.Outputs ?? [];
  return Object.fromEntries(outputs.map(({ OutputKey, OutputValue }) => [OutputKey ?? "", OutputValue ?? ""]));
}

async function find(StackName: string): Promise<Deployed | undefined> {
  try {
    return (await cloudFormation.send(new DescribeStacksCommand({ StackName }))).Stacks?.[0];
  } catch (error) {
    if (said(error, "does not exist")) return undefined;
    throw new Error(`no answer from ${endpoint}: ${error}`);
  }
}

/** Which resources failed, and why; where the emulator does not say, what the call said. */
async function reasons(StackName: string, error: unknown): Promise<string> {
  const events = await cloudFormation
    .send(new DescribeStackEventsCommand({ StackName }))
    .then(({ StackEvents = [] }) => StackEvents)
    .catch(() => []);
  const failed = events
    .filter(({ ResourceStatus }) => ResourceStatus?.endsWith("_FAILED"))
    .map((event) => `${event.LogicalResourceId} (${event.ResourceType}): ${event.ResourceStatusReason}`);
  return failed.length > 0 ? failed.join("; ") : String(error);
}

function said(error: unknown, words: string): boolean {
  return error instanceof Error && error.message.includes(words);
}

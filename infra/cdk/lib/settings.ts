import { existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Node } from "constructs";
import { CLASSES, type FleetClass } from "./classes.ts";

/** What an operator may set with `-c name=value`; the README's table is held to this one by a test. */
export const CONTEXT = {
  stage: { value: "dev", meaning: "`dev` or `prod`" },
  functions: {
    value: "../../target/functions",
    meaning: "folder with `<function>/bootstrap` for each of the four functions",
  },
  worker: {
    value: "../../target/functions/worker/prooflane-fleet",
    meaning: "the fleet's binary, for x86-64 Linux",
  },
  marketShards: { value: 1, meaning: "shards of the market, each with an auction queue" },
  rules: { value: {}, meaning: "JSON object of market rules that differ from the defaults on AWS" },
  fleet: {
    value: {},
    meaning: 'JSON object of changes to the classes of the fleet, `{"fleet-gpu":{"max":4}}`',
  },
  attestor: {
    value: "",
    meaning: 'the attestor whose receipts count where a request names none, `["x","y"]` in decimal',
  },
  ledgerOrigin: {
    value: "",
    meaning: "what the dataset ledger's log is called in receipts, such as `example.com/ledger`; none: by account, region and stage",
  },
  rate: { value: 1000, meaning: "requests per second that the HTTP API admits" },
  burst: { value: 2000, meaning: "requests that it admits at once" },
  vpcId: { value: "", meaning: "existing VPC with public subnets for the fleet; none: a small one of its own" },
  alarmTopicArn: { value: "", meaning: "SNS topic that alarms are sent to; none: alarms only show" },
} as const;

type Name = keyof typeof CONTEXT;

export interface Settings {
  stage: "dev" | "prod";
  /** Production keeps what it has when a stack is deleted or a resource replaced. */
  production: boolean;
  functions: string;
  worker: string;
  marketShards: number;
  /** As the functions and the workers read them from `PROOFLANE_RULES`. */
  rules: Record<string, unknown>;
  classes: FleetClass[];
  attestor: string;
  ledgerOrigin: string;
  requestsPerSecond: number;
  burstRequests: number;
  vpcId: string;
  alarmTopicArn: string;
}

/** Reads and checks the context of an app. Values from a command line are text. */
export function settings(node: Node): Settings {
  const text = (name: Name): string => String(node.tryGetContext(name) ?? CONTEXT[name].value);
  const natural = (name: Name): number => {
    const value = Number(text(name));
    if (!Number.isInteger(value) || value < 1) {
      throw new Error(`context ${name}: expected a whole number from 1, got "${text(name)}"`);
    }
    return value;
  };
  const object = (name: Name): Record<string, unknown> => {
    const given: unknown = node.tryGetContext(name) ?? CONTEXT[name].value;
    const value: unknown = typeof given === "string" ? parsed(name, given) : given;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new Error(`context ${name}: expected a JSON object, got ${JSON.stringify(given)}`);
    }
    return value as Record<string, unknown>;
  };
  const stage = text("stage");
  if (stage !== "dev" && stage !== "prod") {
    throw new Error(`context stage: expected dev or prod, got "${stage}"`);
  }
  const marketShards = natural("marketShards");
  return {
    stage,
    production: stage === "prod",
    functions: here(text("functions")),
    worker: here(text("worker")),
    marketShards,
    // An AWS region's bad minutes are longer than a process's, an instance takes minutes to start, and
    // a class without instances is heard of once a minute, by the sweeper.
    rules: {
      outage: 150_000,
      fleet_start: 300_000,
      prover_silence: 180_000,
      market_shards: marketShards,
      ...object("rules"),
    },
    classes: classes(stage, object("fleet")),
    // A command line's JSON comes as text, a file's as what it says.
    attestor: attestor(node.tryGetContext("attestor") ?? CONTEXT.attestor.value),
    ledgerOrigin: text("ledgerOrigin"),
    requestsPerSecond: natural("rate"),
    burstRequests: natural("burst"),
    vpcId: text("vpcId"),
    alarmTopicArn: text("alarmTopicArn"),
  };
}

function attestor(given: unknown): string {
  const value = typeof given === "string" && given !== "" ? parsed("attestor", given) : given;
  if (value === "") return "";
  const fine = Array.isArray(value) && value.length === 2 && value.every((one) => /^[0-9]+$/.test(String(one)));
  if (!fine) throw new Error(`context attestor: expected ["x","y"] in decimal, got ${JSON.stringify(given)}`);
  return JSON.stringify(value.map(String));
}

/** This package's folder, from which relative paths count, wherever it is run from. */
export const HOME = dirname(dirname(fileURLToPath(import.meta.url)));

const here = (path: string): string => resolve(HOME, path);

function parsed(name: Name, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`context ${name}: expected JSON, got "${text}"`);
  }
}

function classes(stage: string, changes: Record<string, unknown>): FleetClass[] {
  const known = CLASSES.map((one) => one.name);
  const unknown = Object.keys(changes).filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new Error(`context fleet: expected classes ${known.join(", ")}, got ${unknown.join(", ")}`);
  }
  return CLASSES.map((one) => {
    // Spot capacity can be gone altogether, and production must not wait for it to come back.
    const onDemandBase = stage === "prod" ? 1 : one.onDemandBase;
    const changed = { ...one, onDemandBase, ...(changes[one.name] as Partial<FleetClass> | undefined) };
    const strange = Object.keys(changed).filter((field) => !(field in one));
    if (strange.length > 0) {
      throw new Error(`context fleet: ${one.name} has no setting ${strange.join(", ")}`);
    }
    if (changed.warm > changed.max) {
      throw new Error(`context fleet: ${one.name} has warm ${changed.warm} above max ${changed.max}`);
    }
    return changed;
  });
}

/** A file that `cargo xtask lambdas` should have built. */
export function built(path: string): string {
  if (!existsSync(path) || !statSync(path).isFile()) {
    throw new Error(`${path} is missing: build it with \`cargo xtask lambdas\``);
  }
  return path;
}

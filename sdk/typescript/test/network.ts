/**
 * The Prooflane network that integration tests prove with: the one that PROOFLANE_NETWORK_URL names, with
 * the attestor that PROOFLANE_ATTESTOR_FILE holds, else one that `prooflane up` runs here for as long as
 * the tests. The program is PROOFLANE_BIN, else what a release build left in the repository.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestProject } from "vitest/node";

/** Where the tests find it. */
export interface Network {
  url: string;
  /** The file with the key of an attestor that the facilitator trusts. */
  attestorFile: string;
  /** The `prooflane` program. */
  program: string;
  /** The folder of keys for proofs without the network; none where the network runs elsewhere. */
  keys: string | undefined;
}

declare module "vitest" {
  interface ProvidedContext {
    network: Network | undefined;
    /** A folder for what tests write, see scratch.ts. */
    scratch: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const scratch = await mkdtemp(join(tmpdir(), "prooflane-test-"));
  project.provide("scratch", scratch);
  const { network, stop } = await findNetwork(scratch);
  project.provide("network", network);
  return async () => {
    await stop();
    await rm(scratch, { recursive: true, force: true });
  };
}

async function findNetwork(
  scratch: string,
): Promise<{ network: Network | undefined; stop: () => Promise<void> }> {
  const stop = async () => {};
  const program = process.env.PROOFLANE_BIN ?? built("release") ?? built("debug");
  if (program === undefined) {
    const why =
      "no prooflane program: build one (cargo build --release -p prooflane) or name one in PROOFLANE_BIN";
    if (process.env.CI) throw new Error(why);
    console.warn(`Integration tests are skipped: ${why}`);
    return { network: undefined, stop };
  }
  const { PROOFLANE_NETWORK_URL: url, PROOFLANE_ATTESTOR_FILE: attestorFile } = process.env;
  if (url !== undefined && attestorFile !== undefined) {
    return { network: { url, attestorFile, program, keys: undefined }, stop };
  }
  return startNetwork(program, join(scratch, "network"));
}

async function startNetwork(
  program: string,
  data: string,
): Promise<{ network: Network; stop: () => Promise<void> }> {
  const child = spawn(program, ["up", "--listen", "127.0.0.1:0", "--data", data, "--json"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const stop = async () => {
    child.kill();
    await ended;
  };
  for await (const line of createInterface(child.stdout)) {
    const { url, attestor } = JSON.parse(line) as { url: string; attestor: string };
    return { network: { url, attestorFile: attestor, program, keys: join(data, "keys") }, stop };
  }
  await stop();
  throw new Error(`${program} up ended before it said where it listens`);
}

function built(profile: string): string | undefined {
  const program = new URL(`../../../target/${profile}/prooflane`, import.meta.url).pathname;
  return existsSync(program) ? program : undefined;
}

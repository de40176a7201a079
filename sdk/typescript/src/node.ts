/** What needs Node.js: a prover on this machine, and wallets and receipts in files. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PaymentError } from "./errors.ts";
import { compactProof, keyId, type SnarkjsProof, type SnarkjsVerifyingKey } from "./points.ts";
import type { Proof, Prover, ProofRequest } from "./prover.ts";
import {
  parseReceipt,
  parseWallet,
  transactionOf,
  type Receipt,
  type Receipts,
  type Wallet,
} from "./receipts.ts";

/** A `prooflane` program that proves. */
export interface LocalProverOptions {
  /** The program; `prooflane` where not given. */
  command?: string;
  /** Its directory of keys, which holds the merchant's; `prooflane-keys` where not given. */
  keys?: string;
}

/**
 * A prover that runs `prooflane prove`. The inputs go through its standard input: nothing secret stands in
 * its arguments or in a file.
 */
export function localProver(options: LocalProverOptions = {}): Prover {
  return {
    async prove(request) {
      const folder = await mkdtemp(join(tmpdir(), "prooflane-"));
      try {
        return await proveInto(folder, options, request);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

async function proveInto(
  folder: string,
  { command = "prooflane", keys }: LocalProverOptions,
  { circuit, key, inputs, signal }: ProofRequest,
): Promise<Proof> {
  const at = (name: string) => join(folder, name);
  const args = [
    ...["prove", circuit, "--inputs", "-"],
    ...["--out", at("proof.json"), "--public", at("public.json"), "--verifying-key", at("key.json")],
    ...(keys === undefined ? [] : ["--keys", keys]),
  ];
  await run(command, args, JSON.stringify(inputs), signal);
  const { madeFor, ...proof } = await readProof(folder).catch((cause: unknown) => {
    throw new PaymentError("no_proof", `${command} prove: expected snarkjs's files of a proof, got others`, {
      cause,
    });
  });
  if (madeFor === key) return proof;
  throw new PaymentError(
    "wrong_key",
    `key: the merchant expects proofs for ${key}, ${command} proves for ${madeFor}; give it the merchant's key (prooflane key import) or use its network`,
  );
}

/** The proof in a folder, and the name of the key it is for. */
async function readProof(folder: string): Promise<Proof & { madeFor: string }> {
  const read = (name: string) => readJson(join(folder, name));
  return {
    madeFor: await keyId((await read("key.json")) as SnarkjsVerifyingKey),
    bytes: compactProof((await read("proof.json")) as SnarkjsProof),
    publicInputs: (await read("public.json")) as string[],
  };
}

function run(command: string, args: string[], input: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (why: string, cause?: unknown) =>
      reject(new PaymentError("no_proof", `${command} prove: ${why}`, { cause }));
    const child = spawn(command, args, { stdio: ["pipe", "ignore", "pipe"], signal });
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
    child.on("error", (error) => failed(signal.aborted ? "made no proof in time" : error.message, error));
    child.on("close", (status) =>
      status === 0 ? resolve() : failed(complaint.trim() || `ended with status ${status}`),
    );
    // A program that ends without reading its inputs says why on its standard error.
    child.stdin.on("error", () => {}).end(input);
  });
}

/**
 * Reads a wallet that `prooflane wallet new` made.
 *
 * @throws TypeError for another file.
 */
export async function readWallet(file: string): Promise<Wallet> {
  return parseWallet(await readJson(file));
}

/**
 * Receipts in a folder: every `.json` file in it is one, as `prooflane attest` writes them. What was used
 * is noted in files beside them, so that it counts for every process that uses the folder.
 */
export function receiptFolder(folder: string): Receipts {
  const note = (receipt: Receipt) =>
    join(folder, `${createHash("sha256").update(transactionOf(receipt)).digest("hex")}.used`);
  return {
    async list() {
      const names = (await readdir(folder)).filter((name) => name.endsWith(".json")).sort();
      return Promise.all(names.map((name) => readReceipt(join(folder, name))));
    },
    async claim(receipt) {
      try {
        await writeFile(note(receipt), `${receipt.txHash}\n`, { flag: "wx" });
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
        throw error;
      }
    },
    async release(receipt) {
      await rm(note(receipt), { force: true });
    },
  };
}

async function readReceipt(file: string): Promise<Receipt> {
  const json = await readJson(file);
  try {
    return parseReceipt(json);
  } catch (error) {
    throw new TypeError(`${file}: ${(error as Error).message}`);
  }
}

/** A file's JSON. Its errors hold nothing of the file, which may be a wallet. */
async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, "utf8");
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new TypeError(`${file}: expected JSON`);
  }
}

/** Payers with wallets and receipts, as the `prooflane` program makes them. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { parseReceipt, parseWallet, type Receipt, type Wallet } from "@prooflane/x402";
import type { Network } from "./network.ts";
import { scratch } from "./scratch.ts";

const run = promisify(execFile);
let transactions = 0;

/** A payment to attest. */
export interface Payment {
  recipient: string;
  /** `network/asset`. */
  asset: string;
  amount: number;
  /** How long ago. */
  ageSeconds?: number;
  txHash?: string;
  attestorFile?: string;
}

export async function newWallet({ program }: Network): Promise<Wallet> {
  const file = join(await scratch(), "wallet.json");
  await run(program, ["wallet", "new", "--out", file]);
  return parseWallet(JSON.parse(await readFile(file, "utf8")));
}

/** The file of a new attestor, whom nobody knows. */
export async function newAttestor({ program }: Network): Promise<string> {
  const file = join(await scratch(), "attestor.json");
  await run(program, ["attestor", "new", "--out", file]);
  return file;
}

export async function attest(
  { program, attestorFile }: Network,
  wallet: Wallet,
  payment: Payment,
): Promise<Receipt> {
  const time = Math.floor(Date.now() / 1000) - (payment.ageSeconds ?? 10);
  const { stdout } = await run(program, [
    ...["attest", "--key", payment.attestorFile ?? attestorFile, "--payer", wallet.commitment],
    ...["--recipient", payment.recipient, "--asset", payment.asset, "--amount", String(payment.amount)],
    ...["--time", String(time), "--tx-hash", payment.txHash ?? `test-${process.pid}-${++transactions}`],
  ]);
  return parseReceipt(JSON.parse(stdout));
}

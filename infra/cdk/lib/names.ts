import type { Settings } from "./settings.ts";

/** Begins every physical name, and is all that the Rust side is told about the queues. */
export function prefix(settings: Settings): string {
  return `prooflane-${settings.stage}-`;
}

export const tableName = (settings: Settings): string => `prooflane-${settings.stage}`;

export const RESULTS = "results";

/** Where the hints for one shard's auctioneer go. */
export const auctionQueue = (shard: number): string => `auction-${shard}`;

/** Where the tasks of one prover go; `prover` is a class of the fleet. */
export const proverQueue = (prover: string): string => `prover-${prover}`;

/** The folders of the bucket. What is not named here, nobody has access to. */
export const FOLDERS = ["keys", "inputs", "proofs", "transcripts", "uploads", "evidence", "ledger"] as const;
export type Folder = (typeof FOLDERS)[number];

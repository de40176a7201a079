import { fromHex } from "./bytes.ts";
import { parseField, parseU64 } from "./field.ts";
import { packPoint, type Point } from "./points.ts";

/** A payer's wallet, as `prooflane wallet new` writes it. */
export interface Wallet {
  /** The payer's secret, a field element in decimal. */
  secret: string;
  /** Its commitment, which attestors sign. Not secret. */
  commitment: string;
}

/** An attested payment, as `prooflane attest` writes it. */
export interface Receipt {
  /** Who signed. */
  attestorKey: Point;
  /** The payer's commitment. */
  payerCommitment: string;
  /** Who was paid. */
  recipientKey: string;
  /** In which asset: `network/asset`. */
  asset: string;
  /** How much, in the asset's smallest unit. */
  actualAmount: string;
  /** When, in Unix seconds. */
  paymentTime: number;
  /** In which transaction. */
  txHash: string;
  /** The signature: 64 bytes as `0x` hex. */
  signature: string;
}

/**
 * Reads a wallet's JSON.
 *
 * @throws TypeError for anything else; its message holds nothing of the file.
 */
export function parseWallet(json: unknown): Wallet {
  const { secret, commitment } = fields(json, "wallet", ["secret", "commitment"]);
  if (parseField(secret) === undefined || parseField(commitment) === undefined) {
    throw new TypeError("wallet: expected secret and commitment to be field elements in decimal");
  }
  return { secret: secret as string, commitment: commitment as string };
}

/**
 * Reads a receipt's JSON.
 *
 * @throws TypeError for anything else.
 */
export function parseReceipt(json: unknown): Receipt {
  const names = [
    "attestorKey",
    "payerCommitment",
    "recipientKey",
    "asset",
    "actualAmount",
    "paymentTime",
    "txHash",
    "signature",
  ] as const;
  const receipt = fields(json, "receipt", names);
  const point = fields(receipt.attestorKey, "receipt.attestorKey", ["x", "y"]);
  const isText = (text: unknown) => typeof text === "string" && text !== "";
  const checks: [string, boolean][] = [
    ["attestorKey", parseField(point.x) !== undefined && parseField(point.y) !== undefined],
    ["payerCommitment", parseField(receipt.payerCommitment) !== undefined],
    ["recipientKey", isText(receipt.recipientKey)],
    ["asset", isText(receipt.asset)],
    ["actualAmount", parseU64(receipt.actualAmount) !== undefined],
    ["paymentTime", Number.isSafeInteger(receipt.paymentTime) && (receipt.paymentTime as number) >= 0],
    ["txHash", isText(receipt.txHash)],
    ["signature", isText(receipt.signature) && /^0x[0-9a-fA-F]{128}$/.test(receipt.signature as string)],
  ];
  const wrong = checks.find(([, right]) => !right);
  if (wrong !== undefined) {
    throw new TypeError(`receipt.${wrong[0]}: expected what \`prooflane attest\` writes`);
  }
  return receipt as unknown as Receipt;
}

/** An object's fields: these and no other. */
function fields<Name extends string>(
  json: unknown,
  what: string,
  names: readonly Name[],
): Record<Name, unknown> {
  const found = typeof json === "object" && json !== null ? Object.keys(json) : [];
  if (found.length !== names.length || !names.every((name) => found.includes(name))) {
    throw new TypeError(`${what}: expected an object with ${names.join(", ")} and nothing else`);
  }
  return json as Record<Name, unknown>;
}

/** Where a wallet's receipts are kept, and which of them it has used. */
export interface Receipts {
  /** All receipts, used or not. */
  list(): Promise<readonly Receipt[]>;
  /**
   * Takes a receipt for one payment: true for one caller only, whoever else asks, until it is released.
   * Receipts of the same {@link transactionOf} are the same receipt.
   */
  claim(receipt: Receipt): Promise<boolean>;
  /** Gives a receipt back that was certainly not spent. */
  release(receipt: Receipt): Promise<void>;
}

/**
 * What makes receipts of one wallet the same to a verifier: their transaction, of which the nullifier
 * is made. A hash of 32 bytes may be written in either case.
 */
export function transactionOf(receipt: Receipt): string {
  const { txHash } = receipt;
  return txHash.startsWith("0x") && fromHex(txHash.slice(2), 32) !== undefined
    ? txHash.toLowerCase()
    : txHash;
}

/** Receipts in memory: what was used is forgotten with the process. */
export function receiptsInMemory(receipts: readonly Receipt[]): Receipts {
  const used = new Set<string>();
  return {
    list: async () => receipts,
    claim: async (receipt) => {
      const transaction = transactionOf(receipt);
      const free = !used.has(transaction);
      used.add(transaction);
      return free;
    },
    release: async (receipt) => {
      used.delete(transactionOf(receipt));
    },
  };
}

/** What a receipt must be good for. */
export interface Need {
  /** The wallet's commitment. */
  payer: string;
  /** Packed keys of the attestors that count. */
  attestors: readonly string[];
  /** Who asks to be paid. */
  recipient: string;
  /** In which asset: `network/asset`. */
  asset: string;
  /** At least how much. */
  amount: bigint;
  /** At most how long ago, at the time the proof is made for. */
  maxAgeSeconds: number;
  /** The server's time when it asked. */
  askedAtSeconds: number;
  /** Our own time. */
  nowSeconds: number;
}

/** A receipt that fits, and what a proof with it says in public. */
export interface Fit {
  receipt: Receipt;
  /** The attestor's packed key. */
  attestor: string;
  /** The time the proof is made for. */
  currentTime: number;
}

/**
 * The receipts that fit, in the order in which to try them: the least excess first, for what is paid
 * too much is lost; of equals the oldest, which goes stale first.
 *
 * A proof is made for the time at which the server asked, so that it says nothing of our clock; for our
 * own time only where the payment was made since then.
 */
export function fitting(receipts: readonly Receipt[], need: Need): Fit[] {
  return receipts
    .map((receipt) => ({
      receipt,
      attestor: packPoint(receipt.attestorKey),
      currentTime: receipt.paymentTime <= need.askedAtSeconds ? need.askedAtSeconds : need.nowSeconds,
    }))
    .filter(({ receipt, attestor, currentTime }) => {
      const ageSeconds = currentTime - receipt.paymentTime;
      return (
        BigInt(receipt.payerCommitment) === BigInt(need.payer) &&
        need.attestors.includes(attestor) &&
        receipt.recipientKey === need.recipient &&
        receipt.asset === need.asset &&
        BigInt(receipt.actualAmount) >= need.amount &&
        ageSeconds >= 0 &&
        ageSeconds <= need.maxAgeSeconds
      );
    })
    .sort(
      (a, b) =>
        compare(BigInt(a.receipt.actualAmount), BigInt(b.receipt.actualAmount)) ||
        compare(a.receipt.paymentTime, b.receipt.paymentTime),
    );
}

function compare<T extends bigint | number>(a: T, b: T): number {
  return a < b ? -1 : Number(a > b);
}

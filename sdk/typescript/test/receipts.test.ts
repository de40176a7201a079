import { readdir, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  packPoint,
  parseReceipt,
  parseWallet,
  receiptsInMemory,
  transactionOf,
  type Receipt,
  type Receipts,
} from "@prooflane/x402";
import { readWallet, receiptFolder } from "@prooflane/x402/node";
import { fitting, type Need } from "../src/receipts.ts";
import { scratch } from "./scratch.ts";

const vectors = JSON.parse(readFileSync(new URL("../vectors/x402.json", import.meta.url), "utf8")) as {
  points: { x: string; y: string; packed: string }[];
};
const [trusted, stranger] = vectors.points.map(({ x, y }) => ({ x, y })) as [
  Receipt["attestorKey"],
  Receipt["attestorKey"],
];

const base: Receipt = {
  attestorKey: trusted,
  payerCommitment: "11",
  recipientKey: "merchant-1",
  asset: "eip155:84532/erc20:test",
  actualAmount: "10000",
  paymentTime: 1_000_000,
  txHash: "t-1",
  signature: `0x${"ab".repeat(64)}`,
};
const receipt = (change: Partial<Receipt>): Receipt => ({ ...base, ...change });
const need: Need = {
  payer: "11",
  attestors: [packPoint(trusted)],
  recipient: "merchant-1",
  asset: "eip155:84532/erc20:test",
  amount: 10_000n,
  maxAgeSeconds: 60,
  askedAtSeconds: 1_000_010,
  nowSeconds: 1_000_020,
};

describe("fitting receipts", () => {
  test("the least excess first, then the oldest", () => {
    const receipts = [
      receipt({ actualAmount: "18446744073709551615", txHash: "huge" }),
      receipt({ actualAmount: "9007199254740993", txHash: "large" }),
      receipt({ actualAmount: "10001", txHash: "young", paymentTime: 1_000_005 }),
      receipt({ actualAmount: "10001", txHash: "old" }),
      receipt({ actualAmount: "10000", txHash: "exact" }),
      receipt({ actualAmount: "9007199254740992", txHash: "a little less" }),
    ];
    const order = fitting(receipts, need).map((fit) => fit.receipt.txHash);
    expect(order).toEqual(["exact", "old", "young", "a little less", "large", "huge"]);
  });

  test.each<[string, Partial<Receipt>]>([
    ["of another payer", { payerCommitment: "12" }],
    ["of another attestor", { attestorKey: stranger }],
    ["to another recipient", { recipientKey: "merchant-2" }],
    ["in another asset", { asset: "eip155:8453/erc20:test" }],
    ["in an asset written otherwise", { asset: "eip155:84532/erc20:TEST" }],
    ["for too little", { actualAmount: "9999" }],
    ["too old", { paymentTime: 1_000_010 - 61 }],
    ["from the future", { paymentTime: 1_000_021 }],
  ])("not one %s", (_, change) => {
    expect(fitting([receipt(change)], need)).toEqual([]);
  });

  test("the proof is for the server's time, which tells nothing of ours", () => {
    expect(fitting([base], need)[0]).toMatchObject({ currentTime: 1_000_010, attestor: packPoint(trusted) });
    expect(fitting([receipt({ paymentTime: 1_000_010 - 60 })], need)).toHaveLength(1);
  });

  test("a commitment in hexadecimal is the same", () => {
    expect(fitting([receipt({ payerCommitment: "0x0b" })], need)).toHaveLength(1);
  });

  test("but for ours where the payment was made since the server asked", () => {
    expect(fitting([receipt({ paymentTime: 1_000_015 })], need)[0]).toMatchObject({ currentTime: 1_000_020 });
  });
});

async function folderOf(receipts: Receipt[]): Promise<string> {
  const folder = await scratch();
  await Promise.all(receipts.map((it, i) => writeFile(join(folder, `${i}.json`), JSON.stringify(it))));
  return folder;
}

describe.each<[string, (receipts: Receipt[]) => Promise<Receipts>]>([
  ["in memory", async (receipts) => receiptsInMemory(receipts)],
  ["in a folder", async (receipts) => receiptFolder(await folderOf(receipts))],
])("receipts %s", (_, make) => {
  test("are claimed once, and again when they are given back", async () => {
    const receipts = await make([base]);
    const [listed] = await receipts.list();
    expect(listed).toEqual(base);
    const claims = await Promise.all(Array.from({ length: 20 }, () => receipts.claim(base)));
    expect(claims.filter(Boolean)).toHaveLength(1);
    await receipts.release(base);
    expect(await receipts.claim(base)).toBe(true);
    expect(await receipts.list()).toHaveLength(1);
  });

  test("of one transaction are one", async () => {
    const hash = `0x${"aB".repeat(32)}`;
    const receipts = await make([]);
    expect(await receipts.claim(receipt({ txHash: hash }))).toBe(true);
    expect(await receipts.claim(receipt({ txHash: hash.toLowerCase(), actualAmount: "5" }))).toBe(false);
    expect(await receipts.claim(receipt({ txHash: `${hash}0` }))).toBe(true);
  });
});

test("receipts in a folder stay used for other processes, and other files do no harm", async () => {
  const folder = await folderOf([base]);
  await writeFile(join(folder, "README"), "not a receipt");
  expect(await receiptFolder(folder).claim(base)).toBe(true);
  expect(await receiptFolder(folder).claim(base)).toBe(false);
  expect(await receiptFolder(folder).list()).toEqual([base]);
  // Whatever a transaction is called, its note stays in the folder.
  expect(await receiptFolder(folder).claim(receipt({ txHash: "../../escaped" }))).toBe(true);
  expect((await readdir(folder)).filter((name) => name.endsWith(".used"))).toHaveLength(2);
});

test("a file that is no receipt is named", async () => {
  const folder = await folderOf([base]);
  await writeFile(join(folder, "broken.json"), "{}");
  await expect(receiptFolder(folder).list()).rejects.toThrow(/broken\.json: receipt: expected/);
});

test("transactions that are text are told apart by case, hashes are not", () => {
  const of = (txHash: string) => transactionOf(receipt({ txHash }));
  expect(of("Tx")).not.toBe(of("tx"));
  expect(of(`0x${"AB".repeat(32)}`)).toBe(of(`0x${"ab".repeat(32)}`));
  expect(of("0xAB")).not.toBe(of("0xab"));
});

describe("reading", () => {
  test("a receipt", () => {
    expect(parseReceipt(structuredClone(base))).toEqual(base);
  });

  test.each<[string, unknown]>([
    ["null", null],
    ["text", "receipt"],
    ["nothing in it", {}],
    ["a field more", { ...base, note: "" }],
    ["no key", { ...base, attestorKey: null }],
    ["a key in hexadecimal bytes", { ...base, attestorKey: "0x00" }],
    ["a key that is no field element", { ...base, attestorKey: { x: "-1", y: "1" } }],
    ["an amount that is a number", { ...base, actualAmount: 10000 }],
    ["an amount above 64 bits", { ...base, actualAmount: "18446744073709551616" }],
    ["a time that is text", { ...base, paymentTime: "1000000" }],
    ["a time before 1970", { ...base, paymentTime: -1 }],
    ["an empty recipient", { ...base, recipientKey: "" }],
    ["a short signature", { ...base, signature: "0xab" }],
  ])("not a receipt: %s", (_, json) => {
    expect(() => parseReceipt(json)).toThrow(/^receipt/);
  });

  test("a wallet", () => {
    expect(parseWallet({ secret: "7", commitment: "11" })).toEqual({ secret: "7", commitment: "11" });
  });

  test.each<unknown>([
    null,
    {},
    { secret: "7" },
    { secret: "sesame", commitment: "11" },
    { secret: "sesame", commitment: "11", more: 1 },
  ])("not a wallet: %o", (json) => {
    expect(() => parseWallet(json)).toThrow(/^wallet: expected/);
  });

  test("errors say nothing of a wallet's secret", async () => {
    const file = join(await scratch(), "wallet.json");
    for (const text of ['{"secret": "sesame", "commitment": "11"}', '{"secret": "sesame"', '"sesame']) {
      await writeFile(file, text);
      const error = await readWallet(file).catch((error: unknown) => error);
      expect(error).toBeInstanceOf(TypeError);
      expect(String((error as Error).stack) + String((error as Error).cause)).not.toContain("sesame");
    }
  });
});

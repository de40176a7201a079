/** The client's side with provers and servers that do not do as they should. */
import { x402Client } from "@x402/core/client";
import { encodePaymentRequiredHeader, encodePaymentSignatureHeader } from "@x402/core/http";
import type { PaymentRequired, PaymentRequirements, SettleResponse } from "@x402/core/types";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  binding,
  checkedFetch,
  fieldOfText,
  nonces,
  PaymentError,
  receiptsInMemory,
  zkGroth16Client,
  type Proof,
  type ProofRequest,
  type Receipt,
  type ZkGroth16Payload,
} from "@prooflane/x402";
import { readRequirements } from "../src/requirements.ts";
import { expectedHeaderLength } from "../src/scheme.ts";

const vectors = JSON.parse(readFileSync(new URL("../vectors/x402.json", import.meta.url), "utf8")) as {
  points: { x: string; y: string; packed: string }[];
};
const { packed, x, y } = vectors.points[0]!;
const now = 1_732_233_600;
const nonce = await nonces(new Uint8Array(32), "https://api.example.com").issue(now);
const offer: PaymentRequirements = {
  scheme: "zk-groth16",
  network: "eip155:84532",
  asset: "erc20:0x036CbD53842c5426634e7929541eC2318f3dCF7e",
  amount: "10000",
  payTo: "merchant-1",
  maxTimeoutSeconds: 60,
  extra: {
    circuit: "payment@1",
    key: "11".repeat(32),
    attestors: [packed],
    maxAgeSeconds: 86_400,
    paymentFlow: "upfront",
    nonce,
    binding: `0x${"12".repeat(32)}`,
  },
};
const required = (accepted = offer): PaymentRequired => ({
  x402Version: 2,
  resource: { url: "https://api.example.com/reports", description: "Reports", mimeType: "application/json" },
  accepts: [structuredClone(accepted)],
});
const receipt: Receipt = {
  attestorKey: { x, y },
  payerCommitment: "11",
  recipientKey: "merchant-1",
  asset: `${offer.network}/${offer.asset}`,
  actualAmount: "10000",
  paymentTime: now - 100,
  txHash: "t-1",
  signature: `0x${"ab".repeat(64)}`,
};
const wallet = { secret: "7", commitment: "11" };

/** What an honest prover would answer, with bytes in place of a proof: no one here looks into them. */
async function honest({ inputs }: ProofRequest): Promise<Proof> {
  const publicInputs = [
    inputs.attestorKey.x,
    inputs.attestorKey.y,
    String(await fieldOfText("recipient", inputs.recipientKey)),
    String(await fieldOfText("asset", inputs.asset)),
    inputs.minAmount,
    inputs.maxBlockAge,
    String(inputs.currentTime),
    String(BigInt(inputs.binding)),
    "99",
  ];
  return { bytes: new Uint8Array(128).fill(255), publicInputs };
}

function payer(prove: (request: ProofRequest) => Promise<Proof> = honest) {
  const receipts = receiptsInMemory([receipt]);
  const seen: ProofRequest[] = [];
  const prover = {
    prove: (request: ProofRequest) => {
      seen.push(request);
      return prove(request);
    },
  };
  const scheme = zkGroth16Client({ wallet, receipts, prover, nowSeconds: () => now + 5 });
  const client = new x402Client().register("eip155:*", scheme).registerV1("eip155:*", scheme);
  /** Whether the receipt can be used; takes it if so. */
  const isFree = () => receipts.claim(receipt);
  return { client, seen, isFree };
}

test("a payment says what a server cannot know, and repeats the offer", async () => {
  const { client, seen } = payer();
  const payment = await client.createPaymentPayload(required());
  expect(payment.accepted).toEqual(offer);
  expect(payment.payload).toEqual({
    proof: Buffer.alloc(128, 255).toString("base64"),
    nullifier: `0x${"63".padStart(64, "0")}`,
    currentTime: now,
    attestor: packed,
    nonce,
  } satisfies ZkGroth16Payload);
  expect(seen[0]).toMatchObject({ circuit: "payment@1", key: offer.extra.key });
  expect(seen[0]!.inputs).toMatchObject({
    payerSecret: "7",
    minAmount: "10000",
    maxBlockAge: "86400",
    currentTime: now,
  });
  const header = encodePaymentSignatureHeader(payment);
  expect(header).not.toContain(Buffer.from(wallet.commitment).toString("base64"));
  expect(header.length).toBeLessThan(2048);
  expect(expectedHeaderLength(required(), offer)).toBe(header.length);
});

test("a payment of version 1", async () => {
  const { client } = payer();
  const { amount, ...rest } = offer;
  const accepts = [
    {
      ...rest,
      maxAmountRequired: amount,
      resource: "https://api.example.com/",
      description: "",
      mimeType: "",
    },
  ];
  // The stock client takes this from a body, and its type knows version 2 only.
  const payment = await client.createPaymentPayload({
    x402Version: 1,
    accepts,
  } as unknown as PaymentRequired);
  expect(payment).toEqual({
    x402Version: 1,
    scheme: "zk-groth16",
    network: offer.network,
    payload: expect.objectContaining({ attestor: packed, nonce, currentTime: now }),
  });
});

describe("hostile offers are not paid", () => {
  const extra = (change: Record<string, unknown>) => ({ extra: { ...offer.extra, ...change } });
  test.each<[string, Record<string, unknown>]>([
    ["amount", { amount: "0x10" }],
    ["amount", { amount: "18446744073709551616" }],
    ["amount", { amount: "-1" }],
    ["payTo", { payTo: "" }],
    ["network", { network: "eip155:" }],
    ["network", { network: "eip155:1/erc20:a" }],
    ["maxTimeoutSeconds", { maxTimeoutSeconds: 0.5 }],
    ["maxTimeoutSeconds", { maxTimeoutSeconds: Infinity }],
    ["extra.circuit", { extra: null }],
    ["extra.circuit", extra({ circuit: "payment@2" })],
    ["extra.key", extra({ key: "11" })],
    ["extra.key", extra({ key: "AA".repeat(32) })],
    ["extra.attestors", extra({ attestors: [] })],
    ["extra.attestors", extra({ attestors: packed })],
    ["extra.attestors", extra({ attestors: [packed, [packed]] })],
    ["extra.maxAgeSeconds", extra({ maxAgeSeconds: "86400" })],
    ["extra.maxAgeSeconds", extra({ maxAgeSeconds: -1 })],
    ["extra.paymentFlow", extra({ paymentFlow: "escrow" })],
    ["extra.nonce", extra({ nonce: undefined })],
    ["extra.nonce", extra({ nonce: "00" })],
    ["extra.nonce", extra({ nonce: "f".repeat(64) })],
    ["extra.binding", extra({ binding: "0x12" })],
    ["extra.binding", extra({ binding: `0x${"f".repeat(64)}` })],
    ["extra.binding", extra({ binding: 7 })],
  ])("%s: %o", async (field, change) => {
    const { client, seen, isFree } = payer();
    client.setSpendControls(false);
    const hostile = required({ ...offer, ...change } as PaymentRequirements);
    const error = await client.createPaymentPayload(hostile).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(PaymentError);
    expect(error).toMatchObject({ code: "unsupported_requirements" });
    expect(String(error)).toContain(`requirements.${field}: expected`);
    expect(seen).toEqual([]);
    expect(await isFree()).toBe(true);
  });

  test("another scheme", () => {
    expect(() => readRequirements(2, { ...offer, scheme: "exact" })).toThrow(
      /requirements.scheme: expected zk-groth16/,
    );
  });

  test("one whose payment no verifier would read", async () => {
    const { client, seen, isFree } = payer();
    const attestors = [packed, ...Array<string>(30).fill("00".repeat(32))];
    const large = required({ ...offer, extra: { ...offer.extra, attestors } });
    await expect(client.createPaymentPayload(large)).rejects.toThrow(/header would have \d+ characters/);
    expect(seen).toEqual([]);
    expect(await isFree()).toBe(true);
  });

  test("one that would have us wait for longer than a timer can", async () => {
    const { client } = payer();
    const patient = required({ ...offer, maxTimeoutSeconds: Number.MAX_SAFE_INTEGER });
    expect((await client.createPaymentPayload(patient)).payload.nonce).toBe(nonce);
  });
});

describe("spending limits", () => {
  test("and the proof look at the same amount, whatever else an offer says", async () => {
    const both = { ...offer, amount: "5", maxAmountRequired: "10000", resource: "https://api.example.com/" };
    const { client, seen } = payer();
    await client.createPaymentPayload(required(both));
    expect(seen[0]!.inputs.minAmount).toBe("5");
    const old = payer();
    const asked = { x402Version: 1, accepts: [both] } as unknown as PaymentRequired;
    await old.client.createPaymentPayload(asked);
    expect(old.seen[0]!.inputs.minAmount).toBe("10000");
  });

  test("know a dollar's worth of the usual assets", async () => {
    const { client, seen } = payer();
    await expect(client.createPaymentPayload(required({ ...offer, amount: "1000001" }))).rejects.toThrow(
      /spendControls/,
    );
    expect(seen).toEqual([]);
  });

  test("and refuse assets they do not know", async () => {
    const { client } = payer();
    await expect(client.createPaymentPayload(required({ ...offer, asset: "erc20:unknown" }))).rejects.toThrow(
      /spendControls/,
    );
  });
});

describe("provers that lie are found out, and the receipt stays", () => {
  test.each<[string, (proof: Proof) => Proof]>([
    ["another amount", (proof) => ({ ...proof, publicInputs: proof.publicInputs.with(4, "1") })],
    ["another binding", (proof) => ({ ...proof, publicInputs: proof.publicInputs.with(7, "1") })],
    ["another recipient", (proof) => ({ ...proof, publicInputs: proof.publicInputs.with(2, "1") })],
    ["no nullifier", (proof) => ({ ...proof, publicInputs: proof.publicInputs.slice(0, 8) })],
    [
      "a nullifier that is no field element",
      (proof) => ({ ...proof, publicInputs: proof.publicInputs.with(8, "x") }),
    ],
    ["an input more", (proof) => ({ ...proof, publicInputs: [...proof.publicInputs, "0"] })],
    ["a proof that is too short", (proof) => ({ ...proof, bytes: proof.bytes.slice(1) })],
  ])("%s", async (_, lie) => {
    const { client, isFree } = payer(async (request) => lie(await honest(request)));
    const error = await client.createPaymentPayload(required()).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "no_proof" });
    expect(await isFree()).toBe(true);
  });

  test("or break down", async () => {
    const { client, isFree } = payer(() => Promise.reject(new Error("out of order")));
    await expect(client.createPaymentPayload(required())).rejects.toThrow("out of order");
    expect(await isFree()).toBe(true);
  });
});

describe("what becomes of the receipt", () => {
  const network = offer.network;
  const failure = (errorReason: string): SettleResponse => ({
    success: false,
    errorReason,
    transaction: "",
    network,
  });
  test.each<[string, boolean, { settleResponse?: SettleResponse; paymentRequired?: PaymentRequired }]>([
    ["used: settled", false, { settleResponse: { success: true, transaction: "0x00", network } }],
    [
      "used: settled, and asked again",
      false,
      { settleResponse: { success: true, transaction: "0x00", network }, paymentRequired: required() },
    ],
    ["used: spent before", false, { settleResponse: failure("duplicate_settlement") }],
    ["used: nobody knows", false, { settleResponse: failure("settlement_pending") }],
    ["used: no word of it", false, {}],
    ["free: refused", true, { settleResponse: failure("invalid_zk_groth16_proof") }],
    ["free: not matched", true, { paymentRequired: required() }],
  ])("%s", async (_, free, outcome) => {
    const { client, isFree } = payer();
    const paymentPayload = await client.createPaymentPayload(required());
    await client.handlePaymentResponse({ paymentPayload, requirements: offer, ...outcome });
    expect(await isFree()).toBe(free);
  });
});

describe("checkedFetch", () => {
  const url = "https://api.example.com/reports?year=2026";
  const request = {
    method: "POST",
    origin: "https://api.example.com",
    path: "/reports?year=2026",
    body: new TextEncoder().encode("{}"),
    nonce,
  };
  const answering =
    (response: () => Response): typeof fetch =>
    async (input) => {
      // As a network would: the body is read.
      if (input instanceof Request) await input.text();
      return response();
    };
  const asking = (bound: unknown, scheme = "zk-groth16") => {
    const answer = required({ ...offer, scheme, extra: { ...offer.extra, binding: bound } });
    return answering(
      () =>
        new Response(null, {
          status: 402,
          headers: { "PAYMENT-REQUIRED": encodePaymentRequiredHeader(answer) },
        }),
    );
  };
  const post = (send: typeof fetch) => checkedFetch(send)(url, { method: "POST", body: "{}" });

  test("lets through what asks for this request", async () => {
    expect((await post(asking(await binding(request)))).status).toBe(402);
  });

  test.each<[string, Partial<typeof request>]>([
    ["method", { method: "PUT" }],
    ["origin", { origin: "https://victim.example.com" }],
    ["path", { path: "/reports" }],
    ["body", { body: new Uint8Array() }],
    ["nonce", { nonce: "00".repeat(32) }],
  ])("refuses what asks for another %s", async (_, change) => {
    const error = await post(asking(await binding({ ...request, ...change }))).catch(
      (error: unknown) => error,
    );
    expect(error).toMatchObject({ code: "wrong_binding" });
  });

  test("refuses no binding at all", async () => {
    await expect(post(asking(undefined))).rejects.toThrow(PaymentError);
  });

  test("leaves other schemes, other answers and answers that cannot be read alone", async () => {
    expect((await post(asking("whatever", "exact"))).status).toBe(402);
    for (const response of [
      () => new Response("yes"),
      () => new Response("no", { status: 402 }),
      () => new Response("null", { status: 402 }),
      () => new Response('{"accepts": 7}', { status: 402 }),
      () => new Response('{"accepts": [null]}', { status: 402 }),
      () => new Response(null, { status: 402, headers: { "PAYMENT-REQUIRED": "?" } }),
    ]) {
      const text = await response().text();
      expect(await (await post(answering(response))).text()).toBe(text);
    }
  });

  test("looks into the body of version 1, and leaves it to be read", async () => {
    const answer = (bound: string) => ({
      x402Version: 1,
      accepts: [{ ...offer, extra: { ...offer.extra, binding: bound } }],
    });
    const sending = (bound: string) => answering(() => Response.json(answer(bound), { status: 402 }));
    const right = await binding(request);
    expect(await (await post(sending(right))).json()).toEqual(answer(right));
    await expect(post(sending(`0x${"0".repeat(64)}`))).rejects.toThrow(/bound to/);
  });
});

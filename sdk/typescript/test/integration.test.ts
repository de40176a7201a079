/**
 * Stock client, stock server, real proofs: @x402/fetch pays @x402/express, a Prooflane network proves, and a
 * facilitator settles. What it runs against is told in network.ts and facilitator.ts.
 */
import { readFile } from "node:fs/promises";
import { x402Client } from "@x402/core/client";
import {
  decodePaymentRequiredHeader,
  decodePaymentResponseHeader,
  encodePaymentSignatureHeader,
} from "@x402/core/http";
import type { PaymentPayload, PaymentRequired, PaymentRequirements, SettleResponse } from "@x402/core/types";
import { wrapFetchWithPayment } from "@x402/fetch";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import {
  checkedFetch,
  networkProver,
  packPoint,
  zkGroth16Client,
  type PaymentProgress,
  type Prover,
  type Receipt,
  type Wallet,
} from "@prooflane/x402";
import { localProver } from "@prooflane/x402/node";
import { startFacilitator, type Facilitator } from "./facilitator.ts";
import {
  AMOUNT,
  MAX_AGE_SECONDS,
  MAX_TIMEOUT_SECONDS,
  startMerchant,
  testAsset,
  type Merchant,
} from "./merchant.ts";
import { startMerchantV1 } from "./merchant-v1.ts";
import type { Network } from "./network.ts";
import { attest, newAttestor, newWallet, type Payment } from "./payer.ts";

const provided = inject("network");

describe.skipIf(provided === undefined)("stock client and server", () => {
  const network = provided as Network;
  const secret = crypto.getRandomValues(new Uint8Array(32));
  let facilitator: Facilitator;
  let merchant: Merchant;
  /** By how much the merchant's clock is wrong. */
  let clockSeconds = 0;
  const nowSeconds = () => Math.floor(Date.now() / 1000) + clockSeconds;
  async function withClockAt<T>(seconds: number, then: () => Promise<T>): Promise<T> {
    clockSeconds = seconds;
    return then().finally(() => (clockSeconds = 0));
  }
  let prover: Prover;

  beforeAll(async () => {
    prover = networkProver({ url: network.url, apiKey: process.env.PROOFLANE_API_KEY });
    facilitator = await startFacilitator(network);
    merchant = await startMerchant(facilitator, { secret, nowSeconds });
  });
  afterAll(async () => {
    await merchant?.stop();
    await facilitator?.stop();
  });

  const assetName = () => `${facilitator.network}/${testAsset(facilitator).asset}`;
  const newReceipt = (wallet: Wallet, payment: Partial<Payment> = {}) =>
    attest(network, wallet, {
      recipient: merchant.recipient,
      asset: assetName(),
      amount: AMOUNT,
      ...payment,
    });

  /** A stock client with one receipt for each payment. */
  async function payer(
    payments: Partial<Payment>[] = [{}],
    options: { onProgress?: (progress: PaymentProgress) => void } = {},
  ) {
    const wallet = await newWallet(network);
    const receipts: Receipt[] = await Promise.all(payments.map((payment) => newReceipt(wallet, payment)));
    const scheme = zkGroth16Client({
      wallet,
      receipts,
      prover,
      assets: [testAsset(facilitator)],
      ...options,
    });
    const client = new x402Client().register("eip155:*", scheme).registerV1("eip155:*", scheme);
    return { wallet, receipts, scheme, client, pay: wrapFetchWithPayment(checkedFetch(), client) };
  }

  /** What the merchant asks for a request. */
  async function ask(url: string, init?: RequestInit): Promise<PaymentRequired> {
    const response = await fetch(url, init);
    expect(response.status).toBe(402);
    return decodePaymentRequiredHeader(response.headers.get("PAYMENT-REQUIRED")!);
  }

  const send = (url: string, payment: PaymentPayload, init: RequestInit = {}) =>
    fetch(url, { ...init, headers: { "PAYMENT-SIGNATURE": encodePaymentSignatureHeader(payment) } });

  /** A payment by someone who proves for other terms than they were asked, and hides it. */
  async function cheat(
    client: x402Client,
    asked: PaymentRequired,
    terms: (offer: PaymentRequirements) => void,
  ) {
    const changed = structuredClone(asked);
    terms(changed.accepts[0]!);
    const payment = await client.createPaymentPayload(changed);
    return {
      ...payment,
      accepted: asked.accepts[0]!,
      payload: { ...payment.payload, nonce: asked.accepts[0]!.extra.nonce },
    };
  }

  const settlement = (response: Response): SettleResponse | undefined => {
    const header = response.headers.get("PAYMENT-RESPONSE");
    return header === null ? undefined : decodePaymentResponseHeader(header);
  };

  async function expectRefused(response: Response, reason: string) {
    expect(response.status).toBe(402);
    expect(settlement(response)).toMatchObject({
      success: false,
      errorReason: reason,
      network: facilitator.network,
    });
  }

  /** The stock server's own refusal: what was paid for is not what it asks for this request. */
  async function expectUnmatched(response: Response) {
    expect(response.status).toBe(402);
    expect(settlement(response)).toBeUndefined();
    const { error } = decodePaymentRequiredHeader(response.headers.get("PAYMENT-REQUIRED")!);
    expect(error).toBe("No matching payment requirements");
  }

  /** Runs requests of which `count` must reach the handler. */
  async function expectServed<T>(count: number, requests: () => Promise<T>): Promise<T> {
    const before = merchant.served.length;
    const result = await requests();
    expect(merchant.served.length - before).toBe(count);
    return result;
  }

  test("an unpaid request is told what to pay", async () => {
    const response = await expectServed(0, () => fetch(`${merchant.url}/reports`));
    expect(response.status).toBe(402);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const { x402Version, accepts } = await ask(`${merchant.url}/reports`);
    expect(x402Version).toBe(2);
    expect(accepts).toEqual([
      {
        scheme: "zk-groth16",
        network: facilitator.network,
        asset: "erc20:test",
        amount: String(AMOUNT),
        payTo: merchant.recipient,
        maxTimeoutSeconds: MAX_TIMEOUT_SECONDS,
        extra: {
          circuit: "payment@1",
          key: facilitator.key,
          attestors: facilitator.attestors,
          maxAgeSeconds: MAX_AGE_SECONDS,
          paymentFlow: "upfront",
          nonce: expect.stringMatching(/^[0-9a-f]{64}$/),
          binding: expect.stringMatching(/^0x[0-9a-f]{64}$/),
        },
      },
    ]);
  });

  test("pays", async () => {
    const steps: string[] = [];
    const { pay } = await payer([{}], { onProgress: ({ step }) => steps.push(step) });
    const response = await expectServed(1, () => pay(`${merchant.url}/reports?year=2026`));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ report: "yes" });
    expect(response.headers.get("cache-control")).toContain("private");
    const settled = settlement(response)!;
    expect(settled).toMatchObject({ success: true, network: facilitator.network });
    expect(settled.transaction).toMatch(/^0x[0-9a-f]{64}$/);
    expect(settled.payer).toBeUndefined();
    expect(steps).toEqual(["chosen", "proved"]);
  });

  test("pays for a body, and for one that is not text", async () => {
    const { pay } = await payer([{}, {}]);
    const post = (body: BodyInit) => pay(`${merchant.url}/reports`, { method: "POST", body });
    expect((await expectServed(1, () => post('{"a": 1}'))).status).toBe(200);
    expect((await expectServed(1, () => post(new Uint8Array([0, 255, 128, 10])))).status).toBe(200);
    expect(merchant.served.at(-2)).toBe('POST /reports {"a": 1}');
  });

  test("the header stays under 2 KB", async () => {
    const { client } = await payer();
    const payment = await client.createPaymentPayload(await ask(`${merchant.url}/reports?year=2026`));
    expect(encodePaymentSignatureHeader(payment).length).toBeLessThan(2048);
  });

  test("follows a task's events", async () => {
    const events: string[] = [];
    const watched = networkProver({ url: network.url, onProgress: ({ event }) => events.push(event) });
    const wallet = await newWallet(network);
    const scheme = zkGroth16Client({
      wallet,
      receipts: [await newReceipt(wallet)],
      prover: watched,
      assets: [testAsset(facilitator)],
    });
    const pay = wrapFetchWithPayment(checkedFetch(), new x402Client().register("eip155:*", scheme));
    expect((await pay(`${merchant.url}/reports`)).status).toBe(200);
    expect(events[0]).toBe("submitted");
    expect(events.at(-1)).toBe("completed");
  });

  test.skipIf(network?.keys === undefined)("pays with a proof made here", async () => {
    const wallet = await newWallet(network);
    const receipts = [await newReceipt(wallet)];
    const local = localProver({ command: network.program, keys: network.keys! });
    const scheme = zkGroth16Client({ wallet, receipts, prover: local, assets: [testAsset(facilitator)] });
    const pay = wrapFetchWithPayment(checkedFetch(), new x402Client().register("eip155:*", scheme));
    expect((await expectServed(1, () => pay(`${merchant.url}/reports`))).status).toBe(200);
  });

  test("a client of version 1 pays, once", async () => {
    const { pay } = await payer();
    const old = await startMerchantV1(facilitator, merchant.recipient);
    const response = await pay(`${old.url}/reports?year=2026`, { method: "POST", body: "old" });
    expect(response.status).toBe(200);
    expect(settlement(response)).toMatchObject({ success: true, network: facilitator.network });
    expect(old.served).toEqual(["POST /reports?year=2026 old"]);
    const header = old.payments[0]!;
    expect(header.length).toBeLessThan(2048);
    const again = await fetch(`${old.url}/reports?year=2026`, {
      method: "POST",
      body: "old",
      headers: { "X-PAYMENT": header },
    });
    await expectRefused(again, "duplicate_settlement");
    await old.stop();
  });

  test("picks the receipt with the least excess, each once", async () => {
    const chosen: string[] = [];
    const onProgress = (progress: PaymentProgress) => {
      if (progress.step === "chosen") chosen.push(progress.receipt.actualAmount);
    };
    const { pay } = await payer(
      [{ amount: 50_000 }, { amount: 9_999 }, { amount: 20_000 }, { amount: 10_001 }],
      { onProgress },
    );
    await expectServed(3, async () => {
      for (let i = 0; i < 3; i++) expect((await pay(`${merchant.url}/reports`)).status).toBe(200);
      await expect(pay(`${merchant.url}/reports`)).rejects.toThrow(
        /expected an unused receipt .* found 3, all used/,
      );
    });
    expect(chosen).toEqual(["10001", "20000", "50000"]);
  });

  test("takes a payment made after the server asked", async () => {
    const early = await withClockAt(-20, () => ask(`${merchant.url}/reports`));
    const { client } = await payer([{ ageSeconds: 5 }]);
    const payment = await client.createPaymentPayload(early);
    expect((await send(`${merchant.url}/reports`, payment)).status).toBe(200);
  });

  test.each<[string, Partial<Payment>]>([
    ["no receipt for this recipient", { recipient: "merchant-2" }],
    ["no receipt in this asset", { asset: "eip155:1/erc20:other" }],
    ["no receipt for enough", { amount: AMOUNT - 1 }],
    ["no receipt that is recent enough", { ageSeconds: MAX_AGE_SECONDS + 60 }],
  ])("does not pay: %s", async (_, payment) => {
    const { pay } = await payer([payment]);
    await expectServed(0, async () => {
      await expect(pay(`${merchant.url}/reports`)).rejects.toThrow(
        /expected an unused receipt .* found none/,
      );
    });
  });

  test("does not pay with a receipt of an attestor that the merchant does not name", async () => {
    const { pay } = await payer([{ attestorFile: await newAttestor(network) }]);
    await expect(pay(`${merchant.url}/reports`)).rejects.toThrow(/found none/);
  });

  test("does not pay above the client's spending limit", async () => {
    const { client, pay } = await payer();
    client.setSpendControls({ maxAmountPerPayment: "$0.005" });
    await expect(pay(`${merchant.url}/reports`)).rejects.toThrow(/spendControls/);
  });

  test("does not prove for a key that the network does not have", async () => {
    const { client, pay } = await payer();
    const asked = await ask(`${merchant.url}/reports`);
    asked.accepts[0]!.extra.key = "0".repeat(64);
    await expect(client.createPaymentPayload(asked)).rejects.toThrow(/the merchant expects proofs for 0{64}/);
    // And the receipt is still there.
    expect((await expectServed(1, () => pay(`${merchant.url}/reports`))).status).toBe(200);
  });

  test("does not pay for another server's request", async () => {
    const relay = await startMerchant(facilitator, { origin: "https://victim.example.com" });
    const { pay } = await payer();
    await expect(pay(`${relay.url}/reports`)).rejects.toThrow(/payment bound to/);
    expect((await pay(`${merchant.url}/reports`)).status).toBe(200);
    await relay.stop();
  });

  test("refuses a payment that comes too late", async () => {
    const { client } = await payer();
    const long = -MAX_TIMEOUT_SECONDS - 31;
    const payment = await client.createPaymentPayload(
      await withClockAt(long, () => ask(`${merchant.url}/reports`)),
    );
    await expectUnmatched(await expectServed(0, () => send(`${merchant.url}/reports`, payment)));
  });

  test("serves a payment once, however often it is sent", async () => {
    const { client } = await payer();
    const payment = await client.createPaymentPayload(await ask(`${merchant.url}/reports`));
    const answers = await expectServed(1, () =>
      Promise.all(Array.from({ length: 20 }, () => send(`${merchant.url}/reports`, payment))),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(19).fill(402)]);
    await expectRefused(await send(`${merchant.url}/reports`, payment), "duplicate_settlement");
  });

  test("serves a receipt once, whatever it is spent on", async () => {
    const wallet = await newWallet(network);
    const receipts = [await newReceipt(wallet)];
    const assets = [testAsset(facilitator)];
    // Two clients with a copy each: neither knows what the other has used.
    const [first, second] = [0, 1].map(() => {
      const scheme = zkGroth16Client({ wallet, receipts, prover, assets });
      return wrapFetchWithPayment(checkedFetch(), new x402Client().register("eip155:*", scheme));
    });
    expect((await expectServed(1, () => first!(`${merchant.url}/reports`))).status).toBe(200);
    await expectRefused(
      await expectServed(0, () => second!(`${merchant.url}/other`)),
      "duplicate_settlement",
    );
    await expect(second!(`${merchant.url}/other`)).rejects.toThrow(/all used/);
  });

  test("gives a receipt back that was refused without being spent", async () => {
    const { pay } = await payer();
    // The facilitator refuses the time that this merchant tells.
    const refused = await withClockAt(300, () => expectServed(0, () => pay(`${merchant.url}/reports`)));
    await expectRefused(refused, "invalid_zk_groth16_time");
    expect((await expectServed(1, () => pay(`${merchant.url}/reports`))).status).toBe(200);
  });

  test("refuses a payment for another resource, query, method or body", async () => {
    const { client } = await payer();
    const paid = { method: "POST", body: "one" };
    const payment = await client.createPaymentPayload(await ask(`${merchant.url}/reports?year=2026`, paid));
    await expectServed(0, async () => {
      const to = (path: string, init: RequestInit) => send(`${merchant.url}${path}`, payment, init);
      await expectUnmatched(await to("/other?year=2026", paid));
      await expectUnmatched(await to("/reports?year=2025", paid));
      await expectUnmatched(await to("/reports", paid));
      await expectUnmatched(await to("/reports?year=2026", { method: "PUT", body: "one" }));
      await expectUnmatched(await to("/reports?year=2026", { method: "POST", body: "two" }));
      await expectUnmatched(await to("/reports?year=2026", { method: "POST" }));
    });
    const right = await expectServed(1, () => send(`${merchant.url}/reports?year=2026`, payment, paid));
    expect(right.status).toBe(200);
  });

  test("refuses a payment for another origin, even of the same merchant", async () => {
    const { client } = await payer();
    const elsewhere = await startMerchant(facilitator, { secret, origin: "https://other.example.com" });
    const payment = await client.createPaymentPayload(await ask(`${elsewhere.url}/reports`));
    await expectUnmatched(await expectServed(0, () => send(`${merchant.url}/reports`, payment)));
    await elsewhere.stop();
  });

  test("refuses a nonce that it did not make", async () => {
    const { client } = await payer();
    const stranger = await startMerchant(facilitator, { origin: merchant.url });
    const payment = await client.createPaymentPayload(await ask(`${stranger.url}/reports`));
    await expectUnmatched(await expectServed(0, () => send(`${merchant.url}/reports`, payment)));
    await stranger.stop();
  });

  test("the origin is never taken from the request", async () => {
    const { accepts } = await ask(`${merchant.url}/reports`);
    const { request } = await import("node:http");
    const header = await new Promise<string>((resolve, reject) => {
      const sent = request(
        `${merchant.url}/reports`,
        { headers: { host: "evil.example.com/x?" } },
        (response) => {
          response.resume();
          resolve(String(response.headers["payment-required"]));
        },
      );
      sent.on("error", reject).end();
    });
    const [offer] = decodePaymentRequiredHeader(header).accepts;
    const { binding } = await import("@prooflane/x402");
    const nonce = String(offer!.extra.nonce);
    expect(offer!.extra.binding).toBe(
      await binding({ method: "GET", origin: merchant.url, path: "/reports", nonce }),
    );
    expect(accepts[0]!.extra.binding).toMatch(/^0x/);
  });

  describe("someone who proves for other terms and says otherwise", () => {
    const asked = () => ask(`${merchant.url}/reports`);

    test.each<[string, Partial<Payment>, string, (offer: PaymentRequirements) => void]>([
      ["a smaller amount", { amount: 5_000 }, "invalid_zk_groth16_proof", (offer) => (offer.amount = "5000")],
      [
        "an older payment",
        { ageSeconds: 2 * MAX_AGE_SECONDS },
        "invalid_zk_groth16_proof",
        (offer) => (offer.extra.maxAgeSeconds = 3 * MAX_AGE_SECONDS),
      ],
      ["another recipient", { recipient: "me" }, "invalid_zk_groth16_proof", (offer) => (offer.payTo = "me")],
      [
        "another request",
        {},
        "invalid_zk_groth16_proof",
        (offer) => (offer.extra.binding = `0x${"0".repeat(64)}`),
      ],
      ["a time to come", {}, "invalid_zk_groth16_time", (offer) => (offer.extra.nonce = nonceAt(120))],
      [
        "a time gone by",
        { ageSeconds: 600 },
        "invalid_zk_groth16_time",
        (offer) => (offer.extra.nonce = nonceAt(-300)),
      ],
    ])("is refused: %s", async (_, payment, reason, terms) => {
      const { client } = await payer([payment]);
      const cheating = await cheat(client, await asked(), terms);
      await expectRefused(await expectServed(0, () => send(`${merchant.url}/reports`, cheating)), reason);
    });

    test("is refused: another asset", async () => {
      const { client } = await payer([{ asset: `${facilitator.network}/erc20:play` }]);
      client.setSpendControls(false);
      const cheating = await cheat(client, await asked(), (offer) => (offer.asset = "erc20:play"));
      await expectRefused(await send(`${merchant.url}/reports`, cheating), "invalid_zk_groth16_proof");
    });

    test("is refused: an attestor of their own", async () => {
      const attestorFile = await newAttestor(network);
      const { client } = await payer([{ attestorFile }]);
      const { public_key: key } = JSON.parse(await readFile(attestorFile, "utf8")) as {
        public_key: { x: string; y: string };
      };
      const cheating = await cheat(
        client,
        await asked(),
        (offer) => (offer.extra.attestors = [packPoint(key)]),
      );
      await expectRefused(await send(`${merchant.url}/reports`, cheating), "invalid_zk_groth16_attestor");
    });

    test("is refused: terms of their own, said openly", async () => {
      const { client } = await payer([{ amount: 1 }]);
      const terms = await asked();
      terms.accepts[0]!.amount = "1";
      await expectUnmatched(await send(`${merchant.url}/reports`, await client.createPaymentPayload(terms)));
    });

    test("is refused: the label of version 1 in a header of version 2", async () => {
      const { client } = await payer([{ amount: 1 }]);
      const terms = await asked();
      terms.accepts[0]!.amount = "1";
      const payment = { ...(await client.createPaymentPayload(terms)), x402Version: 1 };
      const response = await expectServed(0, () => send(`${merchant.url}/reports`, payment));
      expect(response.status).toBe(402);
      expect(settlement(response)?.success).toBe(false);
    });

    test("is refused: an attempt of their own", async () => {
      const { client } = await payer();
      const payment = await client.createPaymentPayload(await asked());
      payment.payload.attempt = "mine";
      const response = await expectServed(0, () => send(`${merchant.url}/reports`, payment));
      expect(response.status).toBe(402);
    });
  });

  describe("a header that is none", () => {
    // The stock server says on the console what it could not read.
    beforeAll(() => void vi.spyOn(console, "warn").mockImplementation(() => {}));
    afterAll(() => void vi.restoreAllMocks());

    /** One whose base64 differs from its URL-safe form. */
    async function withPlus(): Promise<string> {
      const { client } = await payer();
      const payment = await client.createPaymentPayload(await ask(`${merchant.url}/reports`));
      for (let i = 0; ; i++) {
        payment.resource = { ...payment.resource!, description: `${"?>~".repeat(i)}` };
        const header = encodePaymentSignatureHeader(payment);
        if (/[+/]/.test(header)) return header;
      }
    }

    test("base64url is refused, base64 is not", async () => {
      const header = await withPlus();
      const get = (value: string) =>
        fetch(`${merchant.url}/reports`, { headers: { "PAYMENT-SIGNATURE": value } });
      const urlSafe = header.replaceAll("+", "-").replaceAll("/", "_");
      expect((await expectServed(0, () => get(urlSafe))).status).toBe(402);
      expect((await expectServed(1, () => get(header))).status).toBe(200);
    });

    test.each([
      ["not base64", "?!"],
      ["not JSON", btoa("{")],
      ["null", btoa("null")],
      ["a number", btoa("7")],
      ["nothing in it", btoa("{}")],
      ["no payload", btoa('{"x402Version":2,"payload":null}')],
      ["a nonce that is a number", btoa('{"x402Version":2,"payload":{"nonce":7}}')],
      ["too long", btoa(JSON.stringify({ x402Version: 2, payload: { nonce: "0".repeat(5000) } }))],
      ["another version", btoa('{"x402Version":3,"accepted":{},"payload":{}}')],
    ])("%s", async (_, header) => {
      const response = await expectServed(0, () =>
        fetch(`${merchant.url}/reports`, { headers: { "PAYMENT-SIGNATURE": header } }),
      );
      expect(response.status).toBe(402);
    });

    test.each<[string, Record<string, unknown>]>([
      ["no proof", { proof: "" }],
      ["a proof that is too short", { proof: btoa("short") }],
      ["a proof of bytes that are no points", { proof: btoa("\xff".repeat(128)) }],
      ["a nullifier that is no field element", { nullifier: `0x${"f".repeat(64)}` }],
      ["a nullifier of someone else", { nullifier: `0x${"1".padStart(64, "0")}` }],
      ["a time that is text", { currentTime: "now" }],
      ["a time that is no integer", { currentTime: 0.5 }],
      ["a field more", { amount: "0" }],
    ])("a payment with %s", async (_, change) => {
      const { client } = await payer();
      const payment = await client.createPaymentPayload(await ask(`${merchant.url}/reports`));
      Object.assign(payment.payload, change);
      const response = await expectServed(0, () => send(`${merchant.url}/reports`, payment));
      expect(response.status).toBe(402);
      expect(settlement(response)?.errorReason).toMatch(/^invalid_/);
    });
  });
});

/** A nonce, not of the merchant's making, of so many seconds from now. */
function nonceAt(seconds: number): string {
  return (Math.floor(Date.now() / 1000) + seconds).toString(16).padStart(16, "0").padEnd(64, "0");
}

/**
 * Stock client, our gate: @x402/fetch pays the gate that PROOFLANE_GATE_URL names, behind which stands the origin of
 * PROOFLANE_ORIGIN_URL: it answers what it was sent, and on /served says how many requests it has seen.
 */
import { x402Client } from "@x402/core/client";
import {
  decodePaymentRequiredHeader,
  decodePaymentResponseHeader,
  encodePaymentSignatureHeader,
} from "@x402/core/http";
import type { PaymentPayload, PaymentRequired } from "@x402/core/types";
import { wrapFetchWithPayment } from "@x402/fetch";
import { request as httpRequest } from "node:http";
import { describe, expect, inject, test } from "vitest";
import { checkedFetch, networkProver, zkGroth16Client } from "@prooflane/x402";
import type { Network } from "./network.ts";
import { attest, newAttestor, newWallet, type Payment } from "./payer.ts";

const provided = inject("network");
const { PROOFLANE_GATE_URL: gate, PROOFLANE_ORIGIN_URL: origin } = process.env;
if (gate === undefined || origin === undefined) {
  console.warn("Tests of the gate are skipped: PROOFLANE_GATE_URL and PROOFLANE_ORIGIN_URL name none");
}

describe.skipIf(provided === undefined || gate === undefined || origin === undefined)("stock client at the gate", () => {
  const network = provided as Network;
  const paid = `${gate}/reports?year=2026`;

  async function payer(payment: Partial<Payment> = {}) {
    const { accepts } = await ask(paid);
    const { payTo, amount, asset, network: where } = accepts[0]!;
    const wallet = await newWallet(network);
    const receipt = await attest(network, wallet, {
      recipient: payTo,
      asset: `${where}/${asset}`,
      amount: Number(amount),
      ...payment,
    });
    /** A client that believes its receipt is new. */
    function newClient() {
      const scheme = zkGroth16Client({
        wallet,
        receipts: [receipt],
        prover: networkProver({ url: network.url, apiKey: process.env.PROOFLANE_API_KEY }),
        assets: [{ network: where, asset, decimals: 6, symbol: "TEST" }],
      });
      return new x402Client().register("eip155:*", scheme).registerV1("eip155:84532", scheme);
    }
    const client = newClient();
    return { newClient, client, pay: wrapFetchWithPayment(checkedFetch(), client) };
  }

  async function ask(url: string, init?: RequestInit): Promise<PaymentRequired> {
    const response = await fetch(url, init);
    expect(response.status).toBe(402);
    return decodePaymentRequiredHeader(response.headers.get("PAYMENT-REQUIRED")!);
  }

  const send = (url: string, payment: PaymentPayload, init: RequestInit = {}) =>
    fetch(url, { ...init, headers: { "PAYMENT-SIGNATURE": encodePaymentSignatureHeader(payment) } });

  const served = async () => Number(await (await fetch(`${origin}/served`)).text());

  async function expectServed<T>(count: number, requests: () => Promise<T>): Promise<T> {
    const before = await served();
    const result = await requests();
    expect((await served()) - before).toBe(count);
    return result;
  }

  const reason = (response: Response) =>
    decodePaymentRequiredHeader(response.headers.get("PAYMENT-REQUIRED")!).error;

  test("an unpaid request is told what to pay, in both versions", async () => {
    const response = await expectServed(0, () => fetch(paid));
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.json()).toMatchObject({ x402Version: 1, accepts: [{ scheme: "zk-groth16" }] });
    const { accepts, resource } = await ask(paid);
    expect(resource.url).toBe(paid);
    expect(accepts[0]).toMatchObject({ scheme: "zk-groth16", extra: { paymentFlow: "upfront" } });
  });

  test("a free request passes", async () => {
    expect((await expectServed(1, () => fetch(`${gate}/free/page`))).status).toBe(200);
  });

  test("the stock client pays, and the origin learns the nullifier", async () => {
    const { pay } = await payer();
    const response = await expectServed(1, () => pay(paid, { headers: { "x-mine": "1" } }));
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toContain("private");
    const settled = decodePaymentResponseHeader(response.headers.get("PAYMENT-RESPONSE")!);
    expect(settled).toMatchObject({ success: true, transaction: expect.stringMatching(/^0x[0-9a-f]{64}$/) });
    const seen = (await response.json()) as Record<string, string>;
    expect(seen).toMatchObject({ "prooflane-payment": settled.transaction, "x-mine": "1" });
    expect(seen).not.toHaveProperty("payment-signature");
  });

  test("a body is paid for with its request", async () => {
    const { pay } = await payer();
    const init = { method: "POST", body: '{"a": 1}' };
    const response = await expectServed(1, () => pay(`${gate}/reports`, init));
    expect(response.status).toBe(200);
  });

  test("the header stays under 2 KB", async () => {
    const { client } = await payer();
    const header = encodePaymentSignatureHeader(await client.createPaymentPayload(await ask(paid)));
    expect(header.length).toBeLessThan(2048);
  });

  test("the same payload again gets the same answer, and the origin is not asked again", async () => {
    const { client } = await payer();
    const payment = await client.createPaymentPayload(await ask(paid));
    const answers = await expectServed(1, async () => {
      const first = await (await send(paid, payment)).text();
      const again = await Promise.all(Array.from({ length: 5 }, async () => (await send(paid, payment)).text()));
      return [first, ...again];
    });
    expect(new Set(answers).size).toBe(1);
  });

  test("a receipt pays once", async () => {
    const { newClient } = await payer();
    const pay = () => wrapFetchWithPayment(checkedFetch(), newClient())(paid);
    expect((await expectServed(1, pay)).status).toBe(200);
    const second = await expectServed(0, pay);
    expect(second.status).toBe(402);
    expect(reason(second)).toBe("duplicate_settlement");
    const settled = decodePaymentResponseHeader(second.headers.get("PAYMENT-RESPONSE")!);
    expect(settled).toMatchObject({ success: false, errorReason: "duplicate_settlement", transaction: "" });
  });

  test.each<[string, string, string, RequestInit]>([
    ["another path", `${gate}/other`, "invalid_zk_groth16_proof", {}],
    ["another query", `${gate}/reports?year=2027`, "invalid_zk_groth16_proof", {}],
    ["another method", paid, "invalid_zk_groth16_proof", { method: "POST" }],
    ["a changed body", paid, "invalid_zk_groth16_proof", { method: "POST", body: "x" }],
    ["a dearer path", `${gate}/dear`, "invalid_payment_requirements", {}],
  ])("a payment is not for %s", async (_, url, expected, init) => {
    const { client } = await payer();
    const payment = await client.createPaymentPayload(await ask(paid));
    const refused = await expectServed(0, () => send(url, payment, init));
    expect(refused.status).toBe(402);
    expect(reason(refused)).toBe(expected);
    expect((await expectServed(1, () => send(paid, payment))).status).toBe(200);
  });

  test("an attestor that nobody knows does not count", async () => {
    const attestorFile = await newAttestor(network);
    const { pay } = await payer({ attestorFile });
    await expect(expectServed(0, () => pay(paid))).rejects.toThrow();
  });

  test("version 1 pays, too", async () => {
    const { client } = await payer();
    const asked = (await (await fetch(paid)).json()) as PaymentRequired;
    const payment = await client.createPaymentPayload(asked);
    expect(payment.x402Version).toBe(1);
    const headers = { "X-PAYMENT": encodePaymentSignatureHeader(payment) };
    const response = await expectServed(1, () => fetch(paid, { headers }));
    expect(response.status).toBe(200);
    const settled = decodePaymentResponseHeader(response.headers.get("X-PAYMENT-RESPONSE")!);
    expect(settled.success).toBe(true);
  });

  test.each([
    ["no base64", "?!"],
    ["no JSON", btoa("{")],
    ["nothing in it", btoa("{}")],
    ["too long", btoa("a".repeat(4000))],
    ["URL-safe", btoa('{"a":"??>>~~"}').replaceAll("+", "-").replaceAll("/", "_")],
  ])("a malformed header is 400: %s", async (_, header) => {
    const headers = { "PAYMENT-SIGNATURE": header };
    const response = await expectServed(0, () => fetch(paid, { headers }));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "invalid_payload" });
  });

  test("a header given twice is 400", async () => {
    const { client } = await payer();
    const header = encodePaymentSignatureHeader(await client.createPaymentPayload(await ask(paid)));
    const status = await expectServed(
      0,
      () =>
        new Promise<number | undefined>((resolve, reject) => {
          const headers = { "PAYMENT-SIGNATURE": [header, header] };
          const request = httpRequest(paid, { headers }, (response) => {
            response.resume();
            resolve(response.statusCode);
          });
          request.on("error", reject).end();
        }),
    );
    expect(status).toBe(400);
  });
});

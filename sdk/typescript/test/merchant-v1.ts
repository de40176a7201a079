/**
 * A merchant of x402 version 1, which the stock server no longer speaks: requirements in the body of the 402,
 * the payment in `X-PAYMENT`, settled before the answer.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { binding, nonces } from "@prooflane/x402";
import type { Facilitator } from "./facilitator.ts";
import { AMOUNT, MAX_AGE_SECONDS, MAX_TIMEOUT_SECONDS, testAsset, type Merchant } from "./merchant.ts";

export async function startMerchantV1(
  facilitator: Facilitator,
  recipient: string,
): Promise<Merchant & { payments: string[] }> {
  const served: string[] = [];
  const payments: string[] = [];
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ours = nonces(crypto.getRandomValues(new Uint8Array(32)), url);
  const { network, asset } = testAsset(facilitator);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const header = request.headers["x-payment"]?.toString();
    const paymentPayload =
      header === undefined ? undefined : (JSON.parse(atob(header)) as { payload: { nonce: string } });
    const now = Math.floor(Date.now() / 1000);
    const paid = paymentPayload?.payload.nonce;
    const nonce =
      paid !== undefined && (await ours.accepts(paid, now, MAX_TIMEOUT_SECONDS, 0))
        ? paid
        : await ours.issue(now);
    const method = request.method ?? "";
    const path = request.url ?? "";
    const paymentRequirements = {
      scheme: "zk-groth16",
      network,
      maxAmountRequired: String(AMOUNT),
      resource: url + path,
      description: "Reports",
      mimeType: "application/json",
      payTo: recipient,
      maxTimeoutSeconds: MAX_TIMEOUT_SECONDS,
      asset,
      extra: {
        circuit: "payment@1",
        key: facilitator.key,
        attestors: facilitator.attestors,
        maxAgeSeconds: MAX_AGE_SECONDS,
        paymentFlow: "upfront",
        nonce,
        binding: await binding({ method, origin: url, path, body, nonce }),
      },
    };
    if (header === undefined || paymentPayload === undefined) {
      const required = {
        x402Version: 1,
        error: "X-PAYMENT header is required",
        accepts: [paymentRequirements],
      };
      response.writeHead(402, { "content-type": "application/json" }).end(JSON.stringify(required));
      return;
    }
    payments.push(header);
    const payload = { ...paymentPayload.payload, attempt: crypto.randomUUID() };
    const settled = await fetch(`${facilitator.url}/settle`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        x402Version: 1,
        paymentPayload: { ...paymentPayload, payload },
        paymentRequirements,
      }),
    });
    const settlement = (await settled.json()) as { success: boolean };
    if (settlement.success) served.push(`${method} ${path} ${body}`);
    const headers = {
      "X-PAYMENT-RESPONSE": btoa(JSON.stringify(settlement)),
      "PAYMENT-RESPONSE": btoa(JSON.stringify(settlement)),
    };
    response.writeHead(settlement.success ? 200 : 402, headers).end();
  }

  return {
    url,
    recipient,
    served,
    payments,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

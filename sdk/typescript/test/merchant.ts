/** A merchant as merchants are told to build one: the stock Express middleware with our scheme. */
import type { AddressInfo } from "node:net";
import { paymentMiddleware, x402ResourceServer, type Network as Caip2 } from "@x402/express";
import { HTTPFacilitatorClient } from "@x402/core/server";
import express from "express";
import { zkGroth16Server, type Asset, type ZkGroth16ServerOptions } from "@prooflane/x402";
import type { Facilitator } from "./facilitator.ts";

export const AMOUNT = 10_000;
export const MAX_AGE_SECONDS = 3_600;
export const MAX_TIMEOUT_SECONDS = 60;

export interface Merchant {
  url: string;
  recipient: string;
  /** Requests that were served: method, path and body. */
  served: string[];
  stop(): Promise<void>;
}

/** The asset that merchants here ask for; its units are a millionth of a dollar. */
export function testAsset(facilitator: Facilitator): Asset {
  return { network: facilitator.network as Caip2, asset: "erc20:test", decimals: 6, symbol: "TEST" };
}

export async function startMerchant(
  facilitator: Facilitator,
  options: Partial<ZkGroth16ServerOptions> = {},
): Promise<Merchant> {
  const app = express();
  const listener = app.listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;

  const asset = testAsset(facilitator);
  const recipient = "merchant-1";
  const scheme = zkGroth16Server({
    origin: url,
    assets: [asset],
    maxAgeSeconds: MAX_AGE_SECONDS,
    ...options,
  });
  const accepts = {
    scheme: "zk-groth16",
    network: asset.network,
    price: "$0.01",
    payTo: recipient,
    maxTimeoutSeconds: MAX_TIMEOUT_SECONDS,
  };
  const routes = {
    "/reports": { accepts, description: "Reports", mimeType: "application/json" },
    "/other": { accepts },
  };
  const server = new x402ResourceServer(new HTTPFacilitatorClient({ url: facilitator.url }));
  const served: string[] = [];
  app.use(
    express.raw({ type: () => true }),
    paymentMiddleware(routes, server.register(asset.network, scheme)),
  );
  app.all(["/reports", "/other"], (request, response) => {
    served.push(
      `${request.method} ${request.originalUrl} ${request.body === undefined ? "" : String(request.body)}`,
    );
    response.json({ report: "yes" });
  });
  return {
    url,
    recipient,
    served,
    async stop() {
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

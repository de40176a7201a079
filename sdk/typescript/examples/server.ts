import { zkGroth16Server } from "@prooflane/x402";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { paymentMiddleware, x402ResourceServer } from "@x402/express";
import express from "express";

const facilitator = new HTTPFacilitatorClient({ url: "https://edge.example.com" });
const scheme = zkGroth16Server({ origin: "https://api.example.com" });
const server = new x402ResourceServer(facilitator).register("eip155:84532", scheme);
const price = { scheme: "zk-groth16", network: "eip155:84532", price: "$0.01", payTo: "merchant-1", maxTimeoutSeconds: 60 } as const;

const app = express().use(express.raw({ type: () => true }), paymentMiddleware({ "POST /reports": { accepts: price } }, server));
app.post("/reports", (request, response) => void response.json({ received: String(request.body) }));
app.listen(4021);

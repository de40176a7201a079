/**
 * The facilitator that integration tests settle with: the one that PROOFLANE_FACILITATOR_URL names, else the
 * one below, a reading of `docs/x402.md` that shares no code with the package: snarkjs judges proofs, its
 * library decompresses them, node:crypto hashes. Nullifiers are claimed in a Map.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { readFile } from "node:fs/promises";
import { buildBabyjub } from "circomlibjs";
import { curves, groth16 } from "snarkjs";
import type { Network } from "./network.ts";

const ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
const NETWORK = "eip155:84532";
const SKEW_SECONDS = 30;

export interface Facilitator {
  url: string;
  /** The network it serves, CAIP-2. */
  network: string;
  /** The verifying key it trusts. */
  key: string;
  /** The attestors it trusts, packed. */
  attestors: string[];
  stop(): Promise<void>;
}

export async function startFacilitator(network: Network): Promise<Facilitator> {
  const url = process.env.PROOFLANE_FACILITATOR_URL;
  const running = url === undefined ? await ours(network) : { url, stop: async () => {} };
  const supported = (await (await fetch(`${running.url}/supported`)).json()) as Supported;
  const kind = supported.kinds.find(
    ({ scheme, x402Version }) => scheme === "zk-groth16" && x402Version === 2,
  );
  if (kind === undefined) throw new Error(`${running.url}/supported: expected zk-groth16 in version 2`);
  const wanted = process.env.PROOFLANE_KEY_ID ?? kind.extra.key;
  if (kind.extra.key !== wanted)
    throw new Error(`${running.url}/supported: expected key ${wanted}, got ${kind.extra.key}`);
  return { ...running, network: kind.network, key: kind.extra.key, attestors: kind.extra.attestors };
}

interface Supported {
  kinds: {
    x402Version: number;
    scheme: string;
    network: string;
    extra: { circuit: string; key: string; attestors: string[] };
  }[];
}

/** What the rules below look at; everything in it comes from strangers. */
interface Call {
  x402Version: number;
  paymentPayload: {
    scheme?: string;
    network?: string;
    accepted?: { scheme?: string; network?: string };
    payload: {
      proof: string;
      nullifier: string;
      currentTime: number;
      attestor: string;
      nonce: string;
      attempt?: string;
    };
  };
  paymentRequirements: {
    scheme: string;
    network: string;
    asset: string;
    amount?: string;
    maxAmountRequired?: string;
    payTo: string;
    maxTimeoutSeconds: number;
    extra: {
      circuit: string;
      key: string;
      attestors: string[];
      maxAgeSeconds: number;
      nonce: string;
      binding: string;
    };
  };
}

async function ours(network: Network): Promise<{ url: string; stop(): Promise<void> }> {
  const { circuits } = (await (await fetch(`${network.url}/v1/circuits`)).json()) as {
    circuits: { id: string; key_id: string }[];
  };
  const key = circuits.find(({ id }) => id === "payment@1")!.key_id;
  const verifyingKey: unknown = await (
    await fetch(`${network.url}/v1/circuits/payment@1/verifying-key`)
  ).json();
  const { public_key: point } = JSON.parse(await readFile(network.attestorFile, "utf8")) as {
    public_key: { x: string; y: string };
  };
  const babyjub = await buildBabyjub();
  const attestor = hex(babyjub.packPoint([babyjub.F.e(point.x), babyjub.F.e(point.y)]));
  const curve = await curves.getCurveFromName("bn128");
  /** Nullifiers, and by which attempt of which statement they were claimed. */
  const claims = new Map<string, string>();

  const kinds = [1, 2].map((x402Version) => ({
    x402Version,
    scheme: "zk-groth16",
    network: NETWORK,
    extra: { circuit: "payment@1", key, attestors: [attestor] },
  }));

  function decompress(bytes: Buffer): unknown {
    const g1 = (at: number) =>
      curve.G1.toObject(curve.G1.fromRprCompressed(reversed(bytes.subarray(at, at + 32)), 0));
    const g2 = curve.G2.toObject(curve.G2.fromRprCompressed(reversed(bytes.subarray(32, 96)), 0));
    return text({ pi_a: g1(0), pi_b: g2, pi_c: g1(96), protocol: "groth16", curve: "bn128" });
  }

  /** The reason to refuse, or what the proof says. */
  async function verify(call: Call): Promise<{ reason: string } | { statement: string[] }> {
    const { x402Version, paymentPayload, paymentRequirements: asked } = call;
    if (x402Version !== 1 && x402Version !== 2) return { reason: "invalid_x402_version" };
    const chosen = x402Version === 1 ? paymentPayload : paymentPayload.accepted;
    if (asked.scheme !== "zk-groth16" || chosen?.scheme !== asked.scheme)
      return { reason: "unsupported_scheme" };
    if (asked.network !== NETWORK || chosen.network !== asked.network) return { reason: "invalid_network" };
    const { attempt, ...payload } = paymentPayload.payload;
    const proof = /^[A-Za-z0-9+/]+={0,2}$/.test(payload.proof)
      ? Buffer.from(payload.proof, "base64")
      : Buffer.alloc(0);
    const readable =
      Object.keys(payload).sort().join() === "attestor,currentTime,nonce,nullifier,proof" &&
      (attempt === undefined || typeof attempt === "string") &&
      proof.length === 128 &&
      /^0x[0-9a-f]{64}$/.test(payload.nullifier) &&
      Number.isSafeInteger(payload.currentTime) &&
      /^[0-9a-f]{64}$/.test(payload.attestor);
    if (!readable) return { reason: "invalid_payload" };
    const amount = x402Version === 1 ? asked.maxAmountRequired : asked.amount;
    if (asked.extra.key !== key || asked.extra.circuit !== "payment@1" || amount === undefined) {
      return { reason: "invalid_payment_requirements" };
    }
    if (payload.nonce !== asked.extra.nonce) return { reason: "invalid_zk_groth16_nonce" };
    const now = Date.now() / 1000;
    const behind = now - payload.currentTime;
    if (behind < -SKEW_SECONDS || behind > asked.maxTimeoutSeconds + SKEW_SECONDS)
      return { reason: "invalid_zk_groth16_time" };
    if (payload.attestor !== attestor || !asked.extra.attestors.includes(attestor)) {
      return { reason: "invalid_zk_groth16_attestor" };
    }
    const statement = [
      point.x,
      point.y,
      fieldOf("recipient", asked.payTo),
      fieldOf("asset", `${asked.network}/${asked.asset}`),
      amount,
      String(asked.extra.maxAgeSeconds),
      String(payload.currentTime),
      String(BigInt(asked.extra.binding)),
      String(BigInt(payload.nullifier)),
    ];
    const holds = BigInt(payload.nullifier) < ORDER && (await holdsFor(proof, statement));
    return holds ? { statement } : { reason: "invalid_zk_groth16_proof" };
  }

  async function holdsFor(proof: Buffer, statement: string[]): Promise<boolean> {
    try {
      return await groth16.verify(verifyingKey, statement, decompress(proof));
    } catch {
      return false; // Not a point.
    }
  }

  async function settle(call: Call): Promise<object> {
    const network = call.paymentRequirements.network;
    const refused = (errorReason: string) => ({ success: false, errorReason, transaction: "", network });
    const verdict = await verify(call);
    if ("reason" in verdict) return refused(verdict.reason);
    const { nullifier, attempt } = call.paymentPayload.payload;
    const claim = JSON.stringify([verdict.statement, attempt]);
    if ((claims.get(nullifier) ?? claim) !== claim) return refused("duplicate_settlement");
    claims.set(nullifier, claim);
    return { success: true, transaction: nullifier, network };
  }

  async function answer(request: IncomingMessage): Promise<object> {
    if (request.url === "/supported") return { kinds, extensions: [], signers: {} };
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const call = JSON.parse(Buffer.concat(chunks).toString()) as Call;
    if (request.url === "/settle") return settle(call);
    const verdict = await verify(call);
    return "reason" in verdict ? { isValid: false, invalidReason: verdict.reason } : { isValid: true };
  }

  const server = createServer((request, response) => {
    answer(request).then(
      (body) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await curve.terminate();
    },
  };
}

function fieldOf(domain: string, value: string): string {
  const digest = createHash("sha256").update(`prooflane/${domain}/v1\0${value}`).digest("hex");
  return String(BigInt(`0x${digest}`) % ORDER);
}

function reversed(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes).reverse();
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** All integers in decimal. */
function text(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part)),
  );
}

import type {
  PaymentPayloadResult,
  PaymentRequirements,
  SchemeClientHooks,
  SchemeNetworkClient,
} from "@x402/core/types";
import { DEFAULT_ASSETS, findAsset, type Asset } from "./assets.ts";
import { toBase64 } from "./bytes.ts";
import { PaymentError } from "./errors.ts";
import { fieldOfText, fieldToHex, parseField } from "./field.ts";
import type { Proof, Prover } from "./prover.ts";
import { fitting, receiptsInMemory, type Fit, type Receipt, type Receipts, type Wallet } from "./receipts.ts";
import { readRequirements, type Asked } from "./requirements.ts";
import {
  MAX_HEADER_LENGTH,
  SCHEME,
  expectedHeaderLength,
  type AnyRequirements,
  type PaymentPayloadV1,
  type ZkGroth16Payload,
} from "./scheme.ts";

/** What happens while a payment is made. */
export type PaymentProgress =
  { step: "chosen"; receipt: Receipt } | { step: "proved"; nullifier: string; millis: number };

/** Who pays, with what, and who proves it. */
export interface ZkGroth16ClientOptions {
  wallet: Wallet;
  /** The wallet's receipts; those used are remembered only in memory where an array is given. */
  receipts: Receipts | readonly Receipt[];
  prover: Prover;
  onProgress?: (progress: PaymentProgress) => void;
  /** The assets that spend controls can tell in dollars; {@link DEFAULT_ASSETS} where not given. */
  assets?: readonly Asset[];
  /** Our time in Unix seconds. */
  nowSeconds?: () => number;
}

/** Reasons after which a receipt that was refused may be spent all the same. */
const SPENT_OR_UNKNOWN = ["duplicate_settlement", "settlement_pending"];

/** No proof is waited for longer, whatever a server says. */
const LONGEST_WAIT_SECONDS = 600;

/**
 * The client's side of the scheme, for `client.register("eip155:*", ...)` and, for version 1 of x402,
 * `client.registerV1("eip155:*", ...)` of the stock client.
 *
 * A payment takes a receipt out of `receipts`. It is given back if the payment fails before it is sent, or
 * is refused without being spent; after any other failure it counts as used.
 */
export function zkGroth16Client(options: ZkGroth16ClientOptions): SchemeNetworkClient {
  const { wallet, prover, onProgress, assets = DEFAULT_ASSETS } = options;
  const receipts = "claim" in options.receipts ? options.receipts : receiptsInMemory(options.receipts);
  const nowSeconds = options.nowSeconds ?? (() => Math.floor(Date.now() / 1000));
  /** Receipts whose payments were sent, until the answer comes. */
  const sent = new WeakMap<object, Receipt>();

  async function choose(asked: Asked): Promise<Fit> {
    const candidates = fitting(await receipts.list(), {
      payer: wallet.commitment,
      attestors: asked.extra.attestors,
      recipient: asked.payTo,
      asset: asked.asset,
      amount: asked.amount,
      maxAgeSeconds: asked.extra.maxAgeSeconds,
      askedAtSeconds: asked.askedAtSeconds,
      nowSeconds: nowSeconds(),
    });
    for (const fit of candidates) {
      if (await receipts.claim(fit.receipt)) return fit;
    }
    throw new PaymentError(
      "no_receipt",
      `expected an unused receipt for at least ${asked.amount} of ${asked.asset} to ${asked.payTo}, at most ` +
        `${asked.extra.maxAgeSeconds} s old, by one of the attestors ${asked.extra.attestors.join(", ")}; ` +
        `found ${candidates.length === 0 ? "none" : `${candidates.length}, all used`}: pay and have it attested`,
    );
  }

  async function pay(x402Version: number, requirements: AnyRequirements): Promise<ZkGroth16Payload> {
    const asked = readRequirements(x402Version, requirements);
    const fit = await choose(asked);
    try {
      onProgress?.({ step: "chosen", receipt: fit.receipt });
      const started = Date.now();
      const proof = await prove(prover, wallet, asked, fit);
      const nullifier = await checkedNullifier(proof, asked, fit);
      onProgress?.({ step: "proved", nullifier, millis: Date.now() - started });
      const payload: ZkGroth16Payload = {
        proof: toBase64(proof.bytes),
        nullifier,
        currentTime: fit.currentTime,
        attestor: fit.attestor,
        nonce: asked.extra.nonce,
      };
      sent.set(payload, fit.receipt);
      return payload;
    } catch (error) {
      await receipts.release(fit.receipt);
      throw error;
    }
  }

  const schemeHooks: SchemeClientHooks = {
    async onBeforePaymentCreation({ paymentRequired, selectedRequirements }) {
      const length = expectedHeaderLength(paymentRequired, selectedRequirements);
      if (length <= MAX_HEADER_LENGTH) return;
      const reason = `the payment's header would have ${length} characters, and verifiers read at most ${MAX_HEADER_LENGTH}`;
      return { abort: true, reason };
    },
    /** Version 2 only: the stock client does not tell schemes what became of a payment of version 1. */
    async onPaymentResponse({ paymentPayload, settleResponse, paymentRequired }) {
      const receipt = sent.get(paymentPayload.payload);
      if (receipt === undefined) return;
      // Without a settlement, an answer that asks for payment again means that none was tried.
      const refused =
        settleResponse === undefined
          ? paymentRequired !== undefined
          : !settleResponse.success && !SPENT_OR_UNKNOWN.includes(settleResponse.errorReason ?? "");
      if (refused) await receipts.release(receipt);
    },
  };

  return {
    scheme: SCHEME,
    schemeHooks,
    findDefaultAsset: (asset, network) => findAsset(assets, asset, network),
    async createPaymentPayload(x402Version: number, requirements: PaymentRequirements) {
      const payload = await pay(x402Version, requirements);
      if (x402Version !== 1) return { x402Version, payload };
      const { scheme, network } = requirements;
      const payment: PaymentPayloadV1 = { x402Version: 1, scheme, network, payload };
      // The stock client sends what it gets here as it is, and its type does not say so.
      return payment as unknown as PaymentPayloadResult;
    },
  };
}

function prove(prover: Prover, wallet: Wallet, asked: Asked, { receipt, currentTime }: Fit): Promise<Proof> {
  const { circuit, key, maxAgeSeconds, binding } = asked.extra;
  const seconds = Math.min(asked.maxTimeoutSeconds, LONGEST_WAIT_SECONDS);
  return prover.prove({
    circuit,
    key,
    inputs: {
      attestorKey: receipt.attestorKey,
      recipientKey: receipt.recipientKey,
      asset: receipt.asset,
      minAmount: asked.amount.toString(),
      maxBlockAge: maxAgeSeconds.toString(),
      currentTime,
      binding,
      actualAmount: receipt.actualAmount,
      payerSecret: wallet.secret,
      txHash: receipt.txHash,
      paymentTime: receipt.paymentTime,
      signature: receipt.signature,
    },
    signal: AbortSignal.timeout(seconds * 1000),
  });
}

/** The nullifier of a proof that says what was asked for, and no more. */
async function checkedNullifier(proof: Proof, asked: Asked, { receipt, currentTime }: Fit): Promise<string> {
  const expected = [
    BigInt(receipt.attestorKey.x),
    BigInt(receipt.attestorKey.y),
    await fieldOfText("recipient", asked.payTo),
    await fieldOfText("asset", asked.asset),
    asked.amount,
    BigInt(asked.extra.maxAgeSeconds),
    BigInt(currentTime),
    BigInt(asked.extra.binding),
  ];
  const nullifier = parseField(proof.publicInputs[expected.length]);
  const asAsked =
    proof.bytes.length === 128 &&
    proof.publicInputs.length === expected.length + 1 &&
    expected.every((value, i) => parseField(proof.publicInputs[i]) === value);
  if (!asAsked || nullifier === undefined) {
    throw new PaymentError("no_proof", "the prover's proof is not for the inputs it was given");
  }
  return fieldToHex(nullifier);
}

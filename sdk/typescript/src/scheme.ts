import type { PaymentPayload, PaymentRequired, PaymentRequirements } from "@x402/core/types";
import type { PaymentRequirementsV1 } from "@x402/core/types/v1";
import { utf8 } from "./bytes.ts";

/** The scheme's name on the wire (`docs/x402.md`). */
export const SCHEME = "zk-groth16";

/** The circuit whose proofs pay. */
export const CIRCUIT = "payment@1";

/** A header with more characters is refused unread by every verifier. */
export const MAX_HEADER_LENGTH = 4096;

/** `extra` of payment requirements: the part that is the same in every answer. */
export interface FixedExtra {
  /** The circuit, `payment@1`. */
  circuit: string;
  /** Names the verifying key: 64 hexadecimal digits, see {@link keyId}. */
  key: string;
  /** The attestors whose receipts count: 64 hexadecimal digits each, see {@link packPoint}. */
  attestors: string[];
  /** How old the payment may be. */
  maxAgeSeconds: number;
  /** Claiming the receipt is the settlement, and it comes before the answer. */
  paymentFlow: "upfront";
}

/** `extra` of payment requirements as a client sees it. */
export interface ZkGroth16Extra extends FixedExtra {
  /** Made by the server: 48 hexadecimal digits. */
  nonce: string;
  /** What the proof must be bound to: `0x` and 64 hexadecimal digits, see {@link binding}. */
  binding: string;
}

/** `payload` of a payment: what a server cannot derive itself. */
export type ZkGroth16Payload = {
  /** Base64 of the 128 bytes of the compact proof. */
  proof: string;
  /** Names the receipt, and nothing else: `0x` and 64 hexadecimal digits. */
  nullifier: string;
  /** The time the proof was made for, in Unix seconds. */
  currentTime: number;
  /** Who signed the receipt: 64 hexadecimal digits. */
  attestor: string;
  /** The server's nonce. */
  nonce: string;
};

/** A payment as version 1 of x402 sends it. */
export interface PaymentPayloadV1 {
  x402Version: 1;
  scheme: string;
  network: string;
  payload: ZkGroth16Payload;
}

/** Requirements of either version. */
export type AnyRequirements = PaymentRequirements | PaymentRequirementsV1;

/** How many characters the header of this payment has: standard base64 of its JSON. */
export function headerLength(payment: PaymentPayload | PaymentPayloadV1): number {
  return 4 * Math.ceil(utf8(JSON.stringify(payment)).length / 3);
}

/** How long the header of a payment for these requirements will be, told before there is a proof. */
export function expectedHeaderLength(required: PaymentRequired, accepted: PaymentRequirements): number {
  const digits = "0".repeat(64);
  const payload: ZkGroth16Payload = {
    proof: "A".repeat(172),
    nullifier: `0x${digits}`,
    currentTime: 1e9,
    attestor: digits,
    nonce: digits,
  };
  if (required.x402Version === 1) {
    return headerLength({ x402Version: 1, scheme: accepted.scheme, network: accepted.network, payload });
  }
  const { resource, extensions } = required;
  return headerLength({
    x402Version: required.x402Version,
    payload,
    ...(extensions === undefined ? {} : { extensions }),
    resource,
    accepted,
  });
}

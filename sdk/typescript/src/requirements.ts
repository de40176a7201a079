import { isHex32 } from "./bytes.ts";
import { PaymentError } from "./errors.ts";
import { parseField, parseU64 } from "./field.ts";
import { nonceTime } from "./nonce.ts";
import { CIRCUIT, SCHEME, type AnyRequirements, type ZkGroth16Extra } from "./scheme.ts";

/** What a server asks for, of either version of x402. */
export interface Asked {
  network: string;
  /** The asset as receipts name it: `network/asset`. */
  asset: string;
  amount: bigint;
  payTo: string;
  maxTimeoutSeconds: number;
  /** The server's time when it asked. */
  askedAtSeconds: number;
  extra: ZkGroth16Extra;
}

/** Of what a server sent, in an error. */
const LONGEST_EXCERPT = 100;

/**
 * Reads payment requirements strictly: a server is not trusted with what a proof is made for. The amount is
 * that of the version, which is the one the stock client's spend controls look at.
 *
 * @throws PaymentError `unsupported_requirements`, naming the field.
 */
export function readRequirements(x402Version: number, requirements: AnyRequirements): Asked {
  const { amount: amountV2, maxAmountRequired: amountV1 } = requirements as Record<string, unknown>;
  const amountText = x402Version === 1 ? amountV1 : amountV2;
  const amount = parseU64(amountText);
  const { network, asset, payTo, maxTimeoutSeconds } = requirements;
  const extra = requirements.extra as Partial<Record<keyof ZkGroth16Extra, unknown>> | undefined;
  const { circuit, key, attestors, maxAgeSeconds, paymentFlow, nonce, binding } = extra ?? {};
  const isText = (text: unknown): text is string => typeof text === "string" && text !== "";
  const askedAtSeconds = typeof nonce === "string" ? nonceTime(nonce) : undefined;

  const expected = (field: string, what: string, found: unknown): never => {
    const got = String(JSON.stringify(found)).slice(0, LONGEST_EXCERPT);
    throw new PaymentError("unsupported_requirements", `requirements.${field}: expected ${what}, got ${got}`);
  };
  if (requirements.scheme !== SCHEME) expected("scheme", SCHEME, requirements.scheme);
  if (!isText(network) || !/^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$/.test(network)) {
    expected("network", "a network as CAIP-2 writes it", network);
  }
  if (!isText(asset)) expected("asset", "the asset's name", asset);
  if (!isText(payTo)) expected("payTo", "the recipient's name", payTo);
  if (!Number.isSafeInteger(maxTimeoutSeconds) || maxTimeoutSeconds <= 0) {
    expected("maxTimeoutSeconds", "a positive integer", maxTimeoutSeconds);
  }
  if (circuit !== CIRCUIT) expected("extra.circuit", CIRCUIT, circuit);
  if (!isHex32(key)) expected("extra.key", "64 hexadecimal digits in lower case", key);
  if (!Array.isArray(attestors) || attestors.length === 0 || !attestors.every(isHex32)) {
    expected("extra.attestors", "at least one packed key of 64 hexadecimal digits in lower case", attestors);
  }
  if (!Number.isSafeInteger(maxAgeSeconds) || (maxAgeSeconds as number) < 0) {
    expected("extra.maxAgeSeconds", "an integer that is not negative", maxAgeSeconds);
  }
  if (paymentFlow !== undefined && paymentFlow !== "upfront") {
    expected("extra.paymentFlow", "upfront", paymentFlow);
  }
  if (typeof binding !== "string" || !/^0x[0-9a-f]{64}$/.test(binding) || parseField(binding) === undefined) {
    expected("extra.binding", "a field element as 0x and 64 hexadecimal digits in lower case", binding);
  }
  return {
    network,
    asset: `${network}/${asset}`,
    amount: amount ?? expected("amount", "a decimal integer below 2^64", amountText),
    payTo,
    maxTimeoutSeconds,
    askedAtSeconds: askedAtSeconds ?? expected("extra.nonce", "a nonce of 64 hexadecimal digits", nonce),
    extra: extra as ZkGroth16Extra,
  };
}

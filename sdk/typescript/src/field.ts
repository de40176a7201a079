import { bigEndian, concat, integer, sha256, toHex, utf8 } from "./bytes.ts";

/** The order of BN254's scalar field, in which circuits compute. */
export const FIELD_ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;

/**
 * The field element of a text in a domain, as `circuits/README.md` defines it: SHA-256 of
 * `"prooflane/" domain "/v1" 0x00 text`, read big-endian, modulo the field's order.
 */
export async function fieldOfText(domain: string, text: string): Promise<bigint> {
  const digest = await sha256(concat(utf8(`prooflane/${domain}/v1\0`), utf8(text)));
  return integer(digest) % FIELD_ORDER;
}

/** A field element as `0x` and 64 hexadecimal digits. */
export function fieldToHex(value: bigint): string {
  return `0x${toHex(bigEndian(value, 32))}`;
}

/**
 * Reads a field element: a decimal string without leading zeros, or `0x` and up to 64 hexadecimal
 * digits, below the order. Undefined for anything else.
 */
export function parseField(text: unknown): bigint | undefined {
  if (typeof text !== "string" || !/^(0|[1-9][0-9]{0,76}|0x[0-9a-fA-F]{1,64})$/.test(text)) {
    return undefined;
  }
  const value = BigInt(text);
  return value < FIELD_ORDER ? value : undefined;
}

/** Reads a decimal integer below 2^64 without sign or leading zeros. Undefined for anything else. */
export function parseU64(text: unknown): bigint | undefined {
  if (typeof text !== "string" || !/^(0|[1-9][0-9]{0,19})$/.test(text)) return undefined;
  const value = BigInt(text);
  return value < 1n << 64n ? value : undefined;
}

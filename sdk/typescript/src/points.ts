import { concat, littleEndian, sha256, toHex, type Bytes } from "./bytes.ts";
import { FIELD_ORDER, parseField } from "./field.ts";

/** The order of BN254's base field, in which its points have their coordinates. */
const BASE_FIELD_ORDER = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;

/** A BabyJubJub point, its coordinates in decimal. */
export interface Point {
  x: string;
  y: string;
}

/** A proof as snarkjs writes it: projective coordinates in decimal, the last being 1. */
export interface SnarkjsProof {
  pi_a: readonly string[];
  pi_b: readonly (readonly string[])[];
  pi_c: readonly string[];
}

/** A verifying key as snarkjs writes it, in as far as it is needed to name it. */
export interface SnarkjsVerifyingKey {
  vk_alpha_1: readonly string[];
  vk_beta_2: readonly (readonly string[])[];
  vk_gamma_2: readonly (readonly string[])[];
  vk_delta_2: readonly (readonly string[])[];
  IC: readonly (readonly string[])[];
}

/**
 * A BabyJubJub point as circomlib's `packPoint` writes it, in 64 hexadecimal digits: y little-endian,
 * the top bit set where x is above half the field's order.
 *
 * @throws RangeError for coordinates that are not field elements.
 */
export function packPoint(point: Point): string {
  const [x, y] = [parseField(point.x), parseField(point.y)];
  if (x === undefined || y === undefined) {
    throw new RangeError("point: expected two field elements in decimal");
  }
  const bytes = littleEndian(y, 32);
  if (x > FIELD_ORDER >> 1n) bytes[31]! |= 0x80;
  return toHex(bytes);
}

/**
 * The 128 bytes of a proof: A, B, C, each as `verifier/README.md` compresses points.
 *
 * @throws RangeError for what is not a proof as snarkjs writes it.
 */
export function compactProof(proof: SnarkjsProof): Bytes {
  return concat(compressG1(proof.pi_a), compressG2(proof.pi_b), compressG1(proof.pi_c));
}

/**
 * What names a verifying key: the SHA-256 of its compact form (`verifier/README.md`), 64 hexadecimal
 * digits.
 *
 * @throws RangeError for what is not a key as snarkjs writes it.
 */
export async function keyId(key: SnarkjsVerifyingKey): Promise<string> {
  const compact = concat(
    compressG1(key.vk_alpha_1),
    ...[key.vk_beta_2, key.vk_gamma_2, key.vk_delta_2].map(compressG2),
    littleEndian(BigInt(key.IC.length), 4),
    ...key.IC.map(compressG1),
  );
  return toHex(await sha256(compact));
}

/** Bit 7 of the last byte of a compressed point: y is the larger of y and -y. */
const LARGER_Y = 0x80;

function compressG1(point: readonly string[]): Bytes {
  const [x, y] = coordinates(point, "1");
  return marked(littleEndian(x, 32), isLarger(y));
}

function compressG2(point: readonly (readonly string[])[]): Bytes {
  const [x, y, z] = point;
  if (point.length !== 3 || x === undefined || y === undefined || z?.join() !== "1,0") {
    throw new RangeError("point: expected three pairs of coordinates, the last of them 1 and 0");
  }
  const [x0, x1] = coordinates(x);
  const [y0, y1] = coordinates(y);
  return marked(concat(littleEndian(x0, 32), littleEndian(x1, 32)), y1 === 0n ? isLarger(y0) : isLarger(y1));
}

/** Two coordinates, and behind them `last` where it is given. */
function coordinates(point: readonly string[], last?: string): [bigint, bigint] {
  const [x, y] = [coordinate(point[0]), coordinate(point[1])];
  if (
    x === undefined ||
    y === undefined ||
    point[2] !== last ||
    point.length !== (last === undefined ? 2 : 3)
  ) {
    throw new RangeError("point: expected affine coordinates in decimal, below the field's order");
  }
  return [x, y];
}

function coordinate(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^(0|[1-9][0-9]{0,76})$/.test(text)) return undefined;
  const value = BigInt(text);
  return value < BASE_FIELD_ORDER ? value : undefined;
}

function isLarger(y: bigint): boolean {
  return y > BASE_FIELD_ORDER >> 1n;
}

function marked(bytes: Bytes, larger: boolean): Bytes {
  if (larger) bytes[bytes.length - 1]! |= LARGER_Y;
  return bytes;
}

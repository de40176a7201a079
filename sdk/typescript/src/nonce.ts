import {
  bigEndian,
  concat,
  equalInConstantTime,
  fromHex,
  integer,
  toHex,
  utf8,
  type Bytes,
} from "./bytes.ts";

const DOMAIN = utf8("prooflane x402 nonce v1");
const TIME_BYTES = 8;
const RANDOM_BYTES = 8;
const TAG_BYTES = 16;
const NONCE_BYTES = TIME_BYTES + RANDOM_BYTES + TAG_BYTES;

/** Makes nonces and knows them again without keeping any (`docs/x402.md`, "Nonce"). */
export interface Nonces {
  /** A nonce, 64 hexadecimal digits; `random` is 8 bytes, given in tests alone. */
  issue(nowSeconds: number, random?: Uint8Array): Promise<string>;
  /**
   * Whether this is a nonce of this secret and origin, issued at most `ageSeconds` ago and at most
   * `skewSeconds` ahead: several instances share a secret, not a clock.
   */
  accepts(nonce: string, nowSeconds: number, ageSeconds: number, skewSeconds: number): Promise<boolean>;
}

/**
 * @param secret - 32 bytes. Instances that serve the same origin need the same.
 * @param origin - The origin nonces are for.
 * @throws RangeError for a secret of another length.
 */
export function nonces(secret: Uint8Array, origin: string): Nonces {
  if (secret.length !== 32) {
    throw new RangeError(`secret: expected 32 random bytes, got ${secret.length}`);
  }
  const key = crypto.subtle.importKey(
    "raw",
    new Uint8Array(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );

  async function nonceOf(tagged: Bytes): Promise<Bytes> {
    const mac = await crypto.subtle.sign("HMAC", await key, concat(DOMAIN, tagged, utf8(origin)));
    return concat(tagged, new Uint8Array(mac, 0, TAG_BYTES));
  }

  return {
    async issue(nowSeconds, random = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES))) {
      return toHex(await nonceOf(concat(bigEndian(BigInt(nowSeconds), TIME_BYTES), new Uint8Array(random))));
    },
    async accepts(nonce, nowSeconds, ageSeconds, skewSeconds) {
      const issued = nonceTime(nonce);
      if (issued === undefined) return false;
      if (issued < nowSeconds - ageSeconds || issued > nowSeconds + skewSeconds) return false;
      const bytes = fromHex(nonce, NONCE_BYTES);
      if (bytes === undefined) return false;
      const own = await nonceOf(bytes.slice(0, NONCE_BYTES - TAG_BYTES));
      // The text too: a nonce has one spelling, or one payment could be bound twice.
      return nonce === nonce.toLowerCase() && equalInConstantTime(own, bytes);
    },
  };
}

/** When a nonce was issued, in Unix seconds; undefined for what is no nonce. */
export function nonceTime(nonce: string): number | undefined {
  const bytes = fromHex(nonce, NONCE_BYTES);
  if (bytes === undefined) return undefined;
  const seconds = integer(bytes.subarray(0, TIME_BYTES));
  return seconds <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seconds) : undefined;
}

import { sha256, toHex } from "./bytes.ts";
import { fieldOfText, fieldToHex } from "./field.ts";

/** What a proof is bound to: one request, and the nonce that the server gave for it. */
export interface BoundRequest {
  /** The method; case does not matter. */
  method: string;
  /** The origin as RFC 6454, section 6.2 writes it, such as `https://api.example.com`. */
  origin: string;
  /** Path and query as sent. */
  path: string;
  /** The body's bytes; none for a request without one. */
  body?: Uint8Array;
  /** The nonce, 64 hexadecimal digits. */
  nonce: string;
}

/** The binding of a request (`docs/x402.md`), as `0x` and 64 hexadecimal digits. */
export async function binding(request: BoundRequest): Promise<string> {
  const bodyHash = await sha256(request.body ?? new Uint8Array());
  const lines = [request.method.toUpperCase(), request.origin, request.path, toHex(bodyHash), request.nonce];
  return fieldToHex(await fieldOfText("x402-binding", lines.join("\n")));
}

/**
 * An origin, checked to be written as RFC 6454 does: scheme, host in lower case, a port only where it
 * is not the scheme's own, and nothing behind it.
 *
 * @throws RangeError for anything else.
 */
export function checkedOrigin(text: string): string {
  let origin: string | undefined;
  try {
    origin = new URL(text).origin;
  } catch {
    // Not a URL: told below.
  }
  if (origin !== text || origin === "null") {
    throw new RangeError(
      `origin: expected scheme, host and port as a browser writes them, such as https://api.example.com, got ${JSON.stringify(text)}`,
    );
  }
  return text;
}

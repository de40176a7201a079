import { decodePaymentRequiredHeader } from "@x402/core/http";
import { binding } from "./binding.ts";
import { PaymentError } from "./errors.ts";
import { SCHEME } from "./scheme.ts";

/**
 * A `fetch` that looks at answers which ask for payment by this scheme: their binding must be that of
 * the request that was made. Else a server could have us pay, with a receipt for another merchant, for a
 * request of its own to that merchant. The scheme cannot check this itself, as the stock client does not
 * show it the request.
 *
 * @throws PaymentError `wrong_binding`.
 */
export function checkedFetch(send: typeof fetch = fetch): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const sentBody = request.clone();
    const response = await send(request);
    if (response.status !== 402) {
      await sentBody.body?.cancel();
      return response;
    }
    const url = new URL(response.url || request.url);
    const body = new Uint8Array(await sentBody.arrayBuffer());
    for (const { nonce, binding: found } of await offers(response)) {
      const { method } = request;
      const expected = await binding({
        method,
        origin: url.origin,
        path: url.pathname + url.search,
        body,
        nonce: String(nonce),
      });
      if (found === expected) continue;
      throw new PaymentError(
        "wrong_binding",
        `${method} ${url.origin}${url.pathname}: expected to be asked for a payment bound to ${expected}, got ${String(found)}; ` +
          "the server wants payment for another request, or its configured origin is wrong",
      );
    }
    return response;
  };
}

/** `extra` of each offer to pay by this scheme. What cannot be read, the stock client does not pay either. */
async function offers(response: Response): Promise<Record<string, unknown>[]> {
  type Answer = { accepts?: { scheme?: unknown; extra?: Record<string, unknown> }[] };
  let answer: Answer | null;
  try {
    const header = response.headers.get("PAYMENT-REQUIRED");
    answer = (
      header === null ? await response.clone().json() : decodePaymentRequiredHeader(header)
    ) as Answer | null;
  } catch {
    return [];
  }
  if (!Array.isArray(answer?.accepts)) return [];
  return answer.accepts.filter((offer) => offer?.scheme === SCHEME).map((offer) => offer.extra ?? {});
}

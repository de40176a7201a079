import { decodePaymentSignatureHeader } from "@x402/core/http";
import type { HTTPAdapter } from "@x402/core/http";
import type {
  PaymentRequirements,
  SchemeNetworkServer,
  SchemePaymentRequiredContext,
  SupportedKind,
} from "@x402/core/types";
import { DEFAULT_ASSETS, findAsset, inSmallestUnit, type Asset } from "./assets.ts";
import { binding, checkedOrigin } from "./binding.ts";
import { isHex32, toHex, utf8 } from "./bytes.ts";
import { parseU64 } from "./field.ts";
import { nonces } from "./nonce.ts";
import { CIRCUIT, MAX_HEADER_LENGTH, SCHEME, type FixedExtra } from "./scheme.ts";

/** A merchant's side of the scheme. */
export interface ZkGroth16ServerOptions {
  /** The origin that clients see, such as `https://api.example.com`. Never taken from a request. */
  origin: string;
  /**
   * 32 random bytes from which nonces are made; made up where not given. Instances that serve one origin
   * need the same, or a payment for one's answer is refused by the others.
   */
  secret?: Uint8Array;
  /** Packed keys of the attestors to trust; all that the facilitator trusts where not given. */
  attestors?: readonly string[];
  /** The verifying key to insist on; the facilitator's where not given. */
  key?: string;
  /** How old payments may be, unless the route's `extra.maxAgeSeconds` says otherwise; a day. */
  maxAgeSeconds?: number;
  /** By how much the clocks of instances may differ; 30. */
  skewSeconds?: number;
  /** Assets for prices in dollars; {@link DEFAULT_ASSETS} where not given. */
  assets?: readonly Asset[];
  /** Our time in Unix seconds. */
  nowSeconds?: () => number;
}

const DAY_SECONDS = 86_400;
const SKEW_SECONDS = 30;

/**
 * The server's side of the scheme, for `server.register(network, ...)` of the stock resource server.
 *
 * Every answer that asks for payment carries a nonce and the binding of the request at hand. A request that
 * comes with a payment is answered, within the stock server, by requirements with the payment's own nonce, if it
 * is ours and fresh: the stock comparison of requirements then compares the bindings.
 *
 * @throws RangeError for an origin or a secret that is none.
 */
export function zkGroth16Server(options: ZkGroth16ServerOptions): SchemeNetworkServer {
  const { assets = DEFAULT_ASSETS, maxAgeSeconds = DAY_SECONDS, skewSeconds = SKEW_SECONDS } = options;
  const origin = checkedOrigin(options.origin);
  const ours = nonces(options.secret ?? crypto.getRandomValues(new Uint8Array(32)), origin);
  const nowSeconds = options.nowSeconds ?? (() => Math.floor(Date.now() / 1000));

  /** The nonce of the request's payment where it still counts, a new one else. */
  async function nonceFor(requirements: PaymentRequirements, paid: string | undefined): Promise<string> {
    const now = nowSeconds();
    const ageSeconds = requirements.maxTimeoutSeconds + skewSeconds;
    if (paid !== undefined && (await ours.accepts(paid, now, ageSeconds, skewSeconds))) return paid;
    return ours.issue(now);
  }

  return {
    scheme: SCHEME,
    defaultAssetTransferMethod: "default",
    paymentFlows: { default: { supported: ["upfront"], default: "upfront" } },

    async parsePrice(price, network) {
      const exact = typeof price === "object" ? price : inSmallestUnit(assets, price, network);
      if (parseU64(exact.amount) === undefined) {
        throw new RangeError(
          `price.amount: expected a decimal integer below 2^64, got ${JSON.stringify(exact.amount)}`,
        );
      }
      return exact;
    },

    getAssetDecimals: (asset, network) => findAsset(assets, asset, network)?.decimals,

    validateFacilitatorSupport(_network, supportedKind) {
      const found = readKind(supportedKind, options);
      return typeof found === "string" ? found : undefined;
    },

    async enhancePaymentRequirements(requirements, supportedKind) {
      const found = readKind(supportedKind, options);
      if (typeof found === "string") throw new Error(`${SCHEME} on ${requirements.network}: ${found}`);
      const extra: Record<string, unknown> = {
        maxAgeSeconds,
        ...requirements.extra,
        ...found,
        paymentFlow: "upfront",
      };
      const { maxAgeSeconds: age } = extra;
      if (!Number.isSafeInteger(age) || (age as number) < 0 || "nonce" in extra || "binding" in extra) {
        throw new Error(
          "extra: expected maxAgeSeconds to be an integer that is not negative, and neither nonce nor binding",
        );
      }
      return { ...requirements, extra };
    },

    async enrichPaymentRequiredResponse(context) {
      // Called once for each offer in turn, and may then change only that one: the first without a nonce.
      const offer = context.requirements.find(
        ({ scheme, extra }) => scheme === SCHEME && !("nonce" in extra),
      );
      if (offer === undefined) return;
      const adapter = adapterOf(context);
      const nonce = await nonceFor(offer, paidNonce(context, adapter));
      offer.extra.nonce = nonce;
      offer.extra.binding = await binding({
        method: adapter.getMethod(),
        origin,
        path: pathAndQuery(adapter),
        body: await bodyOf(adapter),
        nonce,
      });
    },

    /** Lets the facilitator tell a repeated call of ours from a second request with the same payment. */
    async enrichSettlementPayload() {
      return { attempt: toHex(crypto.getRandomValues(new Uint8Array(16))) };
    },
  };
}

/** What to copy from a facilitator's kind, or why it will not do. */
function readKind(
  kind: SupportedKind,
  wanted: Pick<ZkGroth16ServerOptions, "attestors" | "key">,
): Pick<FixedExtra, "circuit" | "key" | "attestors"> | string {
  const { circuit, key, attestors } = (kind.extra ?? {}) as Partial<Record<keyof FixedExtra, unknown>>;
  if (circuit !== CIRCUIT) {
    return `expected the facilitator to serve ${CIRCUIT}, got ${JSON.stringify(circuit)}`;
  }
  if (!isHex32(key)) return "expected the facilitator to name its key in 64 hexadecimal digits, lower case";
  if (wanted.key !== undefined && wanted.key !== key) {
    return `expected the facilitator's key to be ${wanted.key}, got ${key}`;
  }
  if (!Array.isArray(attestors) || !attestors.every(isHex32)) {
    return "expected the facilitator to name its attestors in 64 hexadecimal digits each, lower case";
  }
  const trusted = attestors.filter((attestor) => wanted.attestors?.includes(attestor) ?? true);
  if (trusted.length === 0) return "expected the facilitator to trust an attestor that we trust, found none";
  return { circuit: CIRCUIT, key, attestors: trusted };
}

function adapterOf({ transportContext }: SchemePaymentRequiredContext): HTTPAdapter {
  const adapter = (transportContext as { request?: { adapter?: HTTPAdapter } } | undefined)?.request?.adapter;
  if (adapter === undefined) {
    throw new Error(
      `${SCHEME}: expected an HTTP request, to which payments are bound, got another transport`,
    );
  }
  return adapter;
}

/**
 * The nonce that the request's payment names. Only for the answer with which the stock server compares the
 * payment, which has no error: the answer to a refused payment has a new nonce.
 */
function paidNonce({ error }: SchemePaymentRequiredContext, adapter: HTTPAdapter): string | undefined {
  const header = adapter.getHeader("payment-signature");
  if (error !== undefined || header === undefined || header.length > MAX_HEADER_LENGTH) return undefined;
  try {
    const nonce = decodePaymentSignatureHeader(header)?.payload?.nonce;
    return typeof nonce === "string" ? nonce : undefined;
  } catch {
    return undefined;
  }
}

/** Path and query as sent. The URL's origin is what the client says of it, and dropped. */
function pathAndQuery(adapter: HTTPAdapter): string {
  const withoutScheme = adapter.getUrl().replace(/^[a-z][a-z0-9+.-]*:\/\//i, "");
  const host = adapter.getHeader("host");
  // A Host header may hold anything, a slash too: it is known, so it need not be searched for its end.
  const target =
    host !== undefined && withoutScheme.startsWith(host)
      ? withoutScheme.slice(host.length)
      : withoutScheme.replace(/^[^/?#]*/, "");
  // A request target in absolute form (RFC 9112, section 3.2.2) has an origin of its own.
  const path = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "").replace(/#.*$/s, "");
  return path.startsWith("/") ? path : `/${path}`;
}

/**
 * The request's body as it was sent.
 *
 * @throws Error for one that was parsed, or not read: its bytes are gone.
 */
async function bodyOf(adapter: HTTPAdapter): Promise<Uint8Array> {
  const body = await adapter.getBody?.();
  if (body instanceof Uint8Array) return body;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  if (typeof body === "string") return utf8(body);
  const announced =
    (adapter.getHeader("content-length") ?? "0") !== "0" ||
    adapter.getHeader("transfer-encoding") !== undefined;
  // Without a body, some parsers leave an empty object behind.
  const nothing =
    body === undefined || body === null || (typeof body === "object" && Object.keys(body).length === 0);
  if (!announced && nothing) return new Uint8Array();
  throw new Error(
    `${SCHEME}: expected the body's bytes, got ${nothing ? "nothing" : "what a parser made of them"}; payments are bound to the ` +
      'body as it was sent: mount express.raw({ type: "*/*" }), or express.raw({ type: () => true }) to take bodies ' +
      "without a type too, before the payment middleware on paid routes, and parse in the handler",
  );
}

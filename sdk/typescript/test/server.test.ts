import { x402ResourceServer } from "@x402/core/server";
import type { HTTPAdapter } from "@x402/core/http";
import type { PaymentRequirements, SupportedKind } from "@x402/core/types";
import { encodePaymentSignatureHeader } from "@x402/core/http";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { binding, nonces, zkGroth16Server, type ZkGroth16ServerOptions } from "@prooflane/x402";

const origin = "https://api.example.com";
const secret = new Uint8Array(32).fill(7);
const now = 1_732_233_600;
const [key, a, b, c] = ["11", "aa", "bb", "cc"].map((byte) => byte.repeat(32)) as [
  string,
  string,
  string,
  string,
];
const kind: SupportedKind = {
  x402Version: 2,
  scheme: "zk-groth16",
  network: "eip155:84532",
  extra: { circuit: "payment@1", key, attestors: [a, b] },
};
const base: PaymentRequirements = {
  scheme: "zk-groth16",
  network: "eip155:84532",
  asset: "erc20:test",
  amount: "10000",
  payTo: "merchant-1",
  maxTimeoutSeconds: 60,
  extra: {},
};
const make = (options: Partial<ZkGroth16ServerOptions> = {}) =>
  zkGroth16Server({ origin, secret, nowSeconds: () => now, ...options });

interface Sent {
  method?: string;
  url?: string;
  headers?: Record<string, string>;
  body?: unknown;
}
function adapter({
  method = "GET",
  url = "https://api.example.com/reports",
  headers = {},
  body,
}: Sent): HTTPAdapter {
  return {
    getHeader: (name) => headers[name.toLowerCase()],
    getMethod: () => method,
    getPath: () => new URL(url).pathname,
    getUrl: () => url,
    getAcceptHeader: () => "",
    getUserAgent: () => "",
    getBody: () => body,
  };
}

/** What the stock server answers to a request without payment, or with a refused one. */
async function answer(
  sent: Sent,
  offers = [base],
  options: Partial<ZkGroth16ServerOptions> = {},
  error?: string,
) {
  const server = new x402ResourceServer();
  for (const network of new Set(offers.map((offer) => offer.network)))
    server.register(network, make(options));
  const accepts = structuredClone(offers);
  const resource = { url: "https://api.example.com/reports" };
  const context = { request: { adapter: adapter(sent) } };
  return (await server.createPaymentRequiredResponse(accepts, resource, error, undefined, context)).accepts;
}

describe("prices", () => {
  const assets = [
    { network: "eip155:1", asset: "erc20:a", decimals: 6, symbol: "USDC" },
    { network: "eip155:1", asset: "erc20:b", decimals: 2, symbol: "EURC" },
  ] as const;
  const scheme = make({ assets });

  test.each([
    ["$0.01", "erc20:a", "10000"],
    [0.01, "erc20:a", "10000"],
    ["0.000001", "erc20:a", "1"],
    [1e-6, "erc20:a", "1"],
    ["2 USDC", "erc20:a", "2000000"],
    ["1.50 EURC", "erc20:b", "150"],
    ["1.500 eurc", "erc20:b", "150"],
    ["$0", "erc20:a", "0"],
  ])("%s", async (price, asset, amount) => {
    expect(await scheme.parsePrice(price, "eip155:1")).toEqual({ asset, amount });
  });

  test.each([
    ["$0.0000001", /at most 6 decimals/],
    ["1.505 EURC", /at most 2 decimals/],
    ["1 DAI", /expected an asset/],
    ["-1", /Invalid money/],
    ["free", /Invalid money/],
    ["18446744073709.551616", /below 2\^64/],
  ])("not %s", async (price, message) => {
    await expect(scheme.parsePrice(price, "eip155:1")).rejects.toThrow(message);
  });

  test("of a network without assets", async () => {
    await expect(scheme.parsePrice("$1", "eip155:2")).rejects.toThrow(/configure one in `assets`/);
    expect((await make().parsePrice("$1", "eip155:8453")).amount).toBe("1000000");
  });

  test("in an asset's smallest unit are taken as they are", async () => {
    const price = { asset: "points", amount: "18446744073709551615", extra: { maxAgeSeconds: 5 } };
    expect(await scheme.parsePrice(price, "eip155:2")).toEqual(price);
    for (const amount of ["18446744073709551616", "1.5", "-1", ""]) {
      await expect(scheme.parsePrice({ asset: "points", amount }, "eip155:2")).rejects.toThrow(
        /price.amount: expected/,
      );
    }
  });

  test("decimals", () => {
    expect(scheme.getAssetDecimals?.("ERC20:A", "eip155:1")).toBe(6);
    expect(scheme.getAssetDecimals?.("erc20:a", "eip155:2")).toBeUndefined();
  });
});

describe("requirements", () => {
  const enhance = (options: Partial<ZkGroth16ServerOptions>, extra = {}, from = kind) =>
    make(options).enhancePaymentRequirements({ ...base, extra }, from, []);

  test("copy what the facilitator serves", async () => {
    expect((await enhance({})).extra).toEqual({
      circuit: "payment@1",
      key,
      attestors: [a, b],
      maxAgeSeconds: 86_400,
      paymentFlow: "upfront",
    });
  });

  test("name only attestors that both trust", async () => {
    expect((await enhance({ attestors: [c, b] })).extra.attestors).toEqual([b]);
    await expect(enhance({ attestors: [c] })).rejects.toThrow(/found none/);
    await expect(enhance({ attestors: [] })).rejects.toThrow(/found none/);
  });

  test("let a route set the age, and nothing that the facilitator decides", async () => {
    const { extra } = await enhance(
      { maxAgeSeconds: 60 },
      { maxAgeSeconds: 5, key: "mine", attestors: [c], circuit: "x", paymentFlow: "escrow" },
    );
    expect(extra).toEqual({
      circuit: "payment@1",
      key,
      attestors: [a, b],
      maxAgeSeconds: 5,
      paymentFlow: "upfront",
    });
    expect((await enhance({ maxAgeSeconds: 60 })).extra.maxAgeSeconds).toBe(60);
  });

  test.each([{ nonce: "00" }, { binding: "0x0" }, { maxAgeSeconds: -1 }, { maxAgeSeconds: "5" }])(
    "refuse %o",
    async (extra) => {
      await expect(enhance({}, extra)).rejects.toThrow(/^extra: expected/);
    },
  );

  test.each<[string, Record<string, unknown> | undefined, RegExp]>([
    ["nothing", undefined, /expected the facilitator to serve payment@1/],
    ["another circuit", { ...kind.extra, circuit: "payment@2" }, /payment@1, got "payment@2"/],
    ["no key", { ...kind.extra, key: undefined }, /name its key/],
    ["a key that is none", { ...kind.extra, key: "0x11" }, /name its key/],
    ["a key in upper case", { ...kind.extra, key: "AA".repeat(32) }, /name its key/],
    ["no attestors", { ...kind.extra, attestors: [] }, /found none/],
    ["attestors that are none", { ...kind.extra, attestors: ["me"] }, /name its attestors/],
  ])("are not made where the facilitator serves %s", async (_, extra, message) => {
    const { extra: _known, ...rest } = kind;
    const from = extra === undefined ? rest : { ...rest, extra };
    expect(make().validateFacilitatorSupport?.("eip155:84532", from, [])).toMatch(message);
    await expect(enhance({}, {}, from)).rejects.toThrow(message);
  });

  test("insist on the merchant's key", () => {
    const problem = (pinned: string) =>
      make({ key: pinned }).validateFacilitatorSupport?.("eip155:84532", kind, []);
    expect(problem(key)).toBeUndefined();
    expect(problem("22".repeat(32))).toMatch(/expected the facilitator's key/);
  });
});

describe("nonce and binding", () => {
  // Nonces can only be told in advance where nothing about them is random.
  beforeEach(() => void vi.spyOn(crypto, "getRandomValues").mockImplementation((array) => array));
  afterEach(() => void vi.restoreAllMocks());
  const nonce = () => nonces(secret, origin).issue(now);
  const bindingOf = async (path: string, rest: { method?: string; body?: Uint8Array } = {}) =>
    binding({ method: "GET", origin, path, nonce: await nonce(), ...rest });

  test("are added to every offer of the scheme, on any network, and to no other", async () => {
    const exact = { ...base, scheme: "exact" };
    const other = { ...base, network: "eip155:8453" as const };
    const offers = await answer({}, [
      exact,
      base,
      other,
      { ...base, amount: "5" },
      { ...other, amount: "6" },
    ]);
    expect(offers.map(({ extra }) => Object.keys(extra).length)).toEqual([0, 2, 2, 2, 2]);
    expect(new Set(offers.slice(1).map(({ extra }) => extra.binding))).toEqual(
      new Set([await bindingOf("/reports")]),
    );
  });

  test.each([
    ["https://api.example.com/reports?year=2026", {}, "/reports?year=2026"],
    ["http://127.0.0.1:4021/reports", { host: "127.0.0.1:4021" }, "/reports"],
    ["http://evil.example/x?/reports", { host: "evil.example/x?" }, "/reports"],
    ["http://a.examplehttp://b.example/reports?x", { host: "a.example" }, "/reports?x"],
    ["http://undefined/reports", {}, "/reports"],
    ["https://api.example.com?x", {}, "/?x"],
    ["https://api.example.com/a//b/../c?d=%2F#e", {}, "/a//b/../c?d=%2F"],
  ])("are of path and query, not of the host: %s %o", async (url, headers, path) => {
    const [offer] = await answer({ url, headers });
    expect(offer!.extra.binding).toBe(await bindingOf(path));
  });

  test.each<[string, Sent, string]>([
    ["bytes", { body: new Uint8Array([0, 255]), headers: { "content-length": "2" } }, "00ff"],
    ["a Buffer", { body: Buffer.from("a"), headers: { "content-length": "1" } }, "61"],
    ["an ArrayBuffer", { body: new Uint8Array([9]).buffer, headers: { "content-length": "1" } }, "09"],
    ["text", { body: "é", headers: { "content-length": "2" } }, "c3a9"],
    [
      "bytes to come",
      { body: Promise.resolve(new Uint8Array([1])), headers: { "transfer-encoding": "chunked" } },
      "01",
    ],
    ["none", {}, ""],
    ["none, said so", { headers: { "content-length": "0" } }, ""],
    ["the empty object that parsers leave", { body: {} }, ""],
    ["null", { body: null }, ""],
  ])("are of the body: %s", async (_, sent, hex) => {
    const [offer] = await answer({ ...sent, method: "POST" });
    const body = Uint8Array.from(Buffer.from(hex, "hex"));
    expect(offer!.extra.binding).toBe(await bindingOf("/reports", { method: "POST", body }));
  });

  test.each<[string, Sent]>([
    ["parsed JSON", { body: { a: 1 }, headers: { "content-length": "7" } }],
    ["parsed JSON that was empty", { body: {}, headers: { "content-length": "2" } }],
    ["a parsed list", { body: [1], headers: { "content-length": "3" } }],
    ["a number", { body: 7 }],
    ["a body that nobody read", { headers: { "content-length": "7" } }],
    ["a body of unknown length that nobody read", { headers: { "transfer-encoding": "chunked" } }],
  ])("are not made of %s", async (_, sent) => {
    await expect(answer({ ...sent, method: "POST" })).rejects.toThrow(
      /mount express\.raw\(\{ type: "\*\/\*" \}\)/,
    );
  });

  test("need HTTP", async () => {
    const server = new x402ResourceServer().register(base.network, make());
    await expect(
      server.createPaymentRequiredResponse([structuredClone(base)], { url: "mcp://tool" }),
    ).rejects.toThrow(/expected an HTTP request/);
  });

  describe("of a request that comes with a payment", () => {
    const paid = (nonce: unknown): Sent => ({
      headers: {
        "payment-signature": encodePaymentSignatureHeader({
          x402Version: 2,
          accepted: base,
          payload: { nonce },
        }),
      },
    });
    const earlier = (seconds: number) => nonces(secret, origin).issue(now - seconds);
    const used = async (sent: Sent, error?: string) =>
      (await answer(sent, [base], {}, error))[0]!.extra.nonce;

    test.each([0, 89, 90, -30])("are the payment's own, issued %i s ago", async (seconds) => {
      expect(await used(paid(await earlier(seconds)))).toBe(await earlier(seconds));
    });

    test.each([91, 10_000, -31])("are new where the payment's was issued %i s ago", async (seconds) => {
      expect(await used(paid(await earlier(seconds)))).toBe(await nonce());
    });

    test("are new in the answer that refuses it", async () => {
      expect(await used(paid(await earlier(5)), "No matching payment requirements")).toBe(await nonce());
    });

    test("are new where the payment's is not ours", async () => {
      const theirs = await nonces(new Uint8Array(32), origin).issue(now - 5);
      const elsewhere = await nonces(secret, "https://other.example.com").issue(now - 5);
      for (const strange of [theirs, elsewhere, "", 7, null, undefined, { toString: () => theirs }]) {
        expect(await used(paid(strange))).toBe(await nonce());
      }
    });

    test("are new where the header is too long to be read", async () => {
      const payload = { nonce: await earlier(5), padding: "0".repeat(3000) };
      const header = encodePaymentSignatureHeader({ x402Version: 2, accepted: base, payload });
      expect(header.length).toBeGreaterThan(4096);
      expect(await used({ headers: { "payment-signature": header } })).toBe(await nonce());
    });
  });
});

test("each settlement is an attempt of its own", async () => {
  const enrich = make().enrichSettlementPayload!;
  const attempts = await Promise.all(
    [enrich, enrich].map((call) => call({} as Parameters<typeof enrich>[0])),
  );
  expect(attempts[0]).toEqual({ attempt: expect.stringMatching(/^[0-9a-f]{32}$/) });
  expect(attempts[0]).not.toEqual(attempts[1]);
});

test("instances without a secret do not know each other's nonces", async () => {
  const one = (await answer({}, [base], { secret: crypto.getRandomValues(new Uint8Array(32)) }))[0]!.extra
    .nonce;
  expect(await nonces(secret, origin).accepts(String(one), now, 60, 60)).toBe(false);
});

test.each([
  ["origin", { origin: "api.example.com" }],
  ["secret", { secret: new Uint8Array(16) }],
])("refuses a wrong %s at once", (name, options) => {
  expect(() => make(options)).toThrow(new RegExp(`^${name}: expected`));
});

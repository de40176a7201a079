/** What must be the same to the byte elsewhere, against vectors that other code made. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, inject, test } from "vitest";
import {
  binding,
  compactProof,
  fieldOfText,
  fieldToHex,
  keyId,
  nonces,
  nonceTime,
  packPoint,
} from "@prooflane/x402";
import type { Point, SnarkjsProof, SnarkjsVerifyingKey } from "@prooflane/x402";
import { checkedOrigin } from "../src/binding.ts";
import { parseField, parseU64 } from "../src/field.ts";

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (value: Uint8Array) => Buffer.from(value).toString("hex");

interface Vectors {
  texts: { domain: string; text: string; field: string }[];
  nonces: { secret: string; origin: string; time: number; random: string; nonce: string }[];
  bindings: { method: string; origin: string; path: string; body: string; nonce: string; binding: string }[];
  points: (Point & { packed: string })[];
}
const vectors = read("../vectors/x402.json") as Vectors;

interface Tiny {
  key: { compact: string; snarkjs: SnarkjsVerifyingKey };
  key_id: string;
  statements: { proof: { compact: string; snarkjs: SnarkjsProof } }[];
}
const tiny = read("../../../verifier/vectors/tiny.json") as Tiny;

test("the vectors are what independent code makes", async () => {
  const generator = new URL("../vectors/generate.mjs", import.meta.url).pathname;
  await promisify(execFile)(process.execPath, [generator, "--check"]);
});

test.each(vectors.texts)("fields of texts: $domain $text", async ({ domain, text, field }) => {
  expect(fieldToHex(await fieldOfText(domain, text))).toBe(field);
});

test.each(vectors.bindings)("bindings: $method $path", async ({ body, binding: expected, ...request }) => {
  expect(await binding({ ...request, body: bytes(body) })).toBe(expected);
  if (body === "") expect(await binding(request)).toBe(expected);
});

test("a binding depends on every part, and on where one ends", async () => {
  const request = { method: "GET", origin: "https://a.example", path: "/b", body: bytes("00"), nonce: "00" };
  const changes = [
    {},
    { method: "PUT" },
    { origin: "https://b.example" },
    { path: "/b?" },
    { body: bytes("01") },
    { body: bytes("0000") },
    { nonce: "01" },
    { method: "GET\nhttps://a.example", origin: "" },
  ];
  const all = await Promise.all(changes.map((change) => binding({ ...request, ...change })));
  expect(new Set(all).size).toBe(changes.length);
});

describe("nonces", () => {
  test.each(vectors.nonces)("$origin at $time", async ({ secret, origin, time, random, nonce }) => {
    const ours = nonces(bytes(secret), origin);
    expect(await ours.issue(time, bytes(random))).toBe(nonce);
    expect(nonceTime(nonce)).toBe(time);
    expect(await ours.accepts(nonce, time, 0, 0)).toBe(true);
    expect(await nonces(bytes(secret), `${origin}:1`).accepts(nonce, time, 0, 0)).toBe(false);
    expect(await nonces(bytes("11".repeat(32)), origin).accepts(nonce, time, 0, 0)).toBe(false);
  });

  test("count for as long as they are told to, and for clocks that differ", async () => {
    const ours = nonces(bytes("22".repeat(32)), "https://a.example");
    const nonce = await ours.issue(1000);
    const accepted = (now: number) => ours.accepts(nonce, now, 60, 30);
    const times = [969, 970, 1000, 1060, 1061];
    expect(await Promise.all(times.map(accepted))).toEqual([false, true, true, true, false]);
  });

  test("differ from every one that was changed", async () => {
    const ours = nonces(bytes("33".repeat(32)), "https://a.example");
    const nonce = await ours.issue(1732233600);
    const changed = bytes(nonce);
    for (let i = 0; i < changed.length; i++) {
      changed[i]! ^= 1;
      // Time of any age: only the tag is left to tell.
      expect(await ours.accepts(hex(changed), 1732233600, Infinity, Infinity)).toBe(false);
      changed[i]! ^= 1;
    }
    expect(await ours.accepts(hex(changed), 1732233600, 0, 0)).toBe(true);
  });

  test("have one spelling", async () => {
    const ours = nonces(bytes("44".repeat(32)), "https://a.example");
    const nonce = await ours.issue(1732233600);
    const others = [
      nonce.toUpperCase(),
      ` ${nonce}`,
      `0x${nonce}`,
      `${nonce}00`,
      nonce.slice(2),
      "",
      "zz".repeat(32),
    ];
    expect(nonce).toMatch(/[a-f]/);
    for (const other of others) expect(await ours.accepts(other, 1732233600, 60, 60)).toBe(false);
  });

  test.each([0, 16, 31, 33])("need a secret of 32 bytes, not %i", (length) => {
    expect(() => nonces(new Uint8Array(length), "https://a.example")).toThrow(/expected 32 random bytes/);
  });
});

describe("points", () => {
  test.each(vectors.points)("pack $packed", ({ packed, ...point }) => {
    expect(packPoint(point)).toBe(packed);
  });

  test("of both signs are in the vectors", () => {
    const signs = vectors.points.map(({ packed }) => Number.parseInt(packed.slice(-2), 16) >> 7);
    expect(new Set(signs)).toEqual(new Set([0, 1]));
  });

  test.each([
    { x: "", y: "1" },
    { x: "-1", y: "1" },
    { x: "1", y: "1e3" },
    { x: "1", y: "9".repeat(77) },
  ])("refuse %o", (point) => {
    expect(() => packPoint(point)).toThrow(/expected two field elements/);
  });
});

describe("proofs and keys", () => {
  test.each(tiny.statements)("compact proofs", ({ proof }) => {
    expect(hex(compactProof(proof.snarkjs))).toBe(proof.compact);
  });

  test("names of keys", async () => {
    expect(await keyId(tiny.key.snarkjs)).toBe(tiny.key_id);
  });

  const network = inject("network");
  test.skipIf(network === undefined)("the network names its key alike", async () => {
    const get = async (path: string): Promise<unknown> => (await fetch(`${network!.url}${path}`)).json();
    type Listed = { id: string; key_id: string; provenance: string };
    const { circuits } = (await get("/v1/circuits")) as { circuits: Listed[] };
    // Statements of the dataset ledger have no key.
    const keyed = circuits.filter(({ provenance }) => provenance !== "transparent");
    for (const { id, key_id } of keyed) {
      expect(await keyId((await get(`/v1/circuits/${id}/verifying-key`)) as SnarkjsVerifyingKey)).toBe(
        key_id,
      );
    }
    expect(keyed.length).toBeGreaterThan(0);
  });

  test.each<[string, (proof: { pi_a: string[]; pi_b: string[][]; pi_c: string[] }) => void]>([
    ["a point at infinity", (proof) => (proof.pi_a = ["0", "1", "0"])],
    ["a projective point", (proof) => (proof.pi_c[2] = "2")],
    [
      "a coordinate that is too large",
      (proof) =>
        (proof.pi_a[0] = "21888242871839275222246405745257275088696311157297823662689037894645226208583"),
    ],
    ["a coordinate in hexadecimal", (proof) => (proof.pi_a[0] = "0x1")],
    ["a point of G2 without its last pair", (proof) => proof.pi_b.pop()],
    ["a pair of three", (proof) => proof.pi_b[0]!.push("1")],
  ])("refuse %s", (_, change) => {
    const proof = structuredClone(tiny.statements[0]!.proof.snarkjs) as Parameters<typeof change>[0];
    change(proof);
    expect(() => compactProof(proof)).toThrow(RangeError);
  });
});

test.each([
  "https://api.example.com",
  "http://127.0.0.1:4021",
  "https://xn--caf-dma.example",
  "http://[::1]:8080",
])("origins: %s", (origin) => {
  expect(checkedOrigin(origin)).toBe(origin);
});

test.each([
  "api.example.com",
  "https://api.example.com/",
  "https://api.example.com:443",
  "HTTPS://api.example.com",
  "https://café.example",
  "https://user@api.example.com",
  "https://api.example.com?",
  "file:///tmp",
  "null",
  "",
])("not origins: %s", (origin) => {
  expect(() => checkedOrigin(origin)).toThrow(/origin: expected/);
});

test.each([
  ["0", 0n],
  [
    "21888242871839275222246405745257275088548364400416034343698204186575808495616",
    21888242871839275222246405745257275088548364400416034343698204186575808495616n,
  ],
  ["21888242871839275222246405745257275088548364400416034343698204186575808495617", undefined],
  ["0xff", 255n],
  [`0x${"f".repeat(64)}`, undefined],
  ["00", undefined],
  ["-1", undefined],
  ["1.0", undefined],
  ["1\n", undefined],
  [7, undefined],
  [undefined, undefined],
])("field elements: %s", (text, value) => {
  expect(parseField(text)).toBe(value);
});

test.each([
  ["0", 0n],
  ["18446744073709551615", 18446744073709551615n],
  ["18446744073709551616", undefined],
  ["01", undefined],
  ["1e3", undefined],
  ["", undefined],
  [1, undefined],
])("integers of 64 bits: %s", (text, value) => {
  expect(parseU64(text)).toBe(value);
});

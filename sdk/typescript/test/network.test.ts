/** networkProver against networks that fail; integration.test.ts has one that works. */
import { describe, expect, test } from "vitest";
import {
  networkProver,
  type NetworkProverOptions,
  type PaymentInputs,
  type TaskEvent,
} from "@prooflane/x402";

const key = "11".repeat(32);
const inputs = { payerSecret: "sesame" } as PaymentInputs;
const proof = { compact: `0x${"ab".repeat(128)}`, public_inputs: ["1", "2"] };
const task = (status: string) => ({ status, key_id: key, explanation: { why: "because" } });
const event = (seq: number, name: string) =>
  `id: ${seq}\ndata: ${JSON.stringify({ seq, at: 1, event: name })}\n\n`;

type Reply = Response | (() => Response | Promise<Response>);

/** A network that answers each call in turn, by method and the path's last part; the last answer is repeated. */
function network(replies: Record<string, Reply[]>, options: Partial<NetworkProverOptions> = {}) {
  const calls: string[] = [];
  const requests: Request[] = [];
  const usual: Record<string, Reply[]> = {
    "GET circuits": [() => Response.json({ circuits: [{ id: "payment@1", key_id: key }] })],
    "POST tasks": [() => Response.json(task("pending"), { status: 201 })],
    "GET events": [() => new Response(event(1, "submitted") + event(2, "completed"))],
    "GET task": [() => Response.json(task("completed"))],
    "GET proof": [() => Response.json(proof)],
    "DELETE task": [() => Response.json(task("cancelled"))],
  };
  const left = Object.fromEntries(
    Object.entries({ ...usual, ...replies }).map(([name, list]) => [name, [...list]]),
  );
  const send: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const part = request.url.split("/").at(-1)!;
    const name = `${request.method} ${/^[0-9a-f-]{36}$/.test(part) ? "task" : part}`;
    calls.push(name);
    requests.push(request);
    request.signal.throwIfAborted();
    const list = left[name]!;
    const reply = list.length > 1 ? list.shift()! : list[0]!;
    return reply instanceof Response ? reply : reply();
  };
  const prover = networkProver({ url: "https://network.example/", fetch: send, ...options });
  const prove = (signal: AbortSignal = AbortSignal.timeout(10_000)) =>
    prover.prove({ circuit: "payment@1", key, inputs, signal });
  return { prove, calls, requests };
}

const down = () => Promise.reject(new TypeError("fetch failed"));
const problem = (status: number, code: string) => () =>
  Response.json({ code, detail: "details" }, { status });

test("submits at privacy level 3, follows, fetches", async () => {
  const seen: TaskEvent[] = [];
  const { prove, calls, requests } = network({}, { apiKey: "k", onProgress: (it) => seen.push(it) });
  expect(await prove()).toEqual({ bytes: new Uint8Array(128).fill(0xab), publicInputs: ["1", "2"] });
  expect(calls).toEqual(["GET circuits", "POST tasks", "GET events", "GET task", "GET proof"]);
  expect(seen.map((it) => it.event)).toEqual(["submitted", "completed"]);
  expect(await requests[1]!.json()).toEqual({
    task_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    circuit: "payment@1",
    inputs,
    privacy_level: 3,
  });
  expect(requests.every((request) => request.headers.get("authorization") === "Bearer k")).toBe(true);
  expect(requests.some((request) => request.url.includes("sesame"))).toBe(false);
});

test("tells a level and a price where they are given", async () => {
  const { prove, requests } = network({}, { privacyLevel: 2, rewardAmount: 25 });
  await prove();
  expect(await requests[1]!.json()).toMatchObject({ privacy_level: 2, reward_amount: 25 });
});

test("repeats what was not answered, as the same task", async () => {
  const { prove, calls, requests } = network({
    "POST tasks": [down, problem(503, "unavailable"), () => Response.json(task("pending"))],
    "GET proof": [problem(429, "rate_limited"), () => Response.json(proof)],
  });
  expect((await prove()).publicInputs).toEqual(["1", "2"]);
  expect(calls.filter((name) => name === "POST tasks")).toHaveLength(3);
  const bodies = await Promise.all(
    requests.filter(({ method }) => method === "POST").map((request) => request.json()),
  );
  expect(new Set(bodies.map((body: { task_id: string }) => body.task_id)).size).toBe(1);
});

test("resumes events that break off, in the middle of a line too", async () => {
  const seen: number[] = [];
  const { prove, requests } = network(
    {
      "GET events": [
        () => new Response(event(1, "submitted") + event(2, "assigned").slice(0, 20)),
        () => new Response(""),
        () => new Response(event(2, "assigned") + event(3, "completed")),
      ],
      "GET task": ["assigned", "assigned", "completed"].map((status) => () => Response.json(task(status))),
    },
    { onProgress: ({ seq }) => seen.push(seq) },
  );
  await prove();
  expect(seen).toEqual([1, 2, 3]);
  const resumed = requests
    .filter(({ url }) => url.endsWith("/events"))
    .map(({ headers }) => headers.get("last-event-id"));
  expect(resumed).toEqual(["0", "1", "1"]);
});

test("polls where events cannot be had", async () => {
  const { prove, calls } = network({
    "GET events": [problem(404, "not_found")],
    "GET task": [() => Response.json(task("pending")), () => Response.json(task("completed"))],
  });
  expect((await prove()).bytes).toHaveLength(128);
  expect(calls.filter((name) => name === "GET task")).toHaveLength(2);
});

describe("pays for nothing where the network proves for another key", () => {
  test.each<[string, unknown[]]>([
    ["another", [{ id: "payment@1", key_id: "22".repeat(32) }]],
    ["none", []],
  ])("%s", async (_, circuits) => {
    const { prove, calls } = network({ "GET circuits": [() => Response.json({ circuits })] });
    await expect(prove()).rejects.toMatchObject({ code: "wrong_key" });
    expect(calls).toEqual(["GET circuits"]);
  });

  test("since a moment ago", async () => {
    const { prove, calls } = network({
      "POST tasks": [() => Response.json({ ...task("pending"), key_id: "22".repeat(32) })],
    });
    await expect(prove()).rejects.toMatchObject({ code: "wrong_key" });
    expect(calls).toEqual(["GET circuits", "POST tasks", "DELETE task"]);
  });
});

describe("says why there is no proof, and withdraws the task", () => {
  test.each<[string, Record<string, Reply[]>, RegExp]>([
    ["it failed", { "GET task": [() => Response.json(task("failed"))] }, /ended as failed: because/],
    ["it expired", { "GET task": [() => Response.json(task("expired"))] }, /ended as expired/],
    [
      "it was refused",
      { "POST tasks": [problem(402, "insufficient_credits")] },
      /insufficient_credits: details/,
    ],
    ["the network is gone", { "POST tasks": [down] }, /does not answer/],
    [
      "the answer is not JSON",
      { "POST tasks": [() => new Response("<html>")] },
      /no_proof|JSON|Unexpected token/,
    ],
    [
      "the proof is not 128 bytes",
      { "GET proof": [() => Response.json({ ...proof, compact: "0xab" })] },
      /128 bytes/,
    ],
  ])("%s", async (_, replies, message) => {
    const { prove, calls } = network(replies);
    const error = await prove().catch((error: unknown) => error);
    expect(error).toMatchObject({
      name: "PaymentError",
      code: "no_proof",
      message: expect.stringMatching(message),
    });
    expect(String(error)).not.toContain("sesame");
    expect(calls.at(-1)).toBe("DELETE task");
  });

  test("it took too long", async () => {
    const abort = new AbortController();
    const { prove, calls } = network({
      "GET task": [
        () => {
          abort.abort();
          return Response.json(task("in_progress"));
        },
      ],
    });
    await expect(prove(abort.signal)).rejects.toMatchObject({
      code: "no_proof",
      message: expect.stringContaining("in time"),
    });
    expect(calls.at(-1)).toBe("DELETE task");
  });

  test("even if it cannot be withdrawn", async () => {
    const { prove } = network({ "GET task": [() => Response.json(task("failed"))], "DELETE task": [down] });
    await expect(prove()).rejects.toThrow(/ended as failed/);
  });
});

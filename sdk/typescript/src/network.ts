import { fromHex } from "./bytes.ts";
import { PaymentError } from "./errors.ts";
import type { Proof, Prover, ProofRequest } from "./prover.ts";

/** What happens to a task; further fields depend on `event`. */
export interface TaskEvent {
  /** Its number. */
  seq: number;
  /** When, in Unix milliseconds. */
  at: number;
  /** `submitted`, `assigned`, `claimed`, `completed`, ... */
  event: string;
}

/** A Prooflane network that proves. */
export interface NetworkProverOptions {
  /** Its URL, such as `https://api.prooflane.example`. */
  url: string;
  /** Where the network wants one. */
  apiKey?: string | undefined;
  /**
   * Who may prove: the inputs hold the payer's secret, so 3 where not given, the operator's own fleet;
   * from 2 on the network keeps inputs encrypted under a key that it destroys when the task ends.
   */
  privacyLevel?: number;
  /** The most a proof may cost, in credits; the network's default where not given. */
  rewardAmount?: number;
  /** Told what happens to the task. */
  onProgress?: (event: TaskEvent, taskId: string) => void;
  fetch?: typeof fetch;
}

/** The parts used here of the answers that `docs/openapi.json` describes. */
interface TaskView {
  status: string;
  key_id: string;
  explanation: { why: string };
}
interface ProofView {
  compact: string;
  public_inputs: string[];
}
interface CircuitList {
  circuits: { id: string; key_id: string }[];
}

const ENDED = ["completed", "failed", "cancelled", "expired"];
const TRIES = 3;
/** Between two looks at a task whose events cannot be had. */
const POLL_MILLIS = 250;
const WITHDRAW_MILLIS = 5_000;

/**
 * A prover that asks a network: submits a task, follows its events, fetches the proof. A task that is
 * given up is withdrawn, which destroys its inputs.
 */
export function networkProver(options: NetworkProverOptions): Prover {
  const base = options.url.replace(/\/+$/, "");
  const send = options.fetch ?? fetch;

  async function call(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (options.apiKey !== undefined) headers.set("authorization", `Bearer ${options.apiKey}`);
    let response: Response;
    try {
      response = await send(`${base}${path}`, { ...init, headers });
    } catch (cause) {
      if (init.signal?.aborted) throw cause;
      throw new Unreachable(`the network at ${base} does not answer`, { cause });
    }
    if (response.ok) return response;
    const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string };
    const message = `the network refused: ${problem.code ?? response.status}: ${problem.detail ?? response.statusText}`;
    const mayPass = response.status >= 500 || response.status === 429;
    throw mayPass ? new Unreachable(message) : new PaymentError("no_proof", message);
  }

  /** For calls that may be repeated: all that are made here, as tasks have names of our choosing. */
  async function json<T>(path: string, init: RequestInit & { signal: AbortSignal }): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return (await (await call(path, init)).json()) as T;
      } catch (error) {
        if (tries === TRIES || !(error instanceof Unreachable)) throw error;
        await pause(tries * POLL_MILLIS, init.signal);
      }
    }
  }

  /** Follows the task's events until the stream ends; returns the number of the last. */
  async function follow(task: string, after: number, signal: AbortSignal): Promise<number> {
    const headers = { "last-event-id": String(after) };
    const response = await call(`/v1/tasks/${task}/events`, { headers, signal });
    let last = after;
    for await (const data of serverSentData(response)) {
      const event = JSON.parse(data) as TaskEvent;
      last = event.seq;
      options.onProgress?.(event, task);
    }
    return last;
  }

  /** Waits until the task has ended. Events only say when to look: the task tells. */
  async function wait(task: string, signal: AbortSignal): Promise<TaskView> {
    for (let seen = 0; ;) {
      const last = await follow(task, seen, signal).catch((error: unknown) => {
        if (signal.aborted) throw error;
        return seen;
      });
      const view = await json<TaskView>(`/v1/tasks/${task}`, { signal });
      if (ENDED.includes(view.status)) return view;
      if (last === seen) await pause(POLL_MILLIS, signal);
      seen = last;
    }
  }

  /** Submits the task and waits for its proof. */
  async function proofOf(task: string, { circuit, key, inputs, signal }: ProofRequest): Promise<Proof> {
    const submitted = await json<TaskView>("/v1/tasks", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        task_id: task,
        circuit,
        inputs,
        privacy_level: options.privacyLevel ?? 3,
        reward_amount: options.rewardAmount,
      }),
      signal,
    });
    checkKeyId(submitted.key_id, key);
    const ended = await wait(task, signal);
    if (ended.status !== "completed") {
      throw new PaymentError("no_proof", `task ${task} ended as ${ended.status}: ${ended.explanation.why}`);
    }
    const proof = await json<ProofView>(`/v1/tasks/${task}/proof`, { signal });
    const bytes = fromHex(proof.compact.replace(/^0x/, ""), 128);
    if (bytes === undefined) {
      throw new PaymentError("no_proof", `task ${task}: expected a proof of 128 bytes, got another`);
    }
    return { bytes, publicInputs: proof.public_inputs };
  }

  /** Withdraws a task. Where it has ended, or there is none, or no answer, nothing more can be done. */
  async function withdraw(task: string): Promise<void> {
    const signal = AbortSignal.timeout(WITHDRAW_MILLIS);
    await call(`/v1/tasks/${task}`, { method: "DELETE", signal }).catch(() => {});
  }

  return {
    async prove(request) {
      const { circuit, key, signal } = request;
      const task = crypto.randomUUID();
      try {
        const { circuits } = await json<CircuitList>("/v1/circuits", { signal });
        checkKeyId(circuits.find(({ id }) => id === circuit)?.key_id, key);
        return await proofOf(task, request).catch(async (error: unknown) => {
          await withdraw(task);
          throw error;
        });
      } catch (cause) {
        if (cause instanceof PaymentError) throw cause;
        const late = `the network at ${base} made no proof in time`;
        throw new PaymentError("no_proof", signal.aborted ? late : String(cause), { cause });
      }
    },
  };
}

/** The network may answer if it is asked again. */
class Unreachable extends Error {}

function checkKeyId(found: string | undefined, expected: string): void {
  if (found === expected) return;
  throw new PaymentError(
    "wrong_key",
    `key: the merchant expects proofs for ${expected}, the network proves for ${found ?? "no key of this circuit"}; use the network that the merchant's facilitator trusts`,
  );
}

/** The data of each server-sent event (HTML, section 9.2.6), as this network sends them: one line each. */
async function* serverSentData(response: Response): AsyncGenerator<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const lines = text.split(/\r?\n/);
    text = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("data:")) yield line.slice("data:".length);
  }
}

function pause(millis: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, millis);
    signal.addEventListener("abort", abort, { once: true });
  });
}

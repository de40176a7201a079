import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { PaymentError, type PaymentInputs } from "@prooflane/x402";
import { localProver } from "@prooflane/x402/node";
import { scratch } from "./scratch.ts";

const inputs = { payerSecret: "sesame" } as PaymentInputs;
const request = { circuit: "payment@1", key: "11".repeat(32), inputs };
const patient = () => AbortSignal.timeout(20_000);

describe("localProver with a program that does as it likes", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await scratch();
  });

  /** A program of these lines of JavaScript, in which `argv` and `stdin` are what it was given. */
  async function program(name: string, lines: string): Promise<string> {
    const file = join(folder, name);
    await writeFile(
      file,
      `#!${process.execPath}\nconst argv = process.argv.slice(2), fs = require("node:fs"), stdin = fs.readFileSync(0, "utf8");\n${lines}\n`,
    );
    await chmod(file, 0o700);
    return file;
  }

  test("gives it the inputs on standard input only", async () => {
    const seen = join(folder, "seen.json");
    const command = await program(
      "spy",
      `fs.writeFileSync(${JSON.stringify(seen)}, JSON.stringify({ argv, stdin, env: process.env })); process.exit(1)`,
    );
    await expect(
      localProver({ command, keys: "k" }).prove({ ...request, signal: patient() }),
    ).rejects.toMatchObject({
      code: "no_proof",
      message: expect.stringContaining("ended with status 1"),
    });
    const { argv, stdin, env } = JSON.parse(await readFile(seen, "utf8")) as {
      argv: string[];
      stdin: string;
      env: object;
    };
    expect(JSON.parse(stdin)).toEqual(inputs);
    expect(JSON.stringify([argv, env])).not.toContain("sesame");
    expect(argv.slice(0, 4)).toEqual(["prove", "payment@1", "--inputs", "-"]);
    expect(argv.slice(-2)).toEqual(["--keys", "k"]);
  });

  test("repeats what it complains of", async () => {
    const command = await program("complains", 'console.error("no such circuit"); process.exit(2)');
    await expect(localProver({ command }).prove({ ...request, signal: patient() })).rejects.toThrow(
      /: no such circuit$/,
    );
  });

  test("does not wait for ever", async () => {
    const command = await program("sleeps", "setInterval(() => {}, 1000)");
    const abort = new AbortController();
    const proof = localProver({ command }).prove({ ...request, signal: abort.signal });
    setImmediate(() => abort.abort());
    await expect(proof).rejects.toMatchObject({
      code: "no_proof",
      message: expect.stringContaining("in time"),
    });
  });

  test("says that there is none", async () => {
    const command = join(folder, "absent");
    await expect(localProver({ command }).prove({ ...request, signal: patient() })).rejects.toBeInstanceOf(
      PaymentError,
    );
  });

  test.each<[string, string]>([
    ["nothing", ""],
    ["what is not JSON", 'for (const i of [5, 7, 9]) fs.writeFileSync(argv[i], "?")'],
    ["what is no key", 'for (const i of [5, 7, 9]) fs.writeFileSync(argv[i], "{}")'],
  ])("takes no proof from one that writes %s", async (name, lines) => {
    const command = await program(name.replaceAll(" ", "-"), lines);
    await expect(localProver({ command }).prove({ ...request, signal: patient() })).rejects.toMatchObject({
      code: "no_proof",
    });
  });
});

const network = inject("network");
test.skipIf(network === undefined)("localProver says that its key is another", async () => {
  // The program makes itself a development key where there is none.
  const keys = await scratch();
  const response = await fetch(`${network!.url}/v1/circuits`);
  const { circuits } = (await response.json()) as {
    circuits: { id: string; key_id: string; example: PaymentInputs }[];
  };
  const { key_id: key, example } = circuits.find(({ id }) => id === "payment@1")!;
  const prover = localProver({ command: network!.program, keys });
  const error = await prover
    .prove({ circuit: "payment@1", key, inputs: example, signal: patient() })
    .catch((it: unknown) => it);
  expect(error).toMatchObject({ code: "wrong_key" });
});

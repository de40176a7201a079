/** The README's examples are the files in examples/, which the compiler checks; here they run. */
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { DEFAULT_ASSETS } from "@prooflane/x402";
import { startFacilitator } from "./facilitator.ts";
import { attest, newWallet } from "./payer.ts";
import { scratch } from "./scratch.ts";

const root = new URL("..", import.meta.url).pathname;
const read = (path: string) => readFile(join(root, path), "utf8");

/** The block of code below the comment that names the file. */
async function example(name: string): Promise<string> {
  const block = new RegExp(`<!-- examples/${name} -->\n\`\`\`ts\n(.*?)\`\`\`\n`, "s").exec(
    await read("README.md"),
  );
  if (block?.[1] === undefined) throw new Error(`README.md has no block for examples/${name}`);
  return block[1];
}

test.each(["client.ts", "server.ts"])("the README shows examples/%s", async (name) => {
  expect(await example(name)).toBe(await read(`examples/${name}`));
});

const network = inject("network");
describe.skipIf(network === undefined)("the README's examples", () => {
  /** Runs code with some of its text replaced, each of which must be there. */
  async function run(name: string, replacements: [string, string][]): Promise<Record<string, unknown>> {
    let code = await example(name);
    for (const [from, to] of replacements) {
      expect(code).toContain(from);
      code = code.replaceAll(from, to);
    }
    const folder = join(root, "test", ".readme");
    await mkdir(folder, { recursive: true });
    const file = join(folder, name);
    await writeFile(file, code);
    return import(/* @vite-ignore */ file) as Promise<Record<string, unknown>>;
  }

  test("work together", async () => {
    const facilitator = await startFacilitator(network!);
    const free = createServer().listen(0, "127.0.0.1");
    await once(free, "listening");
    const { port } = free.address() as AddressInfo;
    free.close();
    const origin = `http://127.0.0.1:${port}`;

    const folder = await scratch();
    const wallet = await newWallet(network!);
    const { asset } = DEFAULT_ASSETS.find((known) => known.network === facilitator.network)!;
    const payment = { recipient: "merchant-1", asset: `${facilitator.network}/${asset}`, amount: 10_000 };
    await mkdir(join(folder, "receipts"));
    await writeFile(join(folder, "wallet.json"), JSON.stringify(wallet));
    await writeFile(
      join(folder, "receipts", "1.json"),
      JSON.stringify(await attest(network!, wallet, payment)),
    );

    const { listener } = (await run("server.ts", [
      ["https://edge.example.com", facilitator.url],
      ["https://api.example.com", origin],
      ["eip155:84532", facilitator.network],
      ["app.listen(4021)", `export const listener = app.listen(${port}, "127.0.0.1")`],
    ])) as { listener: Server };
    try {
      const { response, text } = (await run("client.ts", [
        ["https://prooflane.example.com", network!.url],
        ["wallet.json", join(folder, "wallet.json")],
        ['"receipts"', JSON.stringify(join(folder, "receipts"))],
        ["https://api.example.com", origin],
        ["const response", "export const response"],
        ["console.log(response.status, await response.text())", "export const text = await response.text()"],
      ])) as { response: Response; text: string };
      expect(response.status).toBe(200);
      expect(JSON.parse(text)).toEqual({ received: "{}" });
    } finally {
      listener.close();
      await facilitator.stop();
    }
  });
});

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CONTEXT, HOME } from "../lib/settings.ts";
import { synthesized } from "./synthesized.ts";

test.each([
  [{ stage: "staging" }, 'context stage: expected dev or prod, got "staging"'],
  [{ marketShards: "0" }, 'context marketShards: expected a whole number from 1, got "0"'],
  [{ rate: "many" }, 'context rate: expected a whole number from 1, got "many"'],
  [{ rules: "{" }, 'context rules: expected JSON, got "{"'],
  [{ rules: "[]" }, 'context rules: expected a JSON object, got "[]"'],
  [{ fleet: { "fleet-tpu": {} } }, "context fleet: expected classes fleet-cpu, fleet-gpu, got fleet-tpu"],
  [{ fleet: { "fleet-cpu": { maximum: 3 } } }, "context fleet: fleet-cpu has no setting maximum"],
  [{ fleet: { "fleet-cpu": { warm: 11 } } }, "context fleet: fleet-cpu has warm 11 above max 10"],
  [{ functions: "/nowhere" }, "/nowhere/api/bootstrap is missing: build it with `cargo xtask lambdas`"],
  [{ worker: "/nowhere/worker" }, "/nowhere/worker is missing: build it with `cargo xtask lambdas`"],
])("%j is refused", (context, message) => {
  expect(() => synthesized(context)).toThrow(message);
});

test("values from a command line are text", () => {
  const { settings } = synthesized({ marketShards: "3", fleet: '{"fleet-gpu":{"max":2}}', rules: '{"outage":5}' });
  expect(settings.marketShards).toBe(3);
  expect(settings.classes.find(({ name }) => name === "fleet-gpu")?.max).toBe(2);
  expect(settings.rules).toEqual({ outage: 5, fleet_start: 300_000, prover_silence: 180_000, market_shards: 3 });
});

test("the README's table is the code's", () => {
  const rows = Object.entries(CONTEXT).map(([name, { value, meaning }]) => {
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    return `| \`${name}\` | ${text === "" ? "" : `\`${text}\``} | ${meaning} |`;
  });
  const readme = readFileSync(join(HOME, "README.md"), "utf8").split("\n");
  expect(readme.filter((line) => line.startsWith("| `"))).toEqual(expect.arrayContaining(rows));
});

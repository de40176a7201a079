import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { network } from "../lib/network.ts";
import { type Settings, settings } from "../lib/settings.ts";

export type StackId = "Data" | "Api" | "Fleet" | "Watch";

export interface Synthesized {
  app: App;
  settings: Settings;
  template: (stack: StackId) => Template;
}

export const WORKER = "not really a worker";

/** Stands in for what `cargo xtask lambdas` builds. */
export function binaries(): { functions: string; worker: string } {
  const functions = mkdtempSync(join(tmpdir(), "prooflane-cdk-test-"));
  for (const name of ["api", "auction", "verify", "sweep"]) {
    mkdirSync(join(functions, name));
    writeFileSync(join(functions, name, "bootstrap"), "#!/bin/sh\n", { mode: 0o755 });
  }
  const worker = join(functions, "prooflane-fleet");
  writeFileSync(worker, WORKER);
  return { functions, worker };
}

export function synthesized(context: Record<string, unknown> = {}): Synthesized {
  const app = new App({ analyticsReporting: false, context: { ...binaries(), ...context } });
  const read = settings(app.node);
  network(app, read);
  return {
    app,
    settings: read,
    template: (id) => Template.fromStack(app.node.findChild(`Prooflane-${read.stage}-${id}`) as Stack),
  };
}

import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { inject } from "vitest";

/** A new folder, gone after the tests. */
export function scratch(): Promise<string> {
  return mkdtemp(join(inject("scratch"), "it-"));
}

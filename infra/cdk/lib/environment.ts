import type { DataStack } from "./data-stack.ts";
import { prefix } from "./names.ts";
import type { Settings } from "./settings.ts";

/** What every process of the network is told, in functions and on instances alike. */
export function environment(settings: Settings, data: DataStack): Record<string, string> {
  return {
    PROOFLANE_STAGE: settings.stage,
    PROOFLANE_TABLE: data.table.tableName,
    PROOFLANE_BUCKET: data.bucket.bucketName,
    PROOFLANE_QUEUES: prefix(settings),
    PROOFLANE_RULES: JSON.stringify(settings.rules),
  };
}

/** The market's own limit for one prover. */
const MOST_TASKS = 1024;

/** The asks that the sweeper keeps in the market for groups that may have no instance now. */
export function offers(settings: Settings): object[] {
  return settings.classes
    .filter(({ max }) => max > 0)
    .map(({ name, circuits, price, max, tasksPerInstance, levels, promisedMs }) => ({
      prover_id: name,
      circuits,
      price,
      // Twice what all its instances are there for: with less, nobody would see that there are too few.
      capacity: Math.min(2 * max * tasksPerInstance, MOST_TASKS),
      levels,
      promised_ms: promisedMs,
    }));
}

/** Where an alarm's reader finds what to do: sections of docs/operations.md, by their anchors. */
export const RUNBOOK = {
  apiErrors: "api-errors",
  apiLatency: "api-latency",
  functionErrors: "function-errors",
  functionThrottles: "function-throttles",
  deadLetters: "dead-letters",
  queueAge: "queue-age",
  tableThrottles: "table-throttles",
  sweeperSilent: "sweeper-silent",
  noProver: "no-prover",
  tasksOverdue: "tasks-overdue",
  fleetAtMaximum: "fleet-at-maximum",
} as const;

export type Section = (typeof RUNBOOK)[keyof typeof RUNBOOK];

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Loading aws-cdk-lib takes most of the time: once, instead of once for every file.
    isolate: false,
    fileParallelism: false,
    testTimeout: 60_000,
  },
});

import { defineConfig } from "vitest/config";

const source = (name: string) => new URL(`src/${name}`, import.meta.url).pathname;

export default defineConfig({
  resolve: {
    alias: [
      { find: /^@prooflane\/x402$/, replacement: source("index.ts") },
      { find: /^@prooflane\/x402\/node$/, replacement: source("node.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    // One network for all integration tests: test/network.ts starts it, or finds it in the environment.
    globalSetup: ["test/network.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});

import { AwsSolutionsChecks } from "cdk-nag";
import { expect, test } from "vitest";
import { synthesized } from "./synthesized.ts";

test.each([{}, { stage: "prod", fleet: { "fleet-gpu": { max: 4 } } }])("AwsSolutions finds nothing in %j", (context) => {
  const { app } = synthesized(context);
  const { violations } = new AwsSolutionsChecks(app, { verbose: true }).validateScope(app);
  const found = violations.map(({ ruleName, description, violatingResources }) => ({
    ruleName,
    description,
    at: violatingResources.map(({ constructPath }) => constructPath),
  }));
  expect(found).toEqual([]);
});

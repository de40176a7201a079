import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Match } from "aws-cdk-lib/assertions";
import { expect, test } from "vitest";
import { RUNBOOK } from "../lib/runbook.ts";
import { HOME } from "../lib/settings.ts";
import { synthesized } from "./synthesized.ts";

const watch = synthesized().template("Watch");
const alarms = Object.values(watch.findResources("AWS::CloudWatch::Alarm")).map(({ Properties }) => Properties);
const OPERATIONS = join(HOME, "../../docs/operations.md");

test("there is an alarm for each thing that can go wrong", () => {
  const names = alarms.map(({ AlarmName }) => AlarmName.replace("prooflane-dev-", "")).sort();
  const functions = ["api", "auction", "sweep", "verify"];
  const queues = ["auction-0", "prover-fleet-cpu", "prover-fleet-gpu", "results"];
  expect(names).toEqual(
    [
      "api-errors",
      "api-latency",
      "no-prover",
      "tasks-overdue",
      "sweeper-silent",
      "sweeper-reports-nothing",
      "table-throttles",
      "fleet-cpu-at-maximum",
      "fleet-cpu-short-of-instances",
      ...functions.flatMap((name) => [`function-${name}-errors`, `function-${name}-throttles`]),
      ...queues.flatMap((name) => [`${name}-age`, `${name}-dead`]),
    ].sort(),
  );
});

test("each says what happened and which section to read, and each section has an alarm", () => {
  const sections = alarms.map(({ AlarmDescription }) => {
    const [, section] = /^[^#]+\. docs\/operations\.md#([a-z-]+)$/.exec(AlarmDescription) ?? [];
    return section;
  });
  expect(new Set(sections)).toEqual(new Set(Object.values(RUNBOOK)));
});

test("docs/operations.md has every section", (context) => {
  if (!existsSync(OPERATIONS)) context.skip("docs/operations.md does not exist yet");
  const headings = readFileSync(OPERATIONS, "utf8").match(/^#+ .*$/gm) ?? [];
  const anchors = headings.map((heading) =>
    heading
      .replace(/^#+ /, "")
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
  expect(anchors).toEqual(expect.arrayContaining(Object.values(RUNBOOK)));
});

test("the sweeper's silence is what alarms", () => {
  const silence = { ComparisonOperator: "LessThanThreshold", TreatMissingData: "breaching", Threshold: 1 };
  watch.hasResourceProperties("AWS::CloudWatch::Alarm", {
    ...silence,
    AlarmName: "prooflane-dev-sweeper-silent",
    Namespace: "AWS/Lambda",
    MetricName: "Invocations",
  });
  const Metric = {
    Namespace: "Prooflane",
    MetricName: "prooflane_sweeper_due",
    Dimensions: [{ Name: "stage", Value: "dev" }],
  };
  watch.hasResourceProperties("AWS::CloudWatch::Alarm", {
    ...silence,
    AlarmName: "prooflane-dev-sweeper-reports-nothing",
    Metrics: [Match.objectLike({ MetricStat: { Metric, Stat: "SampleCount", Period: 60 } })],
  });
});

test("alarms go to a topic where one is given", () => {
  const arn = "arn:aws:sns:us-east-1:111111111111:pager";
  for (const { AlarmActions } of alarms) expect(AlarmActions).toBeUndefined();
  synthesized({ alarmTopicArn: arn })
    .template("Watch")
    .allResourcesProperties("AWS::CloudWatch::Alarm", { AlarmActions: [arn], OKActions: [arn] });
});

test("there is a dashboard", () => {
  watch.hasResourceProperties("AWS::CloudWatch::Dashboard", {
    DashboardName: "prooflane-dev",
    DashboardBody: Match.anyValue(),
  });
});

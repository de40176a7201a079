import { Match } from "aws-cdk-lib/assertions";
import { expect, test } from "vitest";
import { synthesized } from "./synthesized.ts";

const made = synthesized({ marketShards: 2, rules: { outage: 1 } });
const api = made.template("Api");
const FUNCTIONS = [
  ["api", 512, 29],
  ["auction", 512, 30],
  ["verify", 512, 15],
  ["sweep", 256, 50],
] as const;

test.each(FUNCTIONS)("the function %s", (name, MemorySize, Timeout) => {
  api.hasResourceProperties("AWS::Lambda::Function", {
    FunctionName: `prooflane-dev-${name}`,
    Runtime: "provided.al2023",
    Handler: "bootstrap",
    Architectures: ["arm64"],
    MemorySize,
    Timeout,
    TracingConfig: { Mode: "Active" },
    LoggingConfig: { LogFormat: "JSON", LogGroup: Match.anyValue() },
    Environment: {
      Variables: Match.objectLike({
        PROOFLANE_STAGE: "dev",
        PROOFLANE_TABLE: Match.anyValue(),
        PROOFLANE_BUCKET: Match.anyValue(),
        PROOFLANE_QUEUES: "prooflane-dev-",
        PROOFLANE_RULES: '{"outage":1,"fleet_start":300000,"prover_silence":180000,"market_shards":2}',
        RUST_LOG: "info,prooflane_coordinator=debug",
      }),
    },
  });
});

test("the API is told of the ledger's keys and name", () => {
  const variables = (context: Record<string, unknown>): Record<string, unknown> => {
    const template = synthesized(context).template("Api");
    const named = { Properties: { FunctionName: "prooflane-dev-api" } };
    const found = template.findResources("AWS::Lambda::Function", named);
    return Object.values(found)[0]?.Properties.Environment.Variables;
  };
  const usual = variables({});
  expect(JSON.stringify(usual.PROOFLANE_LEDGER_SECRET)).toContain("LedgerKeys");
  expect(JSON.stringify(usual.PROOFLANE_LEDGER_ORIGIN)).toContain(".prooflane-dev/ledger");
  const named = variables({ ledgerOrigin: "example.com/ledger" });
  expect(named.PROOFLANE_LEDGER_ORIGIN).toBe("example.com/ledger");
});

test("there are no other functions", () => {
  api.resourceCountIs("AWS::Lambda::Function", FUNCTIONS.length);
});

test("the sweeper offers the classes that can have instances", () => {
  const offered = (context: object): unknown => {
    const template = synthesized({ ...context }).template("Api");
    const functions = template.findResources("AWS::Lambda::Function", {
      Properties: { FunctionName: "prooflane-dev-sweep" },
    });
    return JSON.parse(Object.values(functions)[0]?.Properties.Environment.Variables.PROOFLANE_FLEET);
  };
  const cpu = {
    prover_id: "fleet-cpu",
    circuits: [],
    price: 10,
    capacity: 320,
    levels: [1, 2, 3],
    promised_ms: 30_000,
  };
  expect(offered({})).toEqual([cpu]);
  expect(offered({ fleet: { "fleet-gpu": { max: 1 } } })).toEqual([
    cpu,
    { ...cpu, prover_id: "fleet-gpu", capacity: 128 },
  ]);
});

test("every call reaches the router, at no more than the admitted rate, and is logged", () => {
  api.resourceCountIs("AWS::ApiGatewayV2::Route", 1);
  api.hasResourceProperties("AWS::ApiGatewayV2::Route", { RouteKey: "$default", AuthorizationType: "NONE" });
  api.hasResourceProperties("AWS::ApiGatewayV2::Integration", { PayloadFormatVersion: "2.0" });
  api.hasResourceProperties("AWS::ApiGatewayV2::Stage", {
    StageName: "$default",
    AutoDeploy: true,
    DefaultRouteSettings: { ThrottlingRateLimit: 1000, ThrottlingBurstLimit: 2000 },
    AccessLogSettings: { DestinationArn: Match.anyValue(), Format: Match.stringLikeRegexp("requestId") },
  });
});

test("queues feed the auction, shard by shard, and the verifier; a message fails alone", () => {
  const sources = Object.values(api.findResources("AWS::Lambda::EventSourceMapping")).map(({ Properties }) => Properties);
  expect(sources).toHaveLength(3);
  for (const { BatchSize, FunctionResponseTypes } of sources) {
    expect({ BatchSize, FunctionResponseTypes }).toEqual({
      BatchSize: 10,
      FunctionResponseTypes: ["ReportBatchItemFailures"],
    });
  }
  const limits = sources.map(({ ScalingConfig }) => ScalingConfig?.MaximumConcurrency);
  expect(limits).toEqual([2, 2, undefined]);
});

test("a message stays hidden for six times as long as its function may take, as AWS asks", () => {
  const data = made.template("Data");
  for (const [queue, fn] of [
    ["auction-0", "auction"],
    ["auction-1", "auction"],
    ["results", "verify"],
  ]) {
    const timeOut = FUNCTIONS.find(([name]) => name === fn)?.[2] ?? Number.NaN;
    data.hasResourceProperties("AWS::SQS::Queue", {
      QueueName: `prooflane-dev-${queue}`,
      VisibilityTimeout: 6 * timeOut,
    });
  }
});

test.each(["auction", "sweep"])("the function %s is called every minute, and not again for a minute that is over", (name) => {
  api.hasResourceProperties("AWS::Events::Rule", {
    ScheduleExpression: "rate(1 minute)",
    State: "ENABLED",
    Targets: [
      Match.objectLike({
        Arn: { "Fn::GetAtt": [Match.stringLikeRegexp(`^${name}`), "Arn"] },
        Input: JSON.stringify({ schedule: name }),
        RetryPolicy: { MaximumRetryAttempts: 0 },
      }),
    ],
  });
  api.hasResourceProperties("AWS::Lambda::EventInvokeConfig", {
    FunctionName: { Ref: Match.stringLikeRegexp(`^${name}`) },
    MaximumRetryAttempts: 0,
  });
});

test("logs are kept for a month, in production for three", () => {
  api.allResourcesProperties("AWS::Logs::LogGroup", { RetentionInDays: 30 });
  synthesized({ stage: "prod" }).template("Api").allResourcesProperties("AWS::Logs::LogGroup", { RetentionInDays: 90 });
});

test("outputs say where the API is and what the functions are called", () => {
  for (const name of ["ApiUrl", "ApiId", ...FUNCTIONS.map(([fn]) => `Function${fn}`)]) api.hasOutput(name, {});
});

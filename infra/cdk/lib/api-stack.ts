import { join } from "node:path";
import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps, Validations } from "aws-cdk-lib";
import { HttpApi, HttpStage, LogGroupLogDestination } from "aws-cdk-lib/aws-apigatewayv2";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { Rule, RuleTargetInput, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Architecture, type CfnFunction, Code, Function, LoggingFormat, Runtime, Tracing } from "aws-cdk-lib/aws-lambda";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import * as access from "./access.ts";
import { AUCTION_TIME_OUT, type DataStack, VERIFY_TIME_OUT } from "./data-stack.ts";
import { environment, offers } from "./environment.ts";
import { prefix } from "./names.ts";
import { built, type Settings } from "./settings.ts";

interface FunctionProps {
  name: string;
  memoryMb: number;
  timeOut: Duration;
  environment?: Record<string, string>;
  files: access.Files;
}

/** What answers requests: the HTTP API and the four functions. */
export class ApiStack extends Stack {
  readonly httpApi: HttpApi;
  /** By name. */
  readonly functions: Map<string, Function>;

  constructor(
    scope: Construct,
    id: string,
    private readonly settings: Settings,
    private readonly data: DataStack,
    private readonly localEnvironment: Record<string, string>,
    props: StackProps,
  ) {
    super(scope, id, props);
    // CDK lets a function wait for its role's policy, and names the role, too, which is needless but harmless.
    this.templateOptions.metadata = { "cfn-lint": { config: { ignore_checks: ["W3005"] } } };
    const provers = [...data.provers.values()];

    const api = this.function({
      name: "api",
      memoryMb: 512,
      // The HTTP API itself gives up after 30 s.
      timeOut: Duration.seconds(29),
      environment: {
        PROOFLANE_ATTESTOR: settings.attestor,
        PROOFLANE_LEDGER_ORIGIN: settings.ledgerOrigin || `${this.account}.${this.region}.prooflane-${settings.stage}/ledger`,
        PROOFLANE_LEDGER_SECRET: data.ledgerKeys.secretArn,
      },
      files: {
        get: ["keys", "inputs", "proofs", "transcripts", "uploads", "evidence", "ledger"],
        put: ["inputs", "proofs", "transcripts", "uploads", "evidence", "ledger"],
        // The log's tiles that were filled since.
        delete: ["inputs", "uploads", "ledger"],
      },
    });
    access.allow(api, ["secretsmanager:GetSecretValue"], [data.ledgerKeys.secretArn]);
    access.send(api, [...data.auctions, ...provers]);
    access.receive(api, provers);

    const auction = this.function({
      name: "auction",
      memoryMb: 512,
      timeOut: AUCTION_TIME_OUT,
      files: { get: ["keys", "transcripts"], put: ["transcripts"] },
    });
    access.send(auction, [...data.auctions, ...provers]);
    // One auctioneer leads a shard, and a second stands by.
    for (const queue of data.auctions) auction.addEventSource(source(queue, { maxConcurrency: 2 }));
    this.everyMinute(auction, "auction");

    const verify = this.function({
      name: "verify",
      memoryMb: 512,
      timeOut: VERIFY_TIME_OUT,
      // The witness of a task that ends.
      files: { get: ["keys", "proofs"], delete: ["inputs", "proofs"] },
    });
    access.send(verify, data.auctions);
    verify.addEventSource(source(data.results));

    const sweep = this.function({
      name: "sweep",
      memoryMb: 256,
      // Over before the next one starts.
      timeOut: Duration.seconds(50),
      environment: { PROOFLANE_FLEET: JSON.stringify(offers(settings)) },
      files: { get: ["keys"], delete: ["inputs"] },
    });
    access.send(sweep, [...data.auctions, ...provers]);
    access.keepMeasured(sweep, provers);
    this.everyMinute(sweep, "sweep");

    this.functions = new Map(Object.entries({ api, auction, verify, sweep }));
    this.httpApi = this.gateway(api);

    new CfnOutput(this, "ApiUrl", { value: this.httpApi.apiEndpoint });
    new CfnOutput(this, "ApiId", { value: this.httpApi.apiId });
    for (const [name, fn] of this.functions) {
      new CfnOutput(this, `Function${name}`, { value: fn.functionName });
    }
  }

  private function(props: FunctionProps): Function {
    const { settings, data } = this;
    const functionName = `${prefix(settings)}${props.name}`;
    // A role of its own: the default one could write to every log group of the account.
    const role = new Role(this, `${props.name}-role`, {
      roleName: `${functionName}-function`,
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
    });
    const logGroup = this.logs(`${props.name}-logs`, `/aws/lambda/${functionName}`);
    logGroup.grantWrite(role);
    access.wildcard(role, "*", "X-Ray takes segments, which belong to no resource that could be named.");
    access.table(role, data);
    access.files(role, data, props.files);
    const folder = join(settings.functions, props.name);
    built(join(folder, "bootstrap"));
    const fn = new Function(this, props.name, {
      functionName,
      code: Code.fromAsset(folder),
      runtime: Runtime.PROVIDED_AL2023,
      handler: "bootstrap",
      architecture: Architecture.ARM_64,
      memorySize: props.memoryMb,
      timeout: props.timeOut,
      role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      tracing: Tracing.ACTIVE,
      environment: {
        ...environment(settings, data),
        // Every step of a task, with its trace.
        RUST_LOG: "info,prooflane_coordinator=debug",
        ...props.environment,
        ...this.localEnvironment,
      },
    });
    // For `sam local invoke api` and `sam sync`: SAM looks for the construct's id, and takes the folder as it is.
    const resource = fn.node.defaultChild as CfnFunction;
    resource.overrideLogicalId(props.name);
    resource.addMetadata("SkipBuild", true);
    return fn;
  }

  private logs(id: string, logGroupName: string): LogGroup {
    const { production } = this.settings;
    return new LogGroup(this, id, {
      logGroupName,
      retention: production ? RetentionDays.THREE_MONTHS : RetentionDays.ONE_MONTH,
      removalPolicy: production ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }

  private everyMinute(fn: Function, schedule: string): void {
    // The next minute is the retry.
    fn.configureAsyncInvoke({ retryAttempts: 0 });
    new Rule(this, `${schedule}-schedule`, {
      ruleName: `${prefix(this.settings)}${schedule}`,
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [new LambdaFunction(fn, { event: RuleTargetInput.fromObject({ schedule }), retryAttempts: 0 })],
    });
  }

  private gateway(api: Function): HttpApi {
    const { settings } = this;
    // No authorizer: callers bring API keys as bearer tokens, whose roles the router itself looks up in the table.
    const httpApi = new HttpApi(this, "HttpApi", {
      apiName: `${prefix(settings)}api`,
      defaultIntegration: new HttpLambdaIntegration("api-integration", api),
      createDefaultStage: false,
    });
    Validations.of(httpApi).acknowledge({
      id: "AwsSolutions-APIG4",
      reason: "The router behind it authenticates every call: API keys with roles, stored hashed in the table.",
    });
    new HttpStage(this, "Stage", {
      httpApi,
      autoDeploy: true,
      detailedMetricsEnabled: true,
      throttle: { rateLimit: settings.requestsPerSecond, burstLimit: settings.burstRequests },
      accessLogSettings: {
        destination: new LogGroupLogDestination(this.logs("access-logs", `/aws/vendedlogs/${prefix(settings)}access`)),
        format: AccessLogFormat.custom(JSON.stringify(ACCESS_LOG)),
      },
    });
    return httpApi;
  }
}

/** A line for each call; without the path, in which names of tasks and provers are. */
const ACCESS_LOG = {
  time: "$context.requestTime",
  requestId: "$context.requestId",
  ip: "$context.identity.sourceIp",
  method: "$context.httpMethod",
  status: "$context.status",
  responseBytes: "$context.responseLength",
  latencyMs: "$context.responseLatency",
  error: "$context.error.message",
};

/** A message that failed comes again by itself, not with its batch. */
const source = (queue: Queue, more: { maxConcurrency?: number } = {}) =>
  new SqsEventSource(queue, { batchSize: 10, reportBatchItemFailures: true, ...more });

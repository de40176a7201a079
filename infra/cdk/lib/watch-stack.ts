import { Duration, Stack, type StackProps } from "aws-cdk-lib";
import type { HttpApi } from "aws-cdk-lib/aws-apigatewayv2";
import {
  Alarm,
  AlarmStatusWidget,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  MathExpression,
  Metric,
  Stats,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { Topic } from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";
import type { ApiStack } from "./api-stack.ts";
import type { DataStack } from "./data-stack.ts";
import type { FleetStack } from "./fleet-stack.ts";
import { prefix } from "./names.ts";
import { RUNBOOK, type Section } from "./runbook.ts";
import { BACKLOG, metrics as backlogMetrics } from "./scaling.ts";
import type { Settings } from "./settings.ts";

const PERIOD = Duration.minutes(1);
const HALF_WIDTH = 12;

export interface Watched {
  data: DataStack;
  api: ApiStack;
  fleet: FleetStack;
}

interface AlarmProps {
  name: string;
  section: Section;
  /** What has happened, for whoever is woken by it. */
  says: string;
  metric: IMetric;
  threshold: number;
  /** One-minute periods that must breach. */
  minutes: number;
  below?: boolean;
  /** Whether silence is what is alarming. */
  missingBreaches?: boolean;
}

/** A dashboard, and alarms that each name the section of the runbook to read. */
export class WatchStack extends Stack {
  private readonly alarms: Alarm[] = [];
  private readonly action: SnsAction | undefined;

  constructor(
    scope: Construct,
    id: string,
    private readonly settings: Settings,
    watched: Watched,
    props: StackProps,
  ) {
    super(scope, id, props);
    const topic = settings.alarmTopicArn && Topic.fromTopicArn(this, "Topic", settings.alarmTopicArn);
    this.action = topic ? new SnsAction(topic) : undefined;
    const rows = [
      this.api(watched.api.httpApi),
      this.tasks(),
      this.functions(watched.api),
      this.queues(watched.data),
      this.table(watched.data.table),
      this.fleet(watched),
    ];
    const status = new AlarmStatusWidget({ title: "Alarms", alarms: this.alarms, width: 2 * HALF_WIDTH, height: 4 });
    new Dashboard(this, "Dashboard", {
      dashboardName: `prooflane-${settings.stage}`,
      widgets: [[status], ...rows],
    });
  }

  private api(httpApi: HttpApi): IWidget[] {
    const count = httpApi.metricCount({ period: PERIOD });
    const errors = httpApi.metricServerError({ period: PERIOD, statistic: Stats.SUM });
    const latency = (percentile: number) =>
      httpApi.metricLatency({ period: PERIOD, statistic: Stats.percentile(percentile), label: `p${percentile} ms` });
    this.alarm({
      name: "api-errors",
      section: RUNBOOK.apiErrors,
      says: "More than 1 % of calls end in a 5xx.",
      // Of a handful of calls, one failure is not yet news.
      metric: new MathExpression({
        label: "5xx in percent",
        expression: "IF(calls >= 20, 100 * errors / calls, 0)",
        usingMetrics: { calls: count, errors },
        period: PERIOD,
      }),
      threshold: 1,
      minutes: 3,
    });
    this.alarm({
      name: "api-latency",
      section: RUNBOOK.apiLatency,
      // Event streams and long polls are open for up to 25 s on purpose.
      says: "Calls take as long as the gateway allows.",
      metric: latency(99),
      threshold: 27_000,
      minutes: 5,
    });
    return [
      graph("Calls", [count], [httpApi.metricClientError({ period: PERIOD, statistic: Stats.SUM }), errors]),
      graph("Latency", [latency(50), latency(99)]),
    ];
  }

  private tasks(): IWidget[] {
    const submitted = this.own("prooflane_tasks_submitted_total");
    const assigned = this.own("prooflane_tasks_assigned_total");
    const due = this.own("prooflane_sweeper_due", Stats.MAXIMUM);
    this.alarm({
      name: "no-prover",
      section: RUNBOOK.noProver,
      says: "Tasks come in and none finds a prover.",
      metric: new MathExpression({
        label: "tasks without a prover",
        expression: "IF(FILL(assigned, 0) == 0, FILL(submitted, 0), 0)",
        usingMetrics: { assigned: assigned.with({ period: MARKET }), submitted: submitted.with({ period: MARKET }) },
        period: MARKET,
      }),
      threshold: 1,
      minutes: 1,
    });
    this.alarm({
      name: "tasks-overdue",
      section: RUNBOOK.tasksOverdue,
      says: "The sweeper finds hundreds of tasks due, time and again: it does not keep up.",
      metric: due,
      // A sweep takes 100 tasks at most of each of the 4 shards of the wake-up index.
      threshold: 300,
      minutes: 10,
    });
    return [
      graph("Tasks", [
        submitted,
        assigned,
        this.own("prooflane_tasks_completed_total"),
        this.own("prooflane_attempts_failed_total"),
      ]),
      graph(
        "Consistency",
        [this.own("prooflane_commit_conflicts_total"), this.own("prooflane_take_overs_total")],
        [due],
      ),
    ];
  }

  private functions({ functions }: ApiStack): IWidget[] {
    for (const [name, fn] of functions) {
      this.alarm({
        name: `function-${name}-errors`,
        section: RUNBOOK.functionErrors,
        says: `The function ${name} fails.`,
        metric: fn.metricErrors({ period: PERIOD }),
        threshold: 1,
        minutes: 3,
      });
      this.alarm({
        name: `function-${name}-throttles`,
        section: RUNBOOK.functionThrottles,
        says: `The function ${name} is refused for want of concurrency.`,
        metric: fn.metricThrottles({ period: PERIOD }),
        threshold: 1,
        minutes: 3,
      });
    }
    const sweep = functions.get("sweep");
    if (sweep === undefined) throw new Error("there is no function sweep");
    const sweeps = sweep.metricInvocations({ period: PERIOD });
    this.alarm({
      name: "sweeper-silent",
      section: RUNBOOK.sweeperSilent,
      says: "The sweeper is not called, so that nothing lost is found.",
      metric: sweeps,
      threshold: 1,
      minutes: 5,
      below: true,
      missingBreaches: true,
    });
    this.alarm({
      name: "sweeper-reports-nothing",
      section: RUNBOOK.sweeperSilent,
      says: "The sweeper says nothing about what it found: it may not get to its end.",
      metric: this.own("prooflane_sweeper_due", Stats.SAMPLE_COUNT),
      threshold: 1,
      minutes: 5,
      below: true,
      missingBreaches: true,
    });
    const each = (metric: (fn: IFunction) => Metric) =>
      [...functions].map(([name, fn]) => metric(fn).with({ label: name }));
    return [
      graph(
        "Functions: milliseconds at p99",
        each((fn) => fn.metricDuration({ period: PERIOD, statistic: Stats.p(99) })),
      ),
      graph(
        "Functions: errors and throttles",
        each((fn) => fn.metricErrors({ period: PERIOD })),
        each((fn) => fn.metricThrottles({ period: PERIOD })),
      ),
    ];
  }

  private queues({ queues }: DataStack): IWidget[] {
    const ages: Metric[] = [];
    const dead: Metric[] = [];
    for (const [name, queue] of queues) {
      const age = queue.metricApproximateAgeOfOldestMessage({ period: PERIOD, label: name });
      ages.push(age);
      this.alarm({
        name: `${name}-age`,
        section: RUNBOOK.queueAge,
        says: `Messages wait in ${name} for more than ${OLDEST.toMinutes()} minutes.`,
        metric: age,
        threshold: OLDEST.toSeconds(),
        minutes: 3,
      });
      const deadLetters = queue.deadLetterQueue?.queue;
      if (deadLetters === undefined) throw new Error(`${name} has no dead-letter queue`);
      const letters = deadLetters.metricApproximateNumberOfMessagesVisible({
        period: PERIOD,
        statistic: Stats.MAXIMUM,
        label: `${name}-dead`,
      });
      dead.push(letters);
      this.alarm({
        name: `${name}-dead`,
        section: RUNBOOK.deadLetters,
        says: `Messages of ${name} were given up.`,
        metric: letters,
        threshold: 1,
        minutes: 1,
      });
    }
    return [graph("Queues: seconds that the oldest message waits", ages), graph("Dead letters", dead)];
  }

  private table(table: Table): IWidget[] {
    const ofTable = (metricName: string) =>
      new Metric({
        namespace: "AWS/DynamoDB",
        metricName,
        dimensionsMap: { TableName: table.tableName },
        period: PERIOD,
        statistic: Stats.SUM,
        label: metricName,
      });
    const reads = ofTable("ReadThrottleEvents");
    const writes = ofTable("WriteThrottleEvents");
    this.alarm({
      name: "table-throttles",
      section: RUNBOOK.tableThrottles,
      says: "The table refuses requests: one partition is too hot, or the account's limit is reached.",
      metric: new MathExpression({
        label: "requests refused",
        expression: "FILL(reads, 0) + FILL(writes, 0)",
        usingMetrics: { reads, writes },
        period: PERIOD,
      }),
      threshold: 10,
      minutes: 3,
    });
    return [
      graph("Table: capacity units", [ofTable("ConsumedReadCapacityUnits"), ofTable("ConsumedWriteCapacityUnits")]),
      graph("Table: refused", [reads, writes]),
    ];
  }

  private fleet({ data, fleet }: Watched): IWidget[] {
    return this.settings.classes.flatMap((one) => {
      const queue = data.provers.get(one.name);
      const group = fleet.groups.get(one.name);
      if (one.max === 0 || queue === undefined || group === undefined) return [];
      const { waiting, underway, running, desired } = backlogMetrics({ queue, group });
      this.alarm({
        name: `${one.name}-at-maximum`,
        section: RUNBOOK.fleetAtMaximum,
        says: `${one.name} has all the instances it may have, and still more tasks than they keep up with.`,
        metric: new MathExpression({
          label: "tasks that wait for a full fleet",
          expression: `IF(FILL(running, 0) >= ${one.max} AND (${BACKLOG}) > ${one.max * one.tasksPerInstance}, waiting, 0)`,
          usingMetrics: { waiting, underway, running },
          period: PERIOD,
        }),
        threshold: 1,
        minutes: 10,
      });
      // What Auto Scaling is asked for and cannot get: no spot capacity, or a worker that does not install.
      this.alarm({
        name: `${one.name}-short-of-instances`,
        section: RUNBOOK.noProver,
        says: `${one.name} gets no instance although it asks for one.`,
        metric: new MathExpression({
          label: "instances asked for in vain",
          expression: "IF(FILL(running, 0) == 0, FILL(desired, 0), 0)",
          usingMetrics: { running, desired },
          period: PERIOD,
        }),
        threshold: 1,
        minutes: 10,
      });
      return [graph(`${one.name}: tasks`, [waiting, underway]), graph(`${one.name}: instances`, [running, desired])];
    });
  }

  private alarm({ name, section, says, metric, threshold, minutes, below, missingBreaches }: AlarmProps): void {
    const { LESS_THAN_THRESHOLD, GREATER_THAN_OR_EQUAL_TO_THRESHOLD } = ComparisonOperator;
    const { BREACHING, NOT_BREACHING } = TreatMissingData;
    const alarm = new Alarm(this, name, {
      alarmName: `${prefix(this.settings)}${name}`,
      alarmDescription: `${says} docs/operations.md#${section}`,
      metric,
      threshold,
      evaluationPeriods: minutes,
      comparisonOperator: below ? LESS_THAN_THRESHOLD : GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: missingBreaches ? BREACHING : NOT_BREACHING,
    });
    if (this.action) {
      alarm.addAlarmAction(this.action);
      alarm.addOkAction(this.action);
    }
    this.alarms.push(alarm);
  }

  /** A metric that the network's processes write to their logs, under the name that `/metrics` has for it. */
  private own(metricName: string, statistic: string = Stats.SUM): Metric {
    return new Metric({
      namespace: "Prooflane",
      metricName,
      dimensionsMap: { stage: this.settings.stage },
      period: PERIOD,
      statistic,
      label: metricName,
    });
  }
}

/** An auction is every minute at least; a fleet at zero takes a few minutes to start. */
const MARKET = Duration.minutes(15);
const OLDEST = Duration.minutes(10);

const graph = (title: string, left: IMetric[], right: IMetric[] = []): GraphWidget =>
  new GraphWidget({ title, left, right, width: HALF_WIDTH });

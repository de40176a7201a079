import { Duration } from "aws-cdk-lib";
import { AdjustmentType, type AutoScalingGroup, CfnScalingPolicy, StepScalingAction } from "aws-cdk-lib/aws-autoscaling";
import { Alarm, ComparisonOperator, MathExpression, Metric, Stats, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { AutoScalingAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import type { FleetClass } from "./classes.ts";

const PERIOD = Duration.minutes(1);
/** From an instance's start to its first proof. */
const WARM_UP = Duration.minutes(3);

/** Where a class's tasks wait, and the group that proves them. */
export interface Backlog {
  queue: IQueue;
  group: string;
}

/** Tasks that wait or are under way; `waiting` and `underway` are among the metrics. */
export const BACKLOG = "FILL(waiting, 0) + FILL(underway, 0)";

/**
 * Target tracking keeps the backlog per instance where it should be, down to no instance at all.
 * From none it cannot start, so that an alarm of its own starts the first.
 */
export function scaleOnBacklog(asg: AutoScalingGroup, one: FleetClass, backlog: Backlog): void {
  const running = "FILL(running, 0)";
  new CfnScalingPolicy(asg, "Track", {
    autoScalingGroupName: asg.autoScalingGroupName,
    policyType: "TargetTrackingScaling",
    estimatedInstanceWarmup: WARM_UP.toSeconds(),
    targetTrackingConfiguration: {
      targetValue: one.tasksPerInstance,
      customizedMetricSpecification: {
        metrics: [
          ...Object.entries(metrics(backlog)).map(([id, metric]) => ({ id, ...stat(metric), returnData: false })),
          {
            id: "perInstance",
            label: "tasks per instance",
            expression: `(${BACKLOG}) / IF(${running} > 0, ${running}, 1)`,
            returnData: true,
          },
        ],
      },
    },
  });

  const { waiting, underway, desired } = metrics(backlog);
  const wake = new Alarm(asg, "Wake", {
    alarmName: `${backlog.group}-wake`,
    alarmDescription: "Starts the first instance. Part of the scaling: nobody needs to do anything.",
    metric: new MathExpression({
      label: "tasks without an instance",
      expression: `IF(FILL(desired, 0) == 0, ${BACKLOG}, 0)`,
      usingMetrics: { waiting, underway, desired },
      period: PERIOD,
    }),
    threshold: 1,
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    evaluationPeriods: 1,
    treatMissingData: TreatMissingData.NOT_BREACHING,
  });
  // One more than none. The alarm repeats itself until the metric shows the instance; while that
  // warms up it counts, so that repetition starts no second one, nor takes any away.
  const start = new StepScalingAction(asg, "Start", {
    autoScalingGroup: asg,
    adjustmentType: AdjustmentType.CHANGE_IN_CAPACITY,
    estimatedInstanceWarmup: WARM_UP,
  });
  start.addAdjustment({ lowerBound: 0, adjustment: 1 });
  wake.addAlarmAction(new AutoScalingAction(start));
}

export function metrics({ queue, group }: Backlog): Record<"waiting" | "underway" | "running" | "desired", Metric> {
  const most = { period: PERIOD, statistic: Stats.MAXIMUM };
  const ofGroup = (metricName: string) =>
    new Metric({
      namespace: "AWS/AutoScaling",
      metricName,
      dimensionsMap: { AutoScalingGroupName: group },
      ...most,
    });
  return {
    waiting: queue.metricApproximateNumberOfMessagesVisible(most),
    underway: queue.metricApproximateNumberOfMessagesNotVisible(most),
    running: ofGroup("GroupInServiceInstances"),
    desired: ofGroup("GroupDesiredCapacity"),
  };
}

function stat({ namespace, metricName, dimensions = {}, statistic }: Metric) {
  const names = Object.entries(dimensions).map(([name, value]) => ({ name, value: String(value) }));
  return { metricStat: { metric: { namespace, metricName, dimensions: names }, stat: statistic } };
}

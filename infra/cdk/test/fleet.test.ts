import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, test } from "vitest";
import { unit } from "../lib/installation.ts";
import { synthesized, WORKER } from "./synthesized.ts";

const made = synthesized({ fleet: { "fleet-gpu": { max: 4 } } });
const fleet = made.template("Fleet");
const GROUPS = ["fleet-cpu", "fleet-gpu"];

describe.each(GROUPS)("%s", (name) => {
  const group = `prooflane-dev-${name}`;

  test("runs anything from nothing to its maximum, spot with a list of types to fall back on", () => {
    const one = made.settings.classes.find((known) => known.name === name);
    fleet.hasResourceProperties("AWS::AutoScaling::AutoScalingGroup", {
      AutoScalingGroupName: group,
      MinSize: "0",
      MaxSize: String(one?.max),
      DesiredCapacity: Match.absent(),
      CapacityRebalance: true,
      MixedInstancesPolicy: {
        InstancesDistribution: Match.objectLike({
          OnDemandBaseCapacity: one?.onDemandBase,
          OnDemandPercentageAboveBaseCapacity: 0,
          SpotAllocationStrategy: "price-capacity-optimized",
        }),
        LaunchTemplate: Match.objectLike({
          Overrides: one?.instanceTypes.map((InstanceType) => ({ InstanceType })),
        }),
      },
    });
  });

  test("has time to drain before an instance ends", () => {
    fleet.hasResourceProperties("AWS::AutoScaling::LifecycleHook", {
      AutoScalingGroupName: { Ref: Match.stringLikeRegexp(name.replace("-", "")) },
      LifecycleHookName: "drain",
      LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
      HeartbeatTimeout: 900,
      DefaultResult: "CONTINUE",
    });
  });

  test("starts closed instances with encrypted disks", () => {
    fleet.hasResourceProperties("AWS::EC2::LaunchTemplate", {
      LaunchTemplateName: group,
      LaunchTemplateData: Match.objectLike({
        MetadataOptions: Match.objectLike({ HttpTokens: "required", HttpPutResponseHopLimit: 1 }),
        BlockDeviceMappings: [Match.objectLike({ Ebs: Match.objectLike({ Encrypted: true, VolumeType: "gp3" }) })],
      }),
    });
  });

  test("scales on the backlog per instance", () => {
    const policies = Object.values(fleet.findResources("AWS::AutoScaling::ScalingPolicy"));
    const mine = policies.filter(({ Properties }) =>
      Properties.AutoScalingGroupName.Ref.startsWith(name.replace("-", "")),
    );
    expect(mine.map(({ Properties }) => Properties.PolicyType).sort()).toEqual(["StepScaling", "TargetTrackingScaling"]);
    const tracking = mine.find(({ Properties }) => Properties.PolicyType === "TargetTrackingScaling")?.Properties;
    const { TargetValue, CustomizedMetricSpecification } = tracking.TargetTrackingConfiguration;
    expect(TargetValue).toBe(made.settings.classes.find((one) => one.name === name)?.tasksPerInstance);
    const returned = CustomizedMetricSpecification.Metrics.filter((metric: any) => metric.ReturnData);
    expect(returned).toEqual([
      {
        Id: "perInstance",
        Label: "tasks per instance",
        Expression: "(FILL(waiting, 0) + FILL(underway, 0)) / IF(FILL(running, 0) > 0, FILL(running, 0), 1)",
        ReturnData: true,
      },
    ]);
  });

  test("starts its first instance when there is a task and no instance", () => {
    fleet.hasResourceProperties("AWS::CloudWatch::Alarm", {
      AlarmName: `${group}-wake`,
      Threshold: 1,
      ComparisonOperator: "GreaterThanOrEqualToThreshold",
      AlarmActions: [{ Ref: Match.stringLikeRegexp("Start") }],
      Metrics: Match.arrayWith([
        Match.objectLike({ Expression: "IF(FILL(desired, 0) == 0, FILL(waiting, 0) + FILL(underway, 0), 0)" }),
      ]),
    });
  });

  test("installs the worker only if it is the one that was built", () => {
    const script = userData(group);
    const checksum = createHash("sha256").update(WORKER).digest("hex");
    const steps = ["set -euo pipefail", "aws s3 cp", `echo '${checksum}`, "install -m 0755", "systemctl enable --now prooflane"];
    const places = steps.map((step) => script.indexOf(step));
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    execFileSync("bash", ["-n"], { input: script });
  });

  test("tells the worker what it is", () => {
    const script = userData(group);
    for (const line of [
      "PROOFLANE_STAGE='dev'",
      "PROOFLANE_QUEUES='prooflane-dev-'",
      `PROOFLANE_CLASS='${name}'`,
      `PROOFLANE_GROUP='${group}'`,
      "PROOFLANE_LIFECYCLE_HOOK='drain'",
      `PROOFLANE_RULES='{"outage":150000,"fleet_start":300000,"prover_silence":180000,"market_shards":1}'`,
    ]) {
      expect(script).toContain(`\n${line}\n`);
    }
  });
});

test("a class with no instances takes no part in scaling", () => {
  const idle = synthesized().template("Fleet");
  idle.resourceCountIs("AWS::AutoScaling::AutoScalingGroup", 2);
  idle.resourceCountIs("AWS::AutoScaling::ScalingPolicy", 2);
});

test("warm instances are kept running", () => {
  const warm = synthesized({ fleet: { "fleet-cpu": { warm: 2 } } }).template("Fleet");
  warm.hasResourceProperties("AWS::AutoScaling::AutoScalingGroup", {
    AutoScalingGroupName: "prooflane-dev-fleet-cpu",
    MinSize: "2",
  });
});

test("production's first instance is on demand, because spot capacity can be gone", () => {
  const prod = synthesized({ stage: "prod" }).template("Fleet");
  prod.hasResourceProperties("AWS::AutoScaling::AutoScalingGroup", {
    AutoScalingGroupName: "prooflane-prod-fleet-cpu",
    MixedInstancesPolicy: Match.objectLike({
      InstancesDistribution: Match.objectLike({ OnDemandBaseCapacity: 1 }),
    }),
  });
});

test("nobody connects to an instance, and it connects to HTTPS only", () => {
  fleet.hasResourceProperties("AWS::EC2::SecurityGroup", {
    SecurityGroupIngress: Match.absent(),
    SecurityGroupEgress: [Match.objectLike({ IpProtocol: "tcp", FromPort: 443, ToPort: 443 })],
  });
  fleet.resourceCountIs("AWS::EC2::SecurityGroupIngress", 0);
  fleet.resourceCountIs("AWS::EC2::NatGateway", 0);
  fleet.resourceCountIs("AWS::EC2::VPCEndpoint", 2);
});

describe("the unit", () => {
  test("restarts the worker, lets it finish and limits it", () => {
    for (const line of [
      "ExecStart=/opt/prooflane/prooflane-fleet worker",
      "EnvironmentFile=/etc/prooflane/worker.env",
      "Restart=always",
      "KillSignal=SIGTERM",
      "TimeoutStopSec=900",
      "MemoryMax=90%",
      "LimitCORE=0",
      "NoNewPrivileges=yes",
    ]) {
      expect(unit({ gpu: false, stopSeconds: 900 })).toContain(`\n${line}\n`);
    }
  });

  test.each([false, true])("is one that systemd understands (GPU: %s)", (gpu) => {
    if (!installed("systemd-analyze")) {
      console.log("skipped: there is no systemd-analyze here");
      return;
    }
    const path = join(mkdtempSync(join(tmpdir(), "prooflane-unit-")), "prooflane-worker.service");
    // The program is not installed here; everything else is checked as it is.
    const text = unit({ gpu, stopSeconds: 900 }).replace("/opt/prooflane/prooflane-fleet", "/bin/true");
    writeFileSync(path, text.replace("/usr/bin/nvidia-modprobe", "/bin/true"));
    const said = execFileSync("bash", ["-c", 'systemd-analyze verify "$0" 2>&1 || true', path], { encoding: "utf8" });
    expect(said.split("\n").filter((line) => line.includes("prooflane-worker.service"))).toEqual([]);
  });
});

/** As an instance gets it, with references as `<Name>`. */
function userData(launchTemplateName: string): string {
  const templates = fleet.findResources("AWS::EC2::LaunchTemplate", {
    Properties: { LaunchTemplateName: launchTemplateName },
  });
  const encoded = Object.values(templates)[0]?.Properties.LaunchTemplateData.UserData["Fn::Base64"];
  return encoded["Fn::Join"][1].map((part: unknown) => (typeof part === "string" ? part : "<reference>")).join("");
}

function installed(program: string): boolean {
  try {
    execFileSync(program, ["--version"]);
    return true;
  } catch {
    return false;
  }
}

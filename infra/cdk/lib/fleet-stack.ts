import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps, Validations } from "aws-cdk-lib";
import {
  AutoScalingGroup,
  DefaultResult,
  GroupMetrics,
  HealthChecks,
  LifecycleTransition,
  OnDemandAllocationStrategy,
  SpotAllocationStrategy,
} from "aws-cdk-lib/aws-autoscaling";
import {
  BlockDeviceVolume,
  EbsDeviceVolumeType,
  GatewayVpcEndpointAwsService,
  InstanceType,
  type IVpc,
  LaunchTemplate,
  LaunchTemplateHttpTokens,
  MachineImage,
  OperatingSystemType,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from "aws-cdk-lib/aws-ec2";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import * as access from "./access.ts";
import type { FleetClass } from "./classes.ts";
import type { DataStack } from "./data-stack.ts";
import { environment } from "./environment.ts";
import { installation } from "./installation.ts";
import { prefix } from "./names.ts";
import { scaleOnBacklog } from "./scaling.ts";
import { built, type Settings } from "./settings.ts";

/** As long as a worker may take to finish what it holds; the unit's stop time-out is the same. */
export const DRAIN = Duration.minutes(15);
export const DRAIN_HOOK = "drain";

// AWS keeps the newest image of each kind under these names.
const CPU_IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";
const GPU_IMAGE = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id";

/** What proves: a group of instances for each class, from none up to its maximum. */
export class FleetStack extends Stack {
  /** Names of the groups, by class. */
  readonly groups = new Map<string, string>();
  private readonly worker: Asset;
  private readonly vpc: IVpc;
  private readonly securityGroup: SecurityGroup;

  constructor(
    scope: Construct,
    id: string,
    private readonly settings: Settings,
    private readonly data: DataStack,
    props: StackProps,
  ) {
    super(scope, id, props);
    this.worker = new Asset(this, "Worker", { path: built(settings.worker) });
    this.vpc = settings.vpcId ? Vpc.fromLookup(this, "Vpc", { vpcId: settings.vpcId }) : this.network();
    this.securityGroup = new SecurityGroup(this, "SecurityGroup", {
      vpc: this.vpc,
      description: "Workers call AWS over HTTPS; nobody calls them",
      allowAllOutbound: false,
    });
    this.securityGroup.addEgressRule(Peer.anyIpv4(), Port.tcp(443), "AWS and the packages of its images");
    for (const one of settings.classes) {
      const queue = data.provers.get(one.name);
      if (queue === undefined) throw new Error(`class ${one.name} has no queue`);
      const group = this.group(one, queue);
      this.groups.set(one.name, group);
      new CfnOutput(this, `Group${one.name}`, { value: group });
    }
  }

  /** Public subnets, because a NAT gateway would cost more than a small fleet; nothing may connect to them. */
  private network(): IVpc {
    const vpc = new Vpc(this, "Vpc", {
      natGateways: 0,
      subnetConfiguration: [{ name: "public", subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: false }],
      gatewayEndpoints: {
        s3: { service: GatewayVpcEndpointAwsService.S3 },
        dynamodb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
      },
    });
    Validations.of(vpc).acknowledge({
      id: "AwsSolutions-VPC7",
      reason: "Nothing listens in this network, and what leaves it are calls to AWS, which CloudTrail records.",
    });
    return vpc;
  }

  private group(one: FleetClass, queue: Queue): string {
    const { settings, data, vpc } = this;
    const groupName = `${prefix(settings)}${one.name}`;
    const logGroup = new LogGroup(this, `${one.name}-logs`, {
      logGroupName: `/aws/ec2/${groupName}`,
      retention: settings.production ? RetentionDays.THREE_MONTHS : RetentionDays.ONE_MONTH,
      removalPolicy: settings.production ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    const launchTemplate = new LaunchTemplate(this, `${one.name}-template`, {
      launchTemplateName: groupName,
      machineImage: MachineImage.fromSsmParameter(one.gpu ? GPU_IMAGE : CPU_IMAGE, { os: OperatingSystemType.LINUX }),
      role: this.role(one, queue, groupName, logGroup),
      securityGroup: this.securityGroup,
      associatePublicIpAddress: true,
      httpTokens: LaunchTemplateHttpTokens.REQUIRED,
      // Only processes of the instance itself reach its metadata.
      httpPutResponseHopLimit: 1,
      instanceMetadataTags: false,
      detailedMonitoring: true,
      blockDevices: [
        {
          deviceName: "/dev/xvda",
          volume: BlockDeviceVolume.ebs(one.diskGib, { encrypted: true, volumeType: EbsDeviceVolumeType.GP3 }),
        },
      ],
      userData: installation({
        worker: this.worker,
        workerPath: settings.worker,
        gpu: one.gpu,
        stopSeconds: DRAIN.toSeconds(),
        logGroupName: logGroup.logGroupName,
        environment: {
          ...environment(settings, data),
          PROOFLANE_CLASS: one.name,
          PROOFLANE_GROUP: groupName,
          PROOFLANE_LIFECYCLE_HOOK: DRAIN_HOOK,
          // CUDA reserves more address space than any limit would leave it.
          ...(one.gpu ? { PROOFLANE_PROOF_MEMORY_MB: "0" } : {}),
          AWS_REGION: this.region,
          RUST_LOG: "info,prooflane_coordinator=debug,prooflane_worker=debug",
        },
      }),
    });
    const asg = new AutoScalingGroup(this, one.name, {
      autoScalingGroupName: groupName,
      vpc,
      vpcSubnets: { subnetType: SubnetType.PUBLIC },
      minCapacity: one.warm,
      maxCapacity: one.max,
      mixedInstancesPolicy: {
        launchTemplate,
        launchTemplateOverrides: one.instanceTypes.map((type) => ({ instanceType: new InstanceType(type) })),
        instancesDistribution: {
          onDemandBaseCapacity: one.onDemandBase,
          onDemandPercentageAboveBaseCapacity: one.onDemandPercent,
          onDemandAllocationStrategy: OnDemandAllocationStrategy.PRIORITIZED,
          spotAllocationStrategy: SpotAllocationStrategy.PRICE_CAPACITY_OPTIMIZED,
        },
      },
      // Another instance is started when AWS says that one is likely to be taken.
      capacityRebalance: true,
      groupMetrics: [GroupMetrics.all()],
      healthChecks: HealthChecks.ec2({ gracePeriod: Duration.minutes(5) }),
    });
    Validations.of(asg).acknowledge({
      id: "AwsSolutions-AS3",
      reason: "Instances come and go with the backlog; what a person must know is an alarm of the Watch stack.",
    });
    Validations.of(asg).acknowledge({
      id: "AwsSolutions-EC26",
      reason: "The rule cannot read a mixed instances policy. The launch template encrypts, which a test of ours holds.",
    });
    asg.addLifecycleHook("drain", {
      lifecycleHookName: DRAIN_HOOK,
      lifecycleTransition: LifecycleTransition.INSTANCE_TERMINATING,
      heartbeatTimeout: DRAIN,
      defaultResult: DefaultResult.CONTINUE,
    });
    if (one.max > 0) scaleOnBacklog(asg, one, { queue, group: groupName });
    return groupName;
  }

  private role(one: FleetClass, queue: Queue, groupName: string, logGroup: LogGroup): Role {
    const { data } = this;
    const role = new Role(this, `${one.name}-role`, {
      roleName: `${groupName}-instance`,
      assumedBy: new ServicePrincipal("ec2.amazonaws.com"),
    });
    access.table(role, data);
    access.files(role, data, { get: ["keys", "inputs"], put: ["proofs"] });
    access.receive(role, [queue]);
    access.send(role, [data.results, ...data.auctions, queue]);
    access.allow(role, ["s3:GetObject"], [this.worker.bucket.arnForObjects(this.worker.s3ObjectKey)]);
    access.allow(role, ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], [logGroup.logGroupArn]);
    // A group's ARN holds an id that is known only once it exists; its name is as good.
    const resource = `autoScalingGroup:*:autoScalingGroupName/${groupName}`;
    access.allow(
      role,
      [
        "autoscaling:SetInstanceProtection",
        "autoscaling:CompleteLifecycleAction",
        "autoscaling:RecordLifecycleActionHeartbeat",
      ],
      [this.formatArn({ service: "autoscaling", resource })],
    );
    access.wildcard(
      role,
      `arn:<AWS::Partition>:autoscaling:<AWS::Region>:<AWS::AccountId>:${resource}`,
      "The wildcard is an id that does not exist yet; the group's name is there.",
    );
    // Sessions for a person, without SSH; AWS's managed policy would also open every SSM parameter.
    access.allow(
      role,
      [
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
      ],
      ["*"],
    );
    access.wildcard(role, "*", "Session Manager's channels are no resources that could be named.");
    return role;
  }
}

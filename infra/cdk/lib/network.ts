import { type App, type IStackSynthesizer, type Stack, type StackProps, Tags } from "aws-cdk-lib";
import { ApiStack } from "./api-stack.ts";
import { DataStack } from "./data-stack.ts";
import { FleetStack } from "./fleet-stack.ts";
import type { Settings } from "./settings.ts";
import { WatchStack } from "./watch-stack.ts";

/** What only the deployment to an emulator sets. */
export interface Local {
  synthesizer: () => IStackSynthesizer;
  /** Added to every function's environment. */
  environment: Record<string, string>;
}

/** Table, bucket, queues, and the functions over them: what an emulator can run too. */
export function core(app: App, settings: Settings, local?: Local): { data: DataStack; api: ApiStack } {
  // What another stack uses cannot be taken away from under it.
  app.node.setContext("@aws-cdk/core:defaultCrossStackReferences", "strong");
  Tags.of(app).add("prooflane:stage", settings.stage);
  const props = () => ({ ...place(settings), ...(local && { synthesizer: local.synthesizer() }) });
  const data = tagged(new DataStack(app, stackName(settings, "Data"), settings, props()), "data");
  const api = new ApiStack(app, stackName(settings, "Api"), settings, data, local?.environment ?? {}, props());
  return { data, api: tagged(api, "api") };
}

/** The whole network. */
export function network(app: App, settings: Settings): void {
  const { data, api } = core(app, settings);
  const props = place(settings);
  const fleet = tagged(new FleetStack(app, stackName(settings, "Fleet"), settings, data, props), "fleet");
  tagged(new WatchStack(app, stackName(settings, "Watch"), settings, { data, api, fleet }, props), "watch");
}

/** Only to look up a VPC must account and region be known before deployment; then all stacks are there. */
function place({ vpcId }: Settings): StackProps {
  const account = process.env.CDK_DEFAULT_ACCOUNT;
  const region = process.env.CDK_DEFAULT_REGION;
  return vpcId && account && region ? { env: { account, region } } : {};
}

export const stackName = (settings: Settings, stack: string): string => `Prooflane-${settings.stage}-${stack}`;

/** Costs are allotted by stage and by room. */
function tagged<T extends Stack>(stack: T, room: string): T {
  Tags.of(stack).add("prooflane:room", room);
  return stack;
}

import { afterEach, expect, test, vi } from "vitest";
import { synthesized } from "./synthesized.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

test("the fleet moves into a VPC that is there already", () => {
  // As the CDK's command line sets them; the VPC itself is a dummy as long as nobody has looked it up.
  vi.stubEnv("CDK_DEFAULT_ACCOUNT", "111111111111");
  vi.stubEnv("CDK_DEFAULT_REGION", "eu-central-1");
  const { template } = synthesized({ vpcId: "vpc-0123456789abcdef0" });
  template("Fleet").resourceCountIs("AWS::EC2::VPC", 0);
  template("Fleet").hasResourceProperties("AWS::EC2::SecurityGroup", { VpcId: "vpc-12345" });
  expect(template("Watch").toJSON()).toBeDefined();
});

import { App } from "aws-cdk-lib";
import { network } from "../lib/network.ts";
import { settings } from "../lib/settings.ts";

const app = new App({ analyticsReporting: false });
network(app, settings(app.node));

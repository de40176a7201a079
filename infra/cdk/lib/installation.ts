import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { UserData } from "aws-cdk-lib/aws-ec2";
import type { Asset } from "aws-cdk-lib/aws-s3-assets";

export interface Installation {
  worker: Asset;
  /** The same file here. */
  workerPath: string;
  gpu: boolean;
  /** How long the worker may take to finish what it holds. */
  stopSeconds: number;
  logGroupName: string;
  environment: Record<string, string>;
}

const PROGRAM = "/opt/prooflane/prooflane-fleet";
const ENVIRONMENT = "/etc/prooflane/worker.env";
const LOG = "/var/log/prooflane/worker.log";

/** What an instance runs when it first starts: it installs the worker, and systemd keeps that alive. */
export function installation(wanted: Installation): UserData {
  const checksum = createHash("sha256").update(readFileSync(wanted.workerPath)).digest("hex");
  const userData = UserData.forLinux();
  userData.addCommands(
    "set -euo pipefail",
    // An instance without a worker earns nothing. It ends, and the group starts another; not at once,
    // lest a worker that cannot be installed anywhere cost an instance's start every few seconds.
    "trap 'sleep 300; shutdown -h now' ERR",
    "useradd --system --no-create-home --shell /usr/sbin/nologin prooflane",
    "install -d -m 0755 /opt/prooflane /etc/prooflane",
    "install -d -m 0750 -o prooflane -g prooflane /var/log/prooflane",
    `aws s3 cp --no-progress ${wanted.worker.s3ObjectUrl} ${PROGRAM}.new`,
    `echo '${checksum}  ${PROGRAM}.new' | sha256sum --check --strict`,
    `install -m 0755 ${PROGRAM}.new ${PROGRAM}`,
    file(ENVIRONMENT, environmentFile(wanted.environment)),
    file("/etc/systemd/system/prooflane-worker.service", unit(wanted)),
    file("/etc/logrotate.d/prooflane", ROTATION),
    file("/opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.json", logging(wanted.logGroupName)),
    "systemctl daemon-reload",
    "systemctl enable --now prooflane-worker.service",
    // A worker proves without its logs being carried away, too.
    "dnf install --assumeyes --quiet amazon-cloudwatch-agent && systemctl enable --now amazon-cloudwatch-agent || true",
  );
  return userData;
}

/** A quoted here-document: the shell changes nothing in it. */
const file = (path: string, content: string): string =>
  `install -d $(dirname ${path})\ncat > ${path} <<'PROOFLANE'\n${content.trim()}\nPROOFLANE`;

/** Values in single quotes, which systemd takes as they are; JSON has none outside its texts. */
function environmentFile(environment: Record<string, string>): string {
  return Object.entries(environment)
    .map(([name, value]) => {
      if (/['\n]/.test(value)) throw new Error(`${name}: a value for an instance may not hold a quote or a line break`);
      return `${name}='${value}'`;
    })
    .join("\n");
}

export function unit({ gpu, stopSeconds }: Pick<Installation, "gpu" | "stopSeconds">): string {
  return `
[Unit]
Description=Prooflane worker
After=network-online.target
Wants=network-online.target
# Never give up: the network treats a prover that is away as away.
StartLimitIntervalSec=0

[Service]
User=prooflane
Group=prooflane
EnvironmentFile=${ENVIRONMENT}
${gpu ? DEVICES : ""}ExecStart=${PROGRAM} worker
Restart=always
RestartSec=5
# The worker finishes what it holds, and takes nothing new.
KillSignal=SIGTERM
TimeoutStopSec=${stopSeconds}
StandardOutput=append:${LOG}
StandardError=append:${LOG}
StateDirectory=prooflane
WorkingDirectory=/var/lib/prooflane
# A proof that needs more than the machine has ends the worker, not the machine.
MemoryHigh=85%
MemoryMax=90%
MemorySwapMax=0
# Private inputs are in memory: they reach no core dump.
LimitCORE=0
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
# CUDA needs the graphics card's devices.
PrivateDevices=${gpu ? "no" : "yes"}
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
# CUDA compiles its kernels for the card at hand.
MemoryDenyWriteExecute=${gpu ? "no" : "yes"}
SystemCallArchitectures=native
UMask=0077

[Install]
WantedBy=multi-user.target
`;
}

/** The worker has no right to make the card's device files itself. */
const DEVICES = "ExecStartPre=-+/usr/bin/nvidia-modprobe -u -c 0\n";

const ROTATION = `
${LOG} {
    size 50M
    rotate 3
    compress
    copytruncate
    missingok
    su root root
}
`;

/** The agent carries the log away; metrics embedded in its lines become metrics there. */
function logging(logGroupName: string): string {
  const file = { file_path: LOG, log_group_name: logGroupName, log_stream_name: "{instance_id}" };
  return JSON.stringify({ logs: { logs_collected: { files: { collect_list: [file] } } } });
}

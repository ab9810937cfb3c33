// The simulated bundle for a Linux host with service units.
import type { SourceFile } from "../project";
import type { Deployment, Program } from "./program";
import { healthCheck, migrateCommand, scriptOf, sqlMigrations } from "./shell";

const FOLDER = "deploy/systemd";

export function systemdBundle(deployment: Deployment): SourceFile[] {
  const { name, programs } = deployment;
  const file = (path: string, content: string) => ({ path: `${FOLDER}/${path}`, content });
  const migrate = migrateOf(deployment);
  const active = programs.map((program) => `"$ctl" is-active ${unitOf(name, program)}`).join("\n");
  return [
    ...programs.map((program) => file(unitOf(name, program), unit(name, program))),
    file("deploy.sh", deploy(deployment, migrate !== null)),
    file("rollback.sh", rollback(deployment)),
    file("health-check.sh", healthCheck(deployment, `${CTL}${active}\n`)),
    ...(migrate === null ? [] : [file("migrate.sh", migrate)]),
    file("README.md", readme(name, migrate !== null)),
  ];
}

const unitOf = (name: string, program: Program) =>
  `${program.name === "app" ? name : `${name}-${program.name}`}.service`;
const unitsOf = ({ name, programs }: Deployment) =>
  programs.map((program) => unitOf(name, program)).join(" ");

function unit(name: string, program: Program): string {
  const { command, folder, serves } = program;
  const data = `/var/lib/${name}/data.json`;
  const options = serves?.takesOptions ? ["--host", "127.0.0.1", "--port", `\${PORT}`, "--data", data] : [];
  const port = serves ? `Environment=PORT=${serves.port}\n` : "";
  const words = command.map((word) => (/^[\w./-]+$/.test(word) ? word : `"${word}"`));
  return `[Unit]
Description=${program.name === "app" ? name : `${name} (${program.name})`}
After=network.target

[Service]
Type=${serves ? "simple" : "oneshot"}
${port}Environment=PYTHONDONTWRITEBYTECODE=1
EnvironmentFile=-/etc/${unitOf(name, program).replace(/\.service$/, "")}.env
ExecStart=/usr/bin/env ${[...words, ...options].join(" ")}
WorkingDirectory=/opt/${name}/current${folder ? `/${folder}` : ""}
${serves ? "Restart=on-failure\nRestartSec=2" : "RemainAfterExit=yes"}
DynamicUser=yes
${serves?.takesOptions ? `StateDirectory=${name}\n` : ""}NoNewPrivileges=yes
CapabilityBoundingSet=
LockPersonality=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=strict
RestrictSUIDSGID=yes

[Install]
WantedBy=multi-user.target
`;
}

/** Where things lie may be set, so that the scripts can be tried without a host. */
const CTL = `ctl="\${SYSTEMCTL:-systemctl}"\n`;
const PLACES = (name: string) => `here="$(cd -- "$(dirname -- "$0")" && pwd)"
root="\${INSTALL_ROOT:-/opt/${name}}"
units="\${UNIT_DIR:-/etc/systemd/system}"
${CTL}`;

function deploy(deployment: Deployment, migrates: boolean): string {
  const { name } = deployment;
  return scriptOf(
    `Installs ${name} as a service; run as root. When it does not become healthy, the release before is started again.`,
    `${PLACES(name)}project="$(cd -- "$here/../.." && pwd)"
release="$root/releases/$(date -u +%Y%m%d%H%M%S)-$$"

mkdir -p "$release"
cp -R "$project/." "$release/"
if [ -L "$root/current" ]; then
  ln -sfn "$(readlink "$root/current")" "$root/previous"
fi
${migrates ? '"$here/migrate.sh"\n' : ""}for unit in ${unitsOf(deployment)}; do
  cp "$here/$unit" "$units/$unit"
done
ln -sfn "$release" "$root/current"
"$ctl" daemon-reload
for unit in ${unitsOf(deployment)}; do
  "$ctl" enable "$unit"
  "$ctl" restart "$unit"
done
if ! "$here/health-check.sh"; then
  echo "Not healthy: going back to the release before." >&2
  "$here/rollback.sh"
  exit 1
fi
`,
  );
}

function rollback(deployment: Deployment): string {
  return scriptOf(
    "Goes back to the release before; run as root. Migrations are not taken back.",
    `${PLACES(deployment.name)}
if [ ! -L "$root/previous" ]; then
  echo "There is no release to go back to: what runs is stopped." >&2
  for unit in ${unitsOf(deployment)}; do
    "$ctl" stop "$unit"
  done
  exit 1
fi
ln -sfn "$(readlink "$root/previous")" "$root/current"
for unit in ${unitsOf(deployment)}; do
  cp "$root/current/${FOLDER}/$unit" "$units/$unit"
done
"$ctl" daemon-reload
for unit in ${unitsOf(deployment)}; do
  "$ctl" restart "$unit"
done
"$here/health-check.sh"
`,
  );
}

function migrateOf(deployment: Deployment): string | null {
  const command = migrateCommand(deployment);
  const about = "Brings the database to where this version wants it. May be run again.";
  if (command !== null) return scriptOf(about, `cd -- "$(dirname -- "$0")/../.."\n${command}\n`);
  return deployment.files.some((path) => /migrations?\/.*\.sql$/.test(path))
    ? scriptOf(about, sqlMigrations(deployment))
    : null;
}

function readme(name: string, migrates: boolean): string {
  return `# ${name} with systemd

Read the scripts and the unit, then as root, in this folder: \`./deploy.sh\`. It copies the project to
\`/opt/${name}/releases\`, ${migrates ? "migrates the database, " : ""}restarts the service, and goes back by itself when \`./health-check.sh\` fails.
\`./rollback.sh\` goes back by hand. Settings are read from \`/etc/${name}.env\`, such as \`PORT=8000\`; data is kept in
\`/var/lib/${name}\`. Python 3.11 or Node 20 has to be on the host.
`;
}

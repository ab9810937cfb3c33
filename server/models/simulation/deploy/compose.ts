// The simulated bundle for a host with Docker and Compose.
import type { SourceFile } from "../project";
import type { Deployment, Program } from "./program";
import { healthCheck, migrateCommand, scriptOf, sqlMigrations } from "./shell";

const FOLDER = "deploy/docker-compose";
const IMAGES = { python: "python:3.12-slim", node: "node:22-slim" } as const;
const GO = 'cd -- "$(dirname -- "$0")"\n';

export function composeBundle(deployment: Deployment): SourceFile[] {
  const { name, programs } = deployment;
  const file = (path: string, content: string) => ({ path: `${FOLDER}/${path}`, content });
  const migrate = migrateOf(deployment);
  return [
    file("docker-compose.yml", composeFile(deployment)),
    ...programs.flatMap((program) => [
      file(dockerfileOf(program), dockerfile(program)),
      file(`${dockerfileOf(program)}.dockerignore`, ".git\n.ai\ndeploy\n**/node_modules\n**/__pycache__\n"),
    ]),
    file(".env.example", envExample(programs)),
    file("deploy.sh", deploy(deployment, migrate !== null)),
    file("rollback.sh", rollback(deployment)),
    file("health-check.sh", healthCheck(deployment, `${GO}docker compose run --rm app\n`)),
    ...(migrate === null ? [] : [file("migrate.sh", migrate)]),
    file("README.md", readme(name, migrate !== null)),
  ];
}

const imageOf = (name: string, program: Program) =>
  program.name === "app" ? name : `${name}-${program.name}`;
const dockerfileOf = ({ name }: Program) => (name === "app" ? "Dockerfile" : `Dockerfile.${name}`);

function composeFile({ name, programs }: Deployment): string {
  const keeps = programs.some(keepsData);
  return `# Started by deploy.sh. What may be set is in .env.example.
name: ${name}
services:
${programs.map((program) => serviceOf(name, program)).join("")}${keeps ? "volumes:\n  data: {}\n" : ""}`;
}

const keepsData = ({ serves }: Program) => serves?.takesOptions === true;

function serviceOf(name: string, program: Program): string {
  const { serves } = program;
  const lines = [
    `${program.name}:`,
    "  build:",
    "    context: ../..",
    `    dockerfile: ${FOLDER}/${dockerfileOf(program)}`,
    `  image: ${imageOf(name, program)}:current`,
    `  restart: ${serves ? "unless-stopped" : '"no"'}`,
    "  init: true",
    "  read_only: true",
    "  cap_drop: [ALL]",
    '  security_opt: ["no-new-privileges:true"]',
    "  tmpfs: [/tmp]",
  ];
  if (serves) {
    const variable = program.name === "web" ? "WEB_PORT" : "PORT";
    lines.push("  ports:", `    - "\${BIND:-127.0.0.1}:\${${variable}:-${serves.port}}:${serves.port}"`);
  }
  if (keepsData(program)) lines.push("  volumes:", "    - data:/data");
  if (program.name === "web")
    lines.push(
      "  environment:",
      '    API_URL: "http://app:8000"',
      '    HOST: "0.0.0.0"',
      '    PORT: "3000"',
      "  depends_on: [app]",
    );
  return lines.map((line) => `  ${line}\n`).join("");
}

function dockerfile(program: Program): string {
  const { runtime, folder, command } = program;
  const options = keepsData(program)
    ? ["--host", "0.0.0.0", "--port", "8000", "--data", "/data/data.json"]
    : [];
  return `FROM ${IMAGES[runtime]}
WORKDIR /srv
COPY . .
RUN mkdir -p /data && chown 65532:65532 /data
USER 65532:65532
WORKDIR /srv${folder ? `/${folder}` : ""}
CMD ${JSON.stringify([...command, ...options])}
`;
}

function envExample(programs: readonly Program[]): string {
  const ports = programs.flatMap(({ name, serves }) =>
    serves ? [`${name === "web" ? "WEB_PORT" : "PORT"}=${serves.port}`] : [],
  );
  return `# Copied to .env beside it, and changed there.\nBIND=127.0.0.1\n${ports.map((port) => `${port}\n`).join("")}`;
}

function imagesOf({ name, programs }: Deployment): string {
  return programs.map((program) => imageOf(name, program)).join(" ");
}

function deploy(deployment: Deployment, migrates: boolean): string {
  const starts = deployment.programs.some(({ serves }) => serves);
  return scriptOf(
    `Builds and starts ${deployment.name}. When it does not become healthy, what ran before is started again.`,
    `${GO}
for image in ${imagesOf(deployment)}; do
  if docker image inspect "$image:current" >/dev/null 2>&1; then
    docker image tag "$image:current" "$image:previous"
  fi
done
docker compose build
${migrates ? "./migrate.sh\n" : ""}${starts ? "docker compose up -d --remove-orphans\n" : ""}if ! ./health-check.sh; then
  echo "Not healthy: going back to what ran before." >&2
  ./rollback.sh
  exit 1
fi
`,
  );
}

function rollback(deployment: Deployment): string {
  const starts = deployment.programs.some(({ serves }) => serves);
  return scriptOf(
    `Goes back to the images that ran before the last deploy. Migrations are not taken back.`,
    `${GO}
for image in ${imagesOf(deployment)}; do
  if ! docker image inspect "$image:previous" >/dev/null 2>&1; then
    echo "There is nothing to go back to: what runs is stopped." >&2
    docker compose down
    exit 1
  fi
done
for image in ${imagesOf(deployment)}; do
  docker image tag "$image:previous" "$image:current"
done
${starts ? "docker compose up -d --no-build\n" : ""}./health-check.sh
`,
  );
}

function migrateOf(deployment: Deployment): string | null {
  const command = migrateCommand(deployment);
  const about = "Brings the database to where this version wants it. May be run again.";
  if (command !== null) return scriptOf(about, `${GO}docker compose run --rm app ${command}\n`);
  return deployment.files.some((path) => /migrations?\/.*\.sql$/.test(path))
    ? scriptOf(about, sqlMigrations(deployment))
    : null;
}

function readme(name: string, migrates: boolean): string {
  return `# ${name} with Docker Compose

Read the scripts, then on the host, in this folder: \`cp .env.example .env\`, change what has to be changed, \`./deploy.sh\`.
It builds the images, ${migrates ? "migrates the database, " : ""}starts them, and goes back by itself when \`./health-check.sh\` fails.
\`./rollback.sh\` goes back by hand. Data is kept in the volume \`data\`.
`;
}

import { z } from "zod";
import { BUNDLE_SCRIPTS, type DeployTarget, MIGRATE_SCRIPT } from "../../domain/deploy-targets";
import { COMMON_RULES, type RolePrompt } from "./role-prompt";

export const deployer = {
  system: `You are the deployer of a software factory. The project is finished and green. For each target in <targets> you write a
deploy bundle into its folder: what a person needs to bring the project to such a place, see that it works, and go back.
Look first how the program is started, which port it listens on and where it keeps its data. Change nothing outside of the
folders of the targets: that is put back. What lies there already belongs to the project: keep it unless it is wrong.
Every bundle has ${BUNDLE_SCRIPTS.join(", ")}; where the project has migrations of a database also ${MIGRATE_SCRIPT}, which deploy.sh runs.
Scripts begin with #!/bin/sh, use nothing but a plain shell and what such a place has, are executable (chmod +x), stop at the
first error, and can be run again. health-check.sh asks the running program itself, several times until it answers, and
ends with an error when it does not. Nothing may ask for rights of the host, or for a socket of a container engine.
No passwords or keys in any file. You cannot run the bundle here, and nobody does before a person has read it; a program
checks it and you are given what it finds in <failure>. Try scripts with "sh -n".
${COMMON_RULES}`,
  finish: z.object({
    summary: z.string().min(1).max(4000).describe("What the bundles do and what an operator must set"),
    targets: z
      .array(
        z.object({
          target: z.string().min(1).max(60),
          files: z.array(z.string().max(1000)).max(60),
          health: z.string().min(1).max(1000).describe("What the health check asks and what it expects"),
        }),
      )
      .min(1)
      .max(10),
  }),
  sandbox: true,
  maxTurns: 30,
} satisfies RolePrompt;

/** What only a bundle for this target has to be. */
export const TARGET_RULES: Record<DeployTarget, string> = {
  "docker-compose": `docker-compose.yml, the only YAML file, beside a Dockerfile if an image is built; the build context is ../.. or below.
Plain YAML: no anchors, tags, block scalars or flow mappings, a list in brackets on one line, no value over several lines.
Named volumes without driver options, no paths of the host; no privileged, added capabilities, devices, or namespaces of the
host; no socket of a container engine, neither here nor in a script. No .env file: .env.example shows what an operator sets.
deploy.sh goes to its own folder, keeps what runs now for rollback.sh, builds, starts with "docker compose up -d", runs
health-check.sh, and runs rollback.sh when that fails. Leave -f, --file and COMPOSE_FILE out.`,
  systemd: `A <name>.service for each program, with [Unit], [Service] and [Install], each setting on one line. It has NoNewPrivileges=yes, and
DynamicUser=yes or User= with a name that is written out and is not root; no added capabilities, no devices, no Exec line
that begins with + or !. Its data lies in StateDirectory= with the name of the unit. It writes to the journal, and says nothing
about other units. No other kinds of units, no drop-ins.
deploy.sh puts the project into a folder of its own for each release, moves the link "current", installs the unit, restarts
the service, runs health-check.sh, and runs rollback.sh when that fails; rollback.sh goes back to the release before.`,
};

// The one list of places that a deploy bundle can be written for. Another one needs an entry here, what its deployer is told
// (server/agents/roles/deployer.ts) and its rules (server/gates/deploy-bundle/check-bundle.ts). Pure, for pages as well.

export const DEPLOY_TARGETS = ["docker-compose", "systemd"] as const;
export type DeployTarget = (typeof DEPLOY_TARGETS)[number];

/** The targets among stored names; a name that a later version knew is left out. */
export const targetsAmong = (names: readonly string[]): DeployTarget[] =>
  DEPLOY_TARGETS.filter((target) => names.includes(target));

/** Where the bundle of a target lies in the workspace. */
export const bundleFolder = (target: DeployTarget): string => `deploy/${target}`;

/** Scripts that every bundle has; `migrate.sh` besides, where the project has migrations. */
export const BUNDLE_SCRIPTS = ["deploy.sh", "rollback.sh", "health-check.sh"] as const;
export const MIGRATE_SCRIPT = "migrate.sh";

/** What tells that a project has migrations of a database. */
const MIGRATION =
  /(?:^|\/)(?:migrations?|alembic\/versions|db\/migrate)\/(?:[^/]+\/)*(?!__init__\.py$)[^/]+\.(?:sql|py|js|ts|cjs|mjs)$|(?:^|\/)alembic\.ini$/;
const NOT_THE_PROJECTS = /^(?:deploy|\.fabrica)\/|(?:^|\/)(?:node_modules|tests?|fixtures)\//;

/** A migration of a project by its files; null when it has none. */
export function migrationOf(paths: Iterable<string>): string | null {
  for (const path of paths) if (MIGRATION.test(path) && !NOT_THE_PROJECTS.test(path)) return path;
  return null;
}

/** As people read it. */
export const TARGET_TEXT: Record<DeployTarget, { label: string; about: string }> = {
  "docker-compose": { label: "Docker Compose", about: "A host with Docker and Compose" },
  systemd: { label: "systemd", about: "A Linux host with a service unit" },
};

// The scripts that bundles for both targets have in common.
import { migrationOf } from "../../../domain/deploy-targets";
import type { Deployment } from "./program";

/** Begins every script: it stops at the first error. */
export const scriptOf = (about: string, body: string): string => `#!/bin/sh\n# ${about}\nset -eu\n\n${body}`;

/** Asks every service until it answers; `fallback` is for a deployment that serves nothing. */
export function healthCheck({ name, programs }: Deployment, fallback: string): string {
  const urls = programs.flatMap(({ name: program, serves }) => {
    if (!serves) return [];
    const variable = program === "web" ? "WEB_PORT" : "PORT";
    return [`http://127.0.0.1:\${${variable}:-${serves.port}}${serves.health}`];
  });
  if (urls.length === 0)
    return scriptOf(`Shows that ${name} is there: it serves nothing that could be asked.`, fallback);
  return scriptOf(
    `Asks ${name} whether it is well, until it answers or the tries are used up.`,
    `tries="\${HEALTH_TRIES:-30}"

ask() {
  if command -v curl >/dev/null 2>&1; then
    curl -fsS --max-time 5 "$1"
  else
    wget -q -T 5 -O - "$1"
  fi
}

healthy() {
  left="$tries"
  while [ "$left" -gt 0 ]; do
    if ask "$1" >/dev/null 2>&1; then
      echo "Healthy: $1"
      return 0
    fi
    left=$((left - 1))
    sleep 1
  done
  echo "No answer from $1" >&2
  return 1
}

${urls.map((url) => `healthy "${url}"`).join("\n")}
`,
  );
}

/** How the project's migrations are run, or null where it has none. */
export function migrateCommand({ files }: Deployment): string | null {
  const found = migrationOf(files);
  if (found === null) return null;
  if (files.some((path) => /(?:^|\/)alembic\.ini$/.test(path))) return "alembic upgrade head";
  if (files.some((path) => path.startsWith("prisma/migrations/"))) return "npx prisma migrate deploy";
  if (files.includes("manage.py")) return "python3 manage.py migrate --noinput";
  return null;
}

/** Plain SQL files, applied in the order of their names, each once. */
export function sqlMigrations({ files }: Deployment): string {
  const folder = (migrationOf(files) ?? "migrations/").replace(/\/[^/]*$/, "");
  return `: "\${DATABASE_URL:?say in DATABASE_URL where the database is}"
project="$(cd -- "$(dirname -- "$0")/../.." && pwd)"
ask() {
  psql -X -q -t -A --set ON_ERROR_STOP=1 "$DATABASE_URL" "$@"
}

ask -c "CREATE TABLE IF NOT EXISTS applied_migration (name text PRIMARY KEY)"
for file in "$project/${folder}"/*.sql; do
  name="$(basename -- "$file")"
  if [ -z "$(ask -c "SELECT 1 FROM applied_migration WHERE name = '$name'")" ]; then
    ask --single-transaction -f "$file" -c "INSERT INTO applied_migration VALUES ('$name')"
    echo "Applied $name"
  fi
done
`;
}

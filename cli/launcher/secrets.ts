/**
 * Owns the secrets of one installation: made at the first start, kept in DATA_DIR, readable by its owner only.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { LauncherError } from "../launcher-error";
import { writePrivateFile } from "../private-file";

const MIN_SECRET_CHARS = 32;

const schema = z.object({
  /** Signs sessions and access tokens. */
  auth: z.string().min(MIN_SECRET_CHARS),
  /** Lets the launcher create the first admin. */
  setup: z.string().min(MIN_SECRET_CHARS),
  /** With it a runner registers. */
  runner: z.string().min(MIN_SECRET_CHARS),
  /** Signs calls between engine and app. */
  engineSigningKey: z.string().regex(/^signkey-prod-[0-9a-f]{64}$/),
  /** Lets the app send events to the engine. */
  engineEventKey: z.string().min(MIN_SECRET_CHARS),
});
export type Secrets = z.infer<typeof schema>;

const hex = (bytes: number) => randomBytes(bytes).toString("hex");

function newSecrets(): Secrets {
  return {
    auth: hex(32),
    setup: hex(32),
    runner: hex(32),
    engineSigningKey: `signkey-prod-${hex(32)}`,
    engineEventKey: hex(32),
  };
}

/** Secrets that an operator gives, for example because the app and its runners live on different hosts. */
const FROM_ENVIRONMENT: Partial<Record<keyof Secrets, string>> = {
  auth: "FABRICA_AUTH_SECRET",
  setup: "FABRICA_SETUP_TOKEN",
  runner: "FABRICA_RUNNER_TOKEN",
};

/**
 * Reads the secrets, or makes them when there are none. Secrets that a later version adds are filled in.
 * Those of the environment win and are not written down.
 * @throws LauncherError when the file is there but not readable: new secrets would lock everybody out.
 */
export function loadSecrets(dataDir: string, environment: NodeJS.ProcessEnv): Secrets {
  const path = join(dataDir, "secrets.json");
  let kept: object = {};
  try {
    kept = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") {
      throw new LauncherError(
        `The secrets in ${path} cannot be read.`,
        "Restore the file from a backup or delete it.",
        {
          cause,
        },
      );
    }
  }
  const secrets = schema.parse({ ...newSecrets(), ...kept });
  writePrivateFile(path, `${JSON.stringify(secrets, null, 2)}\n`);
  return { ...secrets, ...givenSecrets(environment) };
}

function givenSecrets(environment: NodeJS.ProcessEnv): Partial<Secrets> {
  const given = Object.entries(FROM_ENVIRONMENT).filter(([, name]) => environment[name]);
  for (const [, name] of given) {
    if ((environment[name] ?? "").length >= MIN_SECRET_CHARS) continue;
    throw new LauncherError(
      `${name} is too short.`,
      `Use at least ${MIN_SECRET_CHARS} characters: openssl rand -hex 32`,
    );
  }
  return Object.fromEntries(given.map(([key, name]) => [key, environment[name]]));
}

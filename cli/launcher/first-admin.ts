/**
 * Creates the first admin through the app's own set-up route, at the first start only.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { LauncherError } from "../launcher-error";
import { writePrivateFile } from "../private-file";

const CONFLICT = 409;
const CREATED = 201;

const credentials = z.object({ username: z.string(), password: z.string() });
export type Credentials = z.infer<typeof credentials>;

/** Beside the secrets, which could sign a session anyway; removed as soon as it stops working. */
const fileOf = (dataDir: string) => join(dataDir, "demo-credentials.json");

/** The credentials with which the demo signs in, if this installation still has them. */
export function readCredentials(dataDir: string): Credentials | null {
  try {
    return credentials.parse(JSON.parse(readFileSync(fileOf(dataDir), "utf8")));
  } catch {
    return null;
  }
}

/** Forgets them, because the password was changed. */
export function forgetCredentials(dataDir: string): void {
  rmSync(fileOf(dataDir), { force: true });
}

/**
 * Asks the app to create the admin.
 * @returns the new credentials, or null when there is an admin already
 * @throws LauncherError when the app refuses
 */
export async function createFirstAdmin(
  appUrl: string,
  setupToken: string,
  dataDir: string,
): Promise<Credentials | null> {
  const fresh: Credentials = { username: "admin", password: randomBytes(12).toString("base64url") };
  const response = await fetch(`${appUrl}/api/setup`, {
    method: "POST",
    headers: { authorization: `Bearer ${setupToken}`, "content-type": "application/json" },
    body: JSON.stringify({ ...fresh, email: "admin@localhost.localdomain", team: "Main" }),
  });
  const answer = await response.text();
  if (response.status === CONFLICT) return null;
  if (response.status !== CREATED) {
    throw new LauncherError(
      `The first admin could not be created: the app answered ${response.status} ${answer.slice(0, 300)}`,
      "Look into the app's log.",
    );
  }
  writePrivateFile(fileOf(dataDir), JSON.stringify(fresh));
  return fresh;
}

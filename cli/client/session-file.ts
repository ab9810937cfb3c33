/**
 * Keeps the access token of the command line between two calls, so that each call need not sign in again.
 * Invariant: the file is readable by its owner only, and a token serves only the address and user it was made for.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { writePrivateFile } from "../private-file";

const schema = z.object({ url: z.string(), username: z.string(), token: z.string(), until: z.number() });
type Session = z.infer<typeof schema>;

const FILE = join(homedir(), ".config", "fabrica", "session.json");

/** The kept token for this address and user, with the time until which it serves (ms since 1970). */
export function readSession(url: string, username: string, file: string = FILE): Session | null {
  try {
    const session = schema.parse(JSON.parse(readFileSync(file, "utf8")));
    return session.url === url && session.username === username && session.until > Date.now()
      ? session
      : null;
  } catch {
    return null;
  }
}

/** Keeps a token. A folder that cannot be written only costs the next call a sign-in. */
export function keepSession(session: Session, file: string = FILE): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writePrivateFile(file, JSON.stringify(session));
  } catch {
    // A read-only home, for example in a container.
  }
}

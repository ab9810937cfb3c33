// The beginning and the end of the app process.
import { env } from "../env";
import { log } from "../log";
import { processWide } from "../process-wide";
import { rememberSettings } from "../services/secrets/remember-settings";
import { recordPeerAddresses } from "./client-address";
import { closeAllStreams } from "./http/open-streams";

const app = processWide("app", () => ({ started: false }));

/** Checks the settings (a process with unusable ones would answer every request with 500, so it ends), then starts. */
export async function startApp(): Promise<void> {
  if (app.started) return;
  app.started = true;
  try {
    tellNextAuth(env().PUBLIC_URL);
    rememberSettings(env());
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
  recordPeerAddresses();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      log.info({ signal }, "Stopping; open streams are closed.");
      closeAllStreams();
    });
  }
}

/** The library takes its own address from the environment only. */
function tellNextAuth(publicUrl: string | undefined): void {
  if (publicUrl) process.env.NEXTAUTH_URL = publicUrl;
  else process.env.AUTH_TRUST_HOST = "true";
}

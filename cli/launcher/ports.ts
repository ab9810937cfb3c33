/** Looks for free TCP ports, and says plainly when the wanted one is not. */
import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { LauncherError } from "../launcher-error";

const STALE_WAIT_MS = 8_000;

function tryPort(port: number, host: string): Promise<number | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error));
    server.listen(port, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : port));
    });
  });
}

/** A port that was free a moment ago on this machine's loopback. */
export async function freePort(): Promise<number> {
  const port = await tryPort(0, "127.0.0.1");
  if (typeof port === "number") return port;
  throw new LauncherError("No free TCP port could be found.", `The system says: ${port.message}.`, {
    cause: port,
  });
}

/**
 * Checks that the app can listen.
 * @param patient waits some seconds, because processes of a killed predecessor are about to end
 * @throws LauncherError when the port stays taken or may not be used
 */
export async function requirePort(port: number, host: string, patient: boolean): Promise<void> {
  const giveUp = Date.now() + (patient ? STALE_WAIT_MS : 0);
  for (;;) {
    const answer = await tryPort(port, host);
    if (typeof answer === "number") return;
    if (answer.code === "EADDRINUSE" && Date.now() < giveUp) {
      await pause(200);
      continue;
    }
    throw portError(port, host, answer);
  }
}

function portError(port: number, host: string, cause: NodeJS.ErrnoException): LauncherError {
  if (cause.code === "EADDRINUSE") {
    return new LauncherError(
      `Port ${port} is taken by another program.`,
      `Stop that program, or choose another port: PORT=${port + 1} npm start`,
      { cause },
    );
  }
  if (cause.code === "EACCES") {
    return new LauncherError(
      `Port ${port} may not be used by this user.`,
      "Choose a port above 1024 with PORT.",
      { cause },
    );
  }
  return new LauncherError(
    `Fabrica cannot listen on ${host}:${port}: ${cause.message}.`,
    "Check HOST and PORT.",
    { cause },
  );
}

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";

/**
 * Lets a server listen on 127.0.0.1 where no proxy in a sandbox ever does: those get any free port, of which the kernel
 * has a few thousand to give, and one that had this server's number by chance would answer a program in its place.
 */
export async function listenApart(server: Server): Promise<void> {
  for (;;) {
    server.listen(randomInt(20_000, 30_000), "127.0.0.1");
    try {
      await once(server, "listening");
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
  }
}

/** A port there that is free now: nobody is given it who asks for any. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await listenApart(server);
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

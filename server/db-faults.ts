// What an error says of the database, wherever Prisma or the driver hid its code.

/** No connection, no free one, shutting down, starting up, too slow. */
const AWAY = new Set(
  (
    "P1001 P1002 P1008 P1017 P2024 P2028 P2037 53300 57P01 57P02 57P03 08000 08003 08006 " +
    "ECONNREFUSED ECONNRESET EPIPE ETIMEDOUT DatabaseNotReachable ConnectionClosed TooManyConnections SocketTimeout"
  ).split(" "),
);
const AWAY_WORDS =
  /timeout exceeded when trying to connect|timeout expired|Connection terminated|client is closed|is not queryable/i;

const CROSSED = new Set(["40P01", "40001", "P2034", "TransactionWriteConflict"]);

/** Whether the database cannot be used at the moment: a fault of its side that passes. */
export function isDatabaseAway(error: unknown): boolean {
  return speaksOf(error, AWAY, AWAY_WORDS);
}

/** Whether two asked for the same things in opposite order, and the database gave this one up. */
export function isCrossed(error: unknown): boolean {
  return speaksOf(error, CROSSED);
}

/** Whether an error has one of these codes. Prisma hides the driver's in `cause` or, for raw queries, in `meta`; all are looked at. */
export function speaksOf(error: unknown, codes: ReadonlySet<string>, words?: RegExp): boolean {
  const open = [error];
  for (let looked = 0; looked < 10; looked++) {
    const at = open.shift();
    if (typeof at !== "object" || at === null) continue;
    const { code, originalCode, kind, name, message, cause, meta } = at as Record<string, unknown>;
    if ([code, originalCode, kind].some((word) => typeof word === "string" && codes.has(word))) return true;
    if (words && name === "PrismaClientInitializationError") return true;
    if (words && typeof message === "string" && words.test(message)) return true;
    open.push(cause, (meta as Record<string, unknown> | undefined)?.driverAdapterError);
  }
  return false;
}

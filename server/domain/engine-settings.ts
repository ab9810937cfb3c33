// Which engine drives the functions, told from four settings. App and launcher read them by this one rule, so that
// neither starts with half of them (invariant 10: a configuration that cannot be read is refused).

/** `built-in`: nothing is set. `signed`: an Inngest server with keys. `dev`: `inngest dev`, nothing is signed. */
export type EngineChoice = "built-in" | "signed" | "dev";

const SIGNING_KEY = /^(signkey-\w+-)?([0-9a-f]{2}){16,}$/i;
const LOOPBACK = ["127.0.0.1", "[::1]", "localhost"];

/**
 * Reads the choice from INNGEST_BASE_URL, INNGEST_EVENT_KEY, INNGEST_SIGNING_KEY and INNGEST_DEV; empty counts as unset.
 * @returns the engine, or in `fault` one plain sentence that names what is missing and how to mend it
 */
export function chooseEngine(
  given: Record<string, string | undefined>,
): { engine: EngineChoice; fault?: undefined } | { engine?: undefined; fault: string } {
  const { INNGEST_BASE_URL: url, INNGEST_EVENT_KEY: eventKey, INNGEST_SIGNING_KEY: key } = given;
  const dev = given.INNGEST_DEV || "0";
  if (dev !== "0" && dev !== "1") return { fault: `INNGEST_DEV is 1 or 0, not ${dev}.` };
  if (dev === "1") return chooseDev(url, key);
  const keys = { INNGEST_BASE_URL: url, INNGEST_EVENT_KEY: eventKey, INNGEST_SIGNING_KEY: key };
  const missing = namesOf(keys, (value) => !value);
  if (missing.length === 3) return { engine: "built-in" };
  if (missing.length > 0) {
    const set = namesOf(keys, (value) => Boolean(value));
    return {
      fault:
        `${listed(set)} ${isAre(set)} set, but ${listed(missing)} ${isAre(missing)} missing: ` +
        "set all three to use your Inngest server, or none to use the built-in engine.",
    };
  }
  if (!SIGNING_KEY.test(key ?? "")) {
    return {
      fault:
        "INNGEST_SIGNING_KEY is not usable: it must be the hexadecimal key of your Inngest server (openssl rand -hex 32).",
    };
  }
  return { engine: "signed" };
}

/** Unsigned calls can be made by anybody who reaches the app, so this is for one's own machine only. */
function chooseDev(url: string | undefined, key: string | undefined): ReturnType<typeof chooseEngine> {
  if (!url) {
    return {
      fault:
        "INNGEST_DEV is set, but INNGEST_BASE_URL is missing: set it to the address of your Inngest dev server, or leave INNGEST_DEV out.",
    };
  }
  if (key) {
    return {
      fault:
        "INNGEST_DEV says that nothing is signed, but INNGEST_SIGNING_KEY is set: leave one of the two out.",
    };
  }
  if (!isLoopback(url)) {
    return {
      fault:
        "INNGEST_DEV takes unsigned calls, so INNGEST_BASE_URL must be an address of this machine: use 127.0.0.1, or set the keys of a real server instead of INNGEST_DEV.",
    };
  }
  return { engine: "dev" };
}

function isLoopback(url: string): boolean {
  return URL.canParse(url) && LOOPBACK.includes(new URL(url).hostname);
}

function namesOf(keys: Record<string, string | undefined>, wanted: (value?: string) => boolean): string[] {
  return Object.keys(keys).filter((name) => wanted(keys[name]));
}

const listed = (names: readonly string[]) => names.join(" and ");
const isAre = (names: readonly string[]) => (names.length > 1 ? "are" : "is");

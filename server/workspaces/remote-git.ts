import type { RemoteRules } from "./remote-url";

/** A repository elsewhere, with what is needed to read and write it. */
export interface Remote {
  url: string;
  /** Many hosts ignore it beside a token; "x-access-token" when null. */
  username: string | null;
  token: string | null;
}

export function placeholder(_remote: Remote, _rules: RemoteRules): never {
  throw new Error("not yet");
}

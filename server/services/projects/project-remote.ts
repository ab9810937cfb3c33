// From a project's row to what the git adapter needs, and from the adapter's faults to what may be answered.
import { AppError, type ErrorCode } from "../../domain/errors";
import { env } from "../../env";
import type { Project } from "../../generated/prisma/client";
import { type RemoteCode, RemoteFault } from "../../workspaces/remote-fault";
import type { Remote } from "../../workspaces/remote-git";
import { checkRepositoryUrl, type RemoteRules } from "../../workspaces/remote-url";
import { rememberSecret } from "../secrets/known-secrets";
import { openToken } from "./project-token";

/** What the operator allows. */
export function remoteRules(): RemoteRules {
  return { hosts: env().GIT_HOSTS, remotes: env().GIT_REMOTES };
}

/**
 * The address in the one form in which it is kept, so that a mirror is shared however it was typed.
 * @throws AppError `bad_request`, before any process or socket
 */
export function checkedAddress(url: string): string {
  try {
    return checkRepositoryUrl(url, remoteRules()).href;
  } catch (error) {
    if (error instanceof RemoteFault) throw new AppError("bad_request", error.message);
    throw error;
  }
}

/**
 * Where a project's repository is and what opens it; the token is in it, so it is for git only and for nobody to keep.
 * @throws AppError `unprocessable` when the token can no longer be read
 */
export async function projectRemote(
  project: Pick<Project, "id" | "teamId" | "name" | "repositoryUrl" | "username" | "sealedToken">,
): Promise<Remote> {
  const { repositoryUrl: url, username } = project;
  const token = await openToken(project);
  if (token !== null) rememberHeaders(username, token);
  return { url, username, token };
}

/** HTTP carries them in this form, and programs that trace HTTP print it. */
function rememberHeaders(username: string | null, token: string): void {
  for (const user of [username ?? "x-access-token", ""])
    rememberSecret(Buffer.from(`${user}:${token}`).toString("base64"));
}

const CODES: Record<RemoteCode, ErrorCode> = {
  refused: "unprocessable",
  wrong_credentials: "unprocessable",
  not_found: "unprocessable",
  not_git: "unprocessable",
  redirect: "unprocessable",
  empty: "unprocessable",
  branch_gone: "unprocessable",
  too_large: "unprocessable",
  not_carried: "unprocessable",
  timeout: "unprocessable",
  unreachable: "unprocessable",
  declined: "unprocessable",
  stale: "conflict",
  damaged: "unprocessable",
  local: "unavailable",
};

/** What a fault of a remote is answered with; whatever else was thrown comes back as it is. */
export function refusalOfRemote(error: unknown): unknown {
  return error instanceof RemoteFault ? new AppError(CODES[error.code], error.message) : error;
}

// A project's token between its row and those who need it. Invariant: before anybody has it in hand, text from outside
// is freed of it.
import { AppError } from "../../domain/errors";
import type { Project } from "../../generated/prisma/client";
import { rememberSecret } from "../secrets/known-secrets";
import { openSecret, SealBroken, sealSecret } from "../secrets/seal";

type Place = Pick<Project, "id" | "teamId" | "repositoryUrl">;

/** A token belongs to this row of this team and goes to this address, nowhere else. */
const about = ({ id, teamId, repositoryUrl }: Place) => [
  "project-token",
  String(teamId),
  String(id),
  repositoryUrl,
];

/** The token as it is stored; null where there is none. @throws AppError `unavailable` without a usable key */
export async function sealToken(token: string | null, place: Place): Promise<Uint8Array<ArrayBuffer> | null> {
  if (token === null) return null;
  rememberSecret(token);
  return sealSecret(token, about(place));
}

/**
 * The token itself; null where there is none. Give it to git and to nobody else.
 * @throws AppError `unprocessable` when it cannot be read any more, `unavailable` without a usable key
 */
export async function openToken(
  project: Place & Pick<Project, "sealedToken" | "name">,
): Promise<string | null> {
  if (project.sealedToken === null) return null;
  try {
    const token = await openSecret(project.sealedToken, about(project));
    rememberSecret(token);
    return token;
  } catch (error) {
    if (!(error instanceof SealBroken)) throw error;
    throw new AppError(
      "unprocessable",
      `The token of project ${project.name} can no longer be read; set it again.`,
    );
  }
}

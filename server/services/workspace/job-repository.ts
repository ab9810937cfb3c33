import { join } from "node:path";
import { env } from "../../env";
import { repositoryPath } from "../../workspaces/repository";

/** Folder of the bare repository that is a job's workspace. */
export function jobRepository(publicId: string): string {
  return repositoryPath(join(env().DATA_DIR, "repos"), publicId);
}

/**
 * The git repository of a package: a commit "Import" with upstream's files as they are, and one with the bug. A change
 * is judged on a copy whose own tests are upstream's again.
 */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { GitFolder } from "./git-folder";
import type { PackageTask } from "./task";

const IMPORT = "refs/tags/import";

export class PackageRepository extends GitFolder {
  private constructor(
    folder: string,
    readonly task: PackageTask,
  ) {
    super(folder);
  }

  /**
   * Unpacks the archive into `folder`, which is made, and commits: upstream's files, then the bug.
   * @throws Error when the archive cannot be read or a place for the bug is missing
   */
  static make(folder: string, task: PackageTask, archive: string): PackageRepository {
    const repository = new PackageRepository(folder, task);
    execFileSync("tar", ["-xf", archive, "-C", folder, "--strip-components=1", "--no-same-owner"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    repository.git(["init", "--quiet", "--initial-branch=main"]);
    repository.commit("Import");
    repository.git(["update-ref", IMPORT, "HEAD"]);
    repository.edit(task.inject);
    for (const file of task.hidden ?? []) rmSync(join(folder, file));
    repository.add([{ file: "fabrica.json", content: configOf(task) }]);
    repository.commit("Rework for the next release");
    return repository;
  }

  /** The working copy becomes upstream's release. */
  toImport(): void {
    this.reset(IMPORT);
  }

  /** The working copy becomes what a person who reports the bug has. */
  toBroken(): void {
    this.reset("refs/heads/main");
  }

  /** Puts the package's own tests back as upstream has them, hidden ones too. Others stay. */
  ownSuite(): void {
    this.git(["checkout", "--quiet", IMPORT, "--", ...this.task.suite]);
  }
}

/** What the packages need is in every sandbox, and the tests are run by the runners that are there. */
function configOf({ commands }: PackageTask): string {
  const config = {
    version: 1,
    setup_command: null,
    lint_command: null,
    test_command: commands?.test ?? null,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

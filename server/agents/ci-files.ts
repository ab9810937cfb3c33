// Files that make someone else's machine run something as soon as they are pushed. No agent may bring them in by
// itself: they wait for a person. Pure.

const FOLDERS = [
  ".github/workflows",
  ".github/actions",
  ".gitlab/ci",
  ".circleci",
  ".buildkite",
  ".woodpecker",
  ".forgejo/workflows",
  ".gitea/workflows",
];
const FILES = [
  ".gitlab-ci.yml",
  ".travis.yml",
  ".drone.yml",
  ".woodpecker.yml",
  ".appveyor.yml",
  "appveyor.yml",
  "azure-pipelines.yml",
  "bitbucket-pipelines.yml",
  "jenkinsfile",
];

/** Whether a CI system would act on this path; read as a file system that ignores case would. */
export function isCiFile(path: string): boolean {
  const name = path.toLowerCase();
  const same = name.replace(/\.yaml$/, ".yml");
  return FILES.includes(same) || FOLDERS.some((folder) => name === folder || name.startsWith(`${folder}/`));
}

/** What the model is told. */
export const CI_REFUSAL = "CI files wait for a person";

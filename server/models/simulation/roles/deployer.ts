// The simulated deployer: writes the bundle of each target that it is asked for, makes its scripts executable, and says
// how each is asked whether it is well.
import type { DeployTarget } from "../../../domain/deploy-targets";
import type { Conversation, Job } from "../conversation";
import { composeBundle } from "../deploy/compose";
import { type Deployment, deploymentOf } from "../deploy/program";
import { systemdBundle } from "../deploy/systemd";
import { errs, type SimulationModel } from "../model-name";
import type { SourceFile } from "../project";
import { finish, type PlannedAnswer, type PlannedCall, write } from "./answer";
import { open } from "./coder";

const BUNDLES: Record<DeployTarget, (deployment: Deployment) => SourceFile[]> = {
  "docker-compose": composeBundle,
  systemd: systemdBundle,
};

export function deployerAnswer(talk: Conversation, job: Job, model: SimulationModel): PlannedAnswer {
  const deployment = deploymentOf(talk, job);
  const attempt = talk.attempt?.n ?? 1;
  const bundles = talk.targets.map((target) => ({ target, files: bundleOf(target, deployment) }));
  const files = bundles.flatMap((bundle) => bundle.files);
  const given = errs(model, "deploy", attempt) ? files.map(careless) : files;
  const scripts = files.map(({ path }) => path).filter((path) => path.endsWith(".sh"));
  const executable: PlannedCall = { name: "run", input: { command: `chmod +x ${scripts.join(" ")}` } };
  const health = deployment.programs.some(({ serves }) => serves)
    ? "Every service answers over HTTP."
    : "Its program runs and ends well.";
  const summary = `A bundle for ${talk.targets.join(" and ")}: deploy, roll back, and see that it works.`;
  const targets = bundles.map((bundle) => ({
    target: bundle.target,
    files: bundle.files.map(({ path }) => path),
    health,
  }));
  const calls = open(
    talk,
    given.map(({ path, content }) => write(path, content)),
  );
  return finish("Writing what brings this to where it runs.", { summary, targets }, [...calls, executable]);
}

function bundleOf(target: string, deployment: Deployment): SourceFile[] {
  return Object.hasOwn(BUNDLES, target) ? BUNDLES[target as DeployTarget](deployment) : [];
}

/** As somebody writes it who wants it to work at any price. */
function careless({ path, content }: SourceFile): SourceFile {
  if (path.endsWith("docker-compose.yml"))
    return { path, content: content.replace("  init: true\n", "  init: true\n    privileged: true\n") };
  return { path, content: content.replace("DynamicUser=yes", "User=root") };
}

// The writer of JavaScript services: one template for each shape of module.
import type { Project, Writer } from "../project";
import { NODE_HTTP_TEST_BASE, nodeHttpSkeleton, nodeRegistry } from "./http";
import { nodeResource, nodeResourceTest } from "./http-resource";

const namesUpTo = (project: Project, n: number) =>
  project.tasks.slice(0, n).flatMap((task) => task.modules.map((module) => module.name));

export const NODE_HTTP: Writer = {
  skeleton: nodeHttpSkeleton,
  growing: (project, n) => [
    nodeRegistry(
      namesUpTo(project, n),
      "The features of the service, in the order in which they were added.",
    ),
  ],
  feature: (_project, module) => (module.shape === "resource" ? [nodeResource(module)] : []),
  testBase: () => NODE_HTTP_TEST_BASE,
  tests: (_project, module) => (module.shape === "resource" ? [nodeResourceTest(module)] : []),
};

// The writer of Python services: one template for each shape of module.
import { pascal } from "../names";
import type { Module, Project, Writer } from "../project";
import { PYTHON_HTTP_TEST_BASE, pythonHttpSkeleton, pythonRegistry } from "./http";
import { pythonResource, pythonResourceTest } from "./http-resource";

const namesUpTo = (project: Project, n: number) =>
  project.tasks.slice(0, n).flatMap((task) => task.modules.map((module) => module.name));

export const PYTHON_HTTP: Writer = {
  skeleton: pythonHttpSkeleton,
  growing: (project, n) => [
    pythonRegistry(
      namesUpTo(project, n),
      "The features of the service, in the order in which they were added.",
    ),
  ],
  feature: (_project, module) => (module.shape === "resource" ? [pythonResource(module)] : []),
  testBase: () => PYTHON_HTTP_TEST_BASE,
  tests: (_project, module: Module) =>
    module.shape === "resource" ? [pythonResourceTest(module, pascal(module.name))] : [],
};

// The writers of Python services, tools and libraries: one template for each shape of module.
import { pascal } from "../names";
import type { Module, Project, SourceFile, Writer } from "../project";
import { CLI_PLACE, pythonCliSkeleton, pythonCommand, pythonCommandRegistry } from "./cli";
import { PYTHON_CLI_TEST_BASE, pythonCommandTest } from "./cli-test";
import { pythonCore } from "./core";
import { pythonCoreTest } from "./core-test";
import { PYTHON_HTTP_TEST_BASE, pythonHttpSkeleton, pythonRegistry } from "./http";
import { pythonAction, pythonActionTest } from "./http-action";
import { pythonCart, pythonCartTest } from "./http-cart";
import { pythonCheckout, pythonCheckoutTest } from "./http-checkout";
import { pythonDocument, pythonDocumentTest } from "./http-document";
import { pythonResource, pythonResourceTest } from "./http-resource";
import { pythonSearch, pythonSearchTest, pythonSummary, pythonSummaryTest } from "./http-views";
import { LIBRARY_PLACE, pythonLibrarySkeleton } from "./library";

export const PYTHON_HTTP: Writer = {
  skeleton: pythonHttpSkeleton,
  growing: (project, n) => [
    pythonRegistry(
      namesUpTo(project, n),
      "The features of the service, in the order in which they were added.",
    ),
  ],
  feature: (_project, module) => feature(module),
  testBase: () => PYTHON_HTTP_TEST_BASE,
  tests: (_project, module) => tests(module, pascal(module.name)),
};

export const PYTHON_CLI: Writer = {
  skeleton: pythonCliSkeleton,
  growing: (project, n) => [pythonCommandRegistry(namesUpTo(project, n))],
  feature: (_project, module) => [...pythonCore(module, CLI_PLACE), pythonCommand(module)],
  testBase: () => PYTHON_CLI_TEST_BASE,
  tests: (_project, module) => pythonCommandTest(module),
};

export const PYTHON_LIBRARY: Writer = {
  skeleton: pythonLibrarySkeleton,
  growing: () => [],
  feature: (_project, module) => pythonCore(module, LIBRARY_PLACE),
  testBase: () => [{ path: "tests/__init__.py", content: "" }],
  tests: (_project, module) => pythonCoreTest(module, LIBRARY_PLACE),
};

function namesUpTo(project: Project, n: number): string[] {
  return project.tasks.slice(0, n).flatMap((task) => task.modules.map((module) => module.name));
}

function feature(module: Module): SourceFile[] {
  switch (module.shape) {
    case "resource":
      return [pythonResource(module)];
    case "cart":
      return [pythonCart(module)];
    case "checkout":
      return [pythonCheckout(module)];
    case "document":
      return pythonDocument(module);
    case "search":
      return [pythonSearch(module)];
    case "summary":
      return [pythonSummary(module)];
    case "action":
      return [pythonAction(module)];
    case "function":
      return [];
  }
}

function tests(module: Module, className: string): SourceFile[] {
  switch (module.shape) {
    case "resource":
      return [pythonResourceTest(module, className)];
    case "cart":
      return [pythonCartTest(module, className)];
    case "checkout":
      return [pythonCheckoutTest(module, className)];
    case "document":
      return [pythonDocumentTest(module, className)];
    case "search":
      return [pythonSearchTest(module, className)];
    case "summary":
      return [pythonSummaryTest(module, className)];
    case "action":
      return [pythonActionTest(module, className)];
    case "function":
      return [];
  }
}

// The writers of JavaScript services, tools and libraries: one template for each shape of module.
import type { Module, Project, SourceFile, Writer } from "../project";
import { NODE_BASE, packageJson } from "./base";
import { nodeCliSkeleton, nodeCommand, nodeCommandRegistry } from "./cli";
import { NODE_CLI_TEST_BASE, nodeCommandTest } from "./cli-test";
import { NODE_CLI_PLACE, NODE_LIBRARY_PLACE, nodeCore } from "./core";
import { nodeCoreTest } from "./core-test";
import { NODE_HTTP_TEST_BASE, nodeHttpSkeleton, nodeRegistry } from "./http";
import { nodeAction, nodeActionTest } from "./http-action";
import { nodeCart, nodeCartTest } from "./http-cart";
import { nodeCheckout, nodeCheckoutTest } from "./http-checkout";
import { nodeDocument, nodeDocumentTest } from "./http-document";
import { nodeResource, nodeResourceTest } from "./http-resource";
import { nodeSearch, nodeSearchTest, nodeSummary, nodeSummaryTest } from "./http-views";

export const NODE_HTTP: Writer = {
  skeleton: nodeHttpSkeleton,
  growing: (project, n) => [
    nodeRegistry(
      namesUpTo(project, n),
      "The features of the service, in the order in which they were added.",
    ),
  ],
  feature: (_project, module) => feature(module),
  testBase: () => NODE_HTTP_TEST_BASE,
  tests: (_project, module) => tests(module),
};

export const NODE_CLI: Writer = {
  skeleton: nodeCliSkeleton,
  growing: (project, n) => [nodeCommandRegistry(namesUpTo(project, n))],
  feature: (_project, module) => [...nodeCore(module, NODE_CLI_PLACE), nodeCommand(module)],
  testBase: () => NODE_CLI_TEST_BASE,
  tests: (_project, module) => nodeCommandTest(module),
};

export const NODE_LIBRARY: Writer = {
  skeleton: (project) => [
    {
      path: "package.json",
      content: packageJson(project.slug, {
        exports: { "./*": "./src/*.js" },
        scripts: { test: "node --test" },
      }),
    },
    ...NODE_BASE,
  ],
  growing: () => [],
  feature: (_project, module) => nodeCore(module, NODE_LIBRARY_PLACE),
  testBase: () => [],
  tests: (_project, module) => nodeCoreTest(module),
};

function namesUpTo(project: Project, n: number): string[] {
  return project.tasks.slice(0, n).flatMap((task) => task.modules.map((module) => module.name));
}

function feature(module: Module): SourceFile[] {
  switch (module.shape) {
    case "resource":
      return [nodeResource(module)];
    case "cart":
      return [nodeCart(module)];
    case "checkout":
      return [nodeCheckout(module)];
    case "document":
      return nodeDocument(module);
    case "search":
      return [nodeSearch(module)];
    case "summary":
      return [nodeSummary(module)];
    case "action":
      return [nodeAction(module)];
    case "function":
      return [];
  }
}

function tests(module: Module): SourceFile[] {
  switch (module.shape) {
    case "resource":
      return [nodeResourceTest(module)];
    case "cart":
      return [nodeCartTest(module)];
    case "checkout":
      return [nodeCheckoutTest(module)];
    case "document":
      return [nodeDocumentTest(module)];
    case "search":
      return [nodeSearchTest(module)];
    case "summary":
      return [nodeSummaryTest(module)];
    case "action":
      return [nodeActionTest(module)];
    case "function":
      return [];
  }
}

// The import rules of the house: imports go downward only, and nothing goes round in a circle.
const only = (name, from, to, also = []) => ({
  name,
  severity: "error",
  comment: `${from} may import only ${to.join(", ")}`,
  from: { path: `^${from}/`, pathNot: "\\.test\\.tsx?$" },
  to: {
    path: "^(app|components|server|inngest|runner|cli|prisma|scripts|tests)/",
    pathNot: [`^${from}/`, "^server/generated/", ...to.map((t) => `^${t}`), ...also],
  },
});
const BASE = ["server/domain/", "server/errors", "server/log", "server/env", "server/metrics"];
const adapters = [
  "models",
  "workspaces",
  "toolchains",
  "gates",
  "evidence",
  "delivery",
  "github",
  "memory",
  "notify",
];

module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-orphan-tests-import",
      severity: "error",
      from: { pathNot: "^tests/|\\.test\\.tsx?$" },
      to: { path: "^tests/|\\.test\\.tsx?$" },
    },
    only("domain-knows-nobody", "server/domain", []),
    only("runner-knows-itself", "runner", []),
    only("engine-knows-itself", "inngest/embedded", []),
    only("functions-hold-order", "inngest/functions", [
      "inngest/client",
      "inngest/drive",
      "server/loop/",
      "server/agents/take-turn",
      "server/services/",
      "server/domain/",
    ]),
    only("loop", "server/loop", [
      ...BASE,
      "server/services/",
      "server/agents/",
      "server/events/",
      "server/db",
      "runner/protocol",
      ...adapters.map((a) => `server/${a}/`),
    ]),
    only("agents", "server/agents", [
      ...BASE,
      "server/services/",
      "server/events/",
      "server/db",
      "runner/protocol",
      "server/models/",
      "server/workspaces/",
    ]),
    only("services", "server/services", [
      ...BASE,
      "server/db",
      "server/gather",
      "server/template",
      "server/context",
      "server/events/",
      "runner/protocol",
      ...adapters.map((a) => `server/${a}/`),
    ]),
    only("events", "server/events", [...BASE, "server/db"]),
    ...adapters.map((a) =>
      only(`adapter-${a}`, `server/${a}`, [
        ...BASE,
        "server/db",
        ...(a === "delivery" ? ["server/workspaces/"] : []),
      ]),
    ),
    only("api", "server/api", [
      ...BASE,
      "server/services/",
      "server/context",
      "server/events/",
      "server/db",
      "runner/protocol",
    ]),
    only("components", "components", ["server/domain/", "server/api/"]),
    {
      name: "components-take-only-types-of-the-api",
      severity: "error",
      from: { path: "^components/" },
      to: { path: "^server/api/", dependencyTypesNot: ["type-only"] },
    },
    only("app", "app", [
      ...BASE,
      "components/",
      "server/api/",
      "server/services/",
      "server/context",
      "server/events/",
      "server/db",
      "inngest/",
      "runner/protocol",
    ]),
    only("cli", "cli", ["server/domain/", "runner/protocol", "prisma/migrate"]),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(server/generated|\\.next|dist)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
    },
  },
};

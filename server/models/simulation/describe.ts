// Says in Markdown what a module offers: its routes, commands or functions. Used by SPEC.md and README.md alike.
import type { Module, Project } from "./project";

/** One line for each thing that a caller can use. */
export function describeModule(project: Project, module: Module): string[] {
  return project.kind === "http" ? routesOf(module).map(([route, what]) => `- \`${route}\`: ${what}`) : [];
}

function routesOf(module: Module): [route: string, what: string][] {
  switch (module.shape) {
    case "resource": {
      const fields = module.fields
        .map(
          (field) => `${field.name}${field.required ? " (required)" : ""}${field.unique ? " (unique)" : ""}`,
        )
        .join(", ");
      return [
        [`GET ${module.path}`, "all records, filtered by any field in the query"],
        [`POST ${module.path}`, `a new record with ${fields}`],
        [`GET ${module.path}/:id`, "one record"],
        [`PUT ${module.path}/:id`, "replaces a record"],
        [`PATCH ${module.path}/:id`, "changes single fields"],
        [`DELETE ${module.path}/:id`, "removes a record"],
      ];
    }
    case "cart":
      return [
        [`POST ${module.path}`, "a new empty cart"],
        [`GET ${module.path}/:id`, "items with subtotals, and the total"],
        [
          `POST ${module.path}/:id/${module.items}`,
          `adds \`${module.keys.product}\` and \`${module.keys.quantity}\`; never more than is in stock`,
        ],
        [`PATCH ${module.path}/:id/${module.items}/:product`, "changes a quantity"],
        [`DELETE ${module.path}/:id/${module.items}/:product`, "takes an item out"],
      ];
    case "checkout":
      return [
        [
          `POST ${module.path}`,
          `turns the cart \`${module.keys.cart}\` into an order, takes the stock and empties the cart`,
        ],
        [`GET ${module.orders}`, "all orders"],
        [`GET ${module.orders}/:id`, "one order"],
      ];
    case "document":
      return [[`GET ${module.path}`, "the record as a PDF document"]];
    case "search":
      return [
        [
          `GET ${module.path}`,
          "`q` finds text in any field, `sort` orders (`-` before a field turns it round), `limit` and `offset` page",
        ],
      ];
    case "summary":
      return [
        [
          `GET ${module.path}`,
          "how many records there are, and sum, average, least and greatest of number fields",
        ],
      ];
    case "action":
      return [[`${module.method} ${module.path}`, actionText(module.method, module.verb)]];
    case "function":
      return [];
  }
}

function actionText(method: string, verb: string): string {
  if (method === "GET") return `the entries of \`${verb}\` of a record`;
  if (method === "DELETE") return `takes \`${verb}\` back`;
  return `notes \`${verb}\` on a record, once`;
}

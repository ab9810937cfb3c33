// Says in Markdown what a module offers: its routes, commands or functions. Used by SPEC.md and README.md alike.
import { catalogued } from "./functions";
import { pascal } from "./names";
import type { FieldSpec, Module, Project } from "./project";

/** One line for each thing that a caller can use. */
export function describeModule(project: Project, module: Module): string[] {
  const offers = { http: routesOf, cli: commandsOf, library: functionsOf }[project.kind](module);
  return offers.map(([use, what]) => `- \`${use}\`: ${what}`);
}

function commandsOf(module: Module): [use: string, what: string][] {
  const name = module.name.replaceAll("_", "-");
  switch (module.shape) {
    case "resource":
      return [
        [`${name} add ${optionsOf(module.fields)}`, "a new record"],
        [`${name} list [--FIELD VALUE]`, "all records, or those with the given values"],
        [`${name} show ID`, "one record"],
        [`${name} update ID [--FIELD VALUE]`, "changes single fields"],
        [`${name} remove ID`, "removes a record"],
      ];
    case "search":
      return [[`${name} TEXT [--sort FIELD] [--limit NUMBER]`, "records with the text in any field"]];
    case "summary":
      return [[name, "how many records there are, and their sums"]];
    case "action":
      return [[`${name} ID [--undo]`, "notes the step on a record, once, or takes it back"]];
    case "function": {
      const { about, params } = catalogued(module.id);
      return [[`${name} ${params.map((param) => param.name.toUpperCase()).join(" ")}`, about]];
    }
    default:
      return [];
  }
}

function optionsOf(fields: FieldSpec[]): string {
  return fields.map((field) => (field.required ? `--${field.name} VALUE` : `[--${field.name}]`)).join(" ");
}

function functionsOf(module: Module): [use: string, what: string][] {
  switch (module.shape) {
    case "resource": {
      const fields = module.fields
        .map((field) => field.name + (field.required ? " (required)" : ""))
        .join(", ");
      return [[pascal(module.name), `a collection with add, get, all, update and remove; fields ${fields}`]];
    }
    case "search":
      return [["search", "records with a text in any field, in a chosen order"]];
    case "summary":
      return [["summarise", "the count, sums of numbers, and how often each flag is set"]];
    case "action":
      return [["mark, unmark", "note the step on a record, once, and take it back"]];
    case "function": {
      const { id, about, params } = catalogued(module.id);
      return [[`${id}(${params.map((param) => param.name).join(", ")})`, about]];
    }
    default:
      return [];
  }
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

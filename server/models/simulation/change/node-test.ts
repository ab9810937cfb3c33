// Tests of a new module in the words of the repository's own runner.
import { catalogued } from "../functions";
import { nodeLiteral } from "../node/base";
import type { ResourceModule } from "../project";
import { mainField, sampleRecord, wrongValue } from "../samples";
import { type Conventions, restyled } from "./conventions";
import { DIALECTS, type Dialect } from "./dialects";
import type { ChangeModule } from "./modules";
import { exportedName } from "./node-module";

/**
 * The text of the tests.
 * @param from the module as the test imports it, such as `../src/slugify.js`
 */
export function nodeTest(module: ChangeModule, from: string, conventions: Conventions): string {
  const dialect = DIALECTS[conventions.runner];
  const name = exportedName(module);
  const esm = conventions.esm || conventions.runner === "vitest";
  const own = esm ? `import { ${name} } from "${from}";` : `const { ${name} } = require("${from}");`;
  const tests =
    module.shape === "function" ? functionTests(module.id, name, dialect) : collectionTests(module, dialect);
  const lines = [...dialect.head(esm), own, ...tests.flatMap((test) => ["", ...test]), ""];
  return restyled(lines.join("\n"), conventions);
}

function functionTests(id: string, name: string, dialect: Dialect): string[][] {
  const { examples } = catalogued(id);
  const call = (args: unknown[]) => `${name}(${args.map(nodeLiteral).join(", ")})`;
  const good = examples.filter((example) => "result" in example);
  const bad = examples.filter((example) => !("result" in example));
  return [
    dialect.test(
      `${name} gives the right results`,
      good.map(({ args, result }) => dialect.equal(call(args), nodeLiteral(result))),
    ),
    ...(bad.length > 0
      ? [
          dialect.test(
            `${name} refuses wrong input`,
            bad.map(({ args }) => dialect.refuses(call(args))),
          ),
        ]
      : []),
  ];
}

function collectionTests(module: ResourceModule, dialect: Dialect): string[][] {
  const name = exportedName(module);
  const main = mainField(module);
  const required = module.fields.find((field) => field.required);
  const changed = `{ ${main.name}: ${nodeLiteral(sampleRecord(module, 3)[main.name])} }`;
  const fresh = `const records = new ${name}();`;
  const rows = (number: number) =>
    Object.entries(sampleRecord(module, number)).map(([key, value]) => `  ${key}: ${nodeLiteral(value)},`);
  const first = ["const first = {", ...rows(1), "};"];
  const added = "const added = records.add(first);";
  const incomplete = `Object.fromEntries(Object.entries(first).filter(([name]) => name !== "${required?.name}"))`;
  return [
    dialect.test(`${name} keeps records in order`, [
      fresh,
      ...first,
      added,
      "const other = records.add({",
      ...rows(2),
      "});",
      dialect.equal("records.get(added.id)", "{ ...first, id: added.id }"),
      dialect.equal("records.all()", "[added, other]"),
    ]),
    dialect.test(`${name} changes and removes records`, [
      fresh,
      ...first,
      added,
      dialect.equal(`records.update(added.id, ${changed})`, `{ ...added, ...${changed} }`),
      "records.remove(added.id);",
      dialect.equal("records.all()", "[]"),
      dialect.refuses("records.get(added.id)"),
    ]),
    dialect.test(`${name} refuses wrong values`, [
      fresh,
      ...first,
      dialect.refuses(`records.add({ ...first, ${main.name}: ${nodeLiteral(wrongValue(main))} })`),
      dialect.refuses("records.add({ ...first, nonsense: 1 })"),
      ...(required ? [dialect.refuses(`records.add(${incomplete})`)] : []),
    ]),
  ];
}

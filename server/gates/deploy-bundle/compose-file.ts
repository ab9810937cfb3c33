// The rules of docker-compose.yml at its top: what is declared there and what services may refer to. Everything that is not
// named here as harmless is refused, so that a setting of a later version of Compose is not let in by itself. Pure.

import { checkService, type Declared } from "./compose-service";
import { type Bundle, type BundleFile, type BundleFinding, Findings } from "./finding";
import { ownPathProblem } from "./own-path";
import { readYaml, type YamlNode, YamlProblem } from "./read-yaml";
import { asMap, show } from "./yaml-values";

type Rule = (node: YamlNode, key: string) => void;

/** @param file docker-compose.yml, which is a text */
export function checkComposeFile(file: BundleFile & { text: string }, bundle: Bundle): BundleFinding[] {
  const findings = new Findings(file.path, "compose file");
  try {
    checkDocument(readYaml(file.text), bundle, findings);
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error;
    findings.add(error.line, "plain YAML that everybody reads alike", error.message);
  }
  return findings.all;
}

function checkDocument(node: YamlNode, bundle: Bundle, findings: Findings): void {
  const top = asMap(node);
  if (!top) {
    findings.add(node.line, "a mapping with services", show(node));
    return;
  }
  const namesOf = (part: string) => new Set(asMap(top.get(part))?.keys() ?? []);
  const declared: Declared = {
    volumes: namesOf("volumes"),
    networks: namesOf("networks"),
    services: namesOf("services"),
  };
  const rules: Record<string, Rule> = {
    name: () => {},
    version: () => {},
    services: (services) => {
      const found = asMap(services);
      if (!found || found.size === 0)
        return findings.add(services.line, "at least one service", show(services));
      for (const [name, service] of found) checkService(name, service, { declared, bundle, findings });
    },
    volumes: each(findings, checkVolume),
    networks: each(findings, checkNetwork),
    configs: each(findings, checkFileSource),
    secrets: each(findings, checkFileSource),
  };
  if (!top.has("services")) findings.add(node.line, "at least one service", "none");
  for (const [key, value] of top) {
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    if (rule) rule(value, key);
    else findings.add(value.line, `only ${Object.keys(rules).join(", ")} at the top`, key);
  }
}

type EntryRule = (name: string, entry: YamlNode, findings: Findings) => void;

function each(findings: Findings, check: EntryRule): Rule {
  return (node, key) => {
    if (node.value === null) return;
    const entries = asMap(node);
    if (!entries) return findings.add(node.line, `a mapping of ${key}`, show(node));
    for (const [name, entry] of entries) check(name, entry, findings);
  };
}

/** Of a mapping only these keys; each with what its value has to be. */
function onlyKeys(
  what: string,
  entry: YamlNode,
  allowed: Record<string, (node: YamlNode) => boolean>,
  findings: Findings,
): void {
  if (entry.value === null) return;
  const fields = asMap(entry);
  if (!fields) {
    findings.add(entry.line, `${what} as a mapping`, show(entry));
    return;
  }
  for (const [key, value] of fields) {
    const fits = Object.hasOwn(allowed, key) ? allowed[key] : undefined;
    if (!fits?.(value))
      findings.add(
        value.line,
        `of ${what} only ${Object.keys(allowed).join(", ")}`,
        `${key}: ${show(value)}`,
      );
  }
}

const anything = () => true;
const oneOf =
  (...values: unknown[]) =>
  ({ value }: YamlNode) =>
    values.includes(value);

/** Options of a driver could make any folder of the host a "named" volume. */
function checkVolume(name: string, entry: YamlNode, findings: Findings): void {
  onlyKeys(
    `volume ${name}`,
    entry,
    { driver: oneOf("local"), labels: anything, external: oneOf(false) },
    findings,
  );
}

/** The network of the host has a name like any other one. */
function checkNetwork(name: string, entry: YamlNode, findings: Findings): void {
  onlyKeys(
    `network ${name}`,
    entry,
    {
      driver: oneOf("bridge"),
      internal: oneOf(true, false),
      attachable: oneOf(true, false),
      labels: anything,
      external: oneOf(false),
    },
    findings,
  );
}

/** Configs and secrets are read from the bundle's own folder, or from an operator's environment. */
function checkFileSource(name: string, entry: YamlNode, findings: Findings): void {
  const own = ({ value }: YamlNode) => typeof value === "string" && ownPathProblem(value) === null;
  onlyKeys(
    `config or secret ${name}`,
    entry,
    { file: own, environment: anything, content: anything, labels: anything },
    findings,
  );
}

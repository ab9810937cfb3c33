// The rules of one service of a compose file: no path, namespace, device or capability of the host, no socket of its engine.
// Settings that are not in the table are refused. Pure.
import type { Bundle, Findings } from "./finding";
import { ownPathProblem, pathInWorkspace } from "./own-path";
import type { YamlNode } from "./read-yaml";
import { asList, asMap, show, stringsOf } from "./yaml-values";

/** What the top of the file declares. */
export interface Declared {
  volumes: ReadonlySet<string>;
  networks: ReadonlySet<string>;
  services: ReadonlySet<string>;
}

interface Place {
  declared: Declared;
  bundle: Bundle;
  findings: Findings;
}

/** @returns what is wrong with a value, or null */
type Rule = (node: YamlNode, place: Place) => string | null;

const anything: Rule = () => null;
const only =
  (...values: unknown[]): Rule =>
  ({ value }) =>
    values.includes(value) ? null : `only ${values.join(" or ")}`;

/** Settings of a service that a bundle may have. */
const SERVICE: Record<string, Rule> = {
  build: checkBuild,
  cap_add: (node) => (asList(node)?.length === 0 ? null : "no added capabilities"),
  configs: anything,
  command: anything,
  container_name: anything,
  cpus: anything,
  cap_drop: anything,
  depends_on: anything,
  deploy: checkDeploy,
  entrypoint: anything,
  env_file: checkEnvFile,
  environment: checkEnvironment,
  expose: anything,
  healthcheck: anything,
  hostname: anything,
  image: ({ value }) => (typeof value === "string" && value !== "" ? null : "the name of an image"),
  init: anything,
  labels: anything,
  logging: anything,
  mem_limit: anything,
  mem_reservation: anything,
  memswap_limit: anything,
  network_mode: only("bridge", "none"),
  networks: checkNetworks,
  pids_limit: anything,
  platform: anything,
  ports: anything,
  privileged: only(false),
  profiles: anything,
  pull_policy: anything,
  read_only: anything,
  restart: anything,
  secrets: anything,
  security_opt: checkSecurityOpt,
  shm_size: anything,
  stdin_open: anything,
  stop_grace_period: anything,
  stop_signal: anything,
  tmpfs: anything,
  tty: anything,
  ulimits: anything,
  user: anything,
  volumes: checkVolumes,
  working_dir: anything,
};

/** Why some others are refused, for whoever wrote them. */
const REFUSED: Record<string, string> = {
  cgroup: "a control group of its own",
  cgroup_parent: "a control group of its own",
  device_cgroup_rules: "no devices of the host",
  devices: "no devices of the host",
  gpus: "no devices of the host",
  ipc: "a namespace of its own",
  pid: "a namespace of its own",
  userns_mode: "a namespace of its own",
  uts: "a namespace of its own",
  use_api_socket: "no socket of a container engine",
  volumes_from: "named volumes only",
};

export function checkService(name: string, node: YamlNode, place: Place): void {
  const { findings } = place;
  const settings = asMap(node);
  if (!settings) {
    findings.add(node.line, `service ${name} as a mapping`, show(node));
    return;
  }
  for (const [key, value] of settings) {
    const rule = Object.hasOwn(SERVICE, key) ? SERVICE[key] : undefined;
    const wrong = rule
      ? rule(value, place)
      : Object.hasOwn(REFUSED, key)
        ? (REFUSED[key] as string)
        : "only settings that are known to be harmless";
    if (wrong !== null) findings.add(value.line, `${name}: ${wrong}`, `${key}: ${show(value)}`);
  }
  if (!settings.has("image") && !settings.has("build"))
    findings.add(node.line, `${name}: an image or a build`, "neither");
}

const BUILD: Record<string, Rule> = {
  context: anything,
  dockerfile: anything,
  args: anything,
  target: anything,
  labels: anything,
  pull: anything,
  no_cache: anything,
  platforms: anything,
};

function checkBuild(node: YamlNode, place: Place): string | null {
  const { bundle } = place;
  const fields = asMap(node);
  const text = (key: string, usual: string) => {
    const value = fields ? fields.get(key)?.value : key === "context" ? node.value : undefined;
    return value === undefined ? usual : typeof value === "string" ? value : null;
  };
  const strange = [...(fields?.keys() ?? [])].find((key) => !Object.hasOwn(BUILD, key));
  if (strange !== undefined) return `a build without ${strange}`;
  const given = text("context", ".");
  const context = given === null ? null : pathInWorkspace(bundle.folder, given);
  if (context === null) return "a build context inside the project";
  const named = text("dockerfile", "Dockerfile");
  const dockerfile = named === null ? null : pathInWorkspace(context, named);
  if (dockerfile === null) return "a Dockerfile inside the project";
  return bundle.workspace.has(dockerfile) ? null : `a Dockerfile that is there, not ${dockerfile}`;
}

/** Everything that names where data comes from must be a volume that the file declares. */
function checkVolumes(node: YamlNode, { declared }: Place): string | null {
  const items = asList(node);
  if (!items) return "a list of volumes";
  for (const item of items) {
    const source = sourceOf(item);
    if (source === undefined) continue;
    if (source === null) return "named volumes, not paths of the host";
    if (!declared.volumes.has(source)) return `volumes that are declared below, not ${source.slice(0, 80)}`;
  }
  return null;
}

const NAMED = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
const IN_CONTAINER = /^\/[^:$\\]*$/;

/** The volume that a mount names; undefined when it needs none, null when it could be anything else. */
function sourceOf(item: YamlNode): string | null | undefined {
  if (typeof item.value === "string") {
    if (IN_CONTAINER.test(item.value)) return undefined;
    const [source = "", target = "", mode = "rw", ...more] = item.value.split(":");
    const fits = NAMED.test(source) && source.length > 1 && IN_CONTAINER.test(target);
    return fits && /^(?:rw|ro)$/.test(mode) && more.length === 0 ? source : null;
  }
  const fields = asMap(item);
  if (!fields) return null;
  const known = ["type", "source", "target", "read_only", "tmpfs"];
  if ([...fields.keys()].some((key) => !known.includes(key))) return null;
  const [type, source] = [fields.get("type")?.value, fields.get("source")?.value];
  if (type === "tmpfs" && source === undefined) return undefined;
  return type === "volume" && typeof source === "string" && NAMED.test(source) ? source : null;
}

function checkNetworks(node: YamlNode, { declared }: Place): string | null {
  const map = asMap(node);
  const names = map ? [...map.keys()] : stringsOf(node);
  if (!names || typeof node.value === "string") return "networks that are declared below";
  const strange = names.find((name) => name !== "default" && !declared.networks.has(name));
  if (strange !== undefined) return `networks that are declared below, not ${strange}`;
  const fields = [...(map?.values() ?? [])].flatMap((entry) => [...(asMap(entry)?.keys() ?? [])]);
  return fields.every((key) => key === "aliases") ? null : "a network with nothing but aliases";
}

function checkEnvFile(node: YamlNode): string | null {
  const paths = (asList(node) ?? [node]).map((item) => asMap(item)?.get("path") ?? item);
  const own = paths.every(({ value }) => typeof value === "string" && ownPathProblem(value) === null);
  return own ? null : "files of the bundle's own folder";
}

/** A container that is given the engine's address may start any other one. */
function checkEnvironment(node: YamlNode): string | null {
  const names = asMap(node) ? [...(asMap(node)?.keys() ?? [])] : stringsOf(node);
  if (!names) return "names and values";
  return names.some((name) => /^DOCKER_HOST(?:=|$)/.test(name)) ? "no address of a container engine" : null;
}

function checkSecurityOpt(node: YamlNode): string | null {
  const harmless = stringsOf(node)?.every((option) => /^no-new-privileges(?:[:=]true)?$/.test(option));
  return harmless ? null : "only no-new-privileges:true";
}

const DEPLOY = [
  "replicas",
  "mode",
  "labels",
  "resources",
  "restart_policy",
  "update_config",
  "rollback_config",
];

function checkDeploy(node: YamlNode): string | null {
  const fields = asMap(node);
  if (!fields) return "a mapping";
  const strange = [...fields.keys()].find((key) => !DEPLOY.includes(key));
  if (strange !== undefined) return `a deploy part without ${strange}`;
  const resources = asMap(fields.get("resources"));
  for (const part of resources?.values() ?? []) {
    const device = [...(asMap(part)?.keys() ?? [])].find((key) => !["cpus", "memory", "pids"].includes(key));
    if (device !== undefined) return `only cpus, memory and pids among resources, not ${device}`;
  }
  return null;
}

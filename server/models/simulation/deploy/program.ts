// What of a project is to be run where it is deployed: its services and how each is asked whether it is well. A tool or a
// library serves nothing; of those one command is run that shows that they are there.
import { type Conversation, isChange, type Job } from "../conversation";
import { planProject, titlesFor } from "../plan";
import { tasksOfSpec } from "../spec";

export interface Program {
  /** Of its service, "app" or "web". */
  name: string;
  runtime: "python" | "node";
  /** Folder that it is started in, "" for the root. */
  folder: string;
  /** Words of its command, without address, port and data. */
  command: string[];
  /** What it serves; null when it only runs and ends. */
  serves: { port: number; health: string; takesOptions: boolean } | null;
}

export interface Deployment {
  /** Name of images, units and folders: letters, digits and dashes, at most 24. */
  name: string;
  programs: Program[];
  /** All files that the deployer was told of. */
  files: readonly string[];
}

export function deploymentOf(talk: Conversation, job: Job): Deployment {
  const fromSpec = tasksOfSpec(talk.spec ?? "");
  const titles = fromSpec.length > 0 ? fromSpec : titlesFor(job);
  const project = planProject(job, titles, talk.jobText);
  const files = talk.files ?? [];
  const short = project.slug
    .replace(/[^a-z0-9-]/g, "")
    .slice(0, 24)
    .replace(/-+$/, "");
  const name = /^[a-z]/.test(short) ? short : `app-${short}`.slice(0, 24).replace(/-+$/, "");
  if (isChange(job)) return { name, programs: [programOfFiles(files)], files };
  if (project.kind !== "http")
    return { name, programs: [tool(project.toolchains[0] ?? "node", project.kind)], files };
  const [first = "node"] = project.toolchains;
  if (project.toolchains.length === 1) return { name, programs: [service(first)], files };
  const web: Program = {
    name: "web",
    runtime: "node",
    folder: "web",
    command: ["node", "start.js"],
    serves: { port: 3000, health: "/", takesOptions: false },
  };
  return { name, programs: [service("python"), web], files };
}

const service = (runtime: "python" | "node"): Program => ({
  name: "app",
  runtime,
  folder: "",
  command: runtime === "python" ? ["python3", "-m", "app"] : ["node", "src/index.js"],
  serves: { port: 8000, health: "/health", takesOptions: true },
});

const runs = (runtime: "python" | "node", command: string[]): Program => ({
  name: "app",
  runtime,
  folder: "",
  command,
  serves: null,
});

const imports = (path: string) => ["node", "--input-type=module", "--eval", `import './${path}'`];

function tool(runtime: "python" | "node", kind: "cli" | "library"): Program {
  if (kind === "cli")
    return runs(
      runtime,
      runtime === "python" ? ["python3", "-m", "app", "--help"] : imports("src/registry.js"),
    );
  return runs(runtime, runtime === "python" ? ["python3", "-c", "import toolkit"] : imports("src/store.js"));
}

/** Somebody else's project: what can be said of it without knowing it is that its code can be read. */
function programOfFiles(files: readonly string[]): Program {
  const plain = files.filter((path) => /^[\w./-]+$/.test(path) && !/(?:^|\/)tests?\//.test(path));
  const script = plain.find((path) => /\.[cm]?js$/.test(path));
  const module = plain.find((path) => path.endsWith(".py"));
  if (module !== undefined && (script === undefined || !plain.includes("package.json")))
    return runs("python", ["python3", "-c", `import ast; ast.parse(open('${module}').read())`]);
  return runs("node", script === undefined ? ["node", "--version"] : ["node", "--check", script]);
}

// What a simulated project consists of: the plan that planner, coder, tester and fixer all derive alike from the
// job and its task titles. Modules are what a task adds; each shape has one template per language.
import type { Language } from "./names";

export type Kind = "http" | "cli" | "library";

export interface FieldSpec {
  name: string;
  type: "text" | "number" | "integer" | "boolean";
  required: boolean;
  minimum?: number;
  unique?: boolean;
  email?: boolean;
  /** Collection whose record this integer field names. */
  refersTo?: string;
  /** Path and smallest valid body of that collection, for tests. */
  parent?: ResourceModule;
}

interface ModuleBase {
  /** File name and identifier. */
  name: string;
  /** The user's words for it. */
  title: string;
}

export interface ResourceModule extends ModuleBase {
  shape: "resource";
  path: string;
  /** Key prefix such as `produto` in `produto_id`. */
  singular: string;
  concept: string | null;
  fields: FieldSpec[];
}

export interface CartModule extends ModuleBase {
  shape: "cart";
  path: string;
  items: string;
  singular: string;
  products: ResourceModule;
  keys: { product: string; price: string; stock: string; quantity: string; subtotal: string; total: string };
}

export interface CheckoutModule extends ModuleBase {
  shape: "checkout";
  path: string;
  orders: string;
  cart: CartModule;
  keys: { cart: string; order: string; customer: string; status: string };
}

export interface DocumentModule extends ModuleBase {
  shape: "document";
  path: string;
  resource: ResourceModule;
}

export interface SearchModule extends ModuleBase {
  shape: "search";
  path: string;
  resource: ResourceModule;
}

export interface SummaryModule extends ModuleBase {
  shape: "summary";
  path: string;
  resource: ResourceModule;
}

export interface ActionModule extends ModuleBase {
  shape: "action";
  method: string;
  path: string;
  verb: string;
  resource: ResourceModule;
}

/** A function out of the catalogue, in a library or a command line tool. */
export interface FunctionModule extends ModuleBase {
  shape: "function";
  id: string;
}

export type Module =
  | ResourceModule
  | CartModule
  | CheckoutModule
  | DocumentModule
  | SearchModule
  | SummaryModule
  | ActionModule
  | FunctionModule;

export interface Task {
  n: number;
  title: string;
  modules: Module[];
}

export interface Project {
  title: string;
  description: string;
  /** Package name such as `api-rest-para-e-commerce`. */
  slug: string;
  kind: Kind;
  language: Language;
  toolchains: ("python" | "node")[];
  typescript: boolean;
  tasks: Task[];
  /** Number that every choice for this job is drawn from. */
  seed: number;
}

/** A logical mistake that a template can be made with: the right text, the wrong one, and what it means. */
export interface Bug {
  right: string;
  wrong: string;
  why: string;
}

export interface SourceFile {
  path: string;
  content: string;
  /** Set on the file that carries a task's behaviour; faults go there. */
  bugs?: Bug[];
}

/** Writes one part of a project (a service, a tool, a library, a web front) in one language. */
export interface Writer {
  /** Files that exist from the first task on and never change. */
  skeleton(project: Project): SourceFile[];
  /** Files that grow with each task, as they are after task n. */
  growing(project: Project, n: number): SourceFile[];
  feature(project: Project, module: Module): SourceFile[];
  /** Helpers and tests of the skeleton itself, written by the first tester. */
  testBase(project: Project): SourceFile[];
  tests(project: Project, module: Module): SourceFile[];
}

// Routes that programs call hundreds of times a job. In production they are answered before Next's router, which takes
// 2 to 3 ms of processor time for every request; the handlers are the very same that its route files export.
// The list lives on the process, because Next bundles what registers and the web server is a bundle of its own.

import { processWide } from "../../process-wide";

/** Answers one request. Must not throw. */
export type DirectHandler = (request: Request) => Promise<Response>;

interface DirectRoute {
  path: string;
  handler: DirectHandler;
}

const direct = processWide("direct-routes", () => ({ routes: [] as DirectRoute[] }));
const METHODS = ["GET", "POST", "PUT"];

/** Has `handler` answer everything at `path` and below it. */
export function serveDirectly(path: string, handler: DirectHandler): void {
  direct.routes = [...direct.routes.filter((route) => route.path !== path), { path, handler }];
}

/** The handler of a request, or null when it is Next's. `url` is the request target: path and query. */
export function directHandler(method: string, url: string): DirectHandler | null {
  if (!METHODS.includes(method)) return null;
  const [path = ""] = url.split("?", 1);
  const route = direct.routes.find((one) => path === one.path || path.startsWith(`${one.path}/`));
  return route?.handler ?? null;
}

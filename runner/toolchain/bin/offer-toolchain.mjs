// Loaded before a project's configuration: lets it import the toolchain's own packages (fallback-hooks.mjs), and
// require them too.
import Module, { register } from "node:module";
import { fileURLToPath } from "node:url";

register("./fallback-hooks.mjs", import.meta.url);
process.env.NODE_PATH = fileURLToPath(new URL("../node_modules", import.meta.url));
Module._initPaths();
// Only this process: the project's tests must see what the project has.
delete process.env.NODE_PATH;

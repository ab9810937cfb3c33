// All toolchains by name. Adding one: docs/toolchains.md.
import type { Toolchain } from "../domain/stacks";
import { nodeToolchain } from "./node";
import type { ToolchainAdapter } from "./port";
import { pythonToolchain } from "./python";

export const TOOLCHAINS: Record<Toolchain, ToolchainAdapter> = {
  python: pythonToolchain,
  node: nodeToolchain,
};

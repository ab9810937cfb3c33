import type { CommandSpec } from "../../../runner/protocol";

/** One line that says what a command does, for people. At most 200 characters. */
export function commandTitle(spec: CommandSpec): string {
  if (spec.kind === "snapshot") return `commit: ${spec.message.split("\n")[0]}`.slice(0, 200).toWellFormed();
  if (spec.kind === "reset") return "fresh sandbox";
  if (spec.kind === "layer") return (spec.install.title ?? "dependencies").slice(0, 200).toWellFormed();
  if (spec.title) return spec.title;
  const shell = spec.argv[0] === "sh" && spec.argv[1] === "-c" ? spec.argv[2] : undefined;
  return (shell ?? spec.argv.join(" ")).replace(/\s+/g, " ").slice(0, 200).toWellFormed();
}

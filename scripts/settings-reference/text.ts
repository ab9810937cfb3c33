// The reference of all settings as Markdown, made from what the processes check at their start.
import { z } from "zod";
import { launcherSettings } from "../../cli/env";
import { engineSettings } from "../../inngest/embedded/env";
import { runnerSettings } from "../../runner/env";
import { ralphSettings } from "../../runner/external/env";
import { appSettings } from "../../server/env";

/** What is used of the JSON Schema of a setting. */
interface Setting {
  description?: string;
  default?: unknown;
  /** Instead of a default that is long, or differs from host to host. */
  shownDefault?: string;
  enum?: string[];
}

/** The whole of docs/settings.md. */
export function settingsReference(): string {
  return `${[
    "# Settings",
    "Made by `npx tsx scripts/settings-reference.ts`. Settings come from the environment; those of the launcher and what it starts\nmay stand in a file `.env` in the folder of the project. Each process checks its own once, when it starts, and says in a sentence\nwhat is missing or wrong. An empty value counts as not set.",
    section(
      "Launcher",
      "`npm start` and the other commands of `fabrica`. It hands everything to the app, and to the local runner what concerns it.",
      launcherSettings,
    ),
    "The commands that speak with an app elsewhere read `FABRICA_URL`, and `FABRICA_TOKEN` or `FABRICA_USER` with `FABRICA_PASSWORD`.",
    section("App", "Pages, API and the loop.", appSettings),
    section(
      "Runner",
      "On this machine it is started by the launcher; elsewhere as [runners](runners.md) says.",
      runnerSettings,
    ),
    section(
      "External agents",
      "`fabrica ralph` ([external agents](external-agents.md)); it has those of a runner as well.",
      ralphSettings,
    ),
    section(
      "Embedded engine",
      "The launcher sets these, but for how long runs are kept ([engines](engines.md)).",
      engineSettings,
    ),
  ].join("\n\n")}\n`;
}

function section(title: string, about: string, settings: z.ZodObject): string {
  const { properties = {}, required = [] } = z.toJSONSchema(settings, {
    io: "input",
    unrepresentable: "any",
  });
  const rows = Object.entries(properties).map(([name, setting]) => {
    const { description = "", ...more } = setting as Setting;
    return `| \`${name}\` | ${required.includes(name) ? "required" : defaultOf(more)} | ${description}${choicesOf(more)} |`;
  });
  return [
    `## ${title}`,
    about,
    ["| setting | default | meaning |", "| --- | --- | --- |", ...rows].join("\n"),
  ].join("\n\n");
}

function defaultOf({ default: value, shownDefault }: Setting): string {
  if (shownDefault) return shownDefault;
  return value === undefined || value === "" ? "–" : `\`${String(value)}\``;
}

const choicesOf = ({ enum: choices }: Setting): string =>
  choices ? ` (${choices.map((one) => `\`${one}\``).join(", ")})` : "";

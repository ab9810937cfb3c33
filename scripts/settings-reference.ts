/**
 * Writes docs/settings.md from the definitions of the settings: `npx tsx scripts/settings-reference.ts`.
 * Its test says when the file is not current.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { settingsReference } from "./settings-reference/text";

writeFileSync(fileURLToPath(new URL("../docs/settings.md", import.meta.url)), settingsReference());

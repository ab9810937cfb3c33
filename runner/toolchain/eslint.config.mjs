// Our default eslint configuration as a file that a project may extend: `import ours from "/opt/toolchain/eslint.config.mjs"`.
import { defaultConfig } from "./bin/eslint-default.mjs";

export default await defaultConfig(true);

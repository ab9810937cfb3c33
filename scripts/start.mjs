#!/usr/bin/env node
// The way in: works straight after `git clone`, before any install, so it imports nothing but Node itself.
// This file also has to be read by old versions of Node, which it then turns away with a plain sentence.
var needed = [20, 19];
var found = process.versions.node.split(".").map(Number);
if (found[0] < needed[0] || (found[0] === needed[0] && found[1] < needed[1])) {
  console.error(
    `\nFabrica needs Node ${needed.join(".")} or newer; this is Node ${process.versions.node}.\nInstall a newer one from your system's packages or https://nodejs.org and run the command again.\n`,
  );
  process.exit(1);
}
import("./start/commands.mjs")
  .then((commands) => commands.run(process.argv.slice(2)))
  .catch((error) => {
    const plain = error.name === "SetupError";
    console.error(plain ? `\n${error.message}\n` : error);
    process.exit(1);
  });

import { rmSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { Drive, type DriveJob } from "./testing/drive";

const drives: Drive[] = [];
afterEach(() => {
  if (process.env.KEEP) return;
  for (const drive of drives.splice(0)) rmSync(drive.folder, { recursive: true, force: true });
});

function start(job: Partial<DriveJob> & { title: string }, model?: string): Drive {
  const drive = new Drive(
    { description: "", features: [], stack: [], toolchains: ["python"], context: null, ...job },
    model,
  );
  drives.push(drive);
  return drive;
}

const REQUESTS: { title: string; features: string[] }[] = [
  { title: "API REST para e-commerce", features: ["CRUD produtos", "Carrinho", "Checkout"] },
  { title: "Blog com posts e comentarios", features: ["Posts", "Comentarios", "Tags"] },
  { title: "Sistema de gerenciamento de tarefas", features: ["CRUD tarefas", "Usuarios", "Categorias"] },
  { title: "Agregar GET /api/contabilidad/facturas/:id/pdf", features: [] },
];

describe.each(["python", "node"] as const)("a project in %s", (toolchain) => {
  it.each(REQUESTS)("$title is built and its tests pass", async (request) => {
    const drive = start({ ...request, stack: [toolchain], toolchains: [toolchain] });
    await drive.build();
    const run =
      toolchain === "python"
        ? await drive.run("python3", ["-m", "unittest", "discover"])
        : await drive.run("node", ["--test"]);
    expect(run.output.slice(-4000)).toMatch(/\nOK\n|# fail 0\n/);
    expect(run.code).toBe(0);
  });
});

import { describe, expect, it } from "vitest";
import { kindOf, readFeature, routesIn } from "./intent";
import { detectLanguage } from "./language";

const job = (title: string, features: string[] = [], toolchains: ("python" | "node")[] = ["node"]) => ({
  title,
  description: "",
  features,
  stack: [],
  toolchains,
  context: null,
});

describe("kindOf", () => {
  it.each([
    ["API REST para e-commerce", "http"],
    ["Blog com posts e comentarios", "http"],
    ["Sistema de gerenciamento de tarefas", "http"],
    ["Agregar GET /api/contabilidad/facturas/:id/pdf", "http"],
    ["Sistema de biblioteca", "http"],
    ["Something that cannot be understood", "http"],
    ["CLI para convertir temperaturas", "cli"],
    ["Ferramenta de linha de comando para notas", "cli"],
    ["Kommandozeilenprogramm für Aufgaben", "cli"],
    ["命令行工具", "cli"],
    ["Biblioteca de funções de texto", "library"],
    ["función para leer CSV", "library"],
    ["CSV parser", "library"],
    ["函数库", "library"],
  ])("takes %s for %s", (title, kind) => {
    expect(kindOf(job(title))).toBe(kind);
  });

  it("makes a service of whatever needs both languages", () => {
    expect(kindOf(job("CSV parser", [], ["python", "node"]))).toBe("http");
  });
});

describe("routesIn", () => {
  it("normalises parameters, addresses, queries and trailing dots", () => {
    expect(routesIn("GET /a/{id}/b/<other>, POST https://x.org/a?q=1 and DELETE /a/:key.")).toEqual([
      { method: "GET", path: "/a/:id/b/:id2" },
      { method: "POST", path: "/a" },
      { method: "DELETE", path: "/a/:id" },
    ]);
  });

  it("keeps nothing in a path that could leave a string in source code", () => {
    expect(routesIn(`GET /a"b\\c\`\${x}`)).toEqual([{ method: "GET", path: "/a" }]);
    expect(routesIn(`GET /a\${x}/<b>/../c`).map((route) => route.path)).toEqual(["/ax/:id/c"]);
  });
});

describe("readFeature", () => {
  it.each([
    ["CRUD produtos", "pt", "product", "produtos"],
    ["Usuarios", "pt", "user", "usuarios"],
    ["Comentarios", "pt", "comment", "comentarios"],
    ["Manage customers", "en", "customer", "customers"],
    ["Product", "en", "product", "products"],
    ["产品管理", "en", "product", "products"],
    ["مستخدمين", "en", "user", "users"],
    ["Управление задачами", "en", "task", "tasks"],
    ["Gestão de fazendas", "pt", null, "fazendas"],
    ["Gestión de camiones", "es", null, "camiones"],
    ["Учёт коров", "en", null, "korovs"],
    ["神秘功能", "en", null, ""],
    ["!!!", "en", null, ""],
  ] as const)("reads %s", (text, language, concept, noun) => {
    expect(readFeature(text, language)).toMatchObject({ concept, noun });
  });

  it("recognises searches and summaries", () => {
    expect(readFeature("Buscar produtos por nome", "pt").wish).toBe("search");
    expect(readFeature("Relatório de vendas", "pt").wish).toBe("summary");
  });
});

describe("detectLanguage", () => {
  it.each([
    ["Sistema de gerenciamento de tarefas com usuários", "pt"],
    ["Agregar GET /api/contabilidad/facturas/:id/pdf", "es"],
    ["Verwaltung für Rechnungen und Kunden", "de"],
    ["Gestion des tâches avec utilisateurs", "fr"],
    ["An API for tasks", "en"],
    ["在线商城", "en"],
  ])("takes %s for %s", (text, language) => {
    expect(detectLanguage(text)).toBe(language);
  });
});

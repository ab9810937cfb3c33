import { describe, expect, it } from "vitest";
import { identifier, plural, singular, slug } from "./names";
import { clip, forSource } from "./text";

describe("slug", () => {
  it.each([
    ["Cartões de crédito", "cartoes_de_credito"],
    ["Größe", "grosse"],
    ["Ёлка и щука", "elka_i_shchuka"],
    ["Ελλάδα", "ellada"],
    ["كتاب", "ktab"],
    ["产品", ""],
    ["  ", ""],
  ])("writes %s as %s", (text, expected) => {
    expect(slug(text)).toBe(expected);
  });
});

describe("identifier", () => {
  it("is legal in both languages and collides with nothing of the templates", () => {
    expect(identifier("class", "x")).toBe("class_items");
    expect(identifier("store", "x")).toBe("store_items");
    expect(identifier("2fa", "x")).toBe("n2fa");
    expect(identifier("神秘", "resource_3")).toBe("resource_3");
  });
});

describe("plural and singular", () => {
  it.each([
    ["produto", "produtos", "pt"],
    ["transacao", "transacoes", "pt"],
    ["animal", "animais", "pt"],
    ["cancion", "canciones", "es"],
    ["category", "categories", "en"],
    ["box", "boxes", "en"],
  ] as const)("%s and %s belong together", (one, many, language) => {
    expect(plural(one, language)).toBe(many);
    expect(plural(many, language)).toBe(many);
    expect(singular(many, language)).toBe(one);
  });
});

describe("forSource", () => {
  it("cannot close a string, a comment or a docstring", () => {
    expect(forSource(`"""x""" */ \`\${y}\` \\ 'z' \u202e\u0000`, 100)).toBe("x * / {y}  z");
  });

  it("counts wide characters twice", () => {
    expect(clip("产".repeat(10), 11)).toBe(`${"产".repeat(5)}…`);
  });
});

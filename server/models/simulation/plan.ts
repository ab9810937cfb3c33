// Makes the plan of a project from a job and its task titles. Pure and total: the same input gives the same plan,
// so that planner, coder, tester and fixer agree without talking to each other.
import { conceptOf, conceptsOfDomain } from "./concepts";
import type { Job } from "./conversation";
import { functionFor } from "./functions";
import { type FeatureIntent, kindOf, knownNouns, readFeature, routesIn } from "./intent";
import { detectLanguage } from "./language";
import { type Language, plain, slug } from "./names";
import { PlanBuilder } from "./plan-builder";
import type { Project } from "./project";
import { hashText, oneLine } from "./text";

const VERBS: Record<Language, { crud: string; search: string; summary: string }> = {
  en: { crud: "CRUD", search: "Search", summary: "Summary of" },
  pt: { crud: "CRUD", search: "Busca de", summary: "Resumo de" },
  es: { crud: "CRUD", search: "Búsqueda de", summary: "Resumen de" },
  de: { crud: "CRUD", search: "Suche", summary: "Bericht" },
  fr: { crud: "CRUD", search: "Recherche", summary: "Résumé" },
};

/** Task titles for a job: its features in an order that can be built, or what its description asks for. */
export function titlesFor(job: Job): string[] {
  const given = unique(job.features.map((feature) => oneLine(feature).slice(0, 160)).filter(Boolean));
  if (given.length === 0) return derivedTitles(job);
  const language = languageOf(job);
  const rank = (title: string) => rankOf(readFeature(title, language));
  return given
    .map((title, index) => ({ title, index }))
    .sort((a, b) => rank(a.title) - rank(b.title) || a.index - b.index)
    .map(({ title }) => title);
}

/**
 * Plans the project.
 * @param titles the titles of all tasks in order, as SPEC.md has them
 */
export function planProject(job: Job, titles: readonly string[], seedText: string): Project {
  const language = languageOf(job);
  const kind = kindOf(job);
  const builder = new PlanBuilder(kind, language);
  return {
    title: oneLine(job.title).slice(0, 200) || "Project",
    description: oneLine(job.description),
    slug: (slug(job.title) || "project").replaceAll("_", "-"),
    kind,
    language,
    toolchains: job.toolchains.length > 0 ? job.toolchains : ["node"],
    typescript: job.stack.some((name) => /^(typescript|ts)$/i.test(name)),
    tasks: titles.map((title, index) => ({
      n: index + 1,
      title,
      modules: builder.modulesFor(title, index + 1),
    })),
    seed: hashText(seedText),
  };
}

/** The language in which a request is written. */
export function languageOf(job: Job): Language {
  return detectLanguage([job.title, job.description, ...job.features].join(" "));
}

/** Carts need products, checkouts need carts, searches and documents need records. */
function rankOf(intent: FeatureIntent): number {
  if (intent.concept === "checkout") return 3;
  if (intent.concept === "cart") return 2;
  return intent.wish || intent.routes.some((route) => /:id\/./.test(route.path)) ? 1 : 0;
}

function derivedTitles(job: Job): string[] {
  const text = `${job.title}. ${job.description}`;
  const language = languageOf(job);
  const routes = routesIn(text);
  if (routes.length > 0) return routeTitles(routes);
  const kind = kindOf(job);
  const called = kind === "http" ? [] : functionTitles(text);
  if (called.length > 0) return called;
  const simple = plain(text);
  const nouns = knownNouns(simple).map((noun) => ({
    id: noun.id,
    word: noun.word || conceptOf(noun.id).plural[language],
  }));
  for (const id of conceptsOfDomain(simple)) {
    if (!nouns.some((noun) => noun.id === id)) nouns.push({ id, word: conceptOf(id).plural[language] });
  }
  const verbs = VERBS[language];
  const titles = nouns
    .slice(0, 6)
    .sort((a, b) => rankOf(readFeature(a.word, language)) - rankOf(readFeature(b.word, language)))
    .map(({ id, word }) => (id === "cart" || id === "checkout" ? capital(word) : `${verbs.crud} ${word}`));
  if (titles.length > 1) return titles;
  const noun =
    nouns[0]?.word ?? (readFeature(job.title, language).noun || readFeature(job.description, language).noun);
  const shown = noun || "resource_1";
  return [`${verbs.crud} ${shown}`, `${verbs.search} ${shown}`, `${verbs.summary} ${shown}`];
}

/** One task for the records behind the routes where a route needs them, then one for each route. */
function routeTitles(routes: { method: string; path: string }[]): string[] {
  const titles: string[] = [];
  for (const { method, path } of routes) {
    const base = /^(.*?)\/:id\/./.exec(path)?.[1];
    if (base && !titles.some((title) => title.endsWith(` ${base}`))) titles.push(`CRUD GET ${base}`);
    if (!titles.includes(`CRUD GET ${path.replace(/\/:id$/, "")}`)) titles.push(`${method} ${path}`);
  }
  return unique(titles);
}

/** The parts of a text that name a function of the catalogue. */
export function functionTitles(text: string): string[] {
  return text
    .split(/[.,;:\n]|\b(?:and|e|y|und|et)\b/)
    .filter((part) => functionFor(part) !== null)
    .map((part) => capital(oneLine(part)));
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function unique(texts: string[]): string[] {
  return [...new Set(texts)];
}

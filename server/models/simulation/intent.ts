// Understands requests: what kind of project is asked for, and what one feature text means.
import { CONCEPTS, conceptOf } from "./concepts";
import type { Job } from "./conversation";
import { type Language, plain, plural, singular, slug } from "./names";
import type { Kind } from "./project";

export interface Route {
  method: string;
  /** Normalised: `/api/x/:id/pdf`, further parameters `:id2`…, no trailing slash. */
  path: string;
}

export interface FeatureIntent {
  routes: Route[];
  /** Known concept of the noun, or null. */
  concept: string | null;
  /** ASCII plural of the noun as the user wrote it; empty when it cannot be written in ASCII. */
  noun: string;
  /** What beyond storing records is wanted. */
  wish: "search" | "summary" | null;
}

const HTTP =
  /\b(api|apis|rest|restful|endpoints?|https?|servers?|servidor|backend|web|website|webapp|crud|e-?commerce|blog|microservices?|graphql|dashboard)\b|接口|网站|сервер|сайт|خادم/;
const CLI =
  /\b(cli|command[- ]line|terminal|console|linha de comandos?|linea de comandos?|ligne de commande|kommandozeile\w*|shell)\b|命令行|командн\S{0,12} строк|سطر الأوامر|コマンドライン|명령줄/;
const LIBRARY =
  /\b(library|lib|biblioteca|libreria|bibliothek|bibliotheque|function|functions|funcao|funcoes|funcion|funciones|funktion|funktionen|fonction|fonctions|parser|package|paquete|pacote|sdk|algorithm|algoritmo|helpers?|utilities)\b|库|函数|библиотек|функци|مكتبة|دالة|ライブラリ|関数|라이브러리|함수/;
const SYSTEM =
  /\b(sistema|system|gestion|gestao|gerenciamento|management|verwaltung)\b|系统|систем|نظام|システム|시스템/;
const SEARCH =
  /\b(search\w*|filter\w*|filtr\w*|find|busca\w*|buscar|pesquis\w*|procur\w*|such\w*|recherch\w*|sort\w*|orden\w*)\b|搜索|查询|поиск|بحث/;
const SUMMARY =
  /\b(report\w*|relatorio\w*|reporte\w*|informe\w*|bericht\w*|rapport\w*|stat\w*|estatistic\w*|estadistic\w*|statisti\w*|summary|resumo|resumen|dashboard|metric\w*|totals?|totais|totales)\b|统计|报表|отчет|статистик|تقارير/;

/** Words that say what to do, not with what. */
const FILLER = new Set(
  (
    "a an the of for to in on with and or by from via using that which can be is are my our your new all as at add adds " +
    "adding create creates creating update edit delete remove read get list lists listing show view manage manages managing " +
    "management manager track tracking tracker register registration store save make build write implement implementation " +
    "support allow simple basic full complete small app application system service api rest restful crud endpoint endpoints " +
    "feature module page web website platform tool cli command line library function parser data database records record " +
    "um uma uns de do da dos das para por em no na nos nas com e ou que o os as ao aos sistema gerenciamento gerenciar gestao gerir " +
    "cadastro cadastrar criar adicionar listar editar excluir remover atualizar aplicativo aplicacao ferramenta simples completo " +
    "controle controlar el la los las un una unos unas del al y con sin gestion gestionar crear agregar anadir eliminar " +
    "actualizar aplicacion herramienta servicio registro registrar lista ver mostrar modulo sencillo linea comandos linha " +
    "der die das den dem ein eine einen einer eines und oder mit fur fuer von zum zur verwaltung verwalten erstellen anlegen " +
    "loschen bearbeiten anzeigen anwendung werkzeug einfache einfaches einfacher kommandozeile " +
    "le les des du et ou avec pour une gerer creer ajouter supprimer modifier outil search filter busca buscar pesquisa report " +
    "reports relatorio relatorios informe informes stats statistics summary resumo resumen"
  ).split(" "),
);

/** Kind of project. Explicit routes mean a service; a command line wins over other words; unclear means a service. */
export function kindOf(job: Job): Kind {
  const raw = [job.title, job.description, ...job.features].join("\n");
  const text = plain(raw);
  if (routesIn(raw).length > 0 || job.toolchains.length > 1) return "http";
  if (CLI.test(text)) return "cli";
  if (HTTP.test(text) || SYSTEM.test(text)) return "http";
  return LIBRARY.test(text) ? "library" : "http";
}

/** Every `GET /x/:id` in a text, in order, without repeats. */
export function routesIn(text: string): Route[] {
  const found = new Map<string, Route>();
  for (const match of text.matchAll(
    /\b(GET|POST|PUT|PATCH|DELETE)\s+(?:https?:\/\/[^/\s]+)?(\/[^\s,;"'`)\]]*)/g,
  )) {
    const path = normalisePath(match[2]!);
    if (path !== "/") found.set(`${match[1]} ${path}`, { method: match[1]!, path });
  }
  return [...found.values()];
}

function normalisePath(path: string): string {
  let parameters = 0;
  const parts = path
    .replace(/[?#].*$/, "")
    .replace(/(?<![.:])[.:]+$/, "")
    .split("/")
    .filter(Boolean)
    .map((part) => {
      const name = /^:(.+)$/.exec(part)?.[1] ?? /^[{<]([^}>]+)[}>]$/.exec(part)?.[1];
      if (name) parameters += 1;
      if (name) return parameters === 1 ? ":id" : `:id${parameters}`;
      return part.replace(/[^A-Za-z0-9._~-]/g, "");
    })
    .filter((part) => !/^\.*$/.test(part));
  return `/${parts.slice(0, 12).join("/")}`;
}

/** What one feature text asks for. */
export function readFeature(text: string, language: Language): FeatureIntent {
  const routes = routesIn(text);
  const simple = plain(text.replace(/\b(GET|POST|PUT|PATCH|DELETE)\s+\/\S*/g, " "));
  const wish = SEARCH.test(simple) ? "search" : SUMMARY.test(simple) ? "summary" : null;
  const known = knownNouns(simple)[0];
  if (known) return { routes, wish, concept: known.id, noun: nounOf(known.word, known.id, language) };
  const words = simple
    .split(/\b(?:por|by|with|com|con|mit|avec|para|for|from|using|via)\b/)
    .map((part) => part.split(/[^\p{L}\p{N}]+/u).filter((word) => word && !FILLER.has(word)))
    .find((part) => part.length > 0);
  const word = language === "en" || language === "de" ? words?.slice(0, 3).at(-1) : words?.[0];
  return { routes, wish, concept: null, noun: word ? plural(slug(word), language) : "" };
}

/** Known nouns of a text in order of appearance, each concept once. `simple` is plain lower case. */
export function knownNouns(simple: string): { id: string; word: string }[] {
  const found: { id: string; word: string; at: number }[] = [];
  const taken = (id: string) => found.some((noun) => noun.id === id);
  for (const match of simple.matchAll(/[\p{L}\p{N}][\p{L}\p{N}-]*/gu)) {
    const id = CONCEPT_BY_WORD.get(match[0]) ?? CONCEPT_BY_WORD.get(stem(match[0]));
    if (id && !taken(id)) found.push({ id, word: match[0], at: match.index });
  }
  for (const [word, id] of FOREIGN) {
    const at = simple.indexOf(word);
    if (at >= 0 && !taken(id)) found.push({ id, word: "", at });
  }
  return found.sort((a, b) => a.at - b.at);
}

function nounOf(word: string, id: string, language: Language): string {
  const concept = conceptOf(id);
  const own = slug(word);
  // A checkout is one place, not a collection.
  if (id === "checkout") return own || concept.plural[language];
  const stems = Object.values(concept.plural).map(stem);
  return own && stems.includes(stem(own)) ? plural(own, language) : concept.plural[language];
}

/** A crude stem that plural and singular forms share. */
function stem(word: string): string {
  return singular(singular(word, "pt"), "en").replace(/(e|n)$/, "");
}

const CONCEPT_BY_WORD = new Map<string, string>();
const FOREIGN: [string, string][] = [];
for (const concept of CONCEPTS) {
  for (const word of [...Object.values(concept.plural), ...concept.also]) {
    if (/^[a-z-]+$/.test(word)) {
      for (const form of [word, stem(word)])
        if (!CONCEPT_BY_WORD.has(form)) CONCEPT_BY_WORD.set(form, concept.id);
    } else FOREIGN.push([plain(word), concept.id]);
  }
}

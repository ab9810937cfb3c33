// Guesses the language of a request, for field names and plurals; English where nothing else fits.
import type { Language } from "./names";
import { plain } from "./names";

const MARKS: Record<Exclude<Language, "en">, RegExp> = {
  pt: /\b(e|com|de|do|da|dos|das|para|um|uma|sistema|gerenciamento|gestao|cadastro|tarefas?|produtos?|carrinho|pedidos?|usuarios?|criar|adicionar|listar|comentarios|loja|aplicativo|ferramenta|linha|funcao|biblioteca|nao|ao)\b/g,
  es: /\b(y|con|de|del|el|la|los|las|para|un|una|sistema|gestion|tareas?|productos?|carrito|pedidos?|usuarios?|crear|agregar|anadir|listar|tienda|aplicacion|herramienta|linea|funcion|biblioteca|facturas?|contabilidad|comentarios)\b/g,
  de: /\b(und|mit|der|die|das|fur|fuer|ein|eine|einen|verwaltung|aufgaben|produkte|benutzer|warenkorb|erstellen|anwendung|werkzeug|kommandozeile|bibliothek|zum|zur)\b/g,
  fr: /\b(et|avec|le|la|les|des|du|pour|une|un|gestion|taches|produits|panier|utilisateurs|creer|ajouter|outil|ligne|bibliotheque)\b/g,
};
const OWN: Record<Exclude<Language, "en">, RegExp> = {
  pt: /[ãõ]|ção|ções|\bcom\b|\bcarrinho\b|\bprodutos?\b|\btarefas?\b/gi,
  es: /[ñ¿¡]|ción|ciones|\bcon\b|\bcarrito\b|\bproductos?\b|\btareas?\b|\bagregar\b/gi,
  de: /[äöüß]|\bund\b|\bmit\b/gi,
  fr: /[èêçœ]|\bavec\b|\bet\b/gi,
};
const ENGLISH =
  /\b(the|and|with|for|of|to|a|an|users?|tasks?|products?|that|can|system|management|tool|list|from)\b/g;

/** Language of a text; marks that only one language has weigh three times. */
export function detectLanguage(text: string): Language {
  const simple = plain(text);
  const count = (pattern: RegExp, within: string) => within.match(pattern)?.length ?? 0;
  let best: Language = "en";
  let score = count(ENGLISH, simple) || 0.5;
  for (const language of ["pt", "es", "de", "fr"] as const) {
    const points = count(MARKS[language], simple) + 3 * count(OWN[language], text.normalize("NFC"));
    if (points > score) {
      best = language;
      score = points;
    }
  }
  return best;
}

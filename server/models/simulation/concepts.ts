// The nouns that the simulation knows: their words in several languages and the fields such a record has.
// A field is written `key[:type][!][>=n][~]`: `!` required, `~` unique, types text (default), number, integer, boolean,
// email; `@a|b` after the type of `ref` names the concepts it may refer to.
import type { Language } from "./names";

export interface Concept {
  id: string;
  /** Plural in each language the simulation writes. */
  plural: Record<Language, string>;
  /** Further words, in any language, as stems. */
  also: string[];
  fields: string[];
}

/** One concept per line: id | en pt es de fr | further words | fields. */
const TABLE = `
product | products produtos productos produkte produits | item artikel mercadoria 产品 商品 製品 товар منتج منتجات 상품 | name! price:number!>=0 stock:integer>=0 description
category | categories categorias categorias kategorien categories | 分类 类别 категори فئات カテゴリ | name!~ description
user | users usuarios usuarios benutzer utilisateurs | utilizador conta account member membro miembro nutzer 用户 пользовател مستخدم مستخدمين ユーザー 사용자 | name! email:email!~ active:boolean
task | tasks tarefas tareas aufgaben taches | todo todos to-do to-dos 任务 待办 задач مهام مهمة タスク 할일 | title! description done:boolean priority:integer>=1 due
post | posts posts publicaciones beitraege articles | publicacao publicacoes publicacion entrada beitrag beitrage article artigo 文章 帖子 пост статьи مقالات 記事 | title! content! author
comment | comments comentarios comentarios kommentare commentaires | comentario kommentar 评论 комментари تعليقات コメント | ref:post|task|product|book|movie text! author!
tag | tags tags etiquetas tags etiquettes | label labels schlagwort 标签 тег وسوم タグ | name!~
customer | customers clientes clientes kunden clients | client kunde 客户 клиент عملاء 顧客 고객 | name! email:email!~ phone
order | orders pedidos pedidos bestellungen commandes | encomenda bestellung auftrag 订单 заказ طلبات 注文 주문 | ref:customer|user description! total:number>=0 paid:boolean
invoice | invoices faturas facturas rechnungen factures | fatura factura rechnung nota 发票 счет فواتير 請求書 | number!~ customer! total:number!>=0 date paid:boolean
payment | payments pagamentos pagos zahlungen paiements | pagamento pago zahlung 支付 платеж مدفوعات | ref:invoice|order|customer amount:number!>=0 method date
employee | employees funcionarios empleados mitarbeiter employes | colaborador staff 员工 сотрудник موظفين | name! email:email~ position salary:number>=0
supplier | suppliers fornecedores proveedores lieferanten fournisseurs | fornecedor proveedor 供应商 поставщик | name! email:email phone
book | books livros libros buecher livres | buch bucher 图书 书籍 书 книг كتب 本 | title! author! year:integer>=0 available:boolean
author | authors autores autores autoren auteurs | autor 作者 автор | name! country
loan | loans emprestimos prestamos ausleihen emprunts | emprestimo ausleihe 借阅 | ref:book|product borrower! date returned:boolean
student | students alunos estudiantes studenten etudiants | aluno alumno schueler 学生 студент طلاب 学生 | name! email:email~ year:integer>=1
teacher | teachers professores profesores lehrer professeurs | professor 教师 учител | name! subject
course | courses cursos cursos kurse cours | kurs 课程 курс دورات | title! description seats:integer>=0
event | events eventos eventos veranstaltungen evenements | veranstaltung 活动 событи أحداث | title! date! place
ticket | tickets chamados tickets tickets tickets | chamado bug incident incidente 工单 тикет | title! description closed:boolean priority:integer>=1
message | messages mensagens mensajes nachrichten messages | chat mensagem nachricht 消息 сообщени رسائل | sender! text!
note | notes notas notas notizen notes | notiz anotacao anotacoes 笔记 заметк ملاحظات | title! text
appointment | appointments agendamentos citas termine rendezvous | agendamento consulta cita termin booking 预约 записи مواعيد | name! date! confirmed:boolean
reservation | reservations reservas reservas reservierungen reservations | reserva 预订 бронировани حجوزات | ref:room|event|vehicle name! date! confirmed:boolean
room | rooms quartos habitaciones zimmer chambres | sala quarto habitacion 房间 комнат غرف | name!~ price:number>=0 seats:integer>=1
vehicle | vehicles veiculos vehiculos fahrzeuge vehicules | car carro coche auto 车辆 автомобил سيارات | plate!~ model! year:integer>=0
patient | patients pacientes pacientes patienten patients | 患者 病人 пациент مرضى | name! birth phone
doctor | doctors medicos medicos aerzte medecins | medico arzt 医生 врач أطباء | name! specialty
project | projects projetos proyectos projekte projets | projekt 项目 проект مشاريع | title! description active:boolean
recipe | recipes receitas recetas rezepte recettes | rezept receta 食谱 рецепт وصفات | title! ingredients! minutes:integer>=0
movie | movies filmes peliculas filme films | film pelicula 电影 фильм أفلام | title! year:integer>=0 seen:boolean
pet | pets pets mascotas haustiere animaux | animal animais 宠物 | name! species! age:integer>=0
contact | contacts contatos contactos kontakte contacts | kontakt agenda 联系人 контакт جهات | name! email:email phone
expense | expenses despesas gastos ausgaben depenses | despesa gasto ausgabe transaction transacao 支出 расход مصروفات | description! amount:number!>=0 date
review | reviews avaliacoes resenas bewertungen avis | avaliacao bewertung rating 评价 отзыв | ref:product|book|movie|course text! stars:integer!>=1
company | companies empresas empresas firmen entreprises | empresa firma 公司 компани شركات | name!~ country
habit | habits habitos habitos gewohnheiten habitudes | 习惯 привычк | title! done:boolean
link | links links enlaces links liens | url bookmark bookmarks 链接 ссылк | url! title
file | files arquivos archivos dateien fichiers | arquivo archivo documento document datei 文件 | name! size:integer>=0
cart | carts carrinhos carritos warenkoerbe paniers | carrinho carrito warenkorb panier basket 购物车 корзин سلة カート 장바구니 |
checkout | checkout checkout checkout kasse paiement | finalizar fechamento 结账 结算 оформление الدفع チェックアウト | `;

/** What people mean by a kind of system: the features it usually starts with. */
const DOMAINS: [RegExp, string[]][] = [
  [
    /e-?commerce|\b(loja|tienda|shop|store|onlineshop|boutique)\b|电商|商城|магазин|متجر/,
    ["product", "cart", "checkout"],
  ],
  [/\bblog\b|博客|блог|مدونة/, ["post", "comment", "tag"]],
  [/\b(biblioteca|library management|bibliothek)\b|图书馆/, ["book", "author", "loan"]],
  [/\b(escola|escuela|school|schule|universidade|universidad)\b|学校/, ["student", "teacher", "course"]],
  [/\b(clinica|clinic|hospital|praxis|consultorio)\b|医院/, ["patient", "doctor", "appointment"]],
  [/\bhotel\b|酒店|отель|فندق/, ["room", "reservation", "customer"]],
  [/\b(crm|vendas|ventas|sales)\b/, ["customer", "contact", "order"]],
  [/\b(inventory|estoque|inventario|lager|stock)\b|库存/, ["product", "supplier", "category"]],
  [/\b(kanban|to-?do|helpdesk)\b|待办/, ["task", "user", "category"]],
];

const FIELD_NAMES: Record<string, [pt: string, es: string, de: string, fr: string]> = {
  name: ["nome", "nombre", "name", "nom"],
  title: ["titulo", "titulo", "titel", "titre"],
  description: ["descricao", "descripcion", "beschreibung", "description"],
  price: ["preco", "precio", "preis", "prix"],
  stock: ["estoque", "existencias", "bestand", "stock"],
  active: ["ativo", "activo", "aktiv", "actif"],
  done: ["concluida", "completada", "erledigt", "terminee"],
  priority: ["prioridade", "prioridad", "prioritaet", "priorite"],
  due: ["prazo", "vence", "faellig", "echeance"],
  content: ["conteudo", "contenido", "inhalt", "contenu"],
  author: ["autor", "autor", "autor", "auteur"],
  text: ["texto", "texto", "text", "texte"],
  phone: ["telefone", "telefono", "telefon", "telephone"],
  total: ["total", "total", "summe", "total"],
  paid: ["pago", "pagado", "bezahlt", "paye"],
  number: ["numero", "numero", "nummer", "numero"],
  customer: ["cliente", "cliente", "kunde", "client"],
  date: ["data", "fecha", "datum", "date"],
  amount: ["valor", "importe", "betrag", "montant"],
  method: ["metodo", "metodo", "methode", "methode"],
  quantity: ["quantidade", "cantidad", "menge", "quantite"],
  subtotal: ["subtotal", "subtotal", "zwischensumme", "sous_total"],
  items: ["itens", "articulos", "positionen", "articles"],
  order: ["pedido", "pedido", "bestellung", "commande"],
  status: ["status", "estado", "status", "statut"],
};

export const CONCEPTS: Concept[] = TABLE.trim()
  .split("\n")
  .map((line) => {
    // The last column may hold `|` itself, between concepts that a field may refer to.
    const [id = "", words = "", also = "", ...rest] = line.split("|");
    const fields = rest.join("|");
    const [en = "", pt = en, es = en, de = en, fr = en] = words.trim().split(" ");
    return {
      id: id.trim(),
      plural: { en, pt, es, de, fr },
      also: also.trim().split(" ").filter(Boolean),
      fields: fields.trim().split(" ").filter(Boolean),
    };
  });

/** The concept with this id. */
export function conceptOf(id: string): Concept {
  return CONCEPTS.find((concept) => concept.id === id)!;
}

/** Concepts that a described system usually starts with, or an empty list. `text` is plain lower case. */
export function conceptsOfDomain(text: string): string[] {
  return DOMAINS.find(([pattern]) => pattern.test(text))?.[1] ?? [];
}

/** A field's name in the project's language. */
export function fieldName(key: string, language: Language): string {
  const column = { en: -1, pt: 0, es: 1, de: 2, fr: 3 }[language];
  return (column < 0 ? undefined : FIELD_NAMES[key]?.[column]) ?? key;
}

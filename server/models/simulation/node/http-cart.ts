// The cart of a JavaScript service: quantities, totals and stock.
import { sentence } from "../names";
import type { Bug, CartModule, SourceFile } from "../project";
import { sampleRecord } from "../samples";
import { forSource } from "../text";
import { nodeLiteral } from "./base";

/** The module of a cart. */
export function nodeCart(cart: CartModule): SourceFile {
  const { keys, items, path, products } = cart;
  const content = `import { conflict, invalid, notFound } from "../errors.js";
import { validate } from "../validation.js";

// ${sentence(forSource(cart.title, 40))}: products with quantities, and what they cost together.
const COLLECTION = "${cart.name}";

/** @type {Record<string, import("../validation.js").Field>} */
const QUANTITY = { ${keys.quantity}: { type: "integer", required: true, minimum: 1 } };
/** @type {Record<string, import("../validation.js").Field>} */
const ITEM = { ${keys.product}: { type: "integer", required: true, minimum: 1 }, ...QUANTITY };

/** @param {import("../router.js").Router} router */
export function register(router) {
  router.add("POST", "${path}", create);
  router.add("GET", "${path}/:id", read);
  router.add("DELETE", "${path}/:id", remove);
  router.add("POST", "${path}/:id/${items}", addItem);
  router.add("PATCH", "${path}/:id/${items}/:product", changeItem);
  router.add("DELETE", "${path}/:id/${items}/:product", removeItem);
}

function create({ body, store }) {
  validate(body, {});
  return { status: 201, body: view(store, store.insert(COLLECTION, { ${items}: [] })) };
}

function read({ params, store }) {
  return { status: 200, body: view(store, find(store, params.id)) };
}

function remove({ params, store }) {
  const cart = find(store, params.id);
  store.delete(COLLECTION, cart.id);
  return { status: 204 };
}

/** Adds a quantity of a product to what is in the cart already. */
function addItem({ params, body, store }) {
  const values = validate(body, ITEM);
  const cart = find(store, params.id);
  const product = store.get("${products.name}", values.${keys.product});
  if (!product) throw invalid({ ${keys.product}: "names no record" });
  const quantity = quantityOf(cart, product.id) + values.${keys.quantity};
  checkStock(product, quantity);
  return { status: 201, body: setQuantity(store, cart, product.id, quantity) };
}

function changeItem({ params, body, store }) {
  const { ${keys.quantity}: quantity } = validate(body, QUANTITY);
  const { cart, product } = findItem(store, params);
  checkStock(product, quantity);
  return { status: 200, body: setQuantity(store, cart, product.id, quantity) };
}

function removeItem({ params, store }) {
  const { cart, product } = findItem(store, params);
  return { status: 200, body: setQuantity(store, cart, product.id, 0) };
}

/** The cart with current prices, subtotals and the total. */
export function view(store, cart) {
  const lines = [];
  for (const item of cart.${items}) {
    const product = store.get("${products.name}", item.${keys.product});
    if (!product) continue;
    const price = product.${keys.price};
    lines.push({ ...item, ${keys.price}: price, ${keys.subtotal}: cents(price * item.${keys.quantity}) });
  }
  const sum = lines.reduce((total, line) => total + line.${keys.subtotal}, 0);
  return { id: cart.id, ${items}: lines, ${keys.total}: cents(sum) };
}

export function checkStock(product, quantity) {
  const available = product.${keys.stock} ?? 0;
  if (quantity > available) {
    throw conflict(\`Only \${available} in stock.\`, { ${keys.quantity}: "is more than in stock" });
  }
}

/** An amount rounded to cents. */
function cents(amount) {
  return Math.round(amount * 100) / 100;
}

function quantityOf(cart, productId) {
  return cart.${items}.find((item) => item.${keys.product} === productId)?.${keys.quantity} ?? 0;
}

/** Stores a new quantity, taking the item out at zero, and gives the cart's view. */
function setQuantity(store, cart, productId, quantity) {
  const items = cart.${items}.filter((item) => item.${keys.product} !== productId);
  if (quantity > 0) items.push({ ${keys.product}: productId, ${keys.quantity}: quantity });
  return view(store, store.update(COLLECTION, cart.id, { ${items}: items }));
}

function find(store, id) {
  const cart = store.get(COLLECTION, id);
  if (!cart) throw notFound(\`No record \${id} in \${COLLECTION}.\`);
  return cart;
}

/** The cart and the product of the item that the path names. */
function findItem(store, params) {
  const cart = find(store, params.id);
  const product = store.get("${products.name}", params.product);
  if (!product || quantityOf(cart, product.id) === 0) throw notFound("There is no such item in the cart.");
  return { cart, product };
}
`;
  const bugs: Bug[] = [
    {
      right: `cents(price * item.${keys.quantity})`,
      wrong: `cents(price + item.${keys.quantity})`,
      why: "a subtotal added price and quantity instead of multiplying them",
    },
    {
      right: "  if (quantity > available) {\n",
      wrong: "  if (quantity > available + 1) {\n",
      why: "one piece more than is in stock could be put into the cart",
    },
    {
      right: `quantityOf(cart, product.id) + values.${keys.quantity}`,
      wrong: `values.${keys.quantity}`,
      why: "adding a product a second time forgot the quantity that was in the cart already",
    },
  ];
  return { path: `src/features/${cart.name}.js`, content, bugs };
}

/** A function `start` for tests: the service with a product and a cart. */
export function nodeCartMaker(cart: CartModule): string {
  const { keys, items, path, products } = cart;
  const record = { ...sampleRecord(products), [keys.price]: 10.5, [keys.stock]: 5 };
  const rows = Object.entries(record).map(([name, value]) => `    ${name}: ${nodeLiteral(value)},\n`);
  return `async function start(t) {
  const { call } = await startService(t);
  const { body: product } = await call("POST", "${products.path}", {
${rows.join("")}  });
  const { body: cart } = await call("POST", "${path}", {});
  const items = \`${path}/\${cart.id}/${items}\`;
  const add = (quantity) => call("POST", items, { ${keys.product}: product.id, ${keys.quantity}: quantity });
  const readCart = async () => (await call("GET", \`${path}/\${cart.id}\`)).body;
  return { call, product, cart, items, add, readCart };
}
`;
}

const TEST_HEAD = `import assert from "node:assert/strict";
import { test } from "node:test";
import { startService } from "../support/client.js";

`;

/** Tests of a cart over HTTP. */
export function nodeCartTest(cart: CartModule): SourceFile {
  const { keys, items, path, name } = cart;
  const content = `${TEST_HEAD}${nodeCartMaker(cart)}
test("${name}: a new one is empty", async (t) => {
  const { cart, readCart } = await start(t);
  assert.deepEqual(cart.${items}, []);
  assert.equal((await readCart()).${keys.total}, 0);
});

test("${name}: totals", async (t) => {
  const { add, readCart } = await start(t);
  const { status, body } = await add(2);
  assert.equal(status, 201);
  assert.equal(body.${items}[0].${keys.subtotal}, 21);
  assert.equal((await readCart()).${keys.total}, 21);
});

test("${name}: adding again adds up", async (t) => {
  const { add, readCart } = await start(t);
  await add(1);
  await add(2);
  assert.deepEqual((await readCart()).${items}.map((item) => item.${keys.quantity}), [3]);
});

test("${name}: stock is the limit", async (t) => {
  const { add, readCart } = await start(t);
  assert.equal((await add(5)).status, 201);
  const { status, body } = await add(1);
  assert.equal(status, 409);
  assert.equal(body.error.code, "conflict");
  assert.equal((await readCart()).${keys.total}, 52.5);
});

test("${name}: change and remove an item", async (t) => {
  const { call, add, items, product } = await start(t);
  await add(1);
  const item = \`\${items}/\${product.id}\`;
  assert.equal((await call("PATCH", item, { ${keys.quantity}: 4 })).body.${keys.total}, 42);
  assert.equal((await call("PATCH", item, { ${keys.quantity}: 6 })).status, 409);
  assert.deepEqual((await call("DELETE", item)).body.${items}, []);
  assert.equal((await call("DELETE", item)).status, 404);
});

test("${name}: bad input is refused", async (t) => {
  const { call, add, items } = await start(t);
  assert.equal((await add(0)).status, 422);
  assert.equal((await add("two")).status, 422);
  const { status, body } = await call("POST", items, { ${keys.product}: 999, ${keys.quantity}: 1 });
  assert.equal(status, 422);
  assert.deepEqual(Object.keys(body.error.details), ["${keys.product}"]);
});

test("${name}: an unknown cart is not found", async (t) => {
  const { call, product } = await start(t);
  assert.equal((await call("GET", "${path}/999")).status, 404);
  const item = { ${keys.product}: product.id, ${keys.quantity}: 1 };
  assert.equal((await call("POST", "${path}/999/${items}", item)).status, 404);
});

test("${name}: delete", async (t) => {
  const { call, cart } = await start(t);
  assert.equal((await call("DELETE", \`${path}/\${cart.id}\`)).status, 204);
  assert.equal((await call("GET", \`${path}/\${cart.id}\`)).status, 404);
});
`;
  return { path: `test/${name}.test.js`, content };
}

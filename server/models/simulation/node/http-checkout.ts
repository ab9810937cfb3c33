// The checkout of a JavaScript service: orders made of carts.
import { sentence } from "../names";
import type { Bug, CheckoutModule, SourceFile } from "../project";
import { forSource } from "../text";
import { nodeCartMaker } from "./http-cart";

const TEST_HEAD = `import assert from "node:assert/strict";
import { test } from "node:test";
import { startService } from "../support/client.js";

`;

/** The module of a checkout. */
export function nodeCheckout(checkout: CheckoutModule): SourceFile {
  const { cart, keys, path, orders } = checkout;
  const { products, items } = cart;
  const content = `import { conflict, invalid, notFound } from "../errors.js";
import { validate } from "../validation.js";
import { checkStock, view } from "./${cart.name}.js";

// ${sentence(forSource(checkout.title, 40))}: turns a cart into an order.
const ORDERS = "${checkout.name}_orders";

/** @type {Record<string, import("../validation.js").Field>} */
const FIELDS = {
  ${keys.cart}: { type: "integer", required: true, minimum: 1 },
  ${keys.customer}: { type: "text", required: true },
};

/** @param {import("../router.js").Router} router */
export function register(router) {
  router.add("POST", "${path}", checkOut);
  router.add("GET", "${orders}", listOrders);
  router.add("GET", "${orders}/:id", readOrder);
}

/** Makes an order of everything in the cart, or of nothing when one product is short. */
function checkOut({ body, store }) {
  const values = validate(body, FIELDS);
  const cart = store.get("${cart.name}", values.${keys.cart});
  if (!cart) throw invalid({ ${keys.cart}: "names no record" });
  const content = view(store, cart);
  if (content.${items}.length === 0) throw conflict("The cart is empty.");
  for (const item of content.${items}) checkStock(productOf(store, item), item.${cart.keys.quantity});
  for (const item of content.${items}) {
    const product = productOf(store, item);
    const left = product.${cart.keys.stock} - item.${cart.keys.quantity};
    store.update("${products.name}", product.id, { ${cart.keys.stock}: left });
  }
  const order = {
    ${keys.customer}: values.${keys.customer},
    ${items}: content.${items},
    ${cart.keys.total}: content.${cart.keys.total},
    ${keys.status}: "placed",
  };
  store.update("${cart.name}", cart.id, { ${items}: [] });
  return { status: 201, body: store.insert(ORDERS, order) };
}

function listOrders({ store }) {
  const items = store.all(ORDERS);
  return { status: 200, body: { items, total: items.length } };
}

function readOrder({ params, store }) {
  const order = store.get(ORDERS, params.id);
  if (!order) throw notFound("There is no such order.");
  return { status: 200, body: order };
}

function productOf(store, item) {
  return store.get("${products.name}", item.${cart.keys.product});
}
`;
  const bugs: Bug[] = [
    {
      right: `product.${cart.keys.stock} - item.${cart.keys.quantity}`,
      wrong: `product.${cart.keys.stock} - 1`,
      why: "an order took one piece from the stock whatever quantity was ordered",
    },
    {
      right: `cart.id, { ${items}: [] })`,
      wrong: `cart.id, { ${items}: cart.${items} })`,
      why: "the cart kept its items after the order was placed",
    },
    {
      right: `if (content.${items}.length === 0)`,
      wrong: `if (!content.${items})`,
      why: "an empty cart was not recognised, so it became an order without items",
    },
  ];
  return { path: `src/features/${checkout.name}.js`, content, bugs };
}

/** Tests of a checkout over HTTP. */
export function nodeCheckoutTest(checkout: CheckoutModule): SourceFile {
  const { cart, keys, path, orders, name } = checkout;
  const { products, items } = cart;
  const content = `${TEST_HEAD}${nodeCartMaker(cart)}
async function startCheckout(t) {
  const service = await start(t);
  const { call, cart, product } = service;
  const checkOut = () => call("POST", "${path}", { ${keys.cart}: cart.id, ${keys.customer}: "Maria" });
  const stock = async () => (await call("GET", \`${products.path}/\${product.id}\`)).body.${cart.keys.stock};
  return { ...service, checkOut, stock };
}

test("${name}: an order", async (t) => {
  const { call, add, checkOut } = await startCheckout(t);
  await add(3);
  const { status, body: order } = await checkOut();
  assert.equal(status, 201);
  assert.equal(order.${cart.keys.total}, 31.5);
  assert.equal(order.${keys.customer}, "Maria");
  assert.deepEqual(order.${items}.map((item) => item.${cart.keys.quantity}), [3]);
  assert.deepEqual((await call("GET", \`${orders}/\${order.id}\`)).body, order);
  assert.deepEqual((await call("GET", "${orders}")).body, { items: [order], total: 1 });
});

test("${name}: an order takes stock and empties the cart", async (t) => {
  const { add, checkOut, stock, readCart } = await startCheckout(t);
  await add(3);
  await checkOut();
  assert.equal(await stock(), 2);
  assert.deepEqual((await readCart()).${items}, []);
});

test("${name}: an empty cart is refused", async (t) => {
  const { call, checkOut } = await startCheckout(t);
  const { status, body } = await checkOut();
  assert.equal(status, 409);
  assert.equal(body.error.code, "conflict");
  assert.equal((await call("GET", "${orders}")).body.total, 0);
});

test("${name}: stock that went meanwhile is noticed", async (t) => {
  const { call, add, checkOut, product, stock } = await startCheckout(t);
  await add(3);
  await call("PATCH", \`${products.path}/\${product.id}\`, { ${cart.keys.stock}: 2 });
  assert.equal((await checkOut()).status, 409);
  assert.equal(await stock(), 2);
});

test("${name}: bad input is refused", async (t) => {
  const { call } = await startCheckout(t);
  assert.equal((await call("POST", "${path}", {})).status, 422);
  const { status, body } = await call("POST", "${path}", { ${keys.cart}: 999, ${keys.customer}: "Maria" });
  assert.equal(status, 422);
  assert.deepEqual(Object.keys(body.error.details), ["${keys.cart}"]);
});

test("${name}: an unknown order is not found", async (t) => {
  const { call } = await startCheckout(t);
  assert.equal((await call("GET", "${orders}/999")).status, 404);
});
`;
  return { path: `test/${name}.test.js`, content };
}

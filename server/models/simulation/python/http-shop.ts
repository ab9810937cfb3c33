// Cart and checkout of a Python service: totals, stock, and orders made of carts.
import { sentence } from "../names";
import type { Bug, CartModule, CheckoutModule, SourceFile } from "../project";
import { sampleRecord } from "../samples";
import { forSource } from "../text";
import { pythonConstant, pythonLiteral } from "./base";

/** The module of a cart. */
export function pythonCart(cart: CartModule): SourceFile {
  const { keys, items, path, products } = cart;
  const content = `"""${sentence(forSource(cart.title, 40))}: products with quantities, and what they cost together."""

from app.errors import Conflict, Invalid, NotFound
from app.validation import Field, validate

${pythonConstant("PATH", path)}COLLECTION = "${cart.name}"
QUANTITY = {"${keys.quantity}": Field(int, required=True, minimum=1)}
ITEM = {"${keys.product}": Field(int, required=True, minimum=1), **QUANTITY}


def register(router):
    router.add("POST", PATH, create)
    router.add("GET", f"{PATH}/:id", read)
    router.add("DELETE", f"{PATH}/:id", delete)
    router.add("POST", f"{PATH}/:id/${items}", add_item)
    router.add("PATCH", f"{PATH}/:id/${items}/:product", change_item)
    router.add("DELETE", f"{PATH}/:id/${items}/:product", remove_item)


def create(request):
    validate(request.body, {})
    return 201, view(request.store, request.store.insert(COLLECTION, {"${items}": []}))


def read(request):
    return 200, view(request.store, find(request.store, request.params["id"]))


def delete(request):
    cart = find(request.store, request.params["id"])
    request.store.delete(COLLECTION, cart["id"])
    return 204, None


def add_item(request):
    """Add a quantity of a product to what is in the cart already."""
    values = validate(request.body, ITEM)
    with request.store.lock:
        cart = find(request.store, request.params["id"])
        product = request.store.get("${products.name}", values["${keys.product}"])
        if product is None:
            raise Invalid("Some fields are not valid.", {"${keys.product}": "names no record"})
        quantity = quantity_of(cart, product["id"]) + values["${keys.quantity}"]
        check_stock(product, quantity)
        return 201, set_quantity(request.store, cart, product["id"], quantity)


def change_item(request):
    values = validate(request.body, QUANTITY)
    with request.store.lock:
        cart, product = find_item(request)
        check_stock(product, values["${keys.quantity}"])
        return 200, set_quantity(request.store, cart, product["id"], values["${keys.quantity}"])


def remove_item(request):
    with request.store.lock:
        cart, product = find_item(request)
        return 200, set_quantity(request.store, cart, product["id"], 0)


def view(store, cart):
    """Return the cart with current prices, subtotals and the total."""
    lines = []
    for item in cart["${items}"]:
        product = store.get("${products.name}", item["${keys.product}"])
        if product is not None:
            price = product["${keys.price}"]
            subtotal = round(price * item["${keys.quantity}"], 2)
            lines.append({**item, "${keys.price}": price, "${keys.subtotal}": subtotal})
    total = round(sum(line["${keys.subtotal}"] for line in lines), 2)
    return {"id": cart["id"], "${items}": lines, "${keys.total}": total}


def check_stock(product, quantity):
    available = product["${keys.stock}"] or 0
    if quantity > available:
        raise Conflict(f"Only {available} in stock.", {"${keys.quantity}": "is more than in stock"})


def quantity_of(cart, product_id):
    quantities = {item["${keys.product}"]: item["${keys.quantity}"] for item in cart["${items}"]}
    return quantities.get(product_id, 0)


def set_quantity(store, cart, product_id, quantity):
    """Store a new quantity, taking the item out at zero, and return the cart's view."""
    items = [item for item in cart["${items}"] if item["${keys.product}"] != product_id]
    if quantity > 0:
        items.append({"${keys.product}": product_id, "${keys.quantity}": quantity})
    return view(store, store.update(COLLECTION, cart["id"], {"${items}": items}))


def find(store, key):
    """Return the cart or raise NotFound."""
    cart = store.get(COLLECTION, key)
    if cart is None:
        raise NotFound(f"No record {key} in {COLLECTION}.")
    return cart


def find_item(request):
    """Return the cart and the product of the item that the path names."""
    cart = find(request.store, request.params["id"])
    product = request.store.get("${products.name}", request.params["product"])
    if product is None or quantity_of(cart, product["id"]) == 0:
        raise NotFound("There is no such item in the cart.")
    return cart, product
`;
  const bugs: Bug[] = [
    {
      right: `round(price * item["${keys.quantity}"], 2)`,
      wrong: `round(price + item["${keys.quantity}"], 2)`,
      why: "a subtotal added price and quantity instead of multiplying them",
    },
    {
      right: "    if quantity > available:\n",
      wrong: "    if quantity > available + 1:\n",
      why: "one piece more than is in stock could be put into the cart",
    },
    {
      right: `quantity_of(cart, product["id"]) + values["${keys.quantity}"]`,
      wrong: `values["${keys.quantity}"]`,
      why: "adding a product a second time forgot the quantity that was in the cart already",
    },
  ];
  return { path: `app/features/${cart.name}.py`, content, bugs };
}

/** Methods of a test class that make a product and a cart. */
function makers(cart: CartModule): string {
  const { keys, items, products } = cart;
  const record = { ...sampleRecord(products), [keys.price]: 10.5, [keys.stock]: 5 };
  const rows = Object.entries(record).map(
    ([name, value]) => `            "${name}": ${pythonLiteral(value)},\n`,
  );
  return `    def setUp(self):
        super().setUp()
        product = {
${rows.join("")}        }
        self.product = self.call("POST", PRODUCTS, product)[1]
        self.cart = self.call("POST", CARTS, {})[1]
        self.items = f"{CARTS}/{self.cart['id']}/${items}"

    def add(self, quantity):
        item = {"${keys.product}": self.product["id"], "${keys.quantity}": quantity}
        return self.call("POST", self.items, item)
`;
}

/** Tests of a cart over HTTP. */
export function pythonCartTest(cart: CartModule, className: string): SourceFile {
  const { keys, items, path } = cart;
  const content = `from tests.client import ServiceTestCase

${pythonConstant("PRODUCTS", cart.products.path)}${pythonConstant("CARTS", path)}

class ${className}Test(ServiceTestCase):
${makers(cart)}
    def read(self):
        return self.call("GET", f"{CARTS}/{self.cart['id']}")[1]

    def test_new_cart_is_empty(self):
        self.assertEqual(self.cart["${items}"], [])
        self.assertEqual(self.read()["${keys.total}"], 0)

    def test_totals(self):
        status, answer = self.add(2)
        self.assertEqual(status, 201)
        self.assertEqual(answer["${items}"][0]["${keys.subtotal}"], 21.0)
        self.assertEqual(self.read()["${keys.total}"], 21.0)

    def test_adding_again_adds_up(self):
        self.add(1)
        self.add(2)
        self.assertEqual([item["${keys.quantity}"] for item in self.read()["${items}"]], [3])

    def test_stock_is_the_limit(self):
        self.assertEqual(self.add(5)[0], 201)
        status, answer = self.add(1)
        self.assertEqual((status, answer["error"]["code"]), (409, "conflict"))
        self.assertEqual(self.read()["${keys.total}"], 52.5)

    def test_change_and_remove_item(self):
        self.add(1)
        item = f"{self.items}/{self.product['id']}"
        self.assertEqual(self.call("PATCH", item, {"${keys.quantity}": 4})[1]["${keys.total}"], 42.0)
        self.assertEqual(self.call("PATCH", item, {"${keys.quantity}": 6})[0], 409)
        self.assertEqual(self.call("DELETE", item)[1]["${items}"], [])
        self.assertEqual(self.call("DELETE", item)[0], 404)

    def test_bad_input(self):
        self.assertEqual(self.add(0)[0], 422)
        self.assertEqual(self.add("two")[0], 422)
        unknown = {"${keys.product}": 999, "${keys.quantity}": 1}
        status, answer = self.call("POST", self.items, unknown)
        self.assertEqual(status, 422)
        self.assertEqual(list(answer["error"]["details"]), ["${keys.product}"])

    def test_unknown_cart(self):
        self.assertEqual(self.call("GET", f"{CARTS}/999")[0], 404)
        item = {"${keys.product}": self.product["id"], "${keys.quantity}": 1}
        self.assertEqual(self.call("POST", f"{CARTS}/999/${items}", item)[0], 404)

    def test_delete(self):
        address = f"{CARTS}/{self.cart['id']}"
        self.assertEqual(self.call("DELETE", address), (204, None))
        self.assertEqual(self.call("GET", address)[0], 404)
`;
  return { path: `tests/test_${cart.name}.py`, content };
}

/** The module of a checkout. */
export function pythonCheckout(checkout: CheckoutModule): SourceFile {
  const { cart, keys, path, orders } = checkout;
  const { products, items } = cart;
  const content = `"""${sentence(forSource(checkout.title, 40))}: turns a cart into an order."""

from app.errors import Conflict, Invalid, NotFound
from app.features.${cart.name} import check_stock, view
from app.validation import Field, validate

${pythonConstant("PATH", path)}${pythonConstant("ORDERS_PATH", orders)}ORDERS = "${checkout.name}_orders"
FIELDS = {
    "${keys.cart}": Field(int, required=True, minimum=1),
    "${keys.customer}": Field(str, required=True),
}


def register(router):
    router.add("POST", PATH, check_out)
    router.add("GET", ORDERS_PATH, list_orders)
    router.add("GET", f"{ORDERS_PATH}/:id", read_order)


def check_out(request):
    """Make an order of everything in the cart, or of nothing when one product is short."""
    values = validate(request.body, FIELDS)
    store = request.store
    with store.lock:
        cart = store.get("${cart.name}", values["${keys.cart}"])
        if cart is None:
            raise Invalid("Some fields are not valid.", {"${keys.cart}": "names no record"})
        content = view(store, cart)
        if not content["${items}"]:
            raise Conflict("The cart is empty.")
        for item in content["${items}"]:
            check_stock(product_of(store, item), item["${cart.keys.quantity}"])
        for item in content["${items}"]:
            product = product_of(store, item)
            left = product["${cart.keys.stock}"] - item["${cart.keys.quantity}"]
            store.update("${products.name}", product["id"], {"${cart.keys.stock}": left})
        order = {
            "${keys.customer}": values["${keys.customer}"],
            "${items}": content["${items}"],
            "${cart.keys.total}": content["${cart.keys.total}"],
            "${keys.status}": "placed",
        }
        store.update("${cart.name}", cart["id"], {"${items}": []})
        return 201, store.insert(ORDERS, order)


def list_orders(request):
    records = request.store.all(ORDERS)
    return 200, {"items": records, "total": len(records)}


def read_order(request):
    order = request.store.get(ORDERS, request.params["id"])
    if order is None:
        raise NotFound("There is no such order.")
    return 200, order


def product_of(store, item):
    return store.get("${products.name}", item["${cart.keys.product}"])
`;
  const bugs: Bug[] = [
    {
      right: `product["${cart.keys.stock}"] - item["${cart.keys.quantity}"]`,
      wrong: `product["${cart.keys.stock}"] - 1`,
      why: "an order took one piece from the stock whatever quantity was ordered",
    },
    {
      right: `cart["id"], {"${items}": []})`,
      wrong: `cart["id"], {"${items}": cart["${items}"]})`,
      why: "the cart kept its items after the order was placed",
    },
    {
      right: `        if not content["${items}"]:\n`,
      wrong: `        if content["${items}"] is None:\n`,
      why: "an empty cart was not recognised, so it became an order without items",
    },
  ];
  return { path: `app/features/${checkout.name}.py`, content, bugs };
}

/** Tests of a checkout over HTTP. */
export function pythonCheckoutTest(checkout: CheckoutModule, className: string): SourceFile {
  const { cart, keys, path, orders } = checkout;
  const { products, items } = cart;
  const content = `from tests.client import ServiceTestCase

${pythonConstant("PRODUCTS", products.path)}${pythonConstant("CARTS", cart.path)}${pythonConstant("PATH", path)}${pythonConstant("ORDERS", orders)}

class ${className}Test(ServiceTestCase):
${makers(cart)}
    def check_out(self):
        body = {"${keys.cart}": self.cart["id"], "${keys.customer}": "Maria"}
        return self.call("POST", PATH, body)

    def stock(self):
        return self.call("GET", f"{PRODUCTS}/{self.product['id']}")[1]["${cart.keys.stock}"]

    def test_order(self):
        self.add(3)
        status, order = self.check_out()
        self.assertEqual(status, 201)
        self.assertEqual(order["${cart.keys.total}"], 31.5)
        self.assertEqual(order["${keys.customer}"], "Maria")
        self.assertEqual([item["${cart.keys.quantity}"] for item in order["${items}"]], [3])
        self.assertEqual(self.call("GET", f"{ORDERS}/{order['id']}"), (200, order))
        self.assertEqual(self.call("GET", ORDERS)[1], {"items": [order], "total": 1})

    def test_order_takes_stock_and_empties_the_cart(self):
        self.add(3)
        self.check_out()
        self.assertEqual(self.stock(), 2)
        self.assertEqual(self.call("GET", f"{CARTS}/{self.cart['id']}")[1]["${items}"], [])

    def test_empty_cart(self):
        status, answer = self.check_out()
        self.assertEqual((status, answer["error"]["code"]), (409, "conflict"))
        self.assertEqual(self.call("GET", ORDERS)[1]["total"], 0)

    def test_stock_that_went_meanwhile(self):
        self.add(3)
        address = f"{PRODUCTS}/{self.product['id']}"
        self.call("PATCH", address, {"${cart.keys.stock}": 2})
        self.assertEqual(self.check_out()[0], 409)
        self.assertEqual(self.stock(), 2)

    def test_bad_input(self):
        self.assertEqual(self.call("POST", PATH, {})[0], 422)
        body = {"${keys.cart}": 999, "${keys.customer}": "Maria"}
        status, answer = self.call("POST", PATH, body)
        self.assertEqual(status, 422)
        self.assertEqual(list(answer["error"]["details"]), ["${keys.cart}"])

    def test_unknown_order(self):
        self.assertEqual(self.call("GET", f"{ORDERS}/999")[0], 404)
`;
  return { path: `tests/test_${checkout.name}.py`, content };
}

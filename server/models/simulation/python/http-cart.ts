// The cart of a Python service: quantities, totals and stock.
import { sentence } from "../names";
import type { Bug, CartModule, SourceFile } from "../project";
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
export function pythonCartMaker(cart: CartModule): string {
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
${pythonCartMaker(cart)}
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

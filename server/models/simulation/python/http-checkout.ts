// The checkout of a Python service: orders made of carts.
import { sentence } from "../names";
import type { Bug, CheckoutModule, SourceFile } from "../project";
import { forSource } from "../text";
import { pythonConstant } from "./base";
import { pythonCartMaker } from "./http-cart";

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
${pythonCartMaker(cart)}
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

// Decides task by task which modules a title adds, knowing those of the tasks before it.
import { conceptOf, fieldName } from "./concepts";
import { functionFor } from "./functions";
import { type FeatureIntent, type Route, readFeature } from "./intent";
import { identifier, type Language, plain, singular, slug } from "./names";
import type { CartModule, CheckoutModule, FieldSpec, Kind, Module, ResourceModule } from "./project";

export class PlanBuilder {
  private readonly modules: Module[] = [];

  constructor(
    private readonly kind: Kind,
    private readonly language: Language,
  ) {}

  /** Modules that task n adds; never empty. */
  modulesFor(title: string, n: number): Module[] {
    const before = this.modules.length;
    const intent = readFeature(title, this.language);
    if (this.kind !== "http") this.addOffline(title, intent, n);
    else if (intent.routes.length > 0) for (const route of intent.routes) this.addRoute(route, title, n);
    else this.addFeature(title, intent, n);
    if (this.modules.length === before)
      this.addResource(title, slug(title), null, `/api/${slug(title) || `resource_${n}`}`, n);
    return this.modules.slice(before);
  }

  private addOffline(title: string, intent: FeatureIntent, n: number): void {
    const id = functionFor(title);
    if (id) {
      this.modules.push({ shape: "function", id, title, name: this.freeName(id, n) });
      return;
    }
    const plainIntent =
      intent.concept === "cart" || intent.concept === "checkout" ? { ...intent, concept: null } : intent;
    this.addFeature(title, plainIntent, n);
  }

  private addFeature(title: string, intent: FeatureIntent, n: number): void {
    if (intent.concept === "checkout") return void this.checkout(title, intent.noun, n);
    if (intent.concept === "cart") return void this.cart(title, intent.noun, n);
    const known = this.resource((resource) =>
      intent.concept
        ? resource.concept === intent.concept
        : intent.noun
          ? resource.path === `/api/${intent.noun}`
          : false,
    );
    const target = known ?? (intent.wish && !intent.noun ? this.resource(() => true) : undefined);
    const resource =
      target ??
      this.addResource(title, intent.noun, intent.concept, `/api/${intent.noun || `resource_${n}`}`, n);
    if (target || intent.wish) this.addView(title, intent, resource, n);
  }

  /** A further feature of records that are there already: search, summary, or a named step in their life. */
  private addView(title: string, intent: FeatureIntent, resource: ResourceModule, n: number): void {
    const free = (shape: Module["shape"]) =>
      !this.modules.some(
        (module) => module.shape === shape && "resource" in module && module.resource === resource,
      );
    const wish =
      intent.wish ??
      (/\b(list\w*|ver|show|view|get|ler|read|anzeigen|voir)\b/.test(plain(title)) ? "search" : null);
    if (wish && free(wish)) {
      const name = this.freeName(`${resource.name}_${wish}`, n);
      this.modules.push({ shape: wish, title, name, path: `${resource.path}/${wish}`, resource });
      return;
    }
    const verb = identifier(title, `step_${n}`);
    const path = `${resource.path}/:id/${verb.replaceAll("_", "-")}`;
    this.modules.push({
      shape: "action",
      title,
      name: this.freeName(verb, n),
      method: "POST",
      path,
      verb,
      resource,
    });
  }

  private addRoute({ method, path }: Route, title: string, n: number): void {
    const [, base = path, rest = ""] = /^(.*?)\/:id(?:\/(.+))?$/.exec(path) ?? [];
    if (!base) return;
    const noun = lastWord(base);
    const existing = this.resource((resource) => resource.path === base);
    // Every service answers /health itself.
    const own = base === "/health" ? "/api/health" : base;
    const resource = existing ?? this.addResource(noun, slug(noun), this.conceptOfNoun(noun), own, n);
    if (!rest) return;
    if (/pdf$/i.test(rest)) {
      this.modules.push({
        shape: "document",
        title,
        name: this.freeName(`${resource.name}_pdf`, n),
        path,
        resource,
      });
      return;
    }
    const verb = identifier(rest.replace(/:id\d*/g, ""), `step_${n}`);
    this.modules.push({
      shape: "action",
      title,
      name: this.freeName(`${resource.name}_${verb}`, n),
      method,
      path,
      verb,
      resource,
    });
  }

  private conceptOfNoun(noun: string): string | null {
    const { concept } = readFeature(noun.replace(/[-_.]/g, " "), this.language);
    return concept === "cart" || concept === "checkout" ? null : concept;
  }

  private cart(title: string, noun: string, n: number): CartModule {
    const products =
      this.resource((resource) => resource.concept === "product") ?? this.implied("product", n);
    const known = this.modules.find((module): module is CartModule => module.shape === "cart");
    const name = this.freeName(known ? slug(title) : noun, n);
    const key = (field: string) => fieldName(field, this.language);
    const cart: CartModule = {
      shape: "cart",
      title,
      name,
      path: `/api/${name}`,
      items: key("items"),
      singular: singular(name, this.language),
      products,
      keys: {
        product: `${products.singular}_id`,
        price: key("price"),
        stock: key("stock"),
        quantity: key("quantity"),
        subtotal: key("subtotal"),
        total: key("total"),
      },
    };
    this.modules.push(cart);
    return cart;
  }

  private checkout(title: string, noun: string, n: number): CheckoutModule {
    const known = this.modules.find((module): module is CartModule => module.shape === "cart");
    const words = conceptOf("cart").plural[this.language];
    const cart = known ?? this.cart(words, words, n);
    const name = this.freeName(noun, n);
    const key = (field: string) => fieldName(field, this.language);
    const taken = this.resource((resource) => resource.concept === "order");
    const orders = `/api/${conceptOf("order").plural[this.language]}`;
    const checkout: CheckoutModule = {
      shape: "checkout",
      title,
      name,
      path: `/api/${name}`,
      orders: taken?.path === orders ? `/api/${name}/${lastWord(orders)}` : orders,
      cart,
      keys: {
        cart: `${cart.singular}_id`,
        order: key("order"),
        customer: key("customer"),
        status: key("status"),
      },
    };
    this.modules.push(checkout);
    return checkout;
  }

  private implied(concept: string, n: number): ResourceModule {
    const noun = conceptOf(concept).plural[this.language];
    return this.addResource(noun, noun, concept, `/api/${noun}`, n);
  }

  private addResource(
    title: string,
    noun: string,
    concept: string | null,
    path: string,
    n: number,
  ): ResourceModule {
    const name = this.freeName(noun, n);
    const resource: ResourceModule = {
      shape: "resource",
      title,
      name,
      path: this.resource((other) => other.path === path) ? `/api/${name}` : path,
      singular: singular(name, this.language),
      concept,
      fields: this.fieldsOf(concept),
    };
    this.modules.push(resource);
    return resource;
  }

  private fieldsOf(concept: string | null): FieldSpec[] {
    const written = concept ? conceptOf(concept).fields : [];
    const specs = written.length > 0 ? written : ["name!", "description", "active:boolean"];
    return specs.flatMap((text) => this.field(text));
  }

  private field(text: string): FieldSpec[] {
    const refer = /^ref:(.+)$/.exec(text)?.[1]?.split("|");
    if (refer) {
      const parent = this.resource(
        (resource) => resource.concept !== null && refer.includes(resource.concept),
      );
      if (!parent || this.kind !== "http") return [];
      return [
        {
          name: `${parent.singular}_id`,
          type: "integer",
          required: true,
          minimum: 1,
          refersTo: parent.name,
          parent,
        },
      ];
    }
    const [, key = text, type = "text", required, minimum, once] =
      /^([a-z_]+)(?::(number|integer|boolean|email))?(!)?(?:>=(\d+))?(~)?$/.exec(text) ?? [];
    return [
      {
        name: fieldName(key, this.language),
        type: type === "email" ? "text" : (type as FieldSpec["type"]),
        required: required !== undefined,
        ...(minimum === undefined ? {} : { minimum: Number(minimum) }),
        ...(once ? { unique: true } : {}),
        ...(type === "email" ? { email: true } : {}),
      },
    ];
  }

  private resource(match: (resource: ResourceModule) => boolean): ResourceModule | undefined {
    return this.modules.find(
      (module): module is ResourceModule => module.shape === "resource" && match(module),
    );
  }

  private freeName(wanted: string, n: number): string {
    const base = identifier(wanted, `resource_${n}`);
    const taken = (name: string) => this.modules.some((module) => module.name === name);
    if (!taken(base)) return base;
    let number = n;
    while (taken(`${base}_${number}`)) number += 1;
    return `${base}_${number}`;
  }
}

function lastWord(path: string): string {
  return (
    path
      .split("/")
      .filter((part) => part && !part.startsWith(":"))
      .at(-1) ?? ""
  );
}

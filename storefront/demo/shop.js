/**
 * The demo's own page: goods, delivery and the button. What is the shop's own here would be the host's code in
 * a real shop; points, code and total are the tag's.
 */
(() => {
  "use strict";

  const MOST_UNITS = 20;
  const space = (window.Offerloop = window.Offerloop || {});
  const at = (id) => document.getElementById(id);
  const api = document.body.dataset.api;
  const quantities = new Map();
  const customer = at("customer");

  space.customerId = sessionStorage.getItem("demo-customer") || "USER001";
  customer.value = space.customerId;
  if (customer.selectedIndex < 0) {
    customer.prepend(made("option", { value: space.customerId, textContent: "Dana", selected: true }));
  }
  customer.addEventListener("change", () => {
    sessionStorage.setItem("demo-customer", customer.value || `demo-${Math.random().toString(36).slice(2, 10)}`);
    location.reload(); // somebody else's page
  });
  addEventListener("pageshow", (event) => event.persisted && location.reload());

  const form = at("delivery").elements;
  const number = String(1 + customer.selectedIndex).padStart(3, "0");
  form.fullName.value = `${customer.selectedOptions[0].text} Sample`;
  form.phone.value = `+447700900${number}`;
  form.email.value = `${customer.selectedOptions[0].text.toLowerCase()}@shop.test`;

  function made(name, properties, ...children) {
    const node = Object.assign(document.createElement(name), properties);
    node.append(...children);
    return node;
  }

  async function sent(address, body, headers = {}) {
    const answer = await fetch(address, {
      method: body ? "POST" : "GET",
      headers: { ...headers, ...(body ? { "Content-Type": "application/json" } : {}) },
      body: body ? JSON.stringify(body) : undefined,
    });
    const said = await answer.json();
    if (!answer.ok) throw new Error(`The shop says: ${said.detail || answer.status}.`);
    return said;
  }

  /** Read from the API as the customer. */
  async function read(path) {
    const { token } = await sent("/token", { customerId: space.customerId });
    return sent(api + path, null, { "X-Customer-Token": token });
  }

  async function showProducts() {
    const { products } = await read("/products?limit=50");
    const sold = products.filter((each) => each.status === "ACTIVE");
    const first = sold.find((each) => each.stock > 0);
    if (first) quantities.set(first.productId, 1);
    at("products").replaceChildren(...sold.map(productLine));
    at("products").setAttribute("aria-busy", "false");
    tellBasket();
  }

  function productLine(product) {
    const most = Math.min(product.stock, MOST_UNITS);
    const id = `quantity-${product.productId}`;
    const name = made("label", { htmlFor: id, textContent: product.name });
    const input = made("input", { id, type: "number", min: 0, max: most, step: 1, disabled: most === 0 });
    input.value = quantities.get(product.productId) || 0;
    input.addEventListener("change", () => choose(Number(input.value)));
    const [less, more] = [step("−", "less", -1), step("+", "more", 1)];

    function step(sign, word, by) {
      const button = made("button", { type: "button", textContent: sign, disabled: most === 0 });
      button.setAttribute("aria-label", `One ${word} of ${product.name}`);
      button.addEventListener("click", () => choose(Number(input.value) + by));
      return button;
    }

    function choose(units) {
      const chosen = Math.min(Math.max(Math.trunc(units) || 0, 0), most);
      input.value = chosen;
      quantities.set(product.productId, chosen);
      tellBasket();
    }

    const price = made("span", { className: "soft", textContent: product.price.toFixed(2) });
    price.dataset.price = product.price;
    const stock = made("span", { className: "soft", textContent: most ? `${product.stock} in stock` : "sold out" });
    const tile = made("span", { className: "tile", textContent: product.name.charAt(0), ariaHidden: "true" });
    tile.dataset.category = product.category;
    return made(
      "li",
      {},
      tile,
      made("span", { className: "what" }, name, price, stock),
      made("span", { className: "stepper" }, less, input, more),
    );
  }

  function tellBasket() {
    const items = [...quantities]
      .filter(([, quantity]) => quantity > 0)
      .map(([productId, quantity]) => ({ productId, quantity }));
    space.basket = items; // for a tag that comes later
    if (space.checkout) space.checkout.setBasket(items);
  }

  document.addEventListener("offerloop:quote", ({ detail: quote }) => {
    if (quote === null) {
      at("place").textContent = "Place order";
      return;
    }
    const { format } = new Intl.NumberFormat("en", { style: "currency", currency: quote.currency });
    at("place").textContent = `Place order · ${format(quote.totalAmount)}`;
    for (const price of document.querySelectorAll("[data-price]")) price.textContent = format(price.dataset.price);
  });

  at("delivery").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (at("place").getAttribute("aria-busy") === "true") return; // its answer leads on to the next page
    at("problem").textContent = "";
    at("place").setAttribute("aria-busy", "true");
    try {
      if (!space.checkout) throw new Error("This page needs its scripts: please reload it.");
      if (!space.basket || space.basket.length === 0) throw new Error("Please choose something first.");
      const placed = await space.checkout.placeOrder(details());
      location.assign(`/thanks.html?order=${encodeURIComponent(placed.orderId)}`);
    } catch (problem) {
      at("problem").textContent = problem.message;
      at("place").removeAttribute("aria-busy");
    }
  });

  function details() {
    const { street, zipCode, city, country, phone, email } = form;
    return {
      customerEmail: email.value,
      ...(phone.value ? { customerPhone: phone.value } : {}),
      shippingAddress: { street: street.value, city: city.value, zipCode: zipCode.value, country: country.value },
    };
  }

  at("get-code").addEventListener("click", async () => {
    try {
      const { codes } = await read(`/customers/${encodeURIComponent(space.customerId)}/codes`);
      const unused = codes.find((each) => each.status === "CLAIMED");
      const code = unused ? unused.code : (await sent("/code", { customerId: space.customerId })).promo_code;
      at("code").textContent = `Your code: ${code}`;
    } catch (problem) {
      at("code").textContent = problem.message;
    }
  });

  showProducts().catch((problem) => {
    at("products").replaceChildren(made("li", { className: "problem", textContent: problem.message }));
    at("products").setAttribute("aria-busy", "false");
  });
})();

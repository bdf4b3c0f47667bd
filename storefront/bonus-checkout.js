/**
 * The checkout tag: the customer's points, points and a promo code for this order, and what it comes to.
 *
 * Every figure is the shop's, from its quote; nothing is added up here. `Offerloop.checkout` is for the page:
 * `setBasket(items)`, `placeOrder(details)`, `quote`; each new quote, or null while there is none, is told by
 * the event `offerloop:quote` on the document. The page's own checkout goes on whatever happens here.
 */
(() => {
  "use strict";

  const space = (window.Offerloop = window.Offerloop || {});
  const tag = document.currentScript;
  if (space.checkout || tag === null) return;

  const TYPING_MS = 300;
  const FIRST_RETRY_MS = 4_000;
  const LAST_RETRY_MS = 60_000;
  const ABOUT_THE_BASKET = [400, 409, 422];
  const NOT_SIGNED_IN = [401, 403];
  const AWAY = "Points and promo codes are not available at the moment. You can order without them.";

  // What the tags share comes with their parts; this much each has to have before.
  const loaded = (name) =>
    new Promise((onload, failed) => {
      const [src, onerror] = [new URL(name, tag.src), () => failed(new Error(`${name} could not be loaded`))];
      document.head.append(Object.assign(document.createElement("script"), { src, nonce: tag.nonce, onload, onerror }));
    });

  const ready = Promise.all(["bonus-shop.js", "bonus-panel.js", "bonus-checkout-view.js"].map(loaded))
    .then(() => space.panel.begin(tag))
    .then((work) => new Checkout(work));
  space.checkout = {
    quote: null,
    setBasket: (items) => void ready.then((checkout) => checkout.setBasket(items), () => {}),
    placeOrder: (details) => ready.then((checkout) => checkout.placeOrder(details)),
  };
  ready.catch((problem) => console.warn(`Offerloop: ${problem.message}`));

  /** What is asked for, what the shop granted last, and how both are kept together. */
  class Checkout {
    #connection;
    #formats;
    #view;
    #items = [];
    #wanted = { code: null, points: 0 };
    #asked = 0; // quotes so far: only the answer to the last one counts
    #pending = Promise.resolve(); // settled with the answer to the last quote
    #follow = () => {};
    #timer = null;
    #failures = 0;
    #account = null;
    #placing = null;
    #placed = false;

    constructor({ settings, connection, formats }) {
      this.#connection = connection;
      this.#formats = formats;
      this.#view = space.checkoutView(tag, settings, formats, {
        apply: (code) => this.#want({ code }, 0),
        use: (points) => this.#want({ points }, TYPING_MS),
        retry: () => this.#want({}, 0),
      });
      addEventListener("pageshow", (event) => event.persisted && this.#want({}, 0)); // back from another page
      addEventListener("online", () => this.#failures && this.#want({}, 0));
      this.setBasket(space.basket || []);
    }

    /** @param {{productId: string, quantity: number, offerId?: string}[]} items what is to be ordered now. */
    setBasket(items) {
      this.#items = items.map(({ productId, quantity, offerId }) => ({
        productId,
        quantity,
        ...(offerId ? { offerId } : {}),
      }));
      this.#want({}, TYPING_MS / 2);
    }

    /**
     * Place the order at the total that is shown. Asked again meanwhile, or afterwards while nothing was
     * changed, it gives the same answer.
     *
     * @param {{customerEmail: string, shippingAddress: object, customerPhone?: string}} details
     * @returns {Promise<{orderId: string, status: string, totalAmount: number, currency: string}>}
     * @throws {Error} its message is for the customer.
     */
    placeOrder(details) {
      if (this.#placing === null) {
        const placing = this.#place(details);
        this.#placing = placing;
        placing.then(
          () => (this.#placed = true),
          () => (this.#placing = null),
        );
      }
      return this.#placing;
    }

    async #place(details) {
      const shown = space.checkout.quote;
      if (shown === null) {
        if (this.#timer !== null) this.#want({}, 0);
        await this.#pending;
        throw new Error(
          space.checkout.quote === null
            ? "The total is not known yet. Please try again in a moment."
            : "Here is the total now. Please look at it and order again.",
        );
      }
      try {
        return await space.shop.placeOrder(this.#connection, {
          ...details,
          customerId: await this.#connection.customerId(),
          items: shown.items.map(orderedItem),
          totalAmount: shown.totalAmount,
          ...(shown.promoCode ? { promoCode: shown.promoCode } : {}),
          ...(shown.bonusUsed ? { useBonus: shown.bonusUsed } : {}),
        });
      } catch (problem) {
        if (problem instanceof space.shop.Unreachable) {
          throw new Error("The shop did not answer. Order again: an order that arrived is not placed twice.");
        }
        if (problem.status === 409 || problem.status === 422) this.#want({}, 0); // prices, points or code moved
        throw problem;
      }
    }

    #want(change, afterMs) {
      this.#wanted = { ...this.#wanted, ...change };
      this.#asked += 1;
      if (this.#placed) [this.#placing, this.#placed] = [null, false];
      clearTimeout(this.#timer);
      this.#tell(null);
      const follow = this.#follow;
      this.#pending = this.#items.length ? this.#scheduled(this.#asked, afterMs) : this.#nothing();
      follow(this.#pending);
    }

    #nothing() {
      this.#timer = null;
      this.#view.empty();
      return Promise.resolve();
    }

    #scheduled(asked, afterMs) {
      this.#view.busy();
      return new Promise((done) => {
        this.#follow = done;
        this.#timer = setTimeout(() => {
          this.#timer = null;
          done(this.#requote(asked));
        }, afterMs);
      });
    }

    async #requote(asked) {
      try {
        const [granted, account] = await Promise.all([
          this.#granted(this.#wanted.code, this.#wanted.points),
          this.#readAccount(),
        ]);
        if (asked !== this.#asked) return this.#pending;
        this.#failures = 0;
        this.#wanted = { code: granted.quote.promoCode, points: granted.quote.bonusUsed };
        this.#view.show({ ...granted, account, most: most(granted.quote) });
        this.#tell(granted.quote);
      } catch (problem) {
        if (asked !== this.#asked) return this.#pending;
        this.#failed(problem);
      }
      return undefined;
    }

    #failed(problem) {
      const { Refused, Unreachable } = space.shop;
      const status = problem instanceof Refused ? problem.status : null;
      if (ABOUT_THE_BASKET.includes(status)) {
        const reasons = problem.fields.map((each) => each.message);
        this.#view.refuse([problem.message, ...reasons].join(" "));
        return;
      }
      if (status === null && !(problem instanceof Unreachable)) console.warn("Offerloop:", problem);
      this.#view.away(AWAY);
      if (NOT_SIGNED_IN.includes(status)) return; // a guest: asking again changes nothing
      this.#failures += 1;
      const again = Math.min(FIRST_RETRY_MS * 2 ** (this.#failures - 1), LAST_RETRY_MS);
      this.#timer = setTimeout(() => this.#want({}, 0), Math.max(again, (problem.retryAfterS || 0) * 1_000));
    }

    /** Quote the basket. What the shop does not grant of code and points is left out, with the reason. */
    async #granted(code, points) {
      try {
        return { quote: await this.#quote(code, points) };
      } catch (problem) {
        if (!(problem instanceof space.shop.Refused)) throw problem;
        if (code !== null && isAboutCode(problem)) {
          return { ...(await this.#granted(null, points)), codeProblem: problem.message, refusedCode: code };
        }
        if (points && isAboutPoints(problem)) return this.#fewer(code, points);
        throw problem;
      }
    }

    async #fewer(code, points) {
      const without = await this.#granted(code, 0);
      const limit = most(without.quote);
      const fewer = limit > 0 && limit < points ? await this.#granted(without.quote.promoCode, limit) : without;
      const pointsProblem = `You can use ${this.#formats.points(limit)} at most on this order.`;
      return { ...without, ...fewer, pointsProblem };
    }

    async #quote(code, points) {
      const quote = await this.#connection.post("/orders/quote", {
        customerId: await this.#connection.customerId(),
        items: this.#items,
        ...(code ? { promoCode: code } : {}),
        ...(points ? { useBonus: points } : {}),
      });
      if (!isSound(quote)) throw new space.shop.Unreachable();
      return quote;
    }

    /** The customer's account, or null: the quote says what can be used without it. */
    async #readAccount() {
      try {
        const path = `/customers/${encodeURIComponent(await this.#connection.customerId())}/bonus?limit=1`;
        this.#account = this.#account || (await this.#connection.get(path));
      } catch (problem) {
        console.info(`Offerloop: no account to show. ${problem.message}`);
      }
      return this.#account;
    }

    #tell(quote) {
      if (quote === null && space.checkout.quote === null) return;
      space.checkout.quote = quote;
      document.dispatchEvent(new CustomEvent("offerloop:quote", { detail: quote }));
    }
  }

  const FIGURES = ["goodsAmount", "codeDiscount", "bonusUsed", "totalAmount", "usableBonus", "earnedBonus"];

  const isSound = (quote) =>
    FIGURES.every((name) => Number.isFinite(quote[name])) &&
    Array.isArray(quote.items) &&
    /^[A-Z]{3}$/.test(quote.currency);

  const isAboutCode = (problem) =>
    problem.code === "code_not_good" ||
    problem.status === 429 ||
    problem.fields.some((each) => each.field === "promoCode");

  const isAboutPoints = (problem) =>
    problem.code === "insufficient_bonus" || problem.fields.some((each) => each.field === "useBonus");

  /** Points that can be used on what is quoted: no more than there are, and than is left to pay. */
  const most = (quote) =>
    Math.max(0, Math.min(quote.usableBonus, (cents(quote.goodsAmount) - cents(quote.codeDiscount)) / 100));

  const cents = (amount) => Math.round(amount * 100);

  const orderedItem = ({ productId, name, quantity, price, offerId }) => ({
    productId,
    name,
    quantity,
    price,
    ...(offerId ? { offerId } : {}),
  });
})();

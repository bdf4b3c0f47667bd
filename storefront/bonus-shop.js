/**
 * The shop's API as a customer's page sees it: under a customer token, never under a key.
 *
 * The two tags load it from their own folder. `window.Offerloop` is the only global name.
 */
(() => {
  "use strict";

  const space = (window.Offerloop = window.Offerloop || {});
  if (space.shop) return;

  const ANSWER_WITHIN_MS = 8_000;
  const RENEW_TOKEN_BEFORE_MS = 30_000;
  const ORDER_TRIES = 4;
  const LONGEST_PAUSE_MS = 10_000;
  const ATTEMPT = "offerloop-order-attempt";
  const UNREACHABLE = "The shop cannot be reached at the moment.";

  /** The shop understood and said no; its reason is the message. */
  class Refused extends Error {
    constructor(status, problem, retryAfterS) {
      super(sentence(problem.detail || problem.title || "the shop refused this"));
      this.status = status;
      this.code = String(problem.code || "refused");
      this.fields = (Array.isArray(problem.errors) ? problem.errors : []).map((each) => ({
        field: String(each.field),
        message: String(each.message),
      }));
      this.retryAfterS = retryAfterS;
    }
  }

  /** There was no answer, or none that can be used; the same request may succeed later. */
  class Unreachable extends Error {
    constructor(retryAfterS = null) {
      super(UNREACHABLE);
      this.retryAfterS = retryAfterS;
    }
  }

  /**
   * The settings of a tag: its data- attributes, and `Offerloop.settings` for tag managers that drop those.
   *
   * @throws {Error} names what is missing.
   */
  function settingsOf(tag) {
    const given = { ...space.settings, ...tag.dataset };
    const missing = ["api", "tokenUrl"].filter((name) => !given[name]);
    if (missing.length) throw new Error(`the Offerloop tag lacks ${missing.join(" and ")}`);
    return { ...given, api: given.api.replace(/\/+$/, "") };
  }

  /** One customer's way to the API; tokens are asked for when needed, and again when they have ended. */
  class Connection {
    #settings;
    #kept = null;
    #asking = null;

    constructor(settings) {
      this.#settings = settings;
    }

    async customerId() {
      return (await this.#pass()).customerId;
    }

    get(path) {
      return this.ask("GET", path);
    }

    post(path, body) {
      return this.ask("POST", path, JSON.stringify(body));
    }

    /**
     * Ask the API, with one new token where the old one is not taken any more.
     *
     * @throws {Refused|Unreachable}
     */
    async ask(method, path, text, headers = {}) {
      let answer = await this.#send(method, path, text, headers);
      if (answer.status === 401) {
        this.#kept = null;
        answer = await this.#send(method, path, text, headers);
      }
      return bodyOf(answer);
    }

    async #send(method, path, text, headers) {
      const { token } = await this.#pass();
      const sent = { ...headers, Accept: "application/json", "X-Customer-Token": token };
      if (text !== undefined) sent["Content-Type"] = "application/json";
      return request(this.#settings.api + path, { method, headers: sent, body: text, credentials: "omit" });
    }

    async #pass() {
      if (this.#kept && this.#kept.endsAtMs - Date.now() > RENEW_TOKEN_BEFORE_MS) return this.#kept;
      // Whoever asks meanwhile waits for the same token.
      this.#asking = this.#asking || this.#newPass().finally(() => (this.#asking = null));
      return this.#asking;
    }

    async #newPass() {
      const customerId = this.#settings.customer || space.customerId || null;
      const answer = await request(this.#settings.tokenUrl, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify({ customerId }),
        credentials: "same-origin",
      });
      const pass = await bodyOf(answer);
      if (typeof pass.token !== "string" || !(pass.customerId || customerId)) throw new Unreachable();
      this.#kept = {
        token: pass.token,
        customerId: String(pass.customerId || customerId),
        endsAtMs: Number(pass.expires_at) * 1_000,
      };
      return this.#kept;
    }
  }

  async function request(address, options) {
    try {
      return await fetch(address, {
        ...options,
        cache: "no-store",
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
    } catch {
      throw new Unreachable();
    }
  }

  async function bodyOf(answer) {
    const retryAfterS = Number(answer.headers.get("Retry-After")) || null;
    let body = null;
    try {
      body = await answer.json();
    } catch {
      // judged below: an answer without a body that can be read says nothing
    }
    if (body === null || typeof body !== "object" || answer.status >= 500) throw new Unreachable(retryAfterS);
    if (!answer.ok) throw new Refused(answer.status, body, retryAfterS);
    return body;
  }

  /**
   * Place one order, however often it has to be sent for that.
   *
   * The key of an attempt stays, over reloads of the page too, until the shop has answered for certain: the
   * same order sent again is answered with the first one.
   *
   * @throws {Refused} nothing was stored.
   * @throws {Unreachable} nobody knows; the same order may be sent again without placing a second one.
   */
  async function placeOrder(connection, order) {
    const text = JSON.stringify(order);
    const key = keyOf(text);
    for (let tried = 1; ; tried += 1) {
      try {
        const placed = await connection.ask("POST", "/orders", text, { "Idempotency-Key": key });
        if (typeof placed.orderId !== "string") throw new Unreachable();
        remember(null);
        return placed;
      } catch (problem) {
        if (problem instanceof Refused && problem.status !== 429) remember(null);
        if (!(problem instanceof Unreachable) || tried === ORDER_TRIES) throw problem;
        await pause(pauseMs(tried, problem.retryAfterS));
      }
    }
  }

  let attempt = null; // for browsers that keep nothing

  function keyOf(text) {
    const print = fingerprint(text);
    const known = remembered();
    if (known && known.print === print) return known.key;
    const key = randomKey();
    remember({ print, key });
    return key;
  }

  function remembered() {
    try {
      return JSON.parse(sessionStorage.getItem(ATTEMPT)) || attempt;
    } catch {
      return attempt;
    }
  }

  function remember(next) {
    attempt = next;
    try {
      if (next === null) sessionStorage.removeItem(ATTEMPT);
      else sessionStorage.setItem(ATTEMPT, JSON.stringify(next));
    } catch {
      // storage is blocked: kept until the page is left
    }
  }

  /** Tell orders apart without keeping addresses (FNV-1a, 32 bits; two that meet are refused by the shop). */
  function fingerprint(text) {
    let hash = 0x811c9dc5;
    for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
    return `${text.length}-${(hash >>> 0).toString(16)}`;
  }

  function randomKey() {
    // randomUUID is for secure contexts alone
    return [...crypto.getRandomValues(new Uint8Array(16))]
      .map((byte) => byte.toString(16).padStart(2, "0"))
      .join("");
  }

  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  /** How long to wait after the n-th try: what the shop asks for, else doubling, some of it by chance. */
  function pauseMs(tried, retryAfterS = null) {
    const ms = retryAfterS === null ? 500 * 2 ** (tried - 1) * (0.75 + Math.random() / 2) : retryAfterS * 1_000;
    return Math.min(ms, LONGEST_PAUSE_MS);
  }

  /** A reason in the form of a sentence: "the code has ended" -> "The code has ended." */
  function sentence(text) {
    const plain = String(text).trim();
    const whole = plain.charAt(0).toUpperCase() + plain.slice(1);
    return /[.!?]$/.test(whole) ? whole : `${whole}.`;
  }

  /** How amounts, points and days are written for the reader. */
  function formats(locale) {
    const language = locale || document.documentElement.lang || undefined;
    const number = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
    const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "long", year: "numeric" });
    return {
      number: (amount) => number.format(amount),
      points: (amount) => `${number.format(amount)} ${amount === 1 ? "point" : "points"}`,
      money: (amount, currency) =>
        new Intl.NumberFormat(language, { style: "currency", currency }).format(amount),
      /** Empty where it is no moment. */
      day: (moment) => {
        const date = new Date(moment);
        return Number.isNaN(date.getTime()) ? "" : day.format(date);
      },
    };
  }

  space.shop = { Connection, Refused, Unreachable, formats, pause, pauseMs, placeOrder, sentence, settingsOf };
})();

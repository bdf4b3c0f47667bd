/**
 * The thank-you tag: follows the order until it is final, then tells what points it earned.
 *
 * The order is the one that `data-order` names, or the page's address under `data-order-parameter` ("order").
 */
(() => {
  "use strict";

  const space = (window.Offerloop = window.Offerloop || {});
  const tag = document.currentScript;
  if (space.thanks || tag === null) return;
  space.thanks = {};

  const FIRST_PAUSE_MS = 400;
  const LONGEST_PAUSE_MS = 8_000;
  const ORDER_WITHIN_MS = 180_000;
  const POINTS_WITHIN_MS = 45_000; // they follow a completed order within seconds
  const COUNT_UP_MS = 1_100;
  const PAID = ["COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"];
  const UNPAID = ["FAILED", "CANCELLED"];
  const EARNED = ["ISSUED", "PENDED"]; // usable at once; usable later

  // What the tags share comes with their parts; this much each has to have before.
  const loaded = (name) =>
    new Promise((onload, failed) => {
      const [src, onerror] = [new URL(name, tag.src), () => failed(new Error(`${name} could not be loaded`))];
      document.head.append(Object.assign(document.createElement("script"), { src, nonce: tag.nonce, onload, onerror }));
    });

  Promise.all(["bonus-shop.js", "bonus-panel.js"].map(loaded))
    .then(() => space.panel.begin(tag))
    .then(started)
    .catch(warn);

  function warn(problem) {
    console.warn(`Offerloop: ${problem.message}`);
  }

  function started({ settings, connection, formats }) {
    const inAddress = new URLSearchParams(location.search).get(settings.orderParameter || "order");
    const orderId = settings.order || inAddress;
    if (!orderId) throw new Error("neither data-order nor the address names an order");
    const notice = new Notice(settings, formats, () => follow());
    const follow = () => followed(orderId, connection, notice, formats).catch(warn);
    follow();
  }

  /** Follow one order to its end and say what came of it. */
  async function followed(orderId, connection, notice, formats) {
    const path = `/orders/${encodeURIComponent(orderId)}`;
    const order = await eventually(ORDER_WITHIN_MS, notice, async () => {
      const found = await connection.get(path);
      if (PAID.includes(found.status) || UNPAID.includes(found.status)) return found;
      notice.wait("Your order is being processed. Your points follow in a moment.");
      return null;
    });
    if (order === null) {
      notice.stop("Your order is still being processed. Your points follow once it is completed.");
    } else if (UNPAID.includes(order.status)) {
      notice.fail(order, formats);
    } else {
      await earned(order, connection, notice);
    }
  }

  async function earned(order, connection, notice) {
    notice.wait("Your order is complete. Your points are being counted.");
    const path = `/customers/${encodeURIComponent(await connection.customerId())}/bonus?limit=20`;
    const found = await eventually(POINTS_WITHIN_MS, notice, async () => {
      const account = await connection.get(path);
      const entries = account.history.filter((each) => each.orderId === order.orderId);
      const kind = EARNED.find((name) => entries.some((each) => each.kind === name));
      return kind ? { account, entry: entries.find((each) => each.kind === kind) } : null;
    });
    if (found === null) notice.stop("Your order is complete. Any points it earns will be in your account shortly.");
    else notice.reward(found.entry, found.account, order);
  }

  /**
   * Ask until there is something, with longer and longer pauses.
   *
   * @returns {Promise<object|null>} null when the time is over.
   */
  async function eventually(withinMs, notice, ask) {
    const { Refused, Unreachable, pause } = space.shop;
    const until = performance.now() + withinMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
      let askedForS = 0;
      try {
        const found = await ask();
        if (found !== null) return found;
      } catch (problem) {
        const passing = problem instanceof Unreachable || (problem instanceof Refused && problem.status === 429);
        if (!passing) {
          notice.away();
          throw problem;
        }
        askedForS = problem.retryAfterS || 0;
        notice.away();
      }
      if (performance.now() > until) return null;
      await pause(Math.max(pauseMs, Math.min(askedForS * 1_000, 60_000)));
    }
  }

  const STYLE = `
    section { display: grid; gap: 12px; justify-items: center; text-align: center; padding: 28px 20px; }
    .badge { width: 72px; height: 72px; border-radius: 50%; display: grid; place-items: center;
      background: #eef2fc; color: var(--accent); }
    .badge svg { width: 38px; height: 38px; }
    .badge.bad { background: #fcedec; color: var(--bad); }
    .earned { font-size: 1.25em; font-weight: 600; }
    .earned b { display: block; font-size: 2.25em; line-height: 1.15; font-weight: 750; color: var(--accent);
      font-variant-numeric: tabular-nums; }
    .facts { max-width: 34em; }
    .dots { display: flex; gap: 6px; height: 10px; align-items: center; }
    .dots i { width: 8px; height: 8px; border-radius: 50%; background: var(--accent); opacity: 0.35; }
    @media (prefers-reduced-motion: no-preference) {
      .dots i { animation: breathe 1.2s ease-in-out infinite; }
      .dots i:nth-child(2) { animation-delay: 0.15s; }
      .dots i:nth-child(3) { animation-delay: 0.3s; }
      .badge.pop { animation: pop 500ms cubic-bezier(0.2, 1.4, 0.4, 1) both, ring 900ms 150ms ease-out; }
      .facts.late { animation: rise 400ms 900ms ease-out both; }
    }
    @keyframes breathe { 50% { opacity: 1; transform: translateY(-2px); } }
    @keyframes pop { from { transform: scale(0.3); opacity: 0; } }
    @keyframes ring { from { box-shadow: 0 0 0 0 rgb(47 85 199 / 0.35); } to { box-shadow: 0 0 0 26px transparent; } }
    @keyframes rise { from { opacity: 0; transform: translateY(6px); } }
  `;

  const STAR =
    "M12 2.6l2.8 5.9 6.4.8-4.7 4.5 1.2 6.4L12 17.1l-5.7 3.1 1.2-6.4L2.8 9.3l6.4-.8z";
  const MARK = "M12 4v10M12 18.5v.5";

  /** The panel of the tag: one of waiting, rewarded, failed or stopped; nothing before the shop answered. */
  class Notice {
    #panel;
    #formats;
    #again;
    #told = "";

    constructor(settings, formats, again) {
      this.#panel = space.panel.open(tag, settings, "data-offerloop-thanks", "Your points", STYLE);
      this.#formats = formats;
      this.#again = again;
    }

    wait(text) {
      const { element } = space.panel;
      const dots = element("div", { class: "dots", "aria-hidden": "true" });
      dots.append(element("i"), element("i"), element("i"));
      this.#show(text, dots, element("p", { class: "facts", text }));
    }

    reward(entry, account, order) {
      const { element } = space.panel;
      const points = this.#formats.points(entry.amount);
      const facts = this.#facts(entry, account, order);
      const number = element("b", { text: this.#formats.number(entry.amount) });
      const unit = entry.amount === 1 ? "point" : "points";
      this.#show(
        [`You earned ${points}.`, ...facts].join(" "),
        badge("pop", STAR, true),
        element(
          "p",
          { class: "earned" },
          element("span", { class: "unseen", text: `You earned ${points}` }),
          element("span", { "aria-hidden": "true" }, "You earned", number, unit),
        ),
        ...facts.map((text) => element("p", { class: "facts late", text })),
      );
      countUp(number, entry.amount, this.#formats.number);
    }

    #facts(entry, account, order) {
      const facts = [];
      if (entry.kind === "PENDED") {
        const awaited = (account.pendingOrders || []).find((each) => each.orderId === order.orderId);
        const day = this.#formats.day(awaited && awaited.countsFrom);
        facts.push(day ? `They count from ${day}.` : "They count once the order can no longer be returned.");
      }
      if (order.bonusUsed > 0) facts.push(`You paid with ${this.#formats.points(order.bonusUsed)}.`);
      facts.push(`Your balance is now ${this.#formats.points(account.balance)}.`);
      return facts;
    }

    fail(order, formats) {
      const { element } = space.panel;
      const what = order.status === "FAILED" ? "Your order could not be completed." : "Your order was cancelled.";
      const used = order.bonusUsed > 0 ? ` The ${formats.points(order.bonusUsed)} you used are yours again.` : "";
      const points = `It earned no points.${used}`;
      this.#panel.heading.textContent = "Your order"; // it is not about points any more
      const reason = order.reason ? space.shop.sentence(order.reason) : "";
      this.#show(
        [what, reason, points].filter(Boolean).join(" "),
        badge("bad", MARK, false),
        element("p", { class: "earned", text: what }),
        ...[reason, points].filter(Boolean).map((text) => element("p", { class: "facts", text })),
      );
    }

    stop(text) {
      const { element } = space.panel;
      const checkAgain = () => {
        this.#panel.heading.focus(); // the button goes
        this.#again();
      };
      const again = element("button", { type: "button", text: "Check again", onclick: checkAgain });
      this.#show(text, element("p", { class: "facts", text }), again);
    }

    /** The shop does not answer: what is shown stays, and who cannot see hears why nothing comes. */
    away() {
      this.#tell("Your points cannot be shown at the moment. Your order is not affected.");
    }

    #show(text, ...content) {
      const { section, heading } = this.#panel;
      if (section.dataset.shows === text) return;
      section.dataset.shows = text;
      section.replaceChildren(heading, ...content);
      section.hidden = false;
      this.#tell(text);
    }

    #tell(text) {
      if (text !== this.#told) this.#panel.say(text);
      this.#told = text;
    }
  }

  function badge(look, path, filled) {
    const NAMES = "http://www.w3.org/2000/svg";
    const image = document.createElementNS(NAMES, "svg");
    image.setAttribute("viewBox", "0 0 24 24");
    const line = document.createElementNS(NAMES, "path");
    line.setAttribute("d", path);
    line.setAttribute("fill", filled ? "currentColor" : "none");
    line.setAttribute("stroke", filled ? "none" : "currentColor");
    line.setAttribute("stroke-width", "2.6");
    line.setAttribute("stroke-linecap", "round");
    image.append(line);
    return space.panel.element("div", { class: `badge ${look}`, "aria-hidden": "true" }, image);
  }

  /** Count from 0 to the amount; who wants no motion sees the amount at once. */
  function countUp(node, amount, written) {
    if (space.panel.wantsCalm() || document.hidden) return;
    const whole = Number.isInteger(amount);
    const began = performance.now();
    const step = (now) => {
      const share = Math.min(Math.max((now - began) / COUNT_UP_MS, 0), 1);
      const reached = amount * (1 - (1 - share) ** 3);
      node.textContent = written(share === 1 ? amount : whole ? Math.floor(reached) : reached);
      if (share < 1) requestAnimationFrame(step);
    };
    node.textContent = written(0);
    requestAnimationFrame(step);
  }
})();

/** How the checkout tag looks: controls for points and code, and what the order comes to. */
(() => {
  "use strict";

  const space = (window.Offerloop = window.Offerloop || {});
  if (space.checkoutView) return;

  const STYLE = `
    section { display: grid; gap: 20px; }
    .account { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 2px 16px; }
    .balance { font-size: 1.5em; font-weight: 700; line-height: 1.2; font-variant-numeric: tabular-nums; }
    .account .soft { flex-basis: 100%; }
    form { display: grid; gap: 8px; margin: 0; padding-top: 18px; border-top: 1px solid var(--line); }
    .row { display: flex; gap: 8px; align-items: center; }
    .row > .grow { flex: 1 1 auto; min-width: 0; }
    input.number { text-align: end; font-variant-numeric: tabular-nums; appearance: textfield; }
    input.number::-webkit-inner-spin-button { appearance: none; } /* the slider steps, and so do the arrow keys */
    input[type=range] { width: 100%; height: 44px; margin: -6px 0; accent-color: var(--accent); cursor: pointer; }
    input.code { text-transform: uppercase; letter-spacing: 0.04em; }
    input.code::placeholder { text-transform: none; letter-spacing: 0; color: var(--soft); }
    .applied { min-height: 46px; padding: 0 4px 0 14px; border-radius: 10px; background: #e9f5ee; color: var(--good); }
    .applied p { padding: 8px 0; }
    .applied button { background: none; }
    .applied button:hover { background: #d8ecdf; }
    .applied strong { display: inline-block; letter-spacing: 0.04em; }
    dl { display: grid; grid-template-columns: 1fr auto; gap: 6px 16px; padding-top: 18px;
      border-top: 1px solid var(--line); font-variant-numeric: tabular-nums; }
    dd { text-align: end; }
    dl .off { color: var(--good); }
    dl + .earn { margin-top: 14px; }
    dl .total { font-size: 1.25em; font-weight: 700; padding-top: 6px; }
    .earn { padding: 10px 14px; border-radius: 10px; background: #eef2fc; font-size: 0.9375em; }
    .notice { display: grid; gap: 8px; justify-items: start; }
    section[aria-busy=true] dl { opacity: 0.55; transition: opacity 120ms 200ms; }
    @media (prefers-reduced-motion: reduce) { section[aria-busy=true] dl { transition: none; } }
  `;

  /**
   * Draw the tag; nothing is visible before the first quote.
   *
   * @param {{apply: Function, use: Function, retry: Function}} acts what the customer can ask for.
   */
  space.checkoutView = (tag, settings, formats, acts) => {
    const { element, open } = space.panel;
    const panel = open(tag, settings, "data-offerloop-checkout", "Points and promo code", STYLE);
    const account = accountPart(element, formats);
    const points = pointsPart(element, formats, acts.use);
    const code = codePart(element, formats, acts.apply);
    const sums = sumsPart(element, formats);
    const notice = noticePart(element, acts.retry, panel.heading);
    const { section } = panel;
    section.append(account.node, points.node, code.node, notice.node, sums.node);
    let seen = false; // the panel was shown once
    let told = "";

    function tell(text) {
      if (text !== told) panel.say(text);
      told = text;
    }

    return {
      empty: () => (section.hidden = true),
      busy: () => section.setAttribute("aria-busy", "true"),
      show(granted) {
        const { quote } = granted;
        section.removeAttribute("aria-busy");
        section.hidden = false;
        notice.hide();
        account.show(granted.account, quote);
        const pointsSaid = points.show(quote, granted.most, granted.pointsProblem);
        const codeSaid = code.show(quote, granted.codeProblem, granted.refusedCode);
        sums.show(quote);
        const total = `Total ${formats.money(quote.totalAmount, quote.currency)}.`;
        const said = [pointsSaid, codeSaid, total].filter(Boolean).join(" ");
        if (seen) tell(said);
        else told = said; // the first figures are read where they stand
        seen = true;
      },
      refuse(reason) {
        section.removeAttribute("aria-busy");
        section.hidden = false;
        sums.hide();
        notice.show(reason, false);
        tell(reason);
      },
      away(reason) {
        section.removeAttribute("aria-busy");
        section.hidden = !seen; // what was never there is not missed
        sums.hide();
        notice.show(reason, true);
        tell(reason);
      },
    };
  };

  function accountPart(element, formats) {
    const balance = element("p", { class: "balance" });
    const more = element("p", { class: "soft" });
    const node = element("div", { class: "account" }, element("p", { text: "Your points" }), balance, more);
    return {
      node,
      show(account, quote) {
        balance.textContent = formats.points(account ? account.balance : quote.usableBonus);
        more.textContent = account ? details(account, formats) : "";
        more.hidden = more.textContent === "";
      },
    };
  }

  function details(account, formats) {
    const parts = [];
    if (account.held > 0) parts.push(`${formats.number(account.held)} in open orders`);
    if (account.pending > 0) parts.push(`${formats.number(account.pending)} on their way`);
    if (account.owed > 0) parts.push(`${formats.number(account.owed)} owed after a refund`);
    const end = account.nextExpiry && formats.day(account.nextExpiry.at);
    if (end) parts.push(`${formats.number(account.nextExpiry.amount)} valid until ${end}`);
    return parts.join(" · ");
  }

  function pointsPart(element, formats, use) {
    let most = 0;
    let tooMany = false; // more was asked for than can be used, so the limit was taken
    const limit = element("p", { class: "soft", id: "limit" });
    const problem = element("p", { class: "problem", id: "points-problem", hidden: true });
    const range = element("input", {
      type: "range",
      min: 0,
      step: 1,
      "aria-label": "Points to use, slider",
      oninput: () => wanted(Math.min(Number(range.value), most)), // its last stop is the limit to the cent
    });
    const number = element("input", {
      type: "number",
      id: "points",
      class: "number grow",
      min: 0,
      step: 0.01,
      inputmode: "decimal",
      "aria-describedby": "limit points-problem",
      oninput: () => wanted(Number(number.value), true),
      onchange: () => (number.value = String(used())),
    });
    const all = element("button", { type: "button", text: "Use all", onclick: () => wanted(most) });
    const none = element("p", { class: "soft", text: "You have no points to use yet.", hidden: true });
    const label = element("label", { for: "points", text: "Points to use" });
    const row = element("div", { class: "row" }, number, all);
    const node = element("form", { onsubmit: (event) => event.preventDefault() }, label, row, range, limit, problem, none);

    function used() {
      const typed = Number(number.value);
      return Number.isFinite(typed) ? Math.round(Math.min(Math.max(typed, 0), most) * 100) / 100 : 0;
    }

    function wanted(points, typing = false) {
      tooMany = points > most;
      if (!typing) number.value = String(points);
      follow();
      use(used());
    }

    /** Put the slider where the number is; its stops are whole points but for the last. */
    function follow() {
      range.value = String(used() === most ? Math.ceil(most) : used());
      range.setAttribute("aria-valuetext", formats.points(used()));
    }

    return {
      node,
      /** @returns {string} why fewer points are used than were asked for; empty where they are not. */
      show(quote, limitNow, refused) {
        most = limitNow;
        const why = refused || (tooMany ? `You can use ${formats.points(most)} at most on this order.` : "");
        tooMany = false;
        node.hidden = most === 0 && quote.usableBonus > 0 && !why; // the code pays for it all
        for (const each of [label, row, range, limit]) each.hidden = most === 0;
        none.hidden = most !== 0 || quote.usableBonus > 0;
        limit.textContent = `Up to ${formats.points(most)} on this order. 1 point is ${formats.money(1, quote.currency)}.`;
        range.max = String(Math.ceil(most));
        number.max = String(most);
        if (Number(number.value) !== quote.bonusUsed || number.value === "") number.value = String(quote.bonusUsed);
        problem.textContent = why;
        problem.hidden = why === "";
        all.disabled = quote.bonusUsed === most;
        follow();
        return why;
      },
    };
  }

  function codePart(element, formats, apply) {
    let applied = null;
    let focusNext = false; // the customer acted here, so the focus stays here when controls change places
    const input = element("input", {
      id: "code",
      class: "code grow",
      placeholder: "Enter a code",
      maxlength: 64,
      autocomplete: "off",
      autocapitalize: "characters",
      spellcheck: "false",
      "aria-describedby": "code-problem",
      oninput: () => input.setAttribute("aria-invalid", "false"),
    });
    const problem = element("p", { class: "problem", id: "code-problem", hidden: true });
    const row = element("div", { class: "row" }, input, element("button", { type: "submit", text: "Apply" }));
    const name = element("strong");
    const worth = element("span");
    const remove = element("button", {
      type: "button",
      class: "quiet",
      text: "Remove",
      "aria-label": "Remove the promo code",
      onclick: () => {
        focusNext = true;
        apply(null);
      },
    });
    const chip = element(
      "div",
      { class: "row applied", hidden: true },
      element("p", { class: "grow" }, name, worth),
      remove,
    );
    const label = element("label", { for: "code", text: "Promo code" });
    const node = element("form", { novalidate: true, onsubmit: submit }, label, row, chip, problem);

    function submit(event) {
      event.preventDefault();
      const code = input.value.trim();
      if (code === "") return input.focus();
      focusNext = true;
      return apply(code);
    }

    function refocus() {
      if (!focusNext) return;
      focusNext = false;
      if (applied) return remove.focus();
      input.focus();
      return input.select();
    }

    return {
      node,
      /** @returns {string} what has changed, in words; empty where nothing has. */
      show(quote, why, refusedCode) {
        const before = applied;
        applied = quote.promoCode;
        [row.hidden, chip.hidden] = [Boolean(applied), !applied];
        name.textContent = applied || "";
        const off = formats.money(quote.codeDiscount, quote.currency);
        worth.textContent = applied ? ` −${off}` : "";
        if (refusedCode) input.value = refusedCode;
        else if (applied) input.value = "";
        input.setAttribute("aria-invalid", String(Boolean(why)));
        problem.textContent = why || "";
        problem.hidden = !why;
        refocus();
        if (why) return why;
        if (applied === before) return "";
        return applied ? `Promo code ${applied} takes ${off} off.` : "The promo code was removed.";
      },
    };
  }

  function sumsPart(element, formats) {
    const list = element("dl");
    const earn = element("p", { class: "earn" });
    const node = element("div", { hidden: true }, list, earn);
    const line = (name, text, look = "") => [
      element("dt", { class: look, text: name }),
      element("dd", { class: look, text }),
    ];
    return {
      node,
      hide: () => (node.hidden = true),
      show(quote) {
        const money = (amount) => formats.money(amount, quote.currency);
        list.replaceChildren(
          ...line("Goods", money(quote.goodsAmount)),
          ...(quote.codeDiscount ? line("Promo code", `−${money(quote.codeDiscount)}`, "off") : []),
          ...(quote.bonusUsed ? line("Points", `−${money(quote.bonusUsed)}`, "off") : []),
          ...line("Total", money(quote.totalAmount), "total"),
        );
        earn.textContent = `This order earns you ${formats.points(quote.earnedBonus)}.`;
        earn.hidden = quote.earnedBonus === 0;
        node.hidden = false;
      },
    };
  }

  function noticePart(element, retry, heading) {
    const text = element("p", { class: "problem" });
    const again = element("button", { type: "button", text: "Try again", onclick: retry });
    const node = element("div", { class: "notice", hidden: true }, text, again);
    return {
      node,
      hide() {
        if (again.matches(":focus")) heading.focus();
        node.hidden = true;
      },
      show(reason, canRetry) {
        text.textContent = reason;
        again.hidden = !canRetry;
        node.hidden = false;
      },
    };
  }
})();

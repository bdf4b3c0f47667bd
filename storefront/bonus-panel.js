/**
 * What the two tags draw in: a panel that neither takes styles from the page nor gives it any.
 */
(() => {
  "use strict";

  const space = (window.Offerloop = window.Offerloop || {});
  if (space.panel) return;

  // Custom properties are the page's way in: --offerloop-accent, --offerloop-font, --offerloop-radius;
  // --offerloop-space is kept free below a panel that can be seen.
  const STYLE = `
    :host { all: initial !important; display: block !important; } /* whatever the page says of it */
    * { box-sizing: border-box; }
    [hidden] { display: none !important; }
    .unseen { position: absolute; width: 1px; height: 1px; margin: -1px; padding: 0; border: 0;
      overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    section { --accent: var(--offerloop-accent, #2f55c7); --radius: var(--offerloop-radius, 14px);
      --ink: #1d2433; --soft: #566074; --line: #dde2ec; --edge: #7d879b; --good: #12663c; --bad: #b3261e;
      font: 400 16px/1.5 var(--offerloop-font, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif);
      color: var(--ink); background: #fff; border: 1px solid var(--line); border-radius: var(--radius);
      padding: 20px; margin-bottom: var(--offerloop-space, 0); text-align: start; -webkit-text-size-adjust: 100%; }
    h2, h3, p, dl, dd, dt { margin: 0; }
    h2 { font-size: 1.125em; font-weight: 650; line-height: 1.3; }
    h2, h3, p, dd { overflow-wrap: anywhere; }
    .soft { color: var(--soft); font-size: 0.875em; }
    label { display: block; font-weight: 600; font-size: 0.9375em; }
    button, input { font: inherit; color: inherit; }
    input:not([type=range]) { width: 100%; min-width: 0; min-height: 44px; padding: 8px 12px; background: #fff;
      border: 1px solid var(--edge); border-radius: 10px; }
    input[aria-invalid=true] { border-color: var(--bad); }
    button { min-height: 44px; padding: 8px 16px; font-weight: 600; cursor: pointer; border-radius: 10px;
      border: 1px solid var(--edge); background: #fff; white-space: nowrap; }
    button:hover { background: #f3f5fa; }
    button:disabled { cursor: default; color: var(--soft); background: #f3f5fa; }
    button.quiet { border-color: transparent; color: var(--accent); padding-inline: 10px; }
    :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
    .problem { color: var(--bad); font-size: 0.875em; }
    @media (forced-colors: active) { section { border: 1px solid CanvasText; } }
  `;

  /**
   * Make an element.
   *
   * @param {object} properties attributes; `text` is its text, `onclick` and the like are listeners, and what
   *   is false, null or undefined is left out.
   */
  function element(name, properties = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (value === false || value === null || value === undefined) continue;
      if (key === "text") made.textContent = value;
      else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children);
    return made;
  }

  /**
   * Open a panel at its place: the element that `data-place` selects, one with the attribute *mark*, or where
   * the tag stands. It shows nothing until `section` is no longer hidden; `say` reaches screen readers always.
   *
   * @throws {Error} the page has no such place.
   */
  function open(tag, settings, mark, title, style) {
    const place = document.querySelector(settings.place || `[${mark}]`);
    if (!place && (settings.place || !document.body.contains(tag))) {
      throw new Error(`the page has no place for it: ${settings.place || `an element with ${mark}`}`);
    }
    const host = element("div");
    const root = host.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [STYLE, style].map((css) => {
      const sheet = new CSSStyleSheet(); // allowed where a page's policy forbids style elements
      sheet.replaceSync(css);
      return sheet;
    });
    const heading = element("h2", { id: "title", tabindex: -1, text: title });
    const section = element("section", { "aria-labelledby": "title", hidden: true }, heading);
    const polite = element("div", { class: "unseen", role: "status" });
    root.append(section, polite);
    if (place) place.append(host);
    else tag.after(host);
    return { section, heading, say: (text) => say(polite, text) };
  }

  function say(region, text) {
    region.textContent = "";
    // A text that was there before is not read again; an empty region in between makes it a new one.
    setTimeout(() => (region.textContent = text), 50);
  }

  const wantsCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  /**
   * Give a tag what it works with, once the page's elements are there.
   *
   * @returns {Promise<{settings: object, connection: Connection, formats: object}>}
   */
  async function begin(tag) {
    if (document.readyState === "loading") {
      await new Promise((parsed) => document.addEventListener("DOMContentLoaded", parsed, { once: true }));
    }
    const settings = space.shop.settingsOf(tag);
    return { settings, connection: new space.shop.Connection(settings), formats: space.shop.formats(settings.locale) };
  }

  space.panel = { element, open, wantsCalm, begin };
})();

/** The filter by lines: one button a line, several may be pressed. */

import type { App } from "../app";
import { readable } from "../core/colors";
import { text } from "../core/i18n";
import { h, say } from "./dom";

export function createChips(app: App): HTMLElement {
  const all = h("button", { type: "button", class: "chip chip-all", onclick: () => app.setFilter(new Set()) });
  const element = h("div", { class: "chips", role: "group" });
  let chips: [string, HTMLButtonElement][] = [];

  const build = () => {
    chips = app.lines.all.map((line) => {
      const chip = h("button", { type: "button", class: "chip", onclick: () => app.toggleLine(line.id) }, line.name);
      chip.style.setProperty("--line", line.color);
      chip.style.setProperty("--line-text", line.textColor);
      chip.style.setProperty("--line-on-light", readable(line.color, "#ffffff", 4.5));
      chip.style.setProperty("--line-on-dark", readable(line.color, "#1a2029", 4.5));
      return [line.id, chip];
    });
    element.replaceChildren(all, ...chips.map(([, chip]) => chip));
    render();
  };

  const render = () => {
    const filtered = app.filter.size > 0;
    element.setAttribute("aria-label", text(app.language, "linesLabel"));
    element.classList.toggle("filtered", filtered);
    say(all, text(app.language, "allLines"));
    all.setAttribute("aria-pressed", String(!filtered));
    for (const [id, chip] of chips) {
      chip.setAttribute("aria-pressed", String(app.filter.has(id)));
      const line = app.lines.get(id);
      if (!line) continue;
      const long = app.lines.longName(line, app.language);
      chip.setAttribute("aria-label", [text(app.language, "line", { line: line.name }), long].filter(Boolean).join(": "));
      chip.title = long;
    }
  };

  app.on(["network"], build);
  app.on(["filter", "language"], render);
  build();
  return element;
}

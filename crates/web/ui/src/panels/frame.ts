/** The page's skeleton: map, panel, sheet; and how the panel opens on phones. */

import type { App } from "../app";
import { text, type Language } from "../core/i18n";
import { createChips } from "./chips";
import { h, icon, say } from "./dom";
import { createCredit, createFoot } from "./foot";
import { createList } from "./list";
import { createSheet } from "./sheet";
import { createStatus } from "./status";

type Chosen = (kind: "vehicle" | "stop", id: string) => void;

export function createFrame(app: App, chooseLanguage: (language: Language) => void) {
  const sheet = createSheet(app);
  let tellMap: Chosen = () => undefined;
  const choose = (kind: "vehicle" | "stop", id: string, from: HTMLElement) => {
    setOpen(false);
    sheet.openedFrom(from);
    app.select({ kind, id });
    tellMap(kind, id);
  };
  const list = createList(app, {
    vehicle: (id, from) => choose("vehicle", id, from),
    stop: (id, from) => choose("stop", id, from),
    open: () => setOpen(true),
  });
  const map = h("div", { class: "map", id: "map" });
  const controls = h("div");
  const skip = h("a", { class: "skip", href: "#vehicles-title" });
  const toggleIcon = h("span", { class: "toggle-icon" }, icon("list"));
  const toggleWords = h("span");
  const toggle = h("button", { type: "button", class: "toggle", "aria-controls": "panel-body" }, toggleIcon, toggleWords);
  const panel = h("section", { class: "panel", id: "panel" },
    createStatus(app, chooseLanguage),
    createChips(app),
    h("div", { class: "panel-body", id: "panel-body" }, list.search, list.list, createFoot(app)));
  const element = h("main", { class: "app" }, skip, panel, toggle, sheet.element, map, createCredit(app), controls);

  function setOpen(open: boolean): void {
    if (document.body.classList.contains("list-open") === open) return;
    document.body.classList.toggle("list-open", open);
    render();
    if (open) list.render();
  }

  const render = () => {
    const open = document.body.classList.contains("list-open");
    const count = app.state.vehicles.size;
    toggle.setAttribute("aria-expanded", String(open));
    toggleIcon.replaceChildren(icon(open ? "map" : "list"));
    say(toggleWords, open ? text(app.language, "closeList") : `${text(app.language, "openList")} · ${count.toLocaleString(app.language)}`);
    panel.setAttribute("aria-label", text(app.language, "panelLabel"));
    say(skip, text(app.language, "skipToList"));
  };
  skip.addEventListener("click", (event) => {
    event.preventDefault();
    setOpen(true);
    list.title.focus();
  });
  toggle.addEventListener("click", () => setOpen(!document.body.classList.contains("list-open")));
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !document.body.classList.contains("list-open")) return;
    event.preventDefault();
    setOpen(false);
    toggle.focus();
  });
  app.on(["language"], render);
  let counted = -1;
  app.on(["vehicles"], () => {
    if (app.state.vehicles.size !== counted) render();
    counted = app.state.vehicles.size;
  });
  render();
  return {
    element, map, controls, sheet,
    /** Called when the reader chose a row of the list: the map goes there. */
    chosen(listener: Chosen): void {
      tellMap = listener;
    },
  };
}

/** The list: everything that the map shows, in words, to search and to walk through with the keyboard. */

import type { App } from "../app";
import { plural, text } from "../core/i18n";
import { findStops, findVehicles } from "../core/search";
import type { Vehicle } from "../core/types";
import { punctuality } from "../core/words";
import { h, icon, say, show } from "./dom";
import { VehicleRows } from "./rows";

const PAGE = 60;
const MOST_STOPS = 8;
/** The list is brought up to date no more often than this; a row must not flee from a finger. */
const EVERY_MS = 1_500;
/** The summary is read out no more often than this unless the reader changed the filter. */
const SUMMARY_EVERY_MS = 60_000;

export interface ListEvents {
  vehicle(id: string, from: HTMLElement): void;
  stop(id: string, from: HTMLElement): void;
  /** The search got the focus: on phones the list opens. */
  open(): void;
}

export function createList(app: App, on: ListEvents) {
  const field = h("input", { type: "search", class: "search-field", id: "search", autocomplete: "off", spellcheck: "false", enterkeyhint: "search" });
  const label = h("label", { class: "unseen", for: "search" });
  const clear = h("button", { type: "button", class: "clear" }, icon("close"));
  const search = h("div", { class: "search", role: "search" }, icon("search"), label, field, clear);

  const stopsTitle = h("h2", { class: "list-title" });
  const stopsList = h("ul", { class: "rows", role: "list" });
  const vehiclesTitle = h("h2", { class: "list-title", id: "vehicles-title", tabindex: "-1" });
  const rows = new VehicleRows(app, on.vehicle);
  const more = h("button", { type: "button", class: "more" });
  const empty = h("p", { class: "empty" });
  const summary = h("p", { class: "unseen", "aria-live": "polite" });
  const element = h("div", { class: "list" }, summary, stopsTitle, stopsList, vehiclesTitle, rows.element, empty, more);

  let shown = PAGE;
  let renderedAt = 0;
  let summedAt = 0;
  let stopsKey = "";

  const renderStops = () => {
    const stops = findStops(app.stops.values(), field.value, MOST_STOPS);
    const key = `${app.language} ${stops.map((stop) => stop.id).join(" ")}`;
    show(stopsTitle, stops.length > 0);
    say(stopsTitle, text(app.language, "stops"));
    if (key === stopsKey) return;
    stopsKey = key;
    stopsList.replaceChildren(...stops.map((stop) => {
      const lines = (stop.routes ?? []).toSorted((a, b) => app.lines.order(a) - app.lines.order(b)).map((id) => app.lines.get(id)?.name).filter(Boolean).join(", ");
      const button = h("button", { type: "button", class: "row", onclick: () => on.stop(stop.id, button) },
        h("span", { class: "badge badge-stop", "aria-hidden": "true" }, icon("stop")),
        h("span", { class: "row-words" },
          h("span", { class: "row-head" }, app.stopName(stop)),
          lines && h("span", { class: "row-next" }, `${text(app.language, "stopLines")}: ${lines}`)));
      return h("li", {}, button);
    }));
  };

  const summarise = (found: readonly Vehicle[]) => {
    const { language } = app;
    const count = (wanted: string) => String(found.filter((vehicle) => punctuality(vehicle.delay) === wanted).length);
    const rest = text(language, "summary", { vehicles: plural(language, "vehicles", found.length), late: count("late"), early: count("early") });
    const lines = [...app.filter].map((id) => app.lines.get(id)?.name ?? id).join(", ");
    say(summary, lines ? text(language, "summaryLines", { lines, rest }) : rest);
    summedAt = performance.now();
  };

  const render = () => {
    const { language } = app;
    renderedAt = performance.now();
    renderStops();
    const found = findVehicles(app.state.vehicles.values(), app.lines, { words: field.value, filter: app.filter }, (v) => app.nextStopName(v));
    rows.render(found.slice(0, shown));
    say(vehiclesTitle, `${text(language, "vehicles")} · ${found.length.toLocaleString(language)}`);
    show(more, found.length > shown);
    say(more, text(language, "showMore"));
    const searching = field.value.trim() !== "";
    show(empty, found.length === 0 && !(searching && stopsList.childElementCount > 0));
    say(empty, text(language, searching ? "nothingFound" : app.filter.size > 0 ? "noVehiclesOfLines" : "noVehicles"));
    show(clear, searching);
    if (summedAt === 0 || performance.now() - summedAt > SUMMARY_EVERY_MS) summarise(found);
  };

  const restart = () => {
    shown = PAGE;
    summedAt = 0;
    render();
  };

  const relabel = () => {
    field.placeholder = text(app.language, "search");
    say(label, text(app.language, "search"));
    clear.setAttribute("aria-label", text(app.language, "clearSearch"));
    restart();
  };

  field.addEventListener("input", restart);
  field.addEventListener("focus", on.open);
  clear.addEventListener("click", () => {
    field.value = "";
    restart();
    field.focus();
  });
  more.addEventListener("click", () => {
    shown += PAGE;
    render();
  });
  app.on(["vehicles", "tick"], () => {
    if (performance.now() - renderedAt > EVERY_MS && element.offsetParent !== null) render();
  });
  app.on(["filter"], restart);
  app.on(["network", "selection"], render);
  app.on(["language"], relabel);
  relabel();
  return { search, list: element, title: vehiclesTitle, render };
}

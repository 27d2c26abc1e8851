/** The sheet of one stop: its lines, its departures where the server gives them, else who is on the way. */

import type { App } from "../app";
import { get, listIn } from "../core/api";
import { parseHex, textOn, toHex } from "../core/colors";
import { text } from "../core/i18n";
import type { Departure, Vehicle } from "../core/types";
import { clockWords, delayWords, punctuality } from "../core/words";
import { h, lineBadge, say, show } from "./dom";
import { VehicleRows } from "./rows";
import type { SheetView } from "./sheet";

const MOST_DEPARTURES = 12;
const DEPARTURES_EVERY_MS = 20_000;

export function createStopView(app: App, id: string): SheetView {
  const { language } = app;
  const stop = app.stops.get(id);
  const title = h("h2", { class: "sheet-title", id: "sheet-title", tabindex: "-1" }, stop ? app.stopName(stop) : id);
  const code = h("p", { class: "sheet-sub" }, stop?.code ? text(language, "stopCode", { code: stop.code }) : "");
  show(code, Boolean(stop?.code));
  const lines = h("div", { class: "stop-lines", role: "group", "aria-label": text(language, "stopLines") });
  const byOrder = (a: string, b: string) => app.lines.order(a) - app.lines.order(b);
  for (const route of (stop?.routes ?? []).toSorted(byOrder)) {
    const line = app.lines.get(route);
    if (!line) continue;
    const button = h("button", { type: "button", class: "badge-button", "data-route": route, title: app.lines.longName(line, language), onclick: () => app.toggleLine(route) }, lineBadge(line));
    button.setAttribute("aria-label", text(language, "line", { line: line.name }));
    lines.append(button);
  }
  const boardTitle = h("h3", { class: "list-title" }, text(language, "departures"));
  const board = h("ul", { class: "board", role: "list" });
  const comingTitle = h("h3", { class: "list-title" }, text(language, "approaching"));
  const coming = new VehicleRows(app, (vehicle) => app.select({ kind: "vehicle", id: vehicle }));
  const nobody = h("p", { class: "empty" }, text(language, "noApproaching"));
  const element = h("div", { class: "stop" },
    h("div", { class: "sheet-head" }, h("div", { class: "sheet-name" }, title, code)),
    lines, boardTitle, board, comingTitle, coming.element, nobody);

  let askedAt = Number.NEGATIVE_INFINITY;
  let asked = true;
  const ask = async () => {
    askedAt = performance.now();
    const answer = await get<Record<string, unknown>>(`/api/v1/stops/${encodeURIComponent(id)}`);
    // A server without departures is not asked again; one that was out of reach is.
    if (answer && !("departures" in answer)) asked = false;
    const departures = answer ? listIn<Departure>(answer, "departures") : [];
    board.replaceChildren(...departures.slice(0, MOST_DEPARTURES).map((departure) => departureRow(app, departure)));
    refresh();
  };

  const refresh = () => {
    if (asked && performance.now() - askedAt > DEPARTURES_EVERY_MS) void ask();
    const vehicles = [...app.state.vehicles.values()].filter((vehicle: Vehicle) => vehicle.stop === id);
    coming.render(vehicles);
    const departures = board.childElementCount > 0;
    show(boardTitle, departures);
    show(board, departures);
    show(comingTitle, vehicles.length > 0 || !departures);
    show(nobody, vehicles.length === 0 && !departures);
    for (const button of lines.children) {
      button.setAttribute("aria-pressed", String(app.filter.has(button.getAttribute("data-route") ?? "")));
    }
  };
  refresh();
  return { element, title, refresh };
}

function departureRow(app: App, departure: Departure): HTMLElement {
  const line = app.lines.get(departure.route);
  const given = parseHex(departure.color);
  const color = line?.color ?? (given ? toHex(given) : "#4b5563");
  const badge = lineBadge(line ?? { name: departure.line ?? "–", color, textColor: textOn(color) });
  const planned = Date.parse(departure.scheduled ?? "");
  const expected = Date.parse(departure.expected ?? "") || planned + (departure.delay ?? 0) * 1000;
  const delay = departure.delay ?? (departure.expected && planned ? (expected - planned) / 1000 : null);
  const when = h("span", { class: "board-time" });
  if (Number.isFinite(expected)) say(when, clockWords(app.language, expected, app.timezone));
  const words = h("span", { class: "row-delay" }, delay === null ? "" : delayWords(app.language, delay));
  words.dataset["is"] = punctuality(delay);
  return h("li", { class: "board-row" }, badge, h("span", { class: "row-head" }, app.headsign(departure)), words, when);
}

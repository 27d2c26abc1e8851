/** Rows of vehicles, shared by the list and by a stop's sheet. Rows are kept and changed, so that focus stays. */

import type { App } from "../app";
import { text } from "../core/i18n";
import type { Vehicle } from "../core/types";
import { ageWords, delayWords, isAtStop, punctuality, stateWords } from "../core/words";
import { h, lineBadge, say } from "./dom";

interface Row {
  item: HTMLLIElement;
  button: HTMLButtonElement;
  badge: HTMLElement;
  line: HTMLElement;
  head: HTMLElement;
  next: HTMLElement;
  delay: HTMLElement;
  key: string;
}

export class VehicleRows {
  readonly element: HTMLUListElement;
  readonly #app: App;
  readonly #rows = new Map<string, Row>();
  readonly #chosen: (id: string, button: HTMLElement) => void;

  constructor(app: App, chosen: (id: string, button: HTMLElement) => void) {
    this.#app = app;
    this.#chosen = chosen;
    this.element = h("ul", { class: "rows", role: "list" });
  }

  render(vehicles: readonly Vehicle[]): void {
    const wanted = new Set(vehicles.map((vehicle) => vehicle.id));
    for (const [id, row] of this.#rows) {
      if (wanted.has(id)) continue;
      row.item.remove();
      this.#rows.delete(id);
    }
    let before: Element | null = null;
    for (const vehicle of vehicles) {
      const row = this.#rows.get(vehicle.id) ?? this.#create(vehicle.id);
      this.#fill(row, vehicle);
      const place: ChildNode | null = before ? before.nextElementSibling : this.element.firstElementChild;
      if (place !== row.item) this.element.insertBefore(row.item, place);
      before = row.item;
    }
  }

  #create(id: string): Row {
    const badge = h("span");
    const line = h("span", { class: "unseen" });
    const head = h("span", { class: "row-head" });
    const next = h("span", { class: "row-next" });
    const delay = h("span", { class: "row-delay" });
    const button = h("button", { type: "button", class: "row", onclick: () => this.#chosen(id, button) },
      line, badge, h("span", { class: "row-words" }, head, h("span", { class: "unseen" }, ", "), next), h("span", { class: "unseen" }, ", "), delay);
    const row: Row = { item: h("li", {}, button), button, badge, line, head, next, delay, key: "" };
    this.#rows.set(id, row);
    return row;
  }

  #fill(row: Row, vehicle: Vehicle): void {
    const app = this.#app;
    const { language } = app;
    const line = app.lineOf(vehicle);
    const key = line ? `${line.name} ${line.color}` : "";
    if (row.key !== key || !row.badge.isConnected) {
      const badge = line ? lineBadge(line) : h("span", { class: "badge badge-none" }, "–");
      badge.setAttribute("aria-hidden", "true");
      row.badge.replaceWith(badge);
      row.badge = badge;
      row.key = key;
    }
    const headsign = app.headsign(vehicle);
    const stop = app.nextStopName(vehicle);
    const stopWords = stop ? text(language, isAtStop(vehicle) ? "atStop" : "nextStop") : "";
    const idle = vehicle.state !== "in_service" && vehicle.state != null;
    say(row.line, `${line ? text(language, "line", { line: line.name }) : text(language, "noLine")}, `);
    say(row.head, headsign ? text(language, "towards", { headsign }) : (vehicle.label ?? vehicle.id));
    say(row.next, idle && vehicle.state !== "unknown" ? stateWords(language, vehicle) : stop ? `${stopWords}: ${stop}` : stateWords(language, vehicle));
    const old = app.isOld(vehicle);
    say(row.delay, old ? ageWords(language, app.ageS(vehicle)) : delayWords(language, vehicle.delay));
    row.delay.dataset["is"] = old ? "old" : punctuality(vehicle.delay);
    const { selection } = app;
    row.button.setAttribute("aria-pressed", String(selection?.kind === "vehicle" && selection.id === vehicle.id));
  }
}

/** The sheet of one vehicle. */

import type { App } from "../app";
import { text, type MessageKey } from "../core/i18n";
import { ageWords, delayMark, delayWords, isAtStop, punctuality, speedWords, stateWords } from "../core/words";
import { h, icon, lineBadge, say, show } from "./dom";
import type { SheetView } from "./sheet";

export function createVehicleView(app: App, id: string): SheetView {
  const { language } = app;
  const badge = h("span", { class: "sheet-badge" });
  const spoken = h("span", { class: "unseen" });
  const head = h("span", {});
  const title = h("h2", { class: "sheet-title", id: "sheet-title", tabindex: "-1" }, spoken, head);
  const longName = h("p", { class: "sheet-sub" });
  const mark = h("span", { class: "delay-mark", "aria-hidden": "true" });
  const delay = h("span", {});
  const delayLine = h("p", { class: "delay" }, mark, delay);
  const facts = new Map<MessageKey, { row: HTMLElement; name: HTMLElement; value: HTMLElement }>();
  const list = h("dl", { class: "facts" });
  for (const key of ["nextStop", "speed", "fixAge", "state", "vehicleNumber"] as const) {
    const name = h("dt", {}, text(language, key));
    const value = h("dd", {});
    const row = h("div", { class: "fact" }, name, value);
    facts.set(key, { row, name, value });
    list.append(row);
  }
  const followWords = h("span", {});
  const follow = h("button", { type: "button", class: "action", onclick: () => {
    app.following = !app.following;
    app.tell("tick");
  } }, icon("follow"), followWords);
  const onlyWords = h("span", {});
  const only = h("button", { type: "button", class: "action", onclick: () => {
    const route = app.state.vehicles.get(id)?.route;
    if (route) app.setFilter(app.filter.size === 1 && app.filter.has(route) ? new Set() : new Set([route]));
  } }, icon("filter"), onlyWords);
  const element = h("div", { class: "vehicle" },
    h("div", { class: "sheet-head" }, badge, h("div", { class: "sheet-name" }, title, longName)),
    delayLine, list, h("div", { class: "actions" }, follow, only));

  const fact = (key: MessageKey, words: string, old = false) => {
    const entry = facts.get(key);
    if (!entry) return;
    show(entry.row, words !== "");
    say(entry.value, words);
    entry.value.classList.toggle("old", old);
  };

  let badgeKey = "";
  const refresh = () => {
    const vehicle = app.state.vehicles.get(id);
    if (!vehicle) return;
    const line = app.lineOf(vehicle);
    const known = app.lines.get(vehicle.route);
    const key = line ? `${line.name} ${line.color}` : "-";
    if (key !== badgeKey) {
      badgeKey = key;
      badge.replaceChildren(line ? lineBadge(line, "badge-big") : h("span", { class: "badge badge-none badge-big" }, "–"));
      badge.setAttribute("aria-hidden", "true");
    }
    say(spoken, `${line ? text(language, "line", { line: line.name }) : text(language, "noLine")} `);
    const headsign = app.headsign(vehicle);
    say(head, headsign ? text(language, "towards", { headsign }) : (vehicle.label ?? vehicle.id));
    say(longName, known ? app.lines.longName(known, language) : "");
    show(longName, Boolean(longName.textContent));

    const is = punctuality(vehicle.delay);
    delayLine.dataset["is"] = is;
    say(mark, is === "late" || is === "early" ? delayMark(vehicle.delay) : is === "on_time" ? "✓" : "?");
    say(delay, delayWords(language, vehicle.delay));

    const stop = facts.get("nextStop");
    if (stop) say(stop.name, text(language, isAtStop(vehicle) ? "atStop" : "nextStop"));
    fact("nextStop", app.nextStopName(vehicle));
    fact("speed", speedWords(language, vehicle.speed));
    fact("fixAge", ageWords(language, app.ageS(vehicle)), app.isOld(vehicle));
    fact("state", stateWords(language, vehicle));
    fact("vehicleNumber", vehicle.label ?? vehicle.id);
    follow.setAttribute("aria-pressed", String(app.following));
    say(followWords, text(language, app.following ? "following" : "follow"));
    only.setAttribute("aria-pressed", String(Boolean(vehicle.route) && app.filter.size === 1 && app.filter.has(vehicle.route ?? "")));
    say(onlyWords, text(language, "onlyLine", { line: line?.name ?? "" }));
    show(only, Boolean(vehicle.route));
  };
  refresh();
  return { element, title, refresh };
}

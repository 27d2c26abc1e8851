/** The head of the page: the city, the state of the connection, the clock of the data, and what the gate says. */

import type { App } from "../app";
import { LANGUAGES, named, plural, text, type Language } from "../core/i18n";
import { clockWords, dateWords } from "../core/words";
import { h, say, show } from "./dom";

const LANGUAGE_NAMES: Record<Language, string> = { uk: "Українська", en: "English" };
/** A replay faster than this says so. */
const FAST = 1.5;

export function createStatus(app: App, chooseLanguage: (language: Language) => void) {
  const city = h("h1", { class: "city" });
  const dot = h("span", { class: "dot", "aria-hidden": "true" });
  const connection = h("span", { class: "connection", role: "status" });
  const clock = h("span", { class: "clock" });
  const demo = h("p", { class: "demo" });
  const gate = h("p", { class: "gate", role: "status" });
  const notice = h("p", { class: "notice", role: "status" });
  const languages = LANGUAGES.map((language) =>
    h("button", { type: "button", class: "language", lang: language, title: LANGUAGE_NAMES[language], onclick: () => chooseLanguage(language) },
      h("span", { "aria-hidden": "true" }, language === "uk" ? "УКР" : "EN"),
      h("span", { class: "unseen" }, LANGUAGE_NAMES[language])),
  );
  const group = h("div", { class: "languages", role: "group" }, ...languages);
  const element = h("header", { class: "head" },
    h("div", { class: "head-row" },
      h("div", { class: "who" }, city, h("p", { class: "state" }, dot, connection, clock)),
      group),
    demo, gate, notice);

  const gateWords = (): string => {
    const { mode, minutes, reason } = app.state.gate;
    if (mode === "live") return "";
    const what =
      mode === "off" ? text(app.language, "gateOff")
      : minutes ? text(app.language, "gateDelayed", { span: plural(app.language, "minutes", minutes) })
      : text(app.language, "gateDelayedPlain");
    return reason ? `${what} ${text(app.language, "gateReason", { reason })}` : what;
  };

  const demoWords = (): string => {
    const recorded = app.config.demo;
    if (!recorded) return "";
    const label = named(app.language, recorded.label, recorded.label_en) || dateWords(app.language, app.nowMs(), app.timezone);
    const fast = app.clock.rate > FAST ? ` ${text(app.language, "speedUp", { n: String(Math.round(app.clock.rate)) })}` : "";
    return text(app.language, "recordedDay", { label }) + fast;
  };

  const tick = () => {
    const known = app.clock.now(performance.now());
    say(clock, known === null ? "" : clockWords(app.language, known, app.timezone, true));
    say(demo, demoWords());
    show(demo, Boolean(demo.textContent));
  };

  const render = () => {
    const { language } = app;
    const name = app.cityName;
    say(city, name || text(language, "titlePlain"));
    document.title = name ? text(language, "title", { city: name }) : text(language, "titlePlain");
    element.dataset["connection"] = app.connection;
    element.dataset["gate"] = app.state.gate.mode;
    say(connection, text(language, app.connection === "live" && app.config.demo ? "replay" : app.connection));
    say(gate, gateWords());
    show(gate, Boolean(gate.textContent));
    say(notice, [...app.notices.values()].map((words) => words()).join(" "));
    show(notice, Boolean(notice.textContent));
    group.setAttribute("aria-label", text(language, "language"));
    languages.forEach((button, i) => button.setAttribute("aria-pressed", String(LANGUAGES[i] === language)));
    tick();
  };

  app.on(["status", "language", "network"], render);
  app.on(["tick"], tick);
  render();
  return element;
}

/** The buttons on the map. */

import type { App } from "../app";
import { text, type MessageKey } from "../core/i18n";
import type { View } from "../map/view";
import { h, icon, say } from "./dom";

const LOCATE_TIMEOUT_MS = 15_000;
const MESSAGE_MS = 6_000;

export function createControls(app: App, view: View | null): HTMLElement {
  const buttons: [MessageKey, HTMLButtonElement][] = [
    ["zoomIn", h("button", { type: "button", class: "control", onclick: () => view?.zoom(1) }, icon("plus"))],
    ["zoomOut", h("button", { type: "button", class: "control", onclick: () => view?.zoom(-1) }, icon("minus"))],
    ["showAll", h("button", { type: "button", class: "control", onclick: () => view?.showAll() }, icon("city"))],
    ["locate", h("button", { type: "button", class: "control control-locate", onclick: () => locate() }, icon("locate"))],
  ];
  const message = h("p", { class: "toast", role: "status" });
  const element = h("div", { class: "controls" }, message, ...buttons.map(([, button]) => button));
  element.hidden = view === null;
  let timer = 0;

  const tell = (words: string) => {
    say(message, words);
    clearTimeout(timer);
    if (words) timer = window.setTimeout(() => say(message, ""), MESSAGE_MS);
  };

  const locate = () => {
    if (!("geolocation" in navigator)) return tell(text(app.language, "locateFailed"));
    tell(text(app.language, "locating"));
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        tell("");
        view?.showMe(coords.longitude, coords.latitude, text(app.language, "locate"));
      },
      () => tell(text(app.language, "locateFailed")),
      { enableHighAccuracy: true, timeout: LOCATE_TIMEOUT_MS, maximumAge: 15_000 },
    );
  };

  const render = () => {
    for (const [key, button] of buttons) {
      button.setAttribute("aria-label", text(app.language, key));
      button.title = text(app.language, key);
    }
  };
  app.on(["language"], render);
  render();
  return element;
}

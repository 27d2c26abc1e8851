/** What was tapped: a sheet below on phones, beside the map on wider windows. */

import type { App } from "../app";
import { h, icon, say } from "./dom";
import { text } from "../core/i18n";
import { createStopView } from "./stop";
import { createVehicleView } from "./vehicle";

/** The inside of a sheet for one selection. */
export interface SheetView {
  element: HTMLElement;
  title: HTMLElement;
  /** Once a second, and when the vehicle changed. */
  refresh(): void;
}

export function createSheet(app: App) {
  const close = h("button", { type: "button", class: "close" }, icon("close"));
  const inside = h("div", { class: "sheet-inside" });
  const element = h("section", { class: "sheet", id: "sheet", hidden: true }, close, inside);
  let view: SheetView | null = null;
  let opener: HTMLElement | null = null;

  const build = () => {
    const { selection } = app;
    view =
      selection?.kind === "vehicle" ? createVehicleView(app, selection.id)
      : selection?.kind === "stop" ? createStopView(app, selection.id)
      : null;
    element.hidden = view === null;
    document.body.classList.toggle("has-sheet", view !== null);
    inside.replaceChildren(...(view ? [view.element] : []));
    inside.scrollTop = 0;
    say(close.querySelector(".unseen") ?? close.appendChild(h("span", { class: "unseen" })), text(app.language, "close"));
    if (view) element.setAttribute("aria-labelledby", view.title.id);
  };

  const leave = () => {
    const back = opener;
    app.select(null);
    opener = null;
    (back?.isConnected && back.offsetParent ? back : document.querySelector<HTMLElement>(".maplibregl-canvas"))?.focus();
  };

  close.addEventListener("click", leave);
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && app.selection && !event.defaultPrevented) leave();
  });
  app.on(["selection"], () => {
    build();
    view?.title.focus({ preventScroll: true });
  });
  app.on(["language", "network"], () => app.selection && build());
  app.on(["tick", "vehicles", "filter"], () => view?.refresh());

  return {
    element,
    /** Where the focus goes back to when the sheet is closed. */
    openedFrom(from: HTMLElement | null): void {
      opener = from;
    },
  };
}

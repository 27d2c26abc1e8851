/**
 * The riders' map: events of the server → `App` (state, clock, fleet) → the map's overlay, the list, the sheet.
 *
 * `core/` is pure and tested without a browser, `map/` draws, `panels/` says the same in words.
 */

import "maplibre-gl/dist/maplibre-gl.css";
import "@fontsource-variable/commissioner/wght.css";
import "./styles/base.css";
import "./styles/list.css";
import "./styles/foot.css";
import "./styles/panel.css";
import "./styles/sheet.css";
import "./styles/map.css";
import { App } from "./app";
import { insist, listIn } from "./core/api";
import { chooseLanguage, text, type Language, type MessageKey } from "./core/i18n";
import { Lines } from "./core/lines";
import { Live } from "./core/live";
import type { MapConfig, Route, Stop } from "./core/types";
import { watchTheme } from "./map/theme";
import { View } from "./map/view";
import { createControls } from "./panels/controls";
import { createFrame } from "./panels/frame";

const LANGUAGE_KEY = "marshrut.language";

/** For tests and for the curious: what the page shows, read from the console. */
declare global {
  interface Window {
    marshrut?: {
      /** Vehicles known to the page. */
      vehicles(): number;
      /** Vehicles that the last frame drew inside the window. */
      drawn(): number;
      /** Mean time to draw a frame of vehicles, ms. */
      frameMs(): number;
      lines(): number;
      stops(): number;
      connection(): string;
      view: View | null;
      app: App;
    };
  }
}

const app = new App(chooseLanguage(stored(), navigator.languages));
document.documentElement.lang = app.language;

const frame = createFrame(app, setLanguage);
document.getElementById("app")?.replaceWith(frame.element);
void start();

async function start(): Promise<void> {
  app.config = await insist<MapConfig>("/api/v1/map", () => undefined);
  app.tell("status");
  const view = createView();
  window.marshrut = {
    vehicles: () => app.state.vehicles.size,
    drawn: () => view?.overlay.drawn ?? 0,
    frameMs: () => view?.overlay.frameMs ?? 0,
    lines: () => app.lines.all.length,
    stops: () => app.stops.size,
    connection: () => app.connection,
    view,
    app,
  };
  frame.controls.replaceWith(createControls(app, view));
  if (view) connect(view);
  new Live("/live/events", {
    snapshot: (event) => app.applied(app.state.snapshot(event), event.time),
    update: (event) => app.applied(app.state.update(event), event.time),
    gate: (gate) => app.applied(app.state.setGate(gate)),
    connection: (connection) => app.setConnection(connection),
  });
  setInterval(() => {
    if (document.visibilityState === "visible") app.tell("tick");
  }, 1_000);
  await Promise.all([loadRoutes(), loadStops()]);
}

function createView(): View | null {
  try {
    return new View({
      container: frame.map,
      config: app.config,
      theme: watchTheme((theme) => window.marshrut?.view?.setTheme(theme)),
      label: text(app.language, "mapLabel"),
      markers: () => app.fleet.markers.values(),
      now: () => ({ dataMs: app.state.time === null ? null : app.shownMs(), rate: app.clock.rate }),
      on: {
        vehicle: (id) => open("vehicle", id),
        stop: (id) => open("stop", id),
        ground: () => app.select(null),
        groundLost: () => notice("map", () => text(app.language, "groundPlain")),
        thanks: (attributions) => {
          const all = new Set([app.config.attribution ?? "", ...attributions]);
          app.config.attribution = [...all].filter(Boolean).join(" · ");
          app.tell("status");
        },
        dragged: () => {
          app.following = false;
          app.tell("tick");
        },
      },
    });
  } catch {
    // No WebGL: the list says everything that the map would.
    notice("map", () => text(app.language, "noWebgl"));
    return null;
  }
}

/** Keeps the map in step with the app. */
function connect(view: View): void {
  const emphasise = () => {
    const { selection } = app;
    const vehicle = selection?.kind === "vehicle" ? app.state.vehicles.get(selection.id) : undefined;
    view.emphasise(vehicle?.route ? [vehicle.route, ...app.filter] : [...app.filter]);
    view.overlay.choose(selection?.kind === "vehicle" ? selection.id : null);
  };
  app.on(["selection", "filter"], emphasise);
  app.on(["vehicles"], () => view.overlay.want());
  app.on(["network"], () => {
    view.setLines(app.lines.all);
    view.setStops([...app.stops.values()], (stop) => app.stopName(stop));
  });
  app.on(["language"], () => {
    view.setLabel(text(app.language, "mapLabel"));
    view.setStops([...app.stops.values()], (stop) => app.stopName(stop));
  });
  app.on(["tick"], () => {
    if (!app.following || app.selection?.kind !== "vehicle") return;
    const at = view.overlay.where(app.selection.id);
    if (at) view.follow(...at);
  });
  frame.chosen((kind, id) => {
    const at = kind === "vehicle" ? view.overlay.where(id) : placeOfStop(id);
    if (at) view.goTo(...at);
  });
  // Badges drawn before the font came have the wrong letters.
  void document.fonts.load('700 13px "Commissioner Variable"', "Ая1").then(() => view.overlay.restyle(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
}

function placeOfStop(id: string): [number, number] | null {
  const stop = app.stops.get(id);
  return stop ? [stop.lon, stop.lat] : null;
}

function open(kind: "vehicle" | "stop", id: string): void {
  frame.sheet.openedFrom(null);
  app.select({ kind, id });
}

async function loadRoutes(): Promise<void> {
  const answer = await insist<unknown>("/api/v1/routes", () => notice("routes", () => failed("loadRoutes")));
  notice("routes", null);
  app.setNetwork(new Lines(listIn<Route>(answer, "routes")));
}

async function loadStops(): Promise<void> {
  const answer = await insist<unknown>("/api/v1/stops", () => notice("stops", () => failed("loadStops")));
  notice("stops", null);
  app.setStops(listIn<Stop>(answer, "stops"));
}

function failed(what: MessageKey): string {
  return text(app.language, "loadFailed", { what: text(app.language, what) });
}

/** Says something above the chips, in the reader's language, until it is taken back. */
function notice(about: "map" | "routes" | "stops", words: (() => string) | null): void {
  if (words) app.notices.set(about, words);
  else app.notices.delete(about);
  app.tell("status");
}

function setLanguage(language: Language): void {
  document.documentElement.lang = language;
  try {
    localStorage.setItem(LANGUAGE_KEY, language);
  } catch {
    // A browser that keeps nothing still shows the language now.
  }
  app.setLanguage(language);
}

function stored(): string | null {
  try {
    return localStorage.getItem(LANGUAGE_KEY);
  } catch {
    return null;
  }
}

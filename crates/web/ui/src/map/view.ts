/** The map itself: ground, lines, stops, the vehicles' overlay, what is tapped, and where the reader is. */

// The worker is a file of our own: the page's policy allows no `blob:` scripts.
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import { Map as MapLibre, Marker as DomMarker, setWorkerUrl, type GeoJSONSource, type LayerSpecification, type StyleSpecification } from "maplibre-gl";
import type { Line } from "../core/lines";
import type { MapConfig, Stop } from "../core/types";
import { provideLabels } from "./labels";
import { Overlay, type Marker } from "./overlay";
import { ribbons, type Ribbon } from "./ribbons";
import { configuredStyle, emptySource, linesData, LINES_SOURCE, ourLayers, plainGround, stopsData, STOPS_SOURCE } from "./style";
import type { Theme } from "./theme";

setWorkerUrl(workerUrl);

/** After so many failed tiles and not one good one, the configured server counts as not there. */
const TILE_FAILURES = 4;
/** Around the city, so that it is not lost by a fling; wide enough for the whole of it on a tall, narrow screen. */
const BOUNDS_MARGIN = 1.6;
const TAP_PX = 16;

export interface ViewEvents {
  vehicle(id: string): void;
  stop(id: string): void;
  ground(): void;
  /** The configured map server cannot be reached. */
  groundLost(): void;
  /** Whom a configured map asks to thank. */
  thanks(attributions: string[]): void;
  /** The reader moved the map by hand. */
  dragged(): void;
}

export interface ViewOptions {
  container: HTMLElement;
  config: MapConfig;
  theme: Theme;
  label: string;
  markers: () => Iterable<Marker>;
  now: () => { dataMs: number | null; rate: number };
  on: ViewEvents;
}

type Bounds = [number, number, number, number];

export class View {
  readonly map: MapLibre;
  readonly overlay: Overlay;
  readonly #options: ViewOptions;
  #theme: Theme;
  #bounds: Bounds;
  #lines: readonly Line[] = [];
  #ribbons: readonly Ribbon[] = [];
  #stops: { stops: readonly Stop[]; name: (stop: Stop) => string } = { stops: [], name: () => "" };
  #chosen: readonly string[] = [];
  #configured = false;
  #me: DomMarker | null = null;

  constructor(options: ViewOptions) {
    this.#options = options;
    this.#theme = options.theme;
    this.#bounds = options.config.bounds ?? [22.1, 44.3, 40.2, 52.4];
    this.map = new MapLibre({
      container: options.container,
      style: this.#withOurs(plainGround(options.theme)),
      bounds: this.#bounds,
      fitBoundsOptions: { padding: this.#padding() },
      ...(options.config.bounds && { maxBounds: widened(this.#bounds) }),
      minZoom: 4,
      maxZoom: 19,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      rollEnabled: false,
      fadeDuration: 120,
      locale: { "Map.Title": options.label },
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    provideLabels(this.map);
    this.overlay = new Overlay(this.map, options.theme, options.markers, options.now);
    this.#listen();
    if (options.config.style) void this.#underlay(options.config.style, options.config.attribution ?? "");
  }

  setLabel(label: string): void {
    this.map.getCanvas().setAttribute("aria-label", label);
  }

  setTheme(theme: Theme): void {
    this.#theme = theme;
    this.overlay.restyle(theme);
    this.#paint();
    if (!this.#configured && this.map.getLayer("ground")) {
      const [layer] = plainGround(theme).layers;
      if (layer?.type === "background") this.map.setPaintProperty("ground", "background-color", layer.paint?.["background-color"]);
    }
    this.#fill();
  }

  setLines(lines: readonly Line[]): void {
    this.#lines = lines;
    this.#ribbons = ribbons(lines);
    this.#paint();
    this.#fill();
  }

  setStops(stops: readonly Stop[], name: (stop: Stop) => string): void {
    this.#stops = { stops, name };
    this.#fill();
  }

  /** Makes these routes stand out; none means all alike. */
  emphasise(routes: readonly string[]): void {
    if (routes.join("|") === this.#chosen.join("|")) return;
    this.#chosen = routes;
    this.#paint();
  }

  zoom(steps: number): void {
    this.map.easeTo({ zoom: this.map.getZoom() + steps, duration: calm() ? 0 : 250 });
  }

  showAll(): void {
    this.map.fitBounds(this.#bounds, { padding: this.#padding(), duration: calm() ? 0 : 700 });
  }

  /** Brings a place into the free part of the window, nearer if it is far out. */
  goTo(lon: number, lat: number, least = 14.5): void {
    const zoom = Math.max(this.map.getZoom(), least);
    this.map.easeTo({ center: [lon, lat], zoom, offset: this.#free(), duration: calm() ? 0 : 600 });
  }

  /** Keeps a moving vehicle in the middle of the free part. */
  follow(lon: number, lat: number): void {
    this.map.easeTo({ center: [lon, lat], offset: this.#free(), duration: calm() ? 0 : 900, easing: (t) => t });
  }

  showMe(lon: number, lat: number, label: string): void {
    if (!this.#me) {
      const element = document.createElement("div");
      element.className = "me";
      this.#me = new DomMarker({ element }).setLngLat([lon, lat]).addTo(this.map);
    }
    this.#me.setLngLat([lon, lat]).getElement().setAttribute("aria-label", label);
    this.goTo(lon, lat, 15);
  }

  /** The part of the window that panels leave free is a little to the right, or on phones a little up. */
  #free(): [number, number] {
    const wide = innerWidth >= 900;
    return wide ? [0, 0] : [0, -Math.round(innerHeight * 0.16)];
  }

  #padding() {
    return innerWidth >= 900
      ? { top: 48, right: 72, bottom: 56, left: 420 }
      : { top: 150, right: 28, bottom: 110, left: 28 };
  }

  #listen(): void {
    const { on } = this.#options;
    const map = this.map;
    map.on("click", (event) => {
      const vehicle = this.overlay.hit(event.point.x, event.point.y);
      if (vehicle !== null) return on.vehicle(vehicle);
      const stop = this.#stopAt(event.point.x, event.point.y);
      if (stop !== null) return on.stop(stop);
      on.ground();
    });
    map.on("mousemove", (event) => {
      const { x, y } = event.point;
      const over = this.overlay.hit(x, y) !== null || this.#stopAt(x, y) !== null;
      map.getCanvas().style.cursor = over ? "pointer" : "";
    });
    map.on("dragstart", () => on.dragged());
    map.on("style.load", () => this.#fill());
  }

  #stopAt(x: number, y: number): string | null {
    if (!this.map.getLayer("marshrut-stops")) return null;
    const box: [[number, number], [number, number]] = [[x - TAP_PX, y - TAP_PX], [x + TAP_PX, y + TAP_PX]];
    const found = this.map.queryRenderedFeatures(box, { layers: ["marshrut-stops"] });
    const id: unknown = found[0]?.properties["id"];
    return typeof id === "string" ? id : null;
  }

  /** Puts a configured map underneath; where it fails, the plain ground stays. */
  async #underlay(address: string, attribution: string): Promise<void> {
    const style = await configuredStyle(address, attribution);
    if (!style) return this.#options.on.groundLost();
    let failures = 0;
    let arrived = false;
    this.map.on("data", (event) => {
      if (event.dataType === "source" && "tile" in event && "sourceId" in event && !String(event.sourceId).startsWith("marshrut-")) arrived = true;
    });
    this.map.on("error", (event) => {
      const source = "sourceId" in event ? String(event.sourceId) : "";
      if (!this.#configured || arrived || source.startsWith("marshrut-")) return;
      if (++failures < TILE_FAILURES) return;
      this.#configured = false;
      this.map.setStyle(this.#withOurs(plainGround(this.#theme)), { diff: false });
      this.#options.on.groundLost();
    });
    this.#configured = true;
    this.map.setStyle(this.#withOurs(style), { diff: false });
    this.map.once("idle", () => {
      const sources = Object.keys(style.sources).map((id) => this.map.getSource(id));
      this.#options.on.thanks(sources.map((source) => String((source as { attribution?: unknown } | undefined)?.attribution ?? "")).filter(Boolean));
    });
  }

  #withOurs(style: StyleSpecification): StyleSpecification {
    return {
      ...style,
      sources: { ...style.sources, [LINES_SOURCE]: emptySource({ tolerance: 0.2 }), [STOPS_SOURCE]: emptySource() },
      layers: [...style.layers, ...ourLayers(this.#theme, this.#chosen, this.#lines.length)],
    };
  }

  /** Gives the sources their data; a new style begins with empty ones. */
  #fill(): void {
    const lines = this.map.getSource<GeoJSONSource>(LINES_SOURCE);
    const stops = this.map.getSource<GeoJSONSource>(STOPS_SOURCE);
    void lines?.setData(linesData(this.#ribbons, this.#lines, this.#theme));
    void stops?.setData(stopsData(this.#stops.stops, this.#stops.name));
  }

  /** Sets every paint and layout value of our layers again: for another theme or another choice of lines. */
  #paint(): void {
    for (const layer of ourLayers(this.#theme, this.#chosen, this.#lines.length)) {
      if (!this.map.getLayer(layer.id)) continue;
      for (const [name, value] of entries(layer, "paint")) this.map.setPaintProperty(layer.id, name as never, value as never);
      for (const [name, value] of entries(layer, "layout")) this.map.setLayoutProperty(layer.id, name as never, value as never);
    }
  }
}

function entries(layer: LayerSpecification, part: "paint" | "layout"): [string, unknown][] {
  return Object.entries((part in layer && layer[part as keyof LayerSpecification]) || {});
}

function widened([west, south, east, north]: Bounds): Bounds {
  const margin = Math.max(east - west, north - south) * BOUNDS_MARGIN + 0.05;
  return [west - margin, Math.max(south - margin, -85), east + margin, Math.min(north + margin, 85)];
}

function calm(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/**
 * The vehicles, on a canvas of their own over the map.
 *
 * A canvas draws thousands of moving markers in a few milliseconds and leaves the map itself still: only what moves is
 * drawn again. It is redrawn in the map's own `render` event as well, so the two never part while the map is dragged.
 */

import type { Map as MapLibre } from "maplibre-gl";
import type { Look } from "../core/fleet";
import { latOf, lonOf } from "../core/geo";
import type { Place } from "../core/motion";
import { FADED_FIX_S } from "../core/words";
import { place, type Candidate } from "./crowd";
import { Sprites, type Sprite } from "./sprites";
import type { Theme } from "./theme";

/** A marker as the overlay sees it; the fleet owns it. */
export interface Marker {
  readonly id: string;
  look: Look;
  /** Hidden by the line filter. */
  hidden: boolean;
  /** Where it is now. */
  at(dataMs: number, localMs: number, still: boolean): Place;
  ageS(dataMs: number): number;
  strength(dataMs: number): number;
  /** The age in words where the fix is old, else empty. */
  ageMark(dataMs: number): string;
}

interface Shown {
  marker: Marker;
  x: number;
  y: number;
  headingDeg: number | null;
  /** 0 is a dot, 1 a badge. */
  grown: number;
  badge: boolean;
}

/** Who gets a badge is decided anew this often. */
const CROWD_EVERY_MS = 350;
/** From here on vehicles without a line have badges too. */
const CLOSE_ZOOM = 15.5;
/** A dot grows to a badge in this time. */
const GROW_MS = 180;
/** A finger is not a needle: this far beside a marker still hits it (44 px across for a dot). */
const TOUCH_PX = 22;
const MAX_RATIO = 2.5;
/** Metres per pixel at zoom 0 on the equator, for tiles of 512 px. */
const METRES_PER_PIXEL = 78_271.5;

export class Overlay {
  readonly #map: MapLibre;
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #sprites: Sprites;
  readonly #markers: () => Iterable<Marker>;
  readonly #now: () => { dataMs: number | null; rate: number };
  #shown: Shown[] = [];
  readonly #grown = new Map<string, { badge: boolean; grown: number }>();
  #chosen: string | null = null;
  #still: boolean;
  #crowdAt = 0;
  #frameAt = 0;
  #drawnAt = 0;
  #frameMs = 0;
  #wanted = true;

  constructor(map: MapLibre, theme: Theme, markers: () => Iterable<Marker>, now: () => { dataMs: number | null; rate: number }) {
    this.#map = map;
    this.#markers = markers;
    this.#now = now;
    this.#sprites = new Sprites(theme);
    this.#canvas = document.createElement("canvas");
    this.#canvas.className = "vehicles";
    this.#canvas.setAttribute("aria-hidden", "true");
    this.#context = this.#canvas.getContext("2d")!;
    map.getCanvasContainer().append(this.#canvas);
    const motion = matchMedia("(prefers-reduced-motion: reduce)");
    this.#still = motion.matches;
    motion.addEventListener("change", () => (this.#still = motion.matches));
    this.restyle(theme);
    map.on("resize", () => this.#resize());
    map.on("render", () => this.#draw(performance.now()));
    const frame = (local: number) => {
      requestAnimationFrame(frame);
      if (local - this.#drawnAt >= this.#interval() || this.#wanted) this.#draw(local);
    };
    requestAnimationFrame(frame);
  }

  restyle(theme: Theme): void {
    this.#sprites.restart(theme, Math.min(Math.max(devicePixelRatio, 1), MAX_RATIO));
    this.#resize();
  }

  choose(id: string | null): void {
    this.#chosen = id;
    this.#crowdAt = 0;
    this.#wanted = true;
  }

  /** Asks for a frame soon; the number of vehicles, the filter or the fixes changed. */
  want(): void {
    this.#wanted = true;
  }

  /** How many vehicles the last frame drew, and those alone that are inside the window. */
  get drawn(): number {
    return this.#shown.length;
  }

  /** Mean time that a frame took, ms. */
  get frameMs(): number {
    return this.#frameMs;
  }

  /** The vehicle under a point of the map, nearest first. */
  hit(x: number, y: number): string | null {
    let best: string | null = null;
    let bestCost = 1;
    for (const shown of this.#shown) {
      const badge = shown.badge ? this.#sprites.badge(shown.marker.look, false) : null;
      const reachX = Math.max(badge ? badge.halfWidth + 4 : 0, TOUCH_PX);
      const reachY = Math.max(badge ? badge.halfHeight + 4 : 0, TOUCH_PX);
      const cost = Math.max(Math.abs(x - shown.x) / reachX, Math.abs(y - shown.y) / reachY);
      if (cost < bestCost) {
        bestCost = cost;
        best = shown.marker.id;
      }
    }
    return best;
  }

  /** Longitude and latitude of a drawn vehicle. */
  where(id: string): [number, number] | null {
    const { dataMs } = this.#now();
    if (dataMs === null) return null;
    for (const marker of this.#markers()) {
      if (marker.id !== id) continue;
      const at = marker.at(dataMs, performance.now(), this.#still);
      return [lonOf(at.x), latOf(at.y)];
    }
    return null;
  }

  #resize(): void {
    const ratio = Math.min(Math.max(devicePixelRatio, 1), MAX_RATIO);
    const { clientWidth, clientHeight } = this.#map.getContainer();
    this.#canvas.width = Math.round(clientWidth * ratio);
    this.#canvas.height = Math.round(clientHeight * ratio);
    this.#wanted = true;
  }

  /** No frame moves a marker by more than about half a pixel, so far out fewer frames will do. */
  #interval(): number {
    if (this.#still) return 1_000;
    const { rate } = this.#now();
    const metresPerPixel = (METRES_PER_PIXEL * Math.cos((this.#map.getCenter().lat * Math.PI) / 180)) / 2 ** this.#map.getZoom();
    const pixelsPerSecond = (30 * Math.max(rate, 1)) / metresPerPixel;
    return Math.min(1_000 / Math.min(Math.max(pixelsPerSecond * 2, 12), 60) - 4, 80);
  }

  #draw(local: number): void {
    const begun = performance.now();
    this.#wanted = false;
    this.#drawnAt = local;
    const sinceMs = Math.min(local - this.#frameAt, 100);
    this.#frameAt = local;
    const { dataMs } = this.#now();
    const context = this.#context;
    const ratio = this.#canvas.width / Math.max(this.#map.getContainer().clientWidth, 1);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    if (dataMs === null) return;
    this.#collect(dataMs, local);
    if (local - this.#crowdAt > CROWD_EVERY_MS) {
      this.#crowdAt = local;
      this.#crowd();
    }
    for (const shown of this.#shown) this.#grow(shown, sinceMs);
    for (const shown of this.#shown) if (!shown.badge) this.#drawOne(shown, dataMs, ratio);
    for (const shown of this.#shown) {
      if (shown.badge && shown.marker.id !== this.#chosen) this.#drawOne(shown, dataMs, ratio);
    }
    for (const shown of this.#shown) if (shown.marker.id === this.#chosen) this.#drawOne(shown, dataMs, ratio);
    this.#frameMs += (performance.now() - begun - this.#frameMs) * 0.1;
  }

  /** The markers inside the window, with their place on the screen. */
  #collect(dataMs: number, local: number): void {
    const map = this.#map;
    const centre = map.getCenter();
    const middle = map.project(centre);
    const world = 512 * 2 ** map.getZoom();
    const cx = (centre.lng + 180) / 360;
    const cy = (1 - Math.asinh(Math.tan((centre.lat * Math.PI) / 180)) / Math.PI) / 2;
    const { clientWidth, clientHeight } = map.getContainer();
    this.#shown = [];
    for (const marker of this.#markers()) {
      if (marker.hidden && marker.id !== this.#chosen) continue;
      const at = marker.at(dataMs, local, this.#still);
      const x = middle.x + (at.x - cx) * world;
      const y = middle.y + (at.y - cy) * world;
      if (x < -40 || y < -40 || x > clientWidth + 40 || y > clientHeight + 40) continue;
      const before = this.#grown.get(marker.id) ?? { badge: false, grown: 0 };
      this.#shown.push({ marker, x, y, headingDeg: at.headingDeg, grown: before.grown, badge: before.badge });
    }
    this.#shown.sort((a, b) => a.y - b.y);
  }

  #crowd(): void {
    // A vehicle whose line is not known has nothing to say on a badge until one looks closely.
    const close = this.#map.getZoom() >= CLOSE_ZOOM;
    const worthy = this.#shown.filter(({ marker }) => close || marker.look.known || marker.id === this.#chosen);
    const candidates = worthy.map((shown): Candidate => {
      const { halfWidth, halfHeight } = this.#sprites.badge(shown.marker.look, false);
      return { x: shown.x, y: shown.y, halfWidth, halfHeight, had: shown.badge, chosen: shown.marker.id === this.#chosen };
    });
    const placed = new Set([...place(candidates)].map((i) => worthy[i]));
    this.#grown.clear();
    this.#shown.forEach((shown) => {
      shown.badge = placed.has(shown);
      this.#grown.set(shown.marker.id, { badge: shown.badge, grown: shown.grown });
    });
  }

  #grow(shown: Shown, sinceMs: number): void {
    const toward = shown.badge ? 1 : 0;
    if (shown.grown === toward) return;
    const step = this.#still ? 1 : sinceMs / GROW_MS;
    shown.grown = toward > shown.grown ? Math.min(1, shown.grown + step) : Math.max(0, shown.grown - step);
    this.#grown.set(shown.marker.id, { badge: shown.badge, grown: shown.grown });
    this.#wanted = true;
  }

  #drawOne(shown: Shown, dataMs: number, ratio: number): void {
    const { marker, x, y, headingDeg, grown } = shown;
    const context = this.#context;
    const chosen = marker.id === this.#chosen;
    const small = grown < 0.35;
    context.globalAlpha = chosen ? 1 : marker.strength(dataMs);
    if (small) {
      context.setTransform(ratio, 0, 0, ratio, x * ratio, y * ratio);
      blit(context, this.#sprites.dot(marker.look, headingDeg));
      context.globalAlpha = 1;
      return;
    }
    const badge = this.#sprites.badge(marker.look, chosen);
    const scale = 0.55 + 0.45 * grown;
    if (headingDeg !== null) {
      const turn = (headingDeg * Math.PI) / 180;
      const gap = chosen ? 4 : -1;
      const edge = edgeAt(turn, badge.halfWidth, badge.halfHeight, badge.radius) * scale + gap;
      context.setTransform(ratio, 0, 0, ratio, x * ratio, y * ratio);
      context.rotate(turn);
      context.translate(0, -edge);
      context.scale(scale, scale);
      blit(context, this.#sprites.pointer(marker.look));
    }
    context.setTransform(ratio * scale, 0, 0, ratio * scale, x * ratio, y * ratio);
    blit(context, badge);
    const age = marker.ageMark(dataMs);
    if (age && grown === 1) {
      context.setTransform(ratio, 0, 0, ratio, x * ratio, (y + badge.halfHeight + 11) * ratio);
      context.globalAlpha = marker.ageS(dataMs) > FADED_FIX_S ? 0.85 : 1;
      blit(context, this.#sprites.age(age));
    }
    context.globalAlpha = 1;
  }
}

function blit(context: CanvasRenderingContext2D, sprite: Sprite): void {
  context.drawImage(sprite.image, -sprite.anchorX, -sprite.anchorY, sprite.width, sprite.height);
}

/** From the middle of a box with round corners to its edge, in a direction clockwise from up. */
export function edgeAt(turn: number, halfWidth: number, halfHeight: number, radius: number): number {
  const across = Math.abs(Math.sin(turn));
  const up = Math.abs(Math.cos(turn));
  const box = Math.min(across > 0 ? halfWidth / across : Infinity, up > 0 ? halfHeight / up : Infinity);
  // Where the ray meets the corner's square, it meets the corner's circle a little sooner.
  const cornerX = halfWidth - radius;
  const cornerY = halfHeight - radius;
  if (across * box <= cornerX || up * box <= cornerY) return box;
  const middle = across * cornerX + up * cornerY;
  const root = middle * middle - (cornerX * cornerX + cornerY * cornerY - radius * radius);
  return root > 0 ? middle + Math.sqrt(root) : box;
}

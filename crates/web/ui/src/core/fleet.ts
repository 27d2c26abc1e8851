/** The vehicles as markers: each with its look and its movement, kept up with the live state. */

import { NO_LINE, parseHex, textOn, toHex } from "./colors";
import type { Measured } from "./geo";
import type { Language } from "./i18n";
import type { Lines } from "./lines";
import { Mover, type FixAt, type Place } from "./motion";
import type { Change, LiveState } from "./state";
import type { Vehicle } from "./types";
import { delayMark, isAtStop, OLD_FIX_S, punctuality, spanWords, strength, type Punctuality } from "./words";

/** What a marker looks like, apart from its heading. */
export interface Look {
  line: string;
  color: string;
  textColor: string;
  punctuality: Punctuality;
  /** "+3", "−1" or empty. */
  mark: string;
  /** False where its line is not known. */
  known: boolean;
  /** Trams and trolleybuses have other corners than buses. */
  rail: boolean;
}

/** GTFS route types that run on rails or wires, basic and extended. */
const RAIL = new Set([0, 1, 2, 5, 11, 12, 800, 900]);

export class FleetMarker {
  readonly id: string;
  look!: Look;
  hidden = false;
  language: Language;
  #vehicle!: Vehicle;
  #timeMs = 0;
  #line: Measured | null = null;
  readonly #mover: Mover;

  constructor(vehicle: Vehicle, lines: Lines, language: Language) {
    this.id = vehicle.id;
    this.language = language;
    this.#dress(vehicle, lines);
    this.#line = lines.shapeOf(vehicle, null);
    this.#mover = new Mover(fixOf(vehicle), this.#line);
  }

  #dress(vehicle: Vehicle, lines: Lines): void {
    this.#vehicle = vehicle;
    this.#timeMs = Date.parse(vehicle.time);
    this.look = lookOf(vehicle, lines);
  }

  take(vehicle: Vehicle, lines: Lines, dataMs: number, localMs: number): void {
    this.#dress(vehicle, lines);
    this.#line = lines.shapeOf(vehicle, this.#line);
    this.#mover.take(fixOf(vehicle), this.#line, dataMs, localMs);
  }

  get vehicle(): Vehicle {
    return this.#vehicle;
  }

  at(dataMs: number, localMs: number, still: boolean): Place {
    return this.#mover.place(dataMs, localMs, still);
  }

  ageS(dataMs: number): number {
    return Math.max(0, (dataMs - this.#timeMs) / 1000);
  }

  strength(dataMs: number): number {
    return strength(this.ageS(dataMs)) * (this.#vehicle.state === "deadhead" ? 0.65 : 1);
  }

  ageMark(dataMs: number): string {
    const age = this.ageS(dataMs);
    return age >= OLD_FIX_S ? spanWords(this.language, age) : "";
  }
}

export class Fleet {
  readonly markers = new Map<string, FleetMarker>();
  #lines: Lines;
  #language: Language;
  #filter: ReadonlySet<string> = new Set();

  constructor(lines: Lines, language: Language) {
    this.#lines = lines;
    this.#language = language;
  }

  /** The network came (or came anew): every marker looks for its line again. */
  setLines(lines: Lines, state: LiveState, dataMs: number, localMs: number): void {
    this.#lines = lines;
    for (const [id, marker] of this.markers) {
      const vehicle = state.vehicles.get(id);
      if (vehicle) marker.take(vehicle, lines, dataMs, localMs);
    }
    this.#hide();
  }

  setLanguage(language: Language): void {
    this.#language = language;
    for (const marker of this.markers.values()) marker.language = language;
  }

  setFilter(routes: ReadonlySet<string>): void {
    this.#filter = routes;
    this.#hide();
  }

  apply(change: Change, state: LiveState, dataMs: number, localMs: number): void {
    for (const id of change.gone) this.markers.delete(id);
    for (const id of change.changed) {
      const vehicle = state.vehicles.get(id);
      if (!vehicle) continue;
      const marker = this.markers.get(id);
      if (marker) marker.take(vehicle, this.#lines, dataMs, localMs);
      else this.markers.set(id, new FleetMarker(vehicle, this.#lines, this.#language));
    }
    this.#hide();
  }

  #hide(): void {
    for (const marker of this.markers.values()) {
      marker.hidden = this.#filter.size > 0 && !this.#filter.has(marker.vehicle.route ?? "");
    }
  }
}

function fixOf(vehicle: Vehicle): FixAt {
  return {
    lon: vehicle.lon,
    lat: vehicle.lat,
    timeMs: Date.parse(vehicle.time),
    speedMps: vehicle.speed ?? null,
    headingDeg: vehicle.heading ?? null,
    standing: vehicle.state === "layover" || isAtStop(vehicle),
  };
}

function lookOf(vehicle: Vehicle, lines: Lines): Look {
  const line = lines.get(vehicle.route);
  const given = parseHex(vehicle.color);
  const color = line?.color ?? (vehicle.line && given ? toHex(given) : NO_LINE);
  const delay = vehicle.state === "deadhead" ? null : vehicle.delay;
  return {
    line: line?.name ?? vehicle.line ?? "–",
    known: Boolean(line ?? vehicle.line),
    color,
    textColor: line?.textColor ?? textOn(color),
    punctuality: punctuality(delay),
    mark: delayMark(delay),
    rail: RAIL.has(line?.type ?? -1),
  };
}

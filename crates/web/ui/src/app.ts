/** What the page knows, in one place; the map and the panels read it and are told when it changes. */

import { DataClock } from "./core/clock";
import { Fleet } from "./core/fleet";
import type { Language } from "./core/i18n";
import { named } from "./core/i18n";
import { Lines, type Line } from "./core/lines";
import type { Connection } from "./core/live";
import { LiveState, type Change } from "./core/state";
import type { MapConfig, Stop, Vehicle } from "./core/types";
import { OLD_FIX_S } from "./core/words";

export type Selection = { kind: "vehicle" | "stop"; id: string } | null;

/** What changed. `tick` comes once a second. */
export type Topic = "vehicles" | "network" | "language" | "filter" | "selection" | "status" | "tick";

export class App {
  readonly state = new LiveState();
  readonly clock = new DataClock();
  readonly fleet: Fleet;
  config: MapConfig = {};
  lines = new Lines([]);
  stops = new Map<string, Stop>();
  language: Language;
  connection: Connection = "connecting";
  /** Messages of the page itself, such as a map server that cannot be reached, each by what it is about. */
  readonly notices = new Map<"map" | "routes" | "stops", () => string>();
  filter: ReadonlySet<string> = new Set();
  selection: Selection = null;
  following = false;
  readonly #listeners = new Map<Topic, (() => void)[]>();

  constructor(language: Language) {
    this.language = language;
    this.fleet = new Fleet(this.lines, language);
  }

  on(topics: readonly Topic[], listener: () => void): void {
    for (const topic of topics) this.#listeners.set(topic, [...(this.#listeners.get(topic) ?? []), listener]);
  }

  tell(topic: Topic): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener();
  }

  /** Data time in ms; the reader's own clock only until the first event. */
  nowMs(): number {
    return this.clock.now(performance.now()) ?? Date.now();
  }

  /** The instant that the positions are of: earlier than now while the gate publishes late. */
  shownMs(): number {
    return this.nowMs() - this.gateDelayMs;
  }

  get gateDelayMs(): number {
    const { mode, minutes } = this.state.gate;
    return mode === "delayed" ? (minutes ?? 0) * 60_000 : 0;
  }

  get timezone(): string | undefined {
    return this.config.timezone ?? undefined;
  }

  get cityName(): string {
    return named(this.language, this.config.name, this.config.name_en);
  }

  /** An event came in: what it says of time, vehicles and the gate. */
  applied(change: Change, time?: string): void {
    if (time) this.clock.observe(Date.parse(time), performance.now());
    this.fleet.apply(change, this.state, this.shownMs(), performance.now());
    if (this.selection?.kind === "vehicle" && change.whole && !this.state.vehicles.has(this.selection.id)) this.select(null);
    if (change.gate) this.tell("status");
    this.tell("vehicles");
  }

  setNetwork(lines: Lines): void {
    this.lines = lines;
    this.fleet.setLines(lines, this.state, this.shownMs(), performance.now());
    this.tell("network");
  }

  setStops(stops: readonly Stop[]): void {
    this.stops = new Map(stops.map((stop) => [stop.id, stop]));
    this.tell("network");
  }

  setLanguage(language: Language): void {
    this.language = language;
    this.fleet.setLanguage(language);
    this.tell("language");
  }

  toggleLine(id: string): void {
    const filter = new Set(this.filter);
    if (!filter.delete(id)) filter.add(id);
    this.setFilter(filter);
  }

  setFilter(filter: ReadonlySet<string>): void {
    this.filter = filter;
    this.fleet.setFilter(filter);
    this.tell("filter");
  }

  select(selection: Selection): void {
    if (selection?.id === this.selection?.id && selection?.kind === this.selection?.kind) return;
    this.selection = selection;
    this.following = false;
    this.tell("selection");
  }

  setConnection(connection: Connection): void {
    if (connection === this.connection) return;
    this.connection = connection;
    this.tell("status");
  }

  stopName(stop: Pick<Stop, "name" | "name_en" | "id">): string {
    return named(this.language, stop.name, stop.name_en) || stop.id;
  }

  /** The next stop's name, in the reader's language where the network knows it. */
  nextStopName(vehicle: Vehicle): string {
    const stop = vehicle.stop ? this.stops.get(vehicle.stop) : undefined;
    return stop ? this.stopName(stop) : named(this.language, vehicle.stop_name, vehicle.stop_name_en);
  }

  headsign(vehicle: Pick<Vehicle, "headsign" | "headsign_en">): string {
    return named(this.language, vehicle.headsign, vehicle.headsign_en);
  }

  /** Seconds since the position was measured. */
  ageS(vehicle: Vehicle): number {
    return Math.max(0, (this.nowMs() - Date.parse(vehicle.time)) / 1_000);
  }

  /** Too old to trust, beyond what the gate itself holds back. */
  isOld(vehicle: Vehicle): boolean {
    return this.ageS(vehicle) - this.gateDelayMs / 1_000 >= OLD_FIX_S;
  }

  /** The vehicle's line as the network knows it, or as the vehicle itself says. */
  lineOf(vehicle: Vehicle): Pick<Line, "name" | "color" | "textColor"> | null {
    const line = this.lines.get(vehicle.route);
    if (line) return line;
    const look = this.fleet.markers.get(vehicle.id)?.look;
    return vehicle.line && look ? { name: look.line, color: look.color, textColor: look.textColor } : null;
  }
}

/** The lines of the network as the page uses them: colours, order, and which shape a vehicle drives on. */

import { routeColors, routeTextColor } from "./colors";
import { Measured, turnDeg } from "./geo";
import { named, type Language } from "./i18n";
import type { Route, RouteShape, Vehicle } from "./types";

/** A vehicle further than this from a shape is not drawn along it. */
const ON_SHAPE_M = 45;

export interface Line {
  id: string;
  name: string;
  longName: string;
  longNameEn: string;
  color: string;
  textColor: string;
  type: number | null;
  shapes: RouteShape[];
}

export const compareNames = new Intl.Collator("uk", { numeric: true, sensitivity: "base" }).compare;

export class Lines {
  readonly all: readonly Line[];
  readonly #byId = new Map<string, Line>();
  readonly #order = new Map<string, number>();
  readonly #measured = new WeakMap<RouteShape, Measured>();

  constructor(routes: readonly Route[]) {
    const sorted = [...routes].sort((a, b) => compareNames(a.short_name ?? a.id, b.short_name ?? b.id));
    const colors = routeColors(sorted);
    this.all = sorted.map((route, index) => {
      const color = colors[index]!;
      return {
        id: route.id,
        name: route.short_name || route.long_name || route.id,
        longName: route.long_name ?? "",
        longNameEn: route.long_name_en ?? "",
        color,
        textColor: routeTextColor(route, color),
        type: route.type ?? null,
        shapes: (route.shapes ?? []).filter((shape) => shape.points.length > 1),
      };
    });
    this.all.forEach((line, index) => {
      this.#byId.set(line.id, line);
      this.#order.set(line.id, index);
    });
  }

  get(id: string | null | undefined): Line | undefined {
    return id ? this.#byId.get(id) : undefined;
  }

  /** Its place among the lines; after all of them where it is not known. */
  order(id: string | null | undefined): number {
    return this.#order.get(id ?? "") ?? this.all.length;
  }

  longName(line: Line, language: Language): string {
    return named(language, line.longName, line.longNameEn);
  }

  measured(shape: RouteShape): Measured {
    let found = this.#measured.get(shape);
    if (!found) {
      found = new Measured(shape.points);
      this.#measured.set(shape, found);
    }
    return found;
  }

  /**
   * The shape that a vehicle drives on: of its route and direction, the nearest one that runs its way; the one it was on
   * before is kept while it fits. Null where none is near: then the vehicle is drawn where its fix is.
   */
  shapeOf(vehicle: Vehicle, before: Measured | null): Measured | null {
    if (vehicle.state === "off_route" || vehicle.state === "deadhead") return null;
    const line = this.get(vehicle.route);
    if (!line) return null;
    let best: Measured | null = null;
    let bestCost = ON_SHAPE_M;
    for (const shape of line.shapes) {
      if (differs(shape.direction, vehicle.direction)) continue;
      const measured = this.measured(shape);
      const { crossM, alongM } = measured.project(vehicle.lon, vehicle.lat, vehicle.dist ?? undefined);
      if (crossM >= ON_SHAPE_M) continue;
      const turn =
        vehicle.heading == null || (vehicle.speed ?? 0) < 1 ? 0 : Math.abs(turnDeg(measured.at(alongM).headingDeg, vehicle.heading));
      const own = shape.pattern && shape.pattern === vehicle.pattern ? 20 : 0;
      const other = shape.headsign && vehicle.headsign && shape.headsign !== vehicle.headsign ? 8 : 0;
      const cost = crossM + (turn > 100 ? ON_SHAPE_M : 0) + other - own - (measured === before ? 6 : 0);
      if (cost < bestCost) {
        bestCost = cost;
        best = measured;
      }
    }
    return best;
  }
}

function differs(a: number | null | undefined, b: number | null | undefined): boolean {
  return a !== null && a !== undefined && b !== null && b !== undefined && a !== b;
}

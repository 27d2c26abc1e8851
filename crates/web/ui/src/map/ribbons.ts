/**
 * Lines side by side where they share a street.
 *
 * Each route's shapes are walked in short steps and the steps are noted in a grid by place and bearing. Where several routes
 * were noted, each one gets its own slot, counted across the street; a stretch with the same slot becomes one feature with an
 * offset. What a route covers twice (there and back) is drawn once. Pure; distances in metres on a local plane.
 */

import { turnDeg } from "../core/geo";

const DEGREE_M = 111_195;
/** Steps between the points that are looked at. */
const STEP_M = 15;
/** Two lines closer than about this, and near parallel, share a street. */
const CELL_M = 30;
/** A step aside no longer than this, and back on course, is a point that was put on a kerb, not a bend of the street. */
const STEP_ASIDE_M = 18;
const STEP_ASIDE_DEG = 40;
/** Undirected bearings are told apart in this many parts. */
const BEARINGS = 6;
/** Who shares the street is decided by the majority of so many steps before and after: shapes of one street wander apart. */
const WINDOW = 10;
/** A slot held for less than this many steps is a crossing, not a shared street. */
const SHORTEST_RUN = 8;
/** So many steps back is no longer the same place, unless the shape returns to it. */
const LAG = 8;
/** Wider bundles are pressed together to the width of this many lines. */
const WIDEST = 5;
/** Beyond this many points the lines are drawn unbundled rather than keep the reader waiting. */
const MAX_POINTS = 160_000;

export interface RibbonRoute {
  id: string;
  shapes: readonly { points: readonly (readonly [number, number])[] }[];
}

export interface Ribbon {
  route: string;
  /** In line widths to the right of the geometry; 0 in the middle of the street. */
  offset: number;
  coordinates: [number, number][];
}

interface Point {
  x: number;
  y: number;
}

interface Step extends Point {
  bearing: number;
}

interface Slot {
  offset: number;
  reversed: boolean;
}

export function ribbons(routes: readonly RibbonRoute[]): Ribbon[] {
  const plane = planeOf(routes);
  const walks = routes.map((route) => distinctShapes(route).map((points) => walk(points, plane)));
  const count = walks.flat().reduce((sum, steps) => sum + steps.length, 0);
  if (count > MAX_POINTS) return unbundled(routes);

  const grid = new Grid();
  const kept = walks.map((shapes, index) => {
    const own = new Grid();
    for (const steps of shapes) for (const step of steps) grid.note(step, index);
    return shapes.flatMap((steps) => uncovered(steps, own));
  });
  return kept.flatMap((runs, index) =>
    runs.flatMap((run) =>
      pieces(run, index, grid).map(({ steps, slot }) => ({
        route: routes[index]!.id,
        offset: slot.offset,
        coordinates: (slot.reversed ? steps.toReversed() : steps).map((step) => plane.back(step)),
      })),
    ),
  );
}

function unbundled(routes: readonly RibbonRoute[]): Ribbon[] {
  return routes.flatMap((route) =>
    distinctShapes(route).map((points) => ({
      route: route.id,
      offset: 0,
      coordinates: points.map(([lon, lat]) => [lon, lat] as [number, number]),
    })),
  );
}

/** Longest first, so that short turns add only what is their own; the same geometry once. */
function distinctShapes(route: RibbonRoute): (readonly (readonly [number, number])[])[] {
  const seen = new Set<string>();
  return route.shapes
    .map((shape) => shape.points)
    .filter((points) => {
      const key = `${points.length} ${points[0]} ${points[points.length >> 1]} ${points.at(-1)}`;
      return points.length > 1 && !seen.has(key) && seen.add(key);
    })
    .toSorted((a, b) => b.length - a.length);
}

function planeOf(routes: readonly RibbonRoute[]) {
  const first = routes.find((route) => route.shapes[0]?.points[0])?.shapes[0]?.points[0] ?? [0, 0];
  const scale = DEGREE_M * Math.cos((first[1] * Math.PI) / 180);
  return {
    to: ([lon, lat]: readonly [number, number]) => ({ x: (lon - first[0]) * scale, y: (lat - first[1]) * DEGREE_M }),
    back: ({ x, y }: Step): [number, number] => [round(first[0] + x / scale), round(first[1] + y / DEGREE_M)],
  };
}

function round(degrees: number): number {
  return Math.round(degrees * 1e6) / 1e6;
}

/** The line's own vertices and points between them, at most a step apart, each with its bearing. */
function walk(points: readonly (readonly [number, number])[], plane: ReturnType<typeof planeOf>): Step[] {
  const steps: Step[] = [];
  const straight = straightened(points.map((point) => plane.to(point)));
  for (let i = 1; i < straight.length; i++) {
    const a = straight[i - 1]!;
    const b = straight[i]!;
    const length = Math.hypot(b.x - a.x, b.y - a.y);
    if (length === 0) continue;
    const bearing = bearingOf(a, b);
    const parts = Math.max(1, Math.ceil(length / STEP_M));
    for (let k = steps.length === 0 ? 0 : 1; k <= parts; k++) {
      steps.push({ x: a.x + ((b.x - a.x) * k) / parts, y: a.y + ((b.y - a.y) * k) / parts, bearing });
    }
  }
  return steps;
}

function bearingOf(a: Point, b: Point): number {
  return (Math.atan2(b.x - a.x, b.y - a.y) * 180) / Math.PI;
}

/** Takes out short steps aside: both ends of one become its middle. Offset lines would show each of them as a tooth. */
function straightened(points: readonly Point[]): Point[] {
  const kept: Point[] = [];
  for (let i = 0; i < points.length; i++) {
    const [before, a, b, after] = [kept.at(-1), points[i]!, points[i + 1], points[i + 2]];
    if (before && b && after && Math.hypot(b.x - a.x, b.y - a.y) < STEP_ASIDE_M) {
      const aside = turnDeg(bearingOf(before, a), bearingOf(a, b));
      const back = turnDeg(bearingOf(a, b), bearingOf(b, after));
      if (Math.min(Math.abs(aside), Math.abs(back)) > STEP_ASIDE_DEG && aside * back < 0) {
        kept.push({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
        i += 1;
        continue;
      }
    }
    kept.push(a);
  }
  return kept;
}

/** Which routes pass a place in a bearing. */
class Grid {
  readonly #cells = new Map<number, Set<number>>();

  #key(ix: number, iy: number, part: number): number {
    return ((ix + 32_768) * 65_536 + (iy + 32_768)) * BEARINGS + part;
  }

  note(step: Step, route: number): void {
    const part = Math.floor(undirected(step.bearing) / (180 / BEARINGS)) % BEARINGS;
    const key = this.#key(Math.floor(step.x / CELL_M), Math.floor(step.y / CELL_M), part);
    const cell = this.#cells.get(key);
    if (cell) cell.add(route);
    else this.#cells.set(key, new Set([route]));
  }

  /** Routes noted within about a cell of the place, in about this bearing. */
  near(step: Step): Set<number> {
    const found = new Set<number>();
    const share = undirected(step.bearing) / (180 / BEARINGS);
    const part = Math.floor(share) % BEARINGS;
    const other = (part + (share % 1 < 0.5 ? BEARINGS - 1 : 1)) % BEARINGS;
    const left = Math.floor(step.x / CELL_M - 0.5);
    const low = Math.floor(step.y / CELL_M - 0.5);
    for (let ix = left; ix <= left + 1; ix++) {
      for (let iy = low; iy <= low + 1; iy++) {
        for (const bearing of [part, other]) {
          for (const route of this.#cells.get(this.#key(ix, iy, bearing)) ?? []) found.add(route);
        }
      }
    }
    return found;
  }
}

function undirected(bearing: number): number {
  return ((bearing % 180) + 180) % 180;
}

/** The stretches of a shape that its route has not covered yet, be it with another shape or on the way there. */
function uncovered(steps: Step[], own: Grid): Step[][] {
  const seen = steps.map((step, i) => {
    const before = steps[i - LAG];
    if (before) own.note(before, 0);
    return own.near(step).has(0) ? [0] : [];
  });
  for (const step of steps.slice(-LAG)) own.note(step, 0);
  const covered = majority(seen).map((found) => found.length > 0);
  const runs: Step[][] = [];
  let run: Step[] = [];
  steps.forEach((step, i) => {
    // The first covered step is kept, so that stretches touch instead of leaving a gap.
    if (!covered[i] || !covered[i - 1]) run.push(step);
    if (!covered[i] && i < steps.length - 1) return;
    if (run.length > SHORTEST_RUN) runs.push(run);
    run = [];
  });
  // A route shorter than all that is still a route.
  return runs.length === 0 && !covered[0] ? [steps] : runs;
}

/** What is near most of the steps around each step. */
function majority(near: readonly Iterable<number>[]): number[][] {
  const counts = new Map<number, number>();
  const count = (i: number, change: number) => {
    for (const route of near[i] ?? []) counts.set(route, (counts.get(route) ?? 0) + change);
  };
  for (let i = 0; i < Math.min(WINDOW, near.length); i++) count(i, 1);
  return near.map((_, i) => {
    count(i + WINDOW, 1);
    count(i - WINDOW - 1, -1);
    const width = Math.min(i + WINDOW, near.length - 1) - Math.max(i - WINDOW, 0) + 1;
    return [...counts].filter(([, seen]) => seen * 2 > width).map(([route]) => route);
  });
}

/** Where across the street the route runs at this step. */
function slotAt(step: Step, route: number, others: readonly number[]): Slot {
  const routes = [...new Set([...others, route])].sort((a, b) => a - b);
  const n = routes.length;
  const press = Math.min(1, WIDEST / n);
  // Which side is "right" must not depend on the way a shape was drawn; streets seldom run at the bearing where it turns over.
  const directed = ((step.bearing % 360) + 360) % 360;
  const reversed = n > 1 && directed >= 157 && directed < 337;
  return { offset: (routes.indexOf(route) - (n - 1) / 2) * press, reversed };
}

/** Cuts a stretch into pieces of one slot each; pieces share their end points. */
function pieces(run: Step[], route: number, grid: Grid): { steps: Step[]; slot: Slot }[] {
  const spans: { from: number; to: number; slot: Slot }[] = [];
  const others = majority(run.map((step) => grid.near(step)));
  run.forEach((step, i) => {
    const slot = slotAt(step, route, others[i] ?? []);
    const last = spans.at(-1);
    if (last && same(last.slot, slot)) last.to = i;
    else spans.push({ from: i, to: i, slot });
  });
  const merged: typeof spans = [];
  for (const span of spans) {
    const last = merged.at(-1);
    if (last && (span.to - span.from < SHORTEST_RUN || same(last.slot, span.slot))) last.to = span.to;
    else merged.push({ ...span });
  }
  const first = merged[0];
  const second = merged[1];
  if (first && second && first.to - first.from < SHORTEST_RUN) {
    second.from = first.from;
    merged.shift();
  }
  return merged.map(({ from, to, slot }) => ({ steps: run.slice(from, Math.min(to + 2, run.length)), slot }));
}

function same(a: Slot, b: Slot): boolean {
  return a.offset === b.offset && a.reversed === b.reversed;
}

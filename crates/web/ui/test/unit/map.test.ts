import { describe, expect, it } from "vitest";
import { contrast, readable, routeColors, routeTextColor, textOn } from "../../src/core/colors";
import { Lines } from "../../src/core/lines";
import { findStops, findVehicles } from "../../src/core/search";
import type { Stop, Vehicle } from "../../src/core/types";
import { place, type Candidate } from "../../src/map/crowd";
import { ribbons } from "../../src/map/ribbons";

type Points = [number, number][];
const EAST: Points = [[37.6, 48.85], [37.61, 48.85], [37.62, 48.85]];

describe("colours", () => {
  it("are readable on both grounds whatever the agency chose", () => {
    for (const color of ["#ffff00", "#000080", "#808080", "#f2a900", "#ffffff", "#000000"]) {
      expect(contrast(readable(color, "#ffffff", 3), "#ffffff")).toBeGreaterThanOrEqual(3);
      expect(contrast(readable(color, "#1e252f", 3), "#1e252f")).toBeGreaterThanOrEqual(3);
      expect(contrast(textOn(color), color)).toBeGreaterThanOrEqual(4.4);
    }
  });

  it("are ours where GTFS gives none, and the agency's text colour is kept only where it can be read", () => {
    const [first, second, given] = routeColors([{ color: "" }, { color: "FFFFFF" }, { color: "54b948" }]);
    expect(first).not.toBe(second);
    expect(given).toBe("#54b948");
    expect(routeTextColor({ text_color: "000000" }, "#54b948")).toBe("#000000");
    expect(routeTextColor({ text_color: "FFFF00" }, "#ffffff")).toBe("#111418");
  });

  it("of our own carry white or black text", () => {
    const kinds = [0, 1, 2, 3, 4, 11, 800, 900].map((type) => ({ type }));
    const colors = [...routeColors(Array.from({ length: 12 }, () => ({}))), ...routeColors(Array.from({ length: 40 }, (_, i) => kinds[i % 8]!))];
    for (const color of colors) expect(contrast(textOn(color), color), color).toBeGreaterThanOrEqual(4.5);
  });

  it("of a large network without colours go by the kind of vehicle", () => {
    expect(new Set(routeColors(Array.from({ length: 300 }, () => ({ type: 3 })))).size).toBe(1);
  });
});

describe("ribbons", () => {
  it("lie side by side where two lines share a street, and alone in the middle", () => {
    const found = ribbons([
      { id: "a", shapes: [{ points: EAST }] },
      { id: "b", shapes: [{ points: [[37.6, 48.85], [37.61, 48.85], [37.61, 48.86]] }] },
    ]);
    const offsets = (route: string) => [...new Set(found.filter((ribbon) => ribbon.route === route).map((ribbon) => ribbon.offset))].sort();
    expect(offsets("a")).toEqual([-0.5, 0]);
    expect(offsets("b")).toEqual([0, 0.5]);
  });

  it("draw there and back once", () => {
    const found = ribbons([{ id: "a", shapes: [{ points: EAST }, { points: EAST.toReversed() }] }]);
    expect(found).toHaveLength(1);
    expect(found[0]?.offset).toBe(0);
  });

  it("draw a line once that returns by its own street to its start", () => {
    const loop: Points = [...EAST, [37.62, 48.86], [37.62, 48.85], [37.61, 48.85], [37.6, 48.85]];
    const length = ribbons([{ id: "a", shapes: [{ points: loop }] }])
      .flatMap(({ coordinates }) => coordinates.slice(1).map((to, i) => Math.hypot((to[0] - coordinates[i]![0]) * 73_000, (to[1] - coordinates[i]![1]) * 111_000)))
      .reduce((sum, part) => sum + part, 0);
    expect(length).toBeGreaterThan(2_500);
    expect(length).toBeLessThan(2_950);
  });

  it("keep their side when the other line was drawn the other way round", () => {
    const found = ribbons([{ id: "a", shapes: [{ points: EAST }] }, { id: "b", shapes: [{ points: EAST.toReversed() }] }]);
    const ends = found.map(({ coordinates }) => Math.sign((coordinates.at(-1)?.[0] ?? 0) - (coordinates[0]?.[0] ?? 0)));
    expect(new Set(ends)).toEqual(new Set([1]));
    expect(found.map(({ offset }) => offset).sort()).toEqual([-0.5, 0.5]);
  });

  it("do not part at a mere crossing", () => {
    const north: Points = [[37.61, 48.84], [37.61, 48.86]];
    const found = ribbons([{ id: "a", shapes: [{ points: EAST }] }, { id: "b", shapes: [{ points: north }] }]);
    expect(found.every((ribbon) => ribbon.offset === 0)).toBe(true);
  });

  it("survive routes without shapes", () => {
    expect(ribbons([{ id: "a", shapes: [] }, { id: "b", shapes: [{ points: [[1, 1]] }] }])).toEqual([]);
  });
});

describe("crowding", () => {
  const box = (x: number, more: Partial<Candidate> = {}): Candidate => ({ x, y: 0, halfWidth: 14, halfHeight: 12, had: false, chosen: false, ...more });

  it("gives a badge to those with room, to the chosen one always, and to the one that had it", () => {
    expect([...place([box(0), box(10), box(60)])]).toEqual([0, 2]);
    expect(place([box(0), box(10, { chosen: true })])).toEqual(new Set([1]));
    expect(place([box(0), box(10, { had: true })])).toEqual(new Set([1]));
  });
});

describe("lines and search", () => {
  const lines = new Lines([
    { id: "r10", short_name: "10", shapes: [{ direction: 0, points: EAST }, { direction: 1, points: EAST.toReversed() }] },
    { id: "r2", short_name: "2" },
  ]);
  const vehicle = (id: string, more: Partial<Vehicle>): Vehicle => ({ id, lat: 48.8501, lon: 37.605, time: "2026-01-16T15:00:00Z", ...more });

  it("come in the order of their numbers", () => {
    expect(lines.all.map((line) => line.name)).toEqual(["2", "10"]);
  });

  it("drive on the shape of their direction, and on none when off it", () => {
    const back = lines.shapeOf(vehicle("a", { route: "r10", direction: 1, heading: 270, speed: 8 }), null);
    expect(back?.at(0).headingDeg).toBeCloseTo(270, 0);
    expect(lines.shapeOf(vehicle("a", { route: "r10", direction: 1, lat: 48.9 }), null)).toBeNull();
    expect(lines.shapeOf(vehicle("a", { route: "r10", state: "off_route" }), null)).toBeNull();
  });

  it("are found by line, destination and stop, without the apostrophe", () => {
    const all = [
      vehicle("v5", { route: "r10", headsign: "Слов’янська" }), vehicle("v2", { route: "r2", headsign: "Вокзал" }), vehicle("v9", {}),
    ];
    const find = (words: string, filter: string[] = []) =>
      findVehicles(all, lines, { words, filter: new Set(filter) }, () => "Ринок").map((found) => found.id);
    expect(find("")).toEqual(["v2", "v5", "v9"]);
    expect(find("2")).toEqual(["v2"]);
    expect(find("словянськ")).toEqual(["v5"]);
    expect(find("10 ринок")).toEqual(["v5"]);
    expect(find("", ["r10"])).toEqual(["v5"]);
  });

  it("brings the stops that begin with the words first", () => {
    const stops: Stop[] = [
      { id: "1", name: "Новий Парк", lat: 0, lon: 0 }, { id: "2", name: "Парк", name_en: "Park", lat: 0, lon: 0 }, { id: "3", name: "Ринок", lat: 0, lon: 0 },
    ];
    expect(findStops(stops, "парк", 5).map((stop) => stop.id)).toEqual(["2", "1"]);
    expect(findStops(stops, "park", 5).map((stop) => stop.id)).toEqual(["2"]);
    expect(findStops(stops, "п", 5)).toEqual([]);
  });
});

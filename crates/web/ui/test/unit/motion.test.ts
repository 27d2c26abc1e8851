import { describe, expect, it } from "vitest";
import { distanceM, latOf, lonOf, Measured } from "../../src/core/geo";
import { Mover, type FixAt, type Place } from "../../src/core/motion";

/** Due east along 48.85° N; a degree of longitude is about 73 km here. */
const STREET = new Measured([[37.6, 48.85], [37.61, 48.85], [37.61, 48.86]]);
const T0 = Date.parse("2026-01-16T15:00:00Z");

function fix(lon: number, lat: number, seconds: number, more: Partial<FixAt> = {}): FixAt {
  return { lon, lat, timeMs: T0 + seconds * 1_000, speedMps: 10, headingDeg: 90, standing: false, ...more };
}

const metres = (a: Place, b: Place) => distanceM(lonOf(a.x), latOf(a.y), lonOf(b.x), latOf(b.y));
const from = (place: Place, lon: number, lat: number) => distanceM(lonOf(place.x), latOf(place.y), lon, lat);

/** Plays seconds of frames at 50 a second and gives the largest step and the last place. */
function play(mover: Mover, fromS: number, toS: number) {
  let largest = 0;
  let last = mover.place(T0 + fromS * 1_000, fromS * 1_000);
  for (let ms = fromS * 1_000 + 20; ms <= toS * 1_000; ms += 20) {
    const next = mover.place(T0 + ms, ms);
    largest = Math.max(largest, metres(last, next));
    last = next;
  }
  return { largest, last };
}

describe("movement", () => {
  it("runs on along the street, ever more slowly, never far past what is known", () => {
    const mover = new Mover(fix(37.6, 48.85, 0), STREET);
    const soon = from(mover.place(T0 + 1_000, 1_000), 37.6, 48.85);
    expect(soon).toBeGreaterThan(8);
    expect(soon).toBeLessThan(10.1);
    expect(from(mover.place(T0 + 60_000, 60_000), 37.6, 48.85)).toBeLessThan(92);
  });

  it("turns with the street, not with the last heading", () => {
    const mover = new Mover(fix(37.6099, 48.85, 0), STREET);
    const place = mover.place(T0 + 8_000, 8_000);
    expect(lonOf(place.x)).toBeCloseTo(37.61, 5);
    expect(latOf(place.y)).toBeGreaterThan(48.8502);
  });

  it("melts an error away instead of jumping", () => {
    const mover = new Mover(fix(37.6, 48.85, 0), STREET);
    play(mover, 0, 10);
    mover.take(fix(37.6025, 48.85, 10), STREET, T0 + 10_000, 10_000);
    const { largest, last } = play(mover, 10, 16);
    expect(largest).toBeLessThan(4);
    expect(from(last, 37.6025, 48.85)).toBeLessThan(60);
  });

  it("waits rather than drive backwards along its line", () => {
    const mover = new Mover(fix(37.6, 48.85, 0), STREET);
    let last = play(mover, 0, 10).last;
    mover.take(fix(37.6005, 48.85, 10, { speedMps: 1 }), STREET, T0 + 10_000, 10_000);
    for (let ms = 10_020; ms < 20_000; ms += 20) {
      const next = mover.place(T0 + ms, ms);
      expect(next.x).toBeGreaterThanOrEqual(last.x);
      last = next;
    }
  });

  it("jumps where nothing could have driven", () => {
    const mover = new Mover(fix(37.6, 48.85, 0), null);
    mover.place(T0, 0);
    mover.take(fix(37.7, 48.9, 5, { speedMps: 0 }), null, T0 + 5_000, 5_000);
    expect(from(mover.place(T0 + 5_000, 5_000), 37.7, 48.9)).toBeLessThan(1);
  });

  it("stays at its stop", () => {
    const mover = new Mover(fix(37.6, 48.85, 0, { standing: true }), STREET);
    expect(from(mover.place(T0 + 30_000, 30_000), 37.6, 48.85)).toBeLessThan(0.5);
  });

  it("shows the bare fix to readers who want no motion", () => {
    const mover = new Mover(fix(37.6, 48.85, 0), STREET);
    expect(from(mover.place(T0 + 5_000, 5_000, true), 37.6, 48.85)).toBeLessThan(0.5);
  });

  it("ignores a fix that is older than what is shown", () => {
    const mover = new Mover(fix(37.605, 48.85, 20), STREET);
    mover.take(fix(37.6, 48.85, 5), STREET, T0 + 21_000, 21_000);
    expect(from(mover.place(T0 + 20_000, 21_000), 37.605, 48.85)).toBeLessThan(1);
  });

  it("estimates the speed where the tracker tells none", () => {
    const mover = new Mover(fix(37.6, 48.85, 0, { speedMps: null }), STREET);
    mover.take(fix(37.602, 48.85, 10, { speedMps: null }), STREET, T0 + 10_000, 10_000);
    expect(from(mover.place(T0 + 12_000, 12_000), 37.602, 48.85)).toBeGreaterThan(20);
  });
});

describe("a measured line", () => {
  it("tells there from back by the hint", () => {
    const loop = new Measured([[37.6, 48.85], [37.61, 48.85], [37.6, 48.85]]);
    const near = loop.project(37.604, 48.85001, 290);
    const far = loop.project(37.604, 48.85001, loop.lengthM - 290);
    expect(near.alongM).toBeLessThan(loop.lengthM / 2);
    expect(far.alongM).toBeGreaterThan(loop.lengthM / 2);
    expect(near.alongM + far.alongM).toBeCloseTo(loop.lengthM, 0);
  });
});

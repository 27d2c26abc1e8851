import { describe, expect, it } from "vitest";
import { DataClock } from "../../src/core/clock";

const DAY = Date.parse("2026-01-16T19:31:00Z");

describe("data clock", () => {
  it("knows nothing before the first event", () => {
    expect(new DataClock().now(0)).toBeNull();
  });

  it("runs on between events whatever the reader's own clock says", () => {
    const clock = new DataClock();
    clock.observe(DAY, 5_000);
    expect(clock.now(6_500)).toBe(DAY + 1_500);
  });

  it("measures how fast a recorded day is played", () => {
    const clock = new DataClock();
    for (let i = 0; i <= 10; i++) clock.observe(DAY + i * 10_000, i * 1_000);
    expect(clock.rate).toBeCloseTo(10);
    expect(clock.now(10_500)).toBeCloseTo(DAY + 105_000);
  });

  it("takes the network's jitter for what it is", () => {
    const clock = new DataClock();
    for (let i = 0; i <= 20; i++) clock.observe(DAY + i * 1_000, i * 1_000 + (i % 3) * 80);
    expect(clock.rate).toBe(1);
  });

  it("is not fooled by events that were read late, all at once", () => {
    const clock = new DataClock();
    for (let i = 0; i <= 30; i++) clock.observe(DAY + i * 500, Math.max(i * 500, 3_500));
    expect(clock.rate).toBe(1);
  });

  it("starts over when the day does", () => {
    const clock = new DataClock();
    for (let i = 0; i <= 10; i++) clock.observe(DAY + i * 60_000, i * 1_000);
    clock.observe(DAY, 11_000);
    expect(clock.now(11_000)).toBe(DAY);
  });

  it("does not run away when events stop", () => {
    const clock = new DataClock();
    clock.observe(DAY, 0);
    expect(clock.now(3_600_000)).toBeLessThanOrEqual(DAY + 120_000);
  });

  it("takes no time that is none", () => {
    const clock = new DataClock();
    clock.observe(Number.NaN, 0);
    expect(clock.now(1)).toBeNull();
  });
});

import { describe, expect, it } from "vitest";
import { ageWords, clockWords, delayMark, delayWords, FADED_FIX_S, punctuality, spanWords, speedWords, strength } from "../../src/core/words";

describe("delay", () => {
  it("is said in whole minutes, in both languages", () => {
    expect(delayWords("en", 200)).toBe("3 min late");
    expect(delayWords("uk", 200)).toBe("запізнення 3 хв");
    expect(delayWords("en", -95)).toBe("1 min early");
    expect(delayWords("uk", -120)).toBe("раніше на 2 хв");
  });

  it("is on time within a minute, and never 'minus zero'", () => {
    for (const delay of [0, 59, -59, -0.4]) expect(delayWords("en", delay)).toBe("on time");
    expect(delayMark(-30)).toBe("");
  });

  it("is not guessed where it is unknown", () => {
    expect(delayWords("en", null)).toBe("timetable unknown");
    expect(delayWords("en", undefined)).toBe("timetable unknown");
    expect(punctuality(undefined)).toBe("unknown");
    expect(delayMark(null)).toBe("");
  });

  it("marks a vehicle from one minute early and three minutes late", () => {
    expect([-61, -60, -59, 0, 179, 180].map(punctuality)).toEqual(["early", "early", "on_time", "on_time", "on_time", "late"]);
    expect(delayMark(185)).toBe("+3");
    expect(delayMark(-185)).toBe("−3");
  });
});

describe("age", () => {
  it("goes from seconds to minutes to hours", () => {
    expect([4.9, 89, 90, 240, 5_400].map((s) => spanWords("en", s))).toEqual(["4 s", "89 s", "2 min", "4 min", "2 h"]);
    expect(ageWords("uk", 12)).toBe("12 с тому");
  });

  it("fades a vehicle, but never to nothing", () => {
    expect(strength(5)).toBe(1);
    expect(strength(120)).toBeLessThan(1);
    expect(strength(FADED_FIX_S)).toBeCloseTo(0.4);
    expect(strength(86_400)).toBeCloseTo(0.4);
  });
});

describe("clock and speed", () => {
  it("shows the network's time, not the reader's", () => {
    const noon = Date.parse("2026-01-16T12:05:09Z");
    expect(clockWords("uk", noon, "Europe/Kyiv", true)).toBe("14:05:09");
    expect(clockWords("en", noon, "America/Toronto")).toBe("07:05");
    expect(clockWords("en", Date.parse("2026-01-15T22:00:00Z"), "Europe/Kyiv")).toBe("00:00");
  });

  it("calls a crawling receiver standing", () => {
    expect(speedWords("en", 0.3)).toBe("standing");
    expect(speedWords("en", 10)).toBe("36 km/h");
    expect(speedWords("uk", null)).toBe("невідомо");
  });
});

import { describe, expect, it } from "vitest";
import { LiveState } from "../../src/core/state";
import type { Vehicle } from "../../src/core/types";

const at = (id: string, lat = 48.85): Vehicle => ({ id, lat, lon: 37.6, time: "2026-01-16T15:00:00Z" });
const TIME = "2026-01-16T15:00:00Z";

describe("live state", () => {
  it("follows a snapshot and its changes", () => {
    const state = new LiveState();
    expect(state.snapshot({ time: TIME, version: 7, gate: { mode: "live" }, vehicles: [at("a"), at("b")] })).toMatchObject({ changed: ["a", "b"], whole: true });
    const change = state.update({ time: TIME, version: 8, vehicles: [at("b", 48.86), at("c")], gone: ["a", "never"] });
    expect(change).toMatchObject({ changed: ["b", "c"], gone: ["a"], whole: false });
    expect([...state.vehicles.keys()]).toEqual(["b", "c"]);
    expect(state.vehicles.get("b")?.lat).toBe(48.86);
  });

  it("ignores a change that the snapshot already held", () => {
    const state = new LiveState();
    state.snapshot({ time: TIME, version: 7, vehicles: [at("a")] });
    expect(state.update({ time: TIME, version: 7, vehicles: [], gone: ["a"] }).gone).toEqual([]);
    expect(state.vehicles.size).toBe(1);
  });

  it("starts anew when a restarted server counts from the beginning", () => {
    const state = new LiveState();
    state.snapshot({ time: TIME, version: 900, vehicles: [at("a"), at("b")] });
    expect(state.snapshot({ time: TIME, version: 1, vehicles: [at("b")] }).gone).toEqual(["a"]);
    expect(state.update({ time: TIME, version: 2, vehicles: [at("d")] }).changed).toEqual(["d"]);
  });

  it("clears the map at once when the gate becomes stricter", () => {
    const state = new LiveState();
    state.snapshot({ time: TIME, version: 1, gate: { mode: "live" }, vehicles: [at("a")] });
    expect(state.setGate({ mode: "delayed", minutes: 5, reason: "x" })).toMatchObject({ gone: ["a"], whole: true, gate: true });
    expect(state.vehicles.size).toBe(0);
    state.snapshot({ time: TIME, version: 2, gate: { mode: "delayed", minutes: 5, reason: "x" }, vehicles: [at("a")] });
    expect(state.setGate({ mode: "live" })).toMatchObject({ gone: [], gate: true });
    expect(state.vehicles.size).toBe(1);
  });

  it("draws nothing that has no place", () => {
    const state = new LiveState();
    state.snapshot({ time: TIME, vehicles: [{ ...at("a"), lat: Number.NaN }, at("b"), { id: "c" } as Vehicle] });
    expect([...state.vehicles.keys()]).toEqual(["b"]);
  });
});

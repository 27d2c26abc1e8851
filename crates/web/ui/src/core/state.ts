/** The vehicles on the map, built from the events of `/live/events` in their order. Pure: no browser, no clock. */

import type { Gate, GateMode, SnapshotEvent, UpdateEvent, Vehicle } from "./types";

/** What one event changed; drawing and lists act on it. */
export interface Change {
  /** Ids that are new or have new values. */
  changed: string[];
  gone: string[];
  /** True when everything was replaced. */
  whole: boolean;
  gate: boolean;
}

const NOTHING: Change = { changed: [], gone: [], whole: false, gate: false };

export class LiveState {
  readonly vehicles = new Map<string, Vehicle>();
  gate: Gate = { mode: "live" };
  version = -1;
  /** Data time of the newest event, RFC 3339. */
  time: string | null = null;

  /** Replaces everything: the first event of a connection and of each change of the gate. */
  snapshot(event: SnapshotEvent): Change {
    const before = new Set(this.vehicles.keys());
    this.vehicles.clear();
    for (const vehicle of event.vehicles) {
      if (isVehicle(vehicle)) this.vehicles.set(vehicle.id, vehicle);
    }
    const gone = [...before].filter((id) => !this.vehicles.has(id));
    this.version = event.version ?? -1;
    this.time = event.time;
    const gate = event.gate ? this.#setGate(event.gate) : false;
    return { changed: [...this.vehicles.keys()], gone, whole: true, gate };
  }

  /** Applies a change; one that is not newer than what is held (a repeat after a reconnect) does nothing. */
  update(event: UpdateEvent): Change {
    if (event.version !== undefined) {
      if (event.version <= this.version) return NOTHING;
      this.version = event.version;
    }
    this.time = event.time;
    const changed: string[] = [];
    for (const vehicle of event.vehicles ?? []) {
      if (!isVehicle(vehicle)) continue;
      this.vehicles.set(vehicle.id, vehicle);
      changed.push(vehicle.id);
    }
    const gone = (event.gone ?? []).filter((id) => this.vehicles.delete(id));
    return { changed, gone, whole: false, gate: false };
  }

  /** Sets the gate. When it becomes stricter, what was shown must vanish at once, before the new snapshot comes. */
  setGate(gate: Gate): Change {
    const stricter = strictness(gate.mode) > strictness(this.gate.mode);
    const changed = this.#setGate(gate);
    if (!stricter) return { ...NOTHING, gate: changed };
    const gone = [...this.vehicles.keys()];
    this.vehicles.clear();
    return { changed: [], gone, whole: true, gate: true };
  }

  #setGate(gate: Gate): boolean {
    const same =
      gate.mode === this.gate.mode &&
      (gate.reason ?? null) === (this.gate.reason ?? null) &&
      (gate.minutes ?? null) === (this.gate.minutes ?? null);
    this.gate = gate;
    return !same;
  }
}

function strictness(mode: GateMode): number {
  return mode === "off" ? 2 : mode === "delayed" ? 1 : 0;
}

/** Guards the drawing against an entry without a place. */
function isVehicle(value: Vehicle): boolean {
  return typeof value?.id === "string" && Number.isFinite(value.lat) && Number.isFinite(value.lon);
}

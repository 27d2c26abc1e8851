/** The connection to `/live/events`: one EventSource, replaced with patience when it breaks for good. */

import type { Gate, SnapshotEvent, UpdateEvent } from "./types";

export type Connection = "connecting" | "live" | "reconnecting";

export interface LiveHandlers {
  snapshot(event: SnapshotEvent): void;
  update(event: UpdateEvent): void;
  gate(gate: Gate): void;
  connection(state: Connection): void;
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 20_000;
/** A page that comes back from the background after this long without an event starts anew. */
const SILENCE_MS = 60_000;

export class Live {
  readonly #address: string;
  readonly #on: LiveHandlers;
  #source: EventSource | null = null;
  #waitMs = FIRST_WAIT_MS;
  #timer = 0;
  #heardAt = 0;
  #once = false;

  constructor(address: string, on: LiveHandlers) {
    this.#address = address;
    this.#on = on;
    addEventListener("online", () => this.#open());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && performance.now() - this.#heardAt > SILENCE_MS) this.#open();
    });
    this.#open();
  }

  #open(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#on.connection(this.#once ? "reconnecting" : "connecting");
    const source = new EventSource(this.#address);
    this.#source = source;
    this.#heardAt = performance.now();
    this.#listen<SnapshotEvent>(source, "snapshot", (event) => {
      // Only a snapshot makes the page whole again; an open socket alone does not.
      this.#once = true;
      this.#waitMs = FIRST_WAIT_MS;
      this.#on.snapshot(event);
      this.#on.connection("live");
    });
    this.#listen<UpdateEvent>(source, "update", (event) => this.#on.update(event));
    this.#listen<Gate>(source, "gate", (gate) => this.#on.gate(gate));
    source.onerror = () => {
      if (source !== this.#source) return;
      this.#on.connection(this.#once ? "reconnecting" : "connecting");
      // The browser retries by itself unless the server refused; then it is on us.
      if (source.readyState === EventSource.CLOSED) this.#later();
    };
  }

  #listen<T>(source: EventSource, name: string, take: (event: T) => void): void {
    source.addEventListener(name, (message: MessageEvent<string>) => {
      if (source !== this.#source) return;
      this.#heardAt = performance.now();
      const event = parsed<T>(message.data);
      if (event) take(event);
      else this.#later();
    });
  }

  /** An event that cannot be read means that this page no longer knows the state: it asks for a snapshot again. */
  #later(): void {
    this.#source?.close();
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#open(), this.#waitMs);
    this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
  }
}

function parsed<T>(data: string): T | null {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === "object" && value !== null ? (value as T) : null;
  } catch {
    return null;
  }
}

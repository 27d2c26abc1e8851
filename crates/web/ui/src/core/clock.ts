/**
 * The clock of the data.
 *
 * A recorded day is replayed at its own date and perhaps faster than life, and a rider's own clock may be wrong. So ages
 * are never taken against the browser's clock: each event says what time it is in the data, and between events this clock
 * runs on from there at the rate that the events themselves show.
 */

/** Events further apart than this from what the clock expects mean that the day was started over. */
const JUMP_MS = 90_000;
/** The rate is measured over this much of the reader's own time. */
const WINDOW_MS = 20_000;
/** A shorter stretch says nothing about the rate. */
const MIN_WINDOW_MS = 6_000;
/** Fewer events say nothing about the rate either. */
const MIN_SAMPLES = 8;
/** A rate this near to life is life: jitter of the network must not make a live clock run at 1.03. */
const NEAR_LIFE = 0.25;
/** At most this many observations are kept; events come a few times a second at most. */
const MAX_SAMPLES = 200;
/** Without events the clock runs on no further than this much of the reader's time. */
const MAX_COAST_MS = 120_000;

interface Sample {
  data: number;
  local: number;
}

export class DataClock {
  #samples: Sample[] = [];
  #rate = 1;

  /** Takes the time an event carries (ms since the epoch) and when it came (ms of a monotonic clock). */
  observe(dataMs: number, localMs: number): void {
    if (!Number.isFinite(dataMs)) return;
    const last = this.#samples.at(-1);
    if (last) {
      const expected = last.data + (localMs - last.local) * this.#rate;
      const allowed = JUMP_MS * Math.max(1, this.#rate);
      if (Math.abs(dataMs - expected) > allowed || dataMs < last.data - 1_000) this.#samples = [];
    }
    this.#samples.push({ data: dataMs, local: localMs });
    while (
      this.#samples.length > MAX_SAMPLES ||
      (this.#samples.length > 2 && localMs - (this.#samples[0]?.local ?? localMs) > WINDOW_MS)
    ) {
      this.#samples.shift();
    }
    this.#measure();
  }

  #measure(): void {
    const samples = this.#samples;
    const span = (samples.at(-1)?.local ?? 0) - (samples[0]?.local ?? 0);
    if (samples.length < MIN_SAMPLES || span < MIN_WINDOW_MS) return;
    // The median of many slopes: a page that was busy reads several events at once, and those say nothing.
    const half = samples.length >> 1;
    const slopes = samples.slice(0, half).map((from, i) => {
      const to = samples[i + samples.length - half]!;
      return (to.data - from.data) / Math.max(to.local - from.local, 1);
    });
    const rate = slopes.sort((a, b) => a - b)[half >> 1] ?? 1;
    this.#rate = Math.abs(rate - 1) < NEAR_LIFE ? 1 : Math.min(Math.max(rate, 0), 1_000);
  }

  /** Milliseconds since the epoch in the data's time, or null before the first event. */
  now(localMs: number): number | null {
    const last = this.#samples.at(-1);
    if (!last) return null;
    const elapsed = Math.min(Math.max(localMs - last.local, 0), MAX_COAST_MS);
    return last.data + elapsed * this.#rate;
  }

  /** Seconds of data time in one second of the reader's. */
  get rate(): number {
    return this.#rate;
  }

  /** Forgets everything; the next event starts it anew. */
  reset(): void {
    this.#samples = [];
    this.#rate = 1;
  }
}

/**
 * Smooth movement between fixes.
 *
 * A fix comes every few seconds to half a minute. From each fix the marker runs on along the route's line at the vehicle's
 * speed, ever more slowly, so that it never runs far from what is known; when the next fix comes, what the marker was wrong
 * by melts away within about a second instead of making it jump. Along a line the marker waits rather than drive backwards.
 */

import { distanceM, lonOf, latOf, mercatorX, mercatorY, moved, turnDeg, bearingDeg, type Measured } from "./geo";

/** Running on without a fix tends to this many seconds' worth of driving. */
const COAST_S = 9;
/** What the marker was wrong by shrinks to a third in this time of the reader. */
const MELT_MS = 900;
/** A vehicle that is this far from where the marker stands did not drive there: the marker jumps. */
const JUMP_M = 900;
/** Going back by less than this along a line is noise: the marker waits. */
const BACKWARD_M = 120;
/** Below this a receiver's speed is noise of a standing vehicle (m/s). */
const STANDING_MPS = 0.8;
/** No bus is faster; more is a wrong fix (m/s). */
const MAX_MPS = 33;
/** A fix older than this is shown where it was measured. */
const STALE_MS = 90_000;

export interface FixAt {
  lon: number;
  lat: number;
  /** When it was measured, ms since the epoch of the data's time. */
  timeMs: number;
  speedMps: number | null;
  headingDeg: number | null;
  /** Stopped at a stop: does not run on. */
  standing: boolean;
}

export interface Place {
  /** Web Mercator, 0 to 1. */
  x: number;
  y: number;
  headingDeg: number | null;
}

export class Mover {
  #fix: FixAt;
  #line: Measured | null = null;
  #alongM = 0;
  #speed = 0;
  #heading: number | null = null;
  /** By how much the marker stood beside the target when the last fix came, and when that was. */
  #slip = { alongM: 0, x: 0, y: 0, sinceMs: 0 };
  #shownAlongM: number | null = null;
  #shown: Place | null = null;

  constructor(fix: FixAt, line: Measured | null) {
    this.#fix = fix;
    this.#follow(fix, line);
    this.#speed = clampSpeed(fix);
    this.#heading = fix.headingDeg;
  }

  #follow(fix: FixAt, line: Measured | null, hintM?: number): void {
    this.#line = line;
    if (line) this.#alongM = line.project(fix.lon, fix.lat, hintM).alongM;
  }

  /** Takes the next fix. `localMs` is the reader's monotonic clock, as in `place`. */
  take(fix: FixAt, line: Measured | null, dataMs: number, localMs: number): void {
    const before = this.#fix;
    if (fix.timeMs < before.timeMs) return;
    const shown = this.#shown;
    const shownAlong = line && line === this.#line ? this.#shownAlongM : null;
    const apart = distanceM(before.lon, before.lat, fix.lon, fix.lat);
    const seconds = (fix.timeMs - before.timeMs) / 1000;
    this.#fix = fix;
    this.#follow(fix, line);
    this.#speed = fix.speedMps === null && seconds > 0 ? Math.min(apart / seconds, MAX_MPS) : clampSpeed(fix);
    if (fix.headingDeg !== null) this.#heading = fix.headingDeg;
    else if (apart > 15) this.#heading = bearingDeg(before.lon, before.lat, fix.lon, fix.lat);
    this.#slip = { alongM: 0, x: 0, y: 0, sinceMs: localMs };
    this.#shownAlongM = null;
    if (!shown) return;
    const target = this.#target(dataMs);
    if (distanceM(lonOf(shown.x), latOf(shown.y), lonOf(target.x), latOf(target.y)) > JUMP_M) return;
    if (shownAlong !== null) {
      this.#slip.alongM = shownAlong - target.alongM;
      this.#shownAlongM = shownAlong;
    } else {
      this.#slip.x = shown.x - target.x;
      this.#slip.y = shown.y - target.y;
    }
  }

  /** Where the fix and the speed say that it is, without smoothing. */
  #target(dataMs: number): Place & { alongM: number } {
    const ageS = Math.max(dataMs - this.#fix.timeMs, 0) / 1000;
    const runs = !this.#fix.standing && this.#speed > STANDING_MPS;
    const aheadM = runs ? this.#speed * COAST_S * (1 - Math.exp(-ageS / COAST_S)) : 0;
    if (this.#line) {
      const alongM = Math.min(this.#alongM + aheadM, this.#line.lengthM);
      const at = this.#line.at(alongM);
      return { x: mercatorX(at.lon), y: mercatorY(at.lat), headingDeg: at.headingDeg, alongM };
    }
    const heading = this.#heading;
    const [lon, lat] =
      heading === null ? [this.#fix.lon, this.#fix.lat] : moved(this.#fix.lon, this.#fix.lat, heading, aheadM * 0.6);
    return { x: mercatorX(lon), y: mercatorY(lat), headingDeg: heading, alongM: 0 };
  }

  /** Where to draw it now. `still` shows the bare fix (for readers who want no motion). */
  place(dataMs: number, localMs: number, still = false): Place {
    if (still || dataMs - this.#fix.timeMs > STALE_MS) {
      this.#slip = { alongM: 0, x: 0, y: 0, sinceMs: localMs };
    }
    const target = this.#target(still ? this.#fix.timeMs : dataMs);
    const left = Math.exp(-Math.max(localMs - this.#slip.sinceMs, 0) / MELT_MS);
    let { x, y, headingDeg } = target;
    if (this.#line) {
      let alongM = target.alongM + this.#slip.alongM * left;
      const last = this.#shownAlongM;
      if (!still && last !== null && alongM < last && last - alongM < BACKWARD_M) alongM = last;
      this.#shownAlongM = alongM;
      const at = this.#line.at(alongM);
      x = mercatorX(at.lon);
      y = mercatorY(at.lat);
      headingDeg = at.headingDeg;
    }
    x += this.#slip.x * left;
    y += this.#slip.y * left;
    const shownHeading = this.#shown?.headingDeg ?? null;
    if (!still && headingDeg !== null && shownHeading !== null) {
      headingDeg = (shownHeading + turnDeg(shownHeading, headingDeg) * 0.2 + 360) % 360;
    }
    this.#shown = { x, y, headingDeg };
    return this.#shown;
  }
}

function clampSpeed(fix: FixAt): number {
  return Math.min(Math.max(fix.speedMps ?? 0, 0), MAX_MPS);
}

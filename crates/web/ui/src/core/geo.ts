/** Plane geometry of the map: Web Mercator and lines with measured distance. */

const EARTH_RADIUS_M = 6_371_008.8;
const RADIANS = Math.PI / 180;

/** Mercator x of a longitude, 0 (180° W) to 1 (180° E), as MapLibre counts. */
export function mercatorX(lon: number): number {
  return (lon + 180) / 360;
}

/** Mercator y of a latitude, 0 (north) to 1 (south). */
export function mercatorY(lat: number): number {
  return (1 - Math.asinh(Math.tan(lat * RADIANS)) / Math.PI) / 2;
}

export function lonOf(x: number): number {
  return x * 360 - 180;
}

export function latOf(y: number): number {
  return Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) / RADIANS;
}

/** Great-circle distance in metres (haversine). */
export function distanceM(lon1: number, lat1: number, lon2: number, lat2: number): number {
  const dLat = (lat2 - lat1) * RADIANS;
  const dLon = (lon2 - lon1) * RADIANS;
  const a = Math.sin(dLat / 2) ** 2 + Math.cos(lat1 * RADIANS) * Math.cos(lat2 * RADIANS) * Math.sin(dLon / 2) ** 2;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(a)));
}

/** Initial bearing in degrees clockwise from north. */
export function bearingDeg(lon1: number, lat1: number, lon2: number, lat2: number): number {
  const x = (lon2 - lon1) * Math.cos(((lat1 + lat2) / 2) * RADIANS);
  return (Math.atan2(x, lat2 - lat1) / RADIANS + 360) % 360;
}

/** The smaller turn from one heading to another, -180 to 180 degrees. */
export function turnDeg(from: number, to: number): number {
  return ((((to - from) % 360) + 540) % 360) - 180;
}

/** A point that moved `metres` along `headingDeg`. */
export function moved(lon: number, lat: number, headingDeg: number, metres: number): [number, number] {
  const north = Math.cos(headingDeg * RADIANS) * metres;
  const east = Math.sin(headingDeg * RADIANS) * metres;
  const degree = EARTH_RADIUS_M * RADIANS;
  return [lon + east / (degree * Math.max(Math.cos(lat * RADIANS), 0.01)), lat + north / degree];
}

export interface OnLine {
  lon: number;
  lat: number;
  headingDeg: number;
}

export interface Projection {
  alongM: number;
  crossM: number;
}

/** A line with its distance measured at each vertex. */
export class Measured {
  readonly points: readonly (readonly [number, number])[];
  readonly lengthM: number;
  readonly #at: Float64Array;

  constructor(points: readonly (readonly [number, number])[]) {
    this.points = points;
    this.#at = new Float64Array(points.length);
    let total = 0;
    for (let i = 1; i < points.length; i++) {
      const a = points[i - 1]!;
      const b = points[i]!;
      total += distanceM(a[0], a[1], b[0], b[1]);
      this.#at[i] = total;
    }
    this.lengthM = total;
  }

  /** Index of the segment that holds the distance. */
  #segment(alongM: number): number {
    let low = 0;
    let high = this.points.length - 2;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#at[middle] ?? 0) <= alongM) low = middle;
      else high = middle - 1;
    }
    return Math.max(low, 0);
  }

  /** The point at a distance from the start; beyond the ends, the end. */
  at(alongM: number): OnLine {
    const i = this.#segment(alongM);
    const a = this.points[i] ?? [0, 0];
    const b = this.points[i + 1] ?? a;
    const from = this.#at[i] ?? 0;
    const length = (this.#at[i + 1] ?? from) - from;
    const share = length > 0 ? Math.min(Math.max((alongM - from) / length, 0), 1) : 0;
    return {
      lon: a[0] + (b[0] - a[0]) * share,
      lat: a[1] + (b[1] - a[1]) * share,
      headingDeg: bearingDeg(a[0], a[1], b[0], b[1]),
    };
  }

  /**
   * The nearest place on the line, looked for within `reachM` of `hintM` when a hint is given: a line that returns along
   * its own street has two nearest places, and the hint tells them apart.
   */
  project(lon: number, lat: number, hintM?: number, reachM = 300): Projection {
    const scale = Math.cos(lat * RADIANS);
    const degree = EARTH_RADIUS_M * RADIANS;
    let best: Projection = { alongM: 0, crossM: Number.POSITIVE_INFINITY };
    const first = hintM === undefined ? 0 : this.#segment(Math.max(hintM - reachM, 0));
    const last = hintM === undefined ? this.points.length - 2 : this.#segment(hintM + reachM);
    for (let i = first; i <= last && i < this.points.length - 1; i++) {
      const a = this.points[i]!;
      const b = this.points[i + 1]!;
      const ax = (a[0] - lon) * scale * degree;
      const ay = (a[1] - lat) * degree;
      const dx = (b[0] - a[0]) * scale * degree;
      const dy = (b[1] - a[1]) * degree;
      const square = dx * dx + dy * dy;
      const share = square > 0 ? Math.min(Math.max(-(ax * dx + ay * dy) / square, 0), 1) : 0;
      const crossM = Math.hypot(ax + dx * share, ay + dy * share);
      if (crossM < best.crossM) {
        const from = this.#at[i] ?? 0;
        best = { alongM: from + ((this.#at[i + 1] ?? from) - from) * share, crossM };
      }
    }
    return best;
  }
}

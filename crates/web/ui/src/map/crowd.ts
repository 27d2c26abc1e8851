/** Which vehicles have room for a badge; the others are dots. Pure. */

export interface Candidate {
  x: number;
  y: number;
  halfWidth: number;
  halfHeight: number;
  /** Had a badge before: it keeps its place, so that badges do not flicker. */
  had: boolean;
  /** Always has a badge. */
  chosen: boolean;
}

/** Room kept free around a badge, in pixels; the pointer and the mark reach into it. */
const MARGIN = 4;
/** Cells of the look-up grid; a badge is seldom wider. */
const CELL = 72;

/** Indices of the candidates that get a badge: the chosen ones, those that had one, then the rest in their order. */
export function place(candidates: readonly Candidate[]): Set<number> {
  const placed = new Set<number>();
  const grid = new Map<number, Candidate[]>();
  const rank = (candidate: Candidate) => (candidate.chosen ? 0 : candidate.had ? 1 : 2);
  const order = candidates.map((_, i) => i).sort((a, b) => rank(candidates[a]!) - rank(candidates[b]!) || a - b);
  for (const index of order) {
    const candidate = candidates[index]!;
    if (!candidate.chosen && taken(candidate, grid)) continue;
    placed.add(index);
    for (const key of cells(candidate)) {
      const cell = grid.get(key);
      if (cell) cell.push(candidate);
      else grid.set(key, [candidate]);
    }
  }
  return placed;
}

function taken(candidate: Candidate, grid: Map<number, Candidate[]>): boolean {
  // One that has a badge may be touched a little before it gives way.
  const margin = candidate.had ? -3 : MARGIN;
  for (const key of cells(candidate)) {
    for (const other of grid.get(key) ?? []) {
      if (
        Math.abs(candidate.x - other.x) < candidate.halfWidth + other.halfWidth + margin &&
        Math.abs(candidate.y - other.y) < candidate.halfHeight + other.halfHeight + margin
      ) {
        return true;
      }
    }
  }
  return false;
}

function cells({ x, y, halfWidth, halfHeight }: Candidate): number[] {
  const keys: number[] = [];
  const reach = MARGIN;
  for (let i = Math.floor((x - halfWidth - reach) / CELL); i <= Math.floor((x + halfWidth + reach) / CELL); i++) {
    for (let k = Math.floor((y - halfHeight - reach) / CELL); k <= Math.floor((y + halfHeight + reach) / CELL); k++) {
      keys.push(i * 4_096 + k);
    }
  }
  return keys;
}

/** What the list shows: vehicles and stops that fit the filter and the words looked for. Pure. */

import { compareNames, type Lines } from "./lines";
import type { Stop, Vehicle } from "./types";

export interface Query {
  words: string;
  filter: ReadonlySet<string>;
}

/** Lower case, without the apostrophes and accents that a hurried reader leaves out. */
export function folded(value: string): string {
  return value.normalize("NFKC").toLowerCase().replace(/[’'ʼ`"«»]/g, "").replace(/\s+/g, " ").trim();
}

/** Vehicles in the order of their lines; each word must be found in line, destination, next stop or number. */
export function findVehicles(vehicles: Iterable<Vehicle>, lines: Lines, query: Query, stopName: (vehicle: Vehicle) => string): Vehicle[] {
  const words = folded(query.words).split(" ").filter(Boolean);
  const lineName = (vehicle: Vehicle) => lines.get(vehicle.route)?.name ?? vehicle.line ?? "";
  const found = [...vehicles].filter((vehicle) => {
    if (query.filter.size > 0 && !query.filter.has(vehicle.route ?? "")) return false;
    if (words.length === 0) return true;
    const line = folded(lineName(vehicle));
    const rest = folded([vehicle.headsign, vehicle.headsign_en, stopName(vehicle), vehicle.label, vehicle.id].filter(Boolean).join(" "));
    // A number is meant as a line's: "5" must not bring every vehicle with a 5 in its own number.
    return words.every((word) => line === word || (/^\d{1,2}$/.test(word) ? false : line.startsWith(word) || rest.includes(word)));
  });
  // By the lines' own order first: comparing words is slow, and there may be thousands.
  return found.sort(
    (a, b) => lines.order(a.route) - lines.order(b.route) || compareNames(a.headsign ?? "", b.headsign ?? "") || compareNames(a.id, b.id),
  );
}

/** Stops by name or code; those that begin with the words come first. */
export function findStops(stops: Iterable<Stop>, words: string, most: number): Stop[] {
  const wanted = folded(words);
  if (wanted.length < 2) return [];
  const found: { stop: Stop; rank: number }[] = [];
  for (const stop of stops) {
    const names = [folded(stop.name ?? ""), folded(stop.name_en ?? "")];
    const rank = names.some((name) => name.startsWith(wanted)) ? 0 : names.some((name) => name.includes(` ${wanted}`)) ? 1
      : folded(stop.code ?? "") === wanted ? 1 : names.some((name) => name.includes(wanted)) ? 2 : 3;
    if (rank < 3) found.push({ stop, rank });
  }
  return found
    .sort((a, b) => a.rank - b.rank || compareNames(a.stop.name ?? "", b.stop.name ?? ""))
    .slice(0, most)
    .map(({ stop }) => stop);
}

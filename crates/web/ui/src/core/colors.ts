/** Colours of lines: as the agency gave them, made readable on our ground, or our own where it gave none. */

import type { Route } from "./types";

/** For lines without a colour: told apart from each other, and 3:1 or better against both grounds' line casings. */
const PALETTE = [
  "#1f6feb", "#c2410c", "#0f7b5f", "#a3308f", "#6b58d6", "#b4232f",
  "#0e7490", "#8a5a00", "#3f7d20", "#d0386b", "#4c5fc4", "#7a4e2d",
] as const;

/** Beyond this many lines without colours of their own, colours of ours no longer tell them apart: they go by the kind. */
const MOST_OF_OURS = 24;
const BY_KIND: Record<number, string> = { 0: "#b4232f", 1: "#0e7490", 2: "#4b5563", 4: "#0e7490", 11: "#0f7b5f", 900: "#b4232f", 800: "#0f7b5f" };
const OTHER_KIND = "#2259b8";

/** What a vehicle without a line is drawn in. */
export const NO_LINE = "#6b7280";

export type Rgb = [number, number, number];

export function parseHex(color: string | null | undefined): Rgb | null {
  const found = /^#?([0-9a-f]{6})$/i.exec(color?.trim() ?? "");
  if (!found?.[1]) return null;
  const value = Number.parseInt(found[1], 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

export function toHex([r, g, b]: Rgb): string {
  return `#${[r, g, b].map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}

/** Relative luminance, WCAG 2.2. */
export function luminance([r, g, b]: Rgb): number {
  const [lr, lg, lb] = [r, g, b].map((part) => {
    const c = part / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * (lr ?? 0) + 0.7152 * (lg ?? 0) + 0.0722 * (lb ?? 0);
}

/** Contrast ratio, WCAG 2.2: 1 to 21. */
export function contrast(a: string, b: string): number {
  const la = luminance(parseHex(a) ?? [0, 0, 0]);
  const lb = luminance(parseHex(b) ?? [0, 0, 0]);
  return (Math.max(la, lb) + 0.05) / (Math.min(la, lb) + 0.05);
}

function mix(color: Rgb, other: Rgb, share: number): Rgb {
  return [0, 1, 2].map((i) => color[i]! + (other[i]! - color[i]!) * share) as Rgb;
}

/** The colour, darkened or lightened just so far that it reaches the contrast against the ground. */
export function readable(color: string, ground: string, least: number): string {
  const rgb = parseHex(color);
  const base = parseHex(ground);
  if (!rgb || !base) return color;
  const toward: Rgb = luminance(base) > 0.4 ? [0, 0, 0] : [255, 255, 255];
  for (let share = 0; share <= 1; share += 0.04) {
    const tried = toHex(mix(rgb, toward, share));
    if (contrast(tried, ground) >= least) return tried;
  }
  return toHex(toward);
}

/** Black or white, whichever reads better on the colour. */
export function textOn(color: string): string {
  return contrast(color, "#ffffff") >= 4.5 || contrast(color, "#ffffff") >= contrast(color, "#111418") ? "#ffffff" : "#111418";
}

/** The colour that the agency gave; white and black are GTFS's defaults for "none given". */
export function givenColor(route: Pick<Route, "color">): string | null {
  const rgb = parseHex(route.color);
  const given = rgb && toHex(rgb);
  return given && given !== "#ffffff" && given !== "#000000" ? given : null;
}

/** Colours of all routes, in their order: the agency's, or ours. */
export function routeColors(routes: readonly Pick<Route, "color" | "type">[]): string[] {
  const bare = routes.filter((route) => givenColor(route) === null).length;
  return routes.map((route, index) => {
    const ours = bare > MOST_OF_OURS ? (BY_KIND[route.type ?? 3] ?? OTHER_KIND) : PALETTE[index % PALETTE.length];
    return givenColor(route) ?? ours ?? PALETTE[0];
  });
}

/** The text colour that goes with it: the agency's where that can be read (4.5:1), else black or white. */
export function routeTextColor(route: Pick<Route, "text_color">, color: string): string {
  const rgb = parseHex(route.text_color);
  const given = rgb && toHex(rgb);
  return given && contrast(given, color) >= 4.5 ? given : textOn(color);
}

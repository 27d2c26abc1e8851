/** Delay, age, speed and state in words. Pure: the language comes in. */

import { plural, text, type Language, type MessageKey } from "./i18n";
import type { Vehicle } from "./types";

/** From here on a vehicle is marked late or early; within, it is on time. */
export const LATE_S = 180;
export const EARLY_S = -60;
/** A fix older than this shows its age on the map. */
export const OLD_FIX_S = 90;
/** From this age on a vehicle is drawn as faint as it gets. */
export const FADED_FIX_S = 300;
const FAINTEST = 0.4;

export type Punctuality = "early" | "on_time" | "late" | "unknown";

export function punctuality(delay: number | null | undefined): Punctuality {
  if (delay === null || delay === undefined) return "unknown";
  if (delay >= LATE_S) return "late";
  if (delay <= EARLY_S) return "early";
  return "on_time";
}

/** "3 min late", "on time", "1 min early", "no timetable". Less than a minute either way is on time. */
export function delayWords(language: Language, delay: number | null | undefined): string {
  if (delay === null || delay === undefined) return text(language, "delayUnknown");
  const minutes = wholeMinutes(delay);
  if (minutes === 0) return text(language, "onTime");
  const span = plural(language, "minutes", Math.abs(minutes));
  return text(language, minutes > 0 ? "late" : "early", { span });
}

/** "+3" or "−1" for a badge; empty where there is nothing to say. */
export function delayMark(delay: number | null | undefined): string {
  if (delay === null || delay === undefined || punctuality(delay) === "on_time") return "";
  const minutes = wholeMinutes(delay);
  return minutes > 0 ? `+${minutes}` : `−${Math.abs(minutes)}`;
}

/** Full minutes toward zero: a delay of 2 min 50 s is "2 min late", as departure boards say it. */
function wholeMinutes(delay: number): number {
  const minutes = Math.trunc(delay / 60);
  return minutes === 0 ? 0 : minutes;
}

/** "4 s ago", "2 min ago". */
export function ageWords(language: Language, ageS: number): string {
  return text(language, "ago", { span: spanWords(language, ageS) });
}

/** "4 s", "2 min", "3 h". */
export function spanWords(language: Language, seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 90) return text(language, "seconds", { n: String(whole) });
  if (whole < 5_400) return plural(language, "minutes", Math.round(whole / 60));
  return text(language, "hours", { n: String(Math.round(whole / 3_600)) });
}

export function speedWords(language: Language, speedMps: number | null | undefined): string {
  if (speedMps === null || speedMps === undefined) return text(language, "unknownValue");
  if (speedMps < 0.8) return text(language, "standing");
  return text(language, "kmh", { n: String(Math.round(speedMps * 3.6)) });
}

/** At its next stop, not on the way to it. */
export function isAtStop(vehicle: Vehicle): boolean {
  return vehicle.status === "at_stop";
}

const STATES: Record<string, MessageKey> = {
  in_service: "stateInService",
  layover: "stateLayover",
  deadhead: "stateDeadhead",
  off_route: "stateOffRoute",
};

export function stateWords(language: Language, vehicle: Vehicle): string {
  return text(language, STATES[vehicle.state ?? ""] ?? "stateUnknown");
}

/** How strongly a vehicle is drawn, 1 for a fresh fix. */
export function strength(ageS: number): number {
  const from = OLD_FIX_S / 2;
  const share = Math.min(Math.max((ageS - from) / (FADED_FIX_S - from), 0), 1);
  return 1 - share * (1 - FAINTEST);
}

/** "14:03" or, with seconds, "14:03:22" in the network's zone. */
export function clockWords(language: Language, ms: number, timezone: string | undefined, withSeconds = false): string {
  return format(language, timezone, { hour: "2-digit", minute: "2-digit", ...(withSeconds && { second: "2-digit" }) }, ms);
}

/** "16 January 2026". */
export function dateWords(language: Language, ms: number, timezone: string | undefined): string {
  return format(language, timezone, { day: "numeric", month: "long", year: "numeric" }, ms);
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(language: Language, timeZone: string | undefined, options: Intl.DateTimeFormatOptions, ms: number): string {
  const key = `${language} ${timeZone ?? ""} ${JSON.stringify(options)}`;
  let found = formats.get(key);
  if (!found) {
    const locale = language === "uk" ? "uk-UA" : "en-GB";
    found = new Intl.DateTimeFormat(locale, { ...options, hourCycle: "h23", ...(timeZone && { timeZone }) });
    formats.set(key, found);
  }
  return found.format(ms);
}

/** The two languages of the page. A key that is missing in one of them does not compile. */

import { en } from "./messages.en";
import { uk } from "./messages.uk";

export const LANGUAGES = ["uk", "en"] as const;
export type Language = (typeof LANGUAGES)[number];
export type MessageKey = Exclude<keyof typeof uk, "plurals">;
export type PluralKey = keyof (typeof uk)["plurals"];
export type Plural = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };
export type Messages = Record<MessageKey, string> & { plurals: Record<PluralKey, Plural> };

const DICTIONARIES: Record<Language, Messages> = { uk, en };
const RULES: Record<Language, Intl.PluralRules> = {
  uk: new Intl.PluralRules("uk"),
  en: new Intl.PluralRules("en"),
};

/** The message, with `{name}` replaced from `values`. */
export function text(language: Language, key: MessageKey, values: Record<string, string> = {}): string {
  return fill(DICTIONARIES[language][key], values);
}

/** "1 автобус", "2 автобуси", "5 автобусів". */
export function plural(language: Language, key: PluralKey, n: number): string {
  const forms: Plural = DICTIONARIES[language].plurals[key];
  return fill(forms[RULES[language].select(n)] ?? forms.other, { n: n.toLocaleString(language) });
}

function fill(message: string, values: Record<string, string>): string {
  return message.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

/** A stored choice, else the first of the browser's languages that we have, else Ukrainian. */
export function chooseLanguage(stored: string | null, preferred: readonly string[]): Language {
  for (const wanted of [stored, ...preferred]) {
    const base = wanted?.toLowerCase().split("-")[0];
    const known = LANGUAGES.find((language) => language === base);
    if (known) return known;
  }
  return "uk";
}

/** The English name where the page is in English and there is one. */
export function named(language: Language, name: string | null | undefined, english: string | null | undefined): string {
  return (language === "en" ? english || name : name || english) ?? "";
}

import { describe, expect, it } from "vitest";
import { chooseLanguage, named, plural, text } from "../../src/core/i18n";
import { en } from "../../src/core/messages.en";
import { uk } from "../../src/core/messages.uk";

describe("language", () => {
  it("is the reader's choice, then the browser's, then Ukrainian", () => {
    expect(chooseLanguage("en", ["uk-UA"])).toBe("en");
    expect(chooseLanguage(null, ["de-DE", "en-GB", "uk"])).toBe("en");
    expect(chooseLanguage(null, ["uk-UA", "en"])).toBe("uk");
    expect(chooseLanguage(null, ["de", "pl"])).toBe("uk");
    expect(chooseLanguage("xx", [])).toBe("uk");
  });

  it("takes the name that there is", () => {
    expect(named("en", "Вокзал", "Station")).toBe("Station");
    expect(named("en", "Вокзал", null)).toBe("Вокзал");
    expect(named("uk", "Вокзал", "Station")).toBe("Вокзал");
    expect(named("uk", "", undefined)).toBe("");
  });
});

describe("messages", () => {
  it("count as Ukrainian does", () => {
    const counted = [1, 2, 5, 11, 21, 1775].map((n) => plural("uk", "vehicles", n).replace(/[\s\u00a0]/g, " "));
    expect(counted).toEqual([
      "1 одиниця транспорту", "2 одиниці транспорту", "5 одиниць транспорту", "11 одиниць транспорту",
      "21 одиниця транспорту", "1 775 одиниць транспорту",
    ]);
    expect(plural("en", "vehicles", 1)).toBe("1 vehicle");
  });

  it("use the same values in both languages", () => {
    const values = (message: string) => [...message.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();
    for (const [key, message] of Object.entries(uk)) {
      if (typeof message === "string") expect(values(en[key as "title"]), key).toEqual(values(message));
    }
  });

  it("leave a value that is not given visible rather than empty", () => {
    expect(text("en", "line", {})).toBe("Line {line}");
  });
});

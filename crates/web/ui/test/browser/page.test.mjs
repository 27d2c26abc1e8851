// The page in a real browser over the mock server: what a rider would notice if it broke.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startMock } from "../mock/server.mjs";
import { launch, openPage, waitForVehicles, WINDOWS } from "./browser.mjs";

const NARROWEST_TOUCH = 43.5;
let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** Runs `steps` on a page over a mock of its own, and fails on anything the page did wrong meanwhile. */
async function onPage(options, steps) {
  const mock = await startMock(options.mock ?? {});
  const opened = await openPage(browser, mock.address, { ...WINDOWS.desktop, ...options.window });
  try {
    if (options.vehicles !== 0) await waitForVehicles(opened.page, options.vehicles ?? 42);
    await steps(opened.page, mock);
    if (!options.faulty) assert.deepEqual(opened.faults, []);
  } finally {
    await opened.context.close();
    await mock.stop();
  }
}

const textOf = (page, selector) => page.locator(selector).innerText();

test("vehicles move on the map and nothing is asked of anyone else", () =>
  onPage({}, async (page) => {
    const places = () => page.evaluate(() => ["v1000", "v1001", "v1002"].map((id) => window.marshrut.view.overlay.where(id)));
    const first = await places();
    await page.waitForFunction(
      (before) => before.every(([lon], i) => lon !== window.marshrut.view.overlay.where(["v1000", "v1001", "v1002"][i])[0]),
      first,
    );
    assert.equal(await page.evaluate(() => window.marshrut.lines()), 8);
    assert.equal(await page.evaluate(() => document.documentElement.lang), "uk");
    assert.match(await page.title(), /Слов'янськ/);
  }));

test("a tap on a vehicle tells its line, delay and age, and the age goes on", () =>
  onPage({}, async (page) => {
    // One that stands: however slow the machine, it is still there when the tap comes.
    const at = await page.evaluate(() => {
      const { view } = window.marshrut;
      view.map.jumpTo({ center: view.overlay.where("v1008"), zoom: 17 });
      return view.map.project(view.overlay.where("v1008"));
    });
    await page.waitForFunction((id) => window.marshrut.view.overlay.hit(innerWidth / 2, innerHeight / 2) === id, "v1008");
    await page.mouse.click(at.x, at.y);
    await page.waitForSelector("#sheet:not([hidden])");
    assert.match(await textOf(page, "#sheet"), /AH 1008/);
    assert.match(await textOf(page, "#sheet"), /запізнення 2 хв/);
    const age = page.locator(".fact", { hasText: "Оновлено" }).locator("dd");
    for (let change = 0; change < 2; change++) {
      const words = await age.innerText();
      assert.match(words, /^\d+ с тому$/);
      await page.waitForFunction(([name, before]) => {
        const fact = [...document.querySelectorAll(".fact")].find((each) => each.textContent?.includes(name));
        return fact?.querySelector("dd")?.textContent !== before;
      }, ["Оновлено", words]);
    }
  }));

test("everything can be done with the keyboard, and focus comes back", () =>
  onPage({}, async (page) => {
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement?.className), "skip");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "vehicles-title");
    await page.keyboard.press("Tab");
    const row = await page.evaluate(() => document.activeElement?.textContent);
    assert.match(row, /^Маршрут 1, .*, .*/);
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "sheet-title");
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("#sheet").isHidden(), true);
    assert.equal(await page.evaluate(() => document.activeElement?.className), "row");
  }));

test("the search finds lines and stops, the filter hides the other lines", () =>
  onPage({}, async (page) => {
    await page.fill("#search", "ринок");
    await page.waitForSelector(".badge-stop");
    await page.fill("#search", "26");
    const badges = await page.locator(".list .row .badge").allInnerTexts();
    assert.ok(badges.length > 0 && badges.every((badge) => badge === "26"));
    await page.click(".clear");
    await page.click(".chip >> text='5'");
    await page.waitForFunction(() => window.marshrut.drawn() < 12 && window.marshrut.drawn() > 0);
    assert.equal(await page.locator(".chip >> text='5'").getAttribute("aria-pressed"), "true");
    assert.match(await page.locator("[aria-live=polite]").innerText(), /Маршрути 5\. На карті \d+ одиниц/);
  }));

test("the language is switched at once and kept", () =>
  onPage({}, async (page) => {
    await page.click(".language[lang=en]");
    assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
    assert.equal(await page.title(), "Sloviansk: public transport live");
    await page.reload();
    await page.waitForFunction(() => document.querySelector("h1")?.textContent === "Sloviansk");
  }));

test("a closed gate empties the page at once and says why", () =>
  onPage({}, async (page, mock) => {
    mock.setGate("off");
    await page.waitForFunction(() => window.marshrut.vehicles() === 0 && window.marshrut.drawn() === 0);
    assert.match(await textOf(page, ".gate"), /вимкнено.*Повітряна тривога/);
    mock.setGate("live");
    await page.waitForFunction(() => window.marshrut.vehicles() === 42);
    assert.equal(await page.locator(".gate").isHidden(), true);
  }));

test("a lost connection is shown and comes back with a whole state", () =>
  onPage({ faulty: true }, async (page, mock) => {
    mock.cut();
    await page.waitForFunction(() => window.marshrut.connection() === "reconnecting");
    assert.match(await textOf(page, ".connection"), /відновлюємо/);
    await page.waitForFunction(() => window.marshrut.connection() === "live");
    assert.equal(await page.evaluate(() => window.marshrut.vehicles()), 42);
  }));

test("a map server that cannot be reached leaves the plain ground", () =>
  onPage({ faulty: true, mock: { style: "http://127.0.0.1:9/style.json" } }, async (page) => {
    await page.waitForSelector(".notice:not([hidden])");
    assert.match(await textOf(page, ".notice"), /просту основу/);
    assert.ok(await page.evaluate(() => Boolean(window.marshrut.view.map.getLayer("ground"))));
  }));

test("a recorded day says which day it is", () =>
  onPage({ mock: { demo: true } }, async (page) => {
    assert.match(await textOf(page, ".demo"), /Записаний день: 16 січня 2026/);
    assert.match(await textOf(page, ".clock"), /^17:3\d:\d\d$/);
  }));

test("everything that can be touched is as wide as a finger", async () => {
  for (const [name, window] of Object.entries(WINDOWS)) {
    await onPage({ window }, async (page) => {
      if (name === "phone") await page.click(".toggle");
      const small = await page.evaluate((least) =>
        [...document.querySelectorAll("button, input")]
          .filter((element) => element.checkVisibility())
          .map((element) => ({ name: element.className || element.id, box: element.getBoundingClientRect() }))
          .filter(({ box }) => Math.min(box.width, box.height) < least)
          .map(({ name: what, box }) => `${what} ${box.width}×${box.height}`), NARROWEST_TOUCH);
      assert.deepEqual(small, [], name);
    });
  }
});

test("without WebGL the list still tells everything", async () => {
  const mock = await startMock();
  const plain = await launch(["--disable-gpu", "--disable-3d-apis"]);
  try {
    const { page } = await openPage(plain, mock.address, WINDOWS.desktop);
    await page.waitForFunction(() => document.querySelectorAll(".list .row").length >= 42);
    assert.match(await textOf(page, ".notice"), /не може намалювати карту/);
  } finally {
    await plain.close();
    await mock.stop();
  }
});

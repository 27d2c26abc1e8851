// Screenshots of the page, on the mock or on a real server, and the assertions of a healthy page.
//   node test/browser/screens.mjs [--url http://127.0.0.1:8080/] [--out DIR] [--vehicles N] [--check]
// With --check it takes one picture a window and fails on console errors, foreign requests or too few vehicles.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startMock } from "../mock/server.mjs";
import { launch, openPage, waitForVehicles, WINDOWS } from "./browser.mjs";

const { values } = parseArgs({ options: {
  url: { type: "string" }, out: { type: "string", default: "test-results" }, vehicles: { type: "string", default: "1" },
  check: { type: "boolean", default: false }, only: { type: "string", default: "" },
} });

const mock = values.url ? null : await startMock({ demo: true });
const base = values.url ?? mock.address;
await mkdir(values.out, { recursive: true });
const browser = await launch();
const faults = [];
let pictures = 0;
const started = performance.now();

for (const [name, window] of Object.entries(WINDOWS)) {
  for (const colorScheme of ["light", "dark"]) {
    if (values.only && values.only !== `${name}-${colorScheme}`) continue;
    const opened = await openPage(browser, base, { ...window, colorScheme });
    const { page } = opened;
    await waitForVehicles(page, Number(values.vehicles));
    await page.waitForTimeout(2_500);
    const shot = async (what) => {
      await page.screenshot({ path: join(values.out, `${name}-${colorScheme}-${what}.png`) });
      pictures += 1;
    };
    await shot("map");
    if (!values.check) await tour(page, shot, name);
    console.log(`${name} ${colorScheme}: ${await page.evaluate(() => JSON.stringify({ vehicles: window.marshrut.vehicles(), drawn: window.marshrut.drawn(), lines: window.marshrut.lines(), stops: window.marshrut.stops(), connection: window.marshrut.connection() }))}`);
    faults.push(...opened.faults.map((fault) => `${name} ${colorScheme}: ${fault}`));
    await opened.context.close();
  }
}
await browser.close();
await mock?.stop();
for (const fault of new Set(faults)) console.error(fault);
console.log(`${pictures} pictures in ${values.out}, ${((performance.now() - started) / 1000).toFixed(0)} s, ${faults.length} faults`);
process.exitCode = faults.length > 0 ? 1 : 0;

/** Through the page as a rider goes: list, vehicle, line, stop, English. */
async function tour(page, shot, name) {
  if (name === "phone") {
    await page.click(".toggle");
    await shot("list");
  }
  await page.click(".list .rows .row >> nth=2");
  await page.waitForTimeout(1_800);
  await shot("vehicle");
  await page.click(".sheet .close");
  const stop = await page.evaluate(() => [...window.marshrut.app.stops.keys()][6]);
  await page.evaluate((id) => {
    const { app, view } = window.marshrut;
    const at = app.stops.get(id);
    app.select({ kind: "stop", id });
    view.goTo(at.lon, at.lat, 16);
  }, stop);
  await page.waitForTimeout(1_800);
  await shot("stop");
  await page.click(".sheet .close");
  await page.click(".control >> nth=2");
  await page.click(".chips .chip >> nth=2");
  await page.click(".language[lang=en]");
  await page.waitForTimeout(1_800);
  await shot("line-en");
}

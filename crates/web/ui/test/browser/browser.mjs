// A headless Chromium that hears everything the page does wrong.
import { chromium } from "playwright-core";

const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
/** WebGL in software, as machines without a graphics card need it. */
const WEBGL = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"];

export const WINDOWS = {
  desktop: { viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1 },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
};

export function launch(graphics = WEBGL) {
  return chromium.launch({ executablePath: EXECUTABLE, args: [...FLAGS, ...graphics] });
}

/** Opens the page and collects console errors, page errors and requests to other origins. */
export async function openPage(browser, base, options) {
  const context = await browser.newContext({ locale: "uk-UA", ...options });
  const page = await context.newPage();
  const faults = [];
  const origin = new URL(base).origin;
  page.on("pageerror", (error) => faults.push(`page error: ${error.message}`));
  page.on("console", (message) => {
    // A server without departures answers 404 for a stop; the page takes that quietly, the browser notes it.
    if (message.type() === "error" && !message.location().url.includes("/api/v1/stops/")) faults.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(data|blob):/.test(url)) faults.push(`request to another origin: ${url}`);
  });
  await page.goto(base, { waitUntil: "load" });
  return { context, page, faults };
}

/** Waits until the page knows at least so many vehicles and its map has drawn some. */
export async function waitForVehicles(page, least, timeout = 60_000) {
  await page.waitForFunction((n) => (window.marshrut?.vehicles() ?? 0) >= n && (window.marshrut?.drawn() ?? 0) > 0, least, { timeout });
  await page.waitForFunction(() => window.marshrut?.view?.map.loaded(), undefined, { timeout });
}

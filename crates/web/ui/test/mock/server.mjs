// The page's server for tests: static files of dist/ under the strict policy of the real one, and a made-up city that moves.
//   node test/mock/server.mjs [--port 8090] [--vehicles 42] [--gate live|delayed|off] [--demo] [--speed 1] [--style URL]
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { along, buildCity } from "./city.mjs";

const DIST = fileURLToPath(new URL("../../dist/", import.meta.url));
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2" };
const POLICY = "default-src 'self'; img-src 'self' data: blob:";
const FIX_EVERY_S = 8;

export async function startMock(options = {}) {
  const { port = 0, vehicles = 42, gate = "live", demo = false, speed = 1, style = null } = options;
  const city = buildCity();
  const startedAt = Date.now();
  const epoch = demo ? Date.parse("2026-01-16T15:31:00Z") : startedAt;
  const now = () => epoch + (Date.now() - startedAt) * speed;
  const fleet = Array.from({ length: vehicles }, (_, i) => vehicle(city, i));
  const clients = new Set();
  let version = 1;
  let mode = gate;

  const gateNow = () => ({ mode, ...(mode !== "live" && { reason: "Повітряна тривога" }), ...(mode === "delayed" && { minutes: 5 }) });
  const published = () => (mode === "off" ? [] : fleet.map((entry) => entry.fix));
  const snapshot = () => ({ time: new Date(now()).toISOString(), version, gate: gateNow(), vehicles: published() });
  const send = (response, event, data) => response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);

  for (const entry of fleet) step(entry, now(), true);
  const timer = setInterval(() => {
    const changed = fleet.filter((entry) => step(entry, now(), false)).map((entry) => entry.fix);
    if (mode === "off") return;
    version += 1;
    for (const client of clients) send(client, "update", { time: new Date(now()).toISOString(), version, vehicles: changed, gone: [] });
  }, 500);

  const answers = {
    "/api/v1/map": () => ({
      name: "Слов'янськ", name_en: "Sloviansk", bounds: [37.56, 48.826, 37.662, 48.884], style, timezone: "Europe/Kyiv",
      attribution: 'Дані: <a href="https://example.org/">приклад</a>, CC BY 4.0',
      demo: demo ? { label: null, time: new Date(now()).toISOString() } : null, now: new Date(now()).toISOString(),
    }),
    "/api/v1/routes": () => city.routes,
    "/api/v1/stops": () => city.stops,
    "/api/v1/vehicles": () => snapshot(),
  };

  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://mock").pathname;
    if (path === "/live/events") {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      clients.add(response);
      request.on("close", () => clients.delete(response));
      send(response, "snapshot", snapshot());
    } else if (path in answers) {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answers[path]()));
    } else await file(path, response);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    setGate(next) {
      mode = next;
      version += 1;
      for (const client of clients) {
        send(client, "gate", gateNow());
        send(client, "snapshot", snapshot());
      }
    },
    /** Breaks every live connection, as a restart of the server does. */
    cut() {
      for (const client of clients) client.destroy();
      clients.clear();
    },
    async stop() {
      clearInterval(timer);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function file(path, response) {
  const name = normalize(path === "/" ? "/index.html" : path);
  try {
    const body = await readFile(join(DIST, name));
    response.writeHead(200, { "content-type": TYPES[extname(name)] ?? "application/octet-stream", "content-security-policy": POLICY }).end(body);
  } catch {
    response.writeHead(404, { "content-type": "application/json" }).end('{"error":"not found"}');
  }
}

function vehicle(city, i) {
  const entry = city.lines[i % city.lines.length];
  // Fractions of the golden ratio spread the vehicles evenly without a random seed.
  const spread = (i * 0.618034) % 1;
  return { i, entry, startM: spread * entry.line.length, startMs: null, speed: 5 + (i % 5) * 1.4, next: spread * FIX_EVERY_S, fix: null };
}

/** Gives the vehicle a new fix when it is due. Every ninth stands, every eleventh has no timetable, one is silent. */
function step(self, nowMs, first) {
  self.startMs ??= nowMs;
  const seconds = (nowMs - self.startMs) / 1000;
  const silent = self.i === 6;
  if (!first && (seconds < self.next || silent)) return false;
  self.next = seconds + FIX_EVERY_S;
  const { route, shape, line, stops } = self.entry;
  const standing = self.i % 9 === 8;
  const deadhead = self.i === 20;
  const dist = (self.startM + (standing ? 0 : seconds * self.speed)) % line.length;
  const at = along(line, dist);
  const noise = (n) => Math.sin(self.i * 12.9 + seconds * n) * 0.00004;
  const index = Math.max(0, stops.findIndex((stop) => stop.at > dist));
  const delays = [40, 200, -95, 20, 420, 0, 75, -20, 130, 15];
  self.fix = {
    id: `v${1000 + self.i}`, label: `AH ${1000 + self.i}`, lat: at.lat + noise(1.3), lon: at.lon + noise(1.7),
    heading: Math.round(at.heading), speed: standing ? 0 : self.speed,
    time: new Date(nowMs - (silent ? 240_000 : 2_000)).toISOString(),
    state: deadhead ? "deadhead" : standing && self.i % 2 ? "layover" : "in_service",
    ...(!deadhead && {
      route: route.id, line: route.short_name, color: route.color, direction: shape.direction, trip: `t${self.i}`, headsign: shape.headsign,
      ...(self.i % 11 !== 10 && { delay: delays[self.i % delays.length] }),
      stop: stops[index].stop.id, stop_name: stops[index].stop.name, stop_sequence: index + 1,
      status: standing ? "at_stop" : "in_transit", dist,
    }),
  };
  return true;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: {
    port: { type: "string", default: "8090" }, vehicles: { type: "string", default: "42" }, gate: { type: "string", default: "live" },
    demo: { type: "boolean", default: false }, speed: { type: "string", default: "1" }, style: { type: "string" },
  } });
  const mock = await startMock({
    port: Number(values.port), vehicles: Number(values.vehicles), gate: values.gate, demo: values.demo, speed: Number(values.speed), style: values.style ?? null,
  });
  console.log(`mock server at ${mock.address}`);
}

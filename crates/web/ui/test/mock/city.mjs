// A made-up network on the place of Sloviansk, to look at the page without the real server. A test fixture, nothing more.

/** Crossings of main streets: longitude and latitude. */
const NODES = {
  station: [37.5905, 48.8312], south: [37.6002, 48.8385], market: [37.6075, 48.8447], centre: [37.6118, 48.8521],
  square: [37.6165, 48.8553], park: [37.6231, 48.8591], east: [37.6342, 48.8618], resort: [37.6488, 48.8664],
  lakes: [37.6571, 48.8721], north: [37.6086, 48.8612], hill: [37.6021, 48.8702], artem: [37.5944, 48.8791],
  west: [37.5961, 48.8533], factory: [37.5832, 48.8562], depot: [37.5716, 48.8611], bridge: [37.6255, 48.8488],
  river: [37.6391, 48.8455], village: [37.6544, 48.8437], mine: [37.5823, 48.8421], field: [37.5664, 48.8449],
};

const ROUTES = [
  ["1", 11, "C8102E", "Залізничний вокзал – Курорт", "Railway Station – Resort", ["station", "south", "market", "centre", "square", "park", "east", "resort", "lakes"]],
  ["2", 11, "0057B8", "Артема – Площа Соборна – Завод", "Artema – Soborna Square – Plant", ["artem", "hill", "north", "square", "centre", "west", "factory", "depot"]],
  ["3", 11, "00843D", "Вокзал – Центр – Артема", "Station – Centre – Artema", ["station", "south", "market", "centre", "square", "north", "hill", "artem"]],
  ["5", 3, "F2A900", "Депо – Ринок – Річкова", "Depot – Market – Richkova", ["depot", "factory", "west", "centre", "market", "bridge", "river", "village"]],
  ["7", 3, "7B3FA0", "Поле – Ринок – Парк", "Field – Market – Park", ["field", "mine", "south", "market", "centre", "square", "park"]],
  ["10", 3, "00A3AD", "Село – Міст – Парк – Озера", "Village – Bridge – Park – Lakes", ["village", "river", "bridge", "square", "park", "east", "resort", "lakes"]],
  ["12", 3, "E0619A", "Шахта – Захід – Північ", "Mine – West – North", ["mine", "south", "market", "centre", "west", "north", "hill"]],
  ["26", 3, "", "Депо – Центр – Курорт", "Depot – Centre – Resort", ["depot", "factory", "west", "centre", "square", "park", "east", "resort"]],
];

const STOP_NAMES = [
  ["Залізничний вокзал", "Railway Station"], ["Центральний ринок", "Central Market"], ["Площа Соборна", "Soborna Square"],
  ["Бібліотека", "Library"], ["Вулиця Шевченка", "Shevchenka Street"], ["Парк Шовковичний", "Shovkovychnyi Park"],
  ["Лікарня № 1", "Hospital No. 1"], ["Школа № 15", "School No. 15"], ["Ропне озеро", "Ropne Lake"], ["Курорт", "Resort"],
  ["Педагогічний університет", "Pedagogical University"], ["Стадіон", "Stadium"], ["Вулиця Банківська", "Bankivska Street"],
  ["Міст через Казенний Торець", "Bridge over the Kazennyi Torets"], ["Автостанція", "Bus Station"], ["Депо", "Depot"],
];

/** A street between two crossings: a gentle curve, the same for all who drive it. */
function street(from, to) {
  const [a, b] = [from, to].sort();
  const [p, q] = [NODES[a], NODES[b]];
  const bend = (((a.length * 7 + b.length * 13) % 9) - 4) * 0.03;
  const points = Array.from({ length: 9 }, (_, i) => {
    const t = i / 8;
    const side = Math.sin(Math.PI * t) * bend;
    return [p[0] + (q[0] - p[0]) * t - (q[1] - p[1]) * side * 1.5, p[1] + (q[1] - p[1]) * t + (q[0] - p[0]) * side * 0.66];
  });
  return from === a ? points : points.reverse();
}

function metres([lon1, lat1], [lon2, lat2]) {
  return Math.hypot((lon2 - lon1) * 111195 * Math.cos((lat1 * Math.PI) / 180), (lat2 - lat1) * 111195);
}

function measured(points) {
  const at = [0];
  for (let i = 1; i < points.length; i++) at.push(at[i - 1] + metres(points[i - 1], points[i]));
  return { points, at, length: at.at(-1) };
}

export function along(line, distance) {
  let i = 1;
  while (i < line.points.length - 1 && line.at[i] < distance) i++;
  const [a, b] = [line.points[i - 1], line.points[i]];
  const share = Math.min(Math.max((distance - line.at[i - 1]) / (line.at[i] - line.at[i - 1]), 0), 1);
  const heading = (Math.atan2((b[0] - a[0]) * Math.cos((a[1] * Math.PI) / 180), b[1] - a[1]) * 180) / Math.PI;
  return { lon: a[0] + (b[0] - a[0]) * share, lat: a[1] + (b[1] - a[1]) * share, heading: (heading + 360) % 360 };
}

export function buildCity() {
  const stops = new Map();
  const routes = ROUTES.map(([name, type, color, long, longEn, nodes]) => {
    const there = nodes.slice(1).flatMap((node, i) => street(nodes[i], node).slice(i === 0 ? 0 : 1));
    const [from, to] = long.split(" – ").filter((_, i, all) => i === 0 || i === all.length - 1);
    const shapes = [there, [...there].reverse()].map((points, direction) => ({
      pattern: `${name}-${direction}`, direction, headsign: direction === 0 ? to : from,
      points: points.map(([lon, lat]) => [Number(lon.toFixed(6)), Number(lat.toFixed(6))]),
    }));
    return { id: `r${name}`, short_name: name, long_name: long, long_name_en: longEn, type, color, text_color: "", shapes };
  });
  const lines = routes.flatMap((route) => route.shapes.map((shape) => ({ route, shape, line: measured(shape.points), stops: [] })));
  for (const entry of lines) {
    for (let d = 40; d < entry.line.length; d += 430) {
      const { lon, lat } = along(entry.line, d);
      const near = [...stops.values()].find((stop) => metres([stop.lon, stop.lat], [lon, lat]) < 150);
      const n = stops.size;
      const [name, nameEn] = STOP_NAMES[n % STOP_NAMES.length];
      const more = n >= STOP_NAMES.length ? ` ${Math.floor(n / STOP_NAMES.length) + 1}` : "";
      const stop = near ?? { id: `s${n}`, code: String(100 + n), name: name + more, name_en: nameEn + more, lat, lon, routes: [] };
      stops.set(stop.id, stop);
      if (!stop.routes.includes(entry.route.id)) stop.routes.push(entry.route.id);
      entry.stops.push({ stop, at: d });
    }
  }
  return { routes, stops: [...stops.values()], lines };
}

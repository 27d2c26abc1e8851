/** The foot of the panel: what the marks mean, the open data, and whom the map thanks. */

import type { App } from "../app";
import { text, type MessageKey } from "../core/i18n";
import { h, say } from "./dom";

const FEEDS: [MessageKey, string][] = [
  ["feedGtfs", "/gtfs/gtfs.zip"],
  ["feedPositions", "/gtfs-rt/vehicle-positions"],
  ["feedApi", "/api/v1/vehicles"],
];

const MARKS: [MessageKey, string, string][] = [
  ["legendOnTime", "on_time", ""],
  ["legendLate", "late", "+3"],
  ["legendEarly", "early", "−1"],
  ["legendUnknown", "unknown", ""],
  ["legendOld", "old", ""],
];

export function createFoot(app: App): HTMLElement {
  const legendTitle = h("summary", {});
  const legend = h("ul", { class: "legend", role: "list" });
  const data = h("h2", { class: "foot-title" });
  const feeds = FEEDS.map(([key, href]) => [key, h("a", { href })] as const);
  const thanks = h("p", { class: "attribution" });
  const element = h("footer", { class: "foot" }, h("details", {}, legendTitle, legend),
    h("nav", { class: "feeds" }, data, ...feeds.map(([, link]) => link)), thanks);

  const render = () => {
    const { language } = app;
    say(legendTitle, text(language, "legend"));
    legend.replaceChildren(...MARKS.map(([key, is, mark]) =>
      h("li", { "data-is": is }, h("span", { class: "legend-badge", "aria-hidden": "true" }, "7", mark && h("i", {}, mark)), text(language, key))));
    say(data, text(language, "openData"));
    for (const [key, link] of feeds) say(link, text(language, key));
    thanks.replaceChildren(...attribution(app.config.attribution ?? ""));
    thanks.hidden = thanks.childNodes.length === 0;
  };
  app.on(["language", "status", "network"], render);
  render();
  return element;
}

/** On phones the foot is behind the list; whom the map thanks stays in sight. */
export function createCredit(app: App): HTMLElement {
  const element = h("p", { class: "credit" });
  const render = () => {
    element.replaceChildren(...attribution(app.config.attribution ?? ""));
    element.hidden = element.childNodes.length === 0;
  };
  app.on(["status"], render);
  render();
  return element;
}

/** Attributions come as text or as HTML with links; links are kept, all other markup becomes its text. */
export function attribution(html: string): Node[] {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const nodes: Node[] = [];
  const walk = (node: Node) => {
    for (const child of node.childNodes) {
      if (child instanceof HTMLAnchorElement && /^https?:\/\//.test(child.getAttribute("href") ?? "")) {
        nodes.push(h("a", { href: child.getAttribute("href"), rel: "noopener" }, child.textContent ?? ""));
      } else if (child.nodeType === Node.TEXT_NODE) nodes.push(document.createTextNode(child.textContent ?? ""));
      else walk(child);
    }
  };
  walk(parsed.body);
  return nodes;
}

/** Names of stops drawn as images: text symbols would need glyph files from a server that may not be there. */

import type { Map as MapLibre } from "maplibre-gl";
import { LABEL_PREFIX } from "./style";
import { FONT, GROUNDS, type Theme } from "./theme";

const SIZE_PX = 12.5;
const LINE_PX = 15;
/** Longer names are broken into lines of about this many letters. */
const BREAK_AT = 22;
const MAX_LINES = 3;

/** Draws each name when the map first asks for it. */
export function provideLabels(map: MapLibre): void {
  const ratio = Math.min(Math.max(devicePixelRatio, 1), 3);
  map.on("styleimagemissing", ({ id }: { id: string }) => {
    if (!id.startsWith(LABEL_PREFIX) || map.hasImage(id)) return;
    const rest = id.slice(LABEL_PREFIX.length);
    const theme: Theme = rest.startsWith("dark:") ? "dark" : "light";
    const image = draw(rest.slice(rest.indexOf(":") + 1), theme, ratio);
    if (image) map.addImage(id, image, { pixelRatio: ratio });
  });
}

function draw(name: string, theme: Theme, ratio: number): ImageData | null {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  if (!context) return null;
  const font = `500 ${SIZE_PX}px ${FONT}`;
  context.font = font;
  const lines = broken(name);
  const width = Math.max(1, ...lines.map((line) => context.measureText(line).width)) + 8;
  const height = lines.length * LINE_PX + 6;
  canvas.width = Math.ceil(width * ratio);
  canvas.height = Math.ceil(height * ratio);
  context.scale(ratio, ratio);
  context.font = font;
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = 3.5;
  context.strokeStyle = GROUNDS[theme].halo;
  context.fillStyle = GROUNDS[theme].label;
  lines.forEach((line, i) => {
    const y = 3 + (i + 0.5) * LINE_PX;
    context.strokeText(line, 4, y);
    context.fillText(line, 4, y);
  });
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** Breaks a long name at spaces; what does not fit ends in an ellipsis. */
export function broken(name: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of name.split(/\s+/)) {
    if (line && line.length + word.length + 1 > BREAK_AT) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  if (line) lines.push(line);
  return lines.length > MAX_LINES ? [...lines.slice(0, MAX_LINES - 1), `${lines[MAX_LINES - 1]}…`] : lines;
}

/** The map's style: our plain ground or a configured one underneath, our lines and stops above. */

import type { FeatureCollection } from "geojson";
import type {
  ExpressionSpecification,
  GeoJSONSourceSpecification,
  LayerSpecification,
  StyleSpecification,
} from "maplibre-gl";
import { readable } from "../core/colors";
import type { Line } from "../core/lines";
import type { Stop } from "../core/types";
import type { Ribbon } from "./ribbons";
import { GROUNDS, type Theme } from "./theme";

/** How long a configured style may take before the plain ground is shown. */
const STYLE_TIMEOUT_MS = 6_000;

export const LINES_SOURCE = "marshrut-lines";
export const STOPS_SOURCE = "marshrut-stops";
export const LABEL_PREFIX = "label:";

/** No tiles, no glyphs, no sprites: nothing is asked of anyone. */
export function plainGround(theme: Theme): StyleSpecification {
  return {
    version: 8,
    name: "marshrut plain ground",
    sources: {},
    layers: [{ id: "ground", type: "background", paint: { "background-color": GROUNDS[theme].background } }],
  };
}

/** The configured style, or null when it cannot be had. A tile address (with `{z}`) becomes a raster style. */
export async function configuredStyle(address: string, attribution: string): Promise<StyleSpecification | null> {
  if (address.includes("{z}")) {
    return {
      version: 8,
      sources: { tiles: { type: "raster", tiles: [address], tileSize: 256, maxzoom: 19, attribution } },
      layers: [{ id: "tiles", type: "raster", source: "tiles", paint: { "raster-saturation": -0.6 } }],
    };
  }
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(STYLE_TIMEOUT_MS) });
    if (!answer.ok) return null;
    const style = (await answer.json()) as StyleSpecification;
    return style.version === 8 && Array.isArray(style.layers) ? style : null;
  } catch {
    return null;
  }
}

export function linesData(ribbons: readonly Ribbon[], lines: readonly Line[], theme: Theme): FeatureCollection {
  const ground = GROUNDS[theme].bed;
  const colors = new Map(lines.map((line) => [line.id, readable(line.color, ground, 3)]));
  return {
    type: "FeatureCollection",
    features: ribbons.map(({ route, offset, coordinates }) => ({
      type: "Feature",
      properties: { route, offset, color: colors.get(route) },
      geometry: { type: "LineString", coordinates },
    })),
  };
}

export function stopsData(stops: readonly Stop[], name: (stop: Stop) => string): FeatureCollection {
  return {
    type: "FeatureCollection",
    features: stops.map((stop) => ({
      type: "Feature",
      properties: { id: stop.id, name: name(stop), routes: `|${(stop.routes ?? []).join("|")}|` },
      geometry: { type: "Point", coordinates: [stop.lon, stop.lat] },
    })),
  };
}

export function emptySource(extra: Partial<GeoJSONSourceSpecification> = {}): GeoJSONSourceSpecification {
  return { type: "geojson", data: { type: "FeatureCollection", features: [] }, ...extra };
}

/** From this many lines on, they are drawn thinner and fainter: the vehicles are what matters. */
const DENSE = 60;

/** A line's width grows with the map; its offset is so many widths. */
function byZoom(far: number, near: number, factor?: ExpressionSpecification): ExpressionSpecification {
  const scaled = (value: number) => (factor ? ["*", value, factor] : value);
  return ["interpolate", ["exponential", 1.15], ["zoom"], 11, scaled(far), 17, scaled(near)] as ExpressionSpecification;
}

/** Opacity: the lines of the filter or of the chosen vehicle stand out, the others step back. */
function opacity(chosen: readonly string[], shown: number, receded: number): ExpressionSpecification | number {
  return chosen.length === 0 ? shown : ["case", ["in", ["get", "route"], ["literal", [...chosen]]], shown, receded];
}

export function ourLayers(theme: Theme, chosen: readonly string[], lineCount: number): LayerSpecification[] {
  const dense = lineCount > DENSE;
  const ground = GROUNDS[theme];
  const round = { "line-cap": "round", "line-join": "round" } as const;
  const offset = byZoom(2.1, 5.2, ["get", "offset"]);
  const picked: ExpressionSpecification | undefined =
    chosen.length === 0 ? undefined : (["any", ...chosen.map((id) => ["in", `|${id}|`, ["get", "routes"]])] as ExpressionSpecification);
  const stopOpacity = picked ? (["case", picked, 1, 0.15] as ExpressionSpecification) : 1;
  return [
    {
      id: "marshrut-bed-edge", type: "line", source: LINES_SOURCE, layout: round,
      paint: { "line-color": ground.bedEdge, "line-width": byZoom(5, 20), "line-offset": offset, "line-opacity": byOpacity(chosen) },
    },
    {
      id: "marshrut-bed", type: "line", source: LINES_SOURCE, layout: round,
      paint: { "line-color": ground.bed, "line-width": byZoom(4, 17), "line-offset": offset },
    },
    {
      id: "marshrut-lines", type: "line", source: LINES_SOURCE, layout: round,
      paint: {
        "line-color": ["get", "color"], "line-width": dense && chosen.length === 0 ? byZoom(1, 3) : byZoom(1.9, 4.2), "line-offset": offset,
        "line-opacity": dense ? opacity(chosen, chosen.length === 0 ? 0.4 : 0.95, 0.06) : opacity(chosen, 0.95, 0.14),
      },
    },
    {
      id: "marshrut-stops", type: "circle", source: STOPS_SOURCE, minzoom: 12.5,
      paint: {
        "circle-radius": ["interpolate", ["linear"], ["zoom"], 12.5, 1.6, 15, 4, 18, 7],
        "circle-color": ground.stopFill,
        "circle-stroke-color": ground.stopEdge,
        "circle-stroke-width": ["interpolate", ["linear"], ["zoom"], 12.5, 0.8, 15, 1.6, 18, 2.2],
        "circle-opacity": stopOpacity, "circle-stroke-opacity": stopOpacity,
      },
    },
    {
      id: "marshrut-stop-names", type: "symbol", source: STOPS_SOURCE, minzoom: 15,
      layout: {
        "icon-image": ["concat", `${LABEL_PREFIX}${theme}:`, ["get", "name"]],
        "icon-anchor": "left", "icon-offset": [10, 0], "icon-padding": 4,
      },
      paint: { "icon-opacity": stopOpacity },
    },
  ];
}

function byOpacity(chosen: readonly string[]): ExpressionSpecification | number {
  return opacity(chosen, 1, 0.5);
}

/** The two grounds. The page's own colours are in styles/base.css; these are for what is drawn on a canvas. */

export type Theme = "light" | "dark";

export interface Ground {
  background: string;
  /** The bed under the lines, where streets would be. */
  bed: string;
  bedEdge: string;
  stopFill: string;
  stopEdge: string;
  label: string;
  halo: string;
  /** Around vehicles and their marks. */
  casing: string;
  late: string;
  early: string;
  shadow: string;
}

export const GROUNDS: Record<Theme, Ground> = {
  light: {
    background: "#f1efe9",
    bed: "#ffffff",
    bedEdge: "#dfdbd1",
    stopFill: "#ffffff",
    stopEdge: "#4b5563",
    label: "#374151",
    halo: "rgba(250, 249, 246, 0.94)",
    casing: "#ffffff",
    late: "#b42318",
    early: "#175cd3",
    shadow: "rgba(23, 28, 38, 0.32)",
  },
  dark: {
    background: "#11151b",
    bed: "#1e252f",
    bedEdge: "#2a3340",
    stopFill: "#11151b",
    stopEdge: "#b6c0cd",
    label: "#cfd6df",
    halo: "rgba(14, 18, 23, 0.92)",
    casing: "#0b0e12",
    late: "#d92d20",
    early: "#2e6fe0",
    shadow: "rgba(0, 0, 0, 0.6)",
  },
};

export const FONT = '"Commissioner Variable", system-ui, sans-serif';

/** Follows the system's choice; calls back when it changes. */
export function watchTheme(changed: (theme: Theme) => void): Theme {
  const query = matchMedia("(prefers-color-scheme: dark)");
  query.addEventListener("change", () => changed(query.matches ? "dark" : "light"));
  return query.matches ? "dark" : "light";
}

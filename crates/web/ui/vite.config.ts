/// <reference types="vitest/config" />
import { defineConfig } from "vite";

// The page is served with `default-src 'self'`, so nothing may be inlined as a data: address or an inline script.
export default defineConfig({
  base: "/",
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // MapLibre alone is about 1 MB before compression; it is one chunk on purpose, cached apart from our code.
    chunkSizeWarningLimit: 1500,
  },
  worker: { format: "es" },
  server: {
    // `npm run dev` shows the page over a running server (or over `npm run mock`).
    proxy: Object.fromEntries(
      ["/api", "/live", "/gtfs", "/gtfs-rt"].map((path) => [path, process.env["MARSHRUT_SERVER"] ?? "http://127.0.0.1:8080"]),
    ),
  },
  test: { include: ["test/unit/**/*.test.ts"], environment: "node" },
});

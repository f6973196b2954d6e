import { defineConfig } from "vite";

const WORKER = "unit-worker";

export default defineConfig({
  // The tables of codes are those of the whole system.
  server: { fs: { allow: ["../.."] } },
  build: {
    target: "es2022",
    // A page under a strict Content-Security-Policy takes nothing from data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
    rollupOptions: {
      input: {
        index: "index.html",
        unit: "unit.html",
        streets: "streets.html",
        handover: "handover.html",
        admin: "admin.html",
        [WORKER]: "src/offline/worker.ts",
      },
      output: {
        // A service worker keeps its name for good: the browser asks for it by that.
        entryFileNames: ({ name }) => (name === WORKER ? "[name].js" : "assets/[name]-[hash].js"),
      },
    },
  },
  worker: { format: "es" },
});

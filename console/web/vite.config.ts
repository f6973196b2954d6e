import { defineConfig } from "vite";

export default defineConfig({
  // The tables of codes are those of the whole system.
  server: { fs: { allow: ["../.."] } },
  build: {
    target: "es2022",
    // A page under a strict Content-Security-Policy takes nothing from data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
  },
  worker: { format: "es" },
});

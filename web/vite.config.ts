/// <reference types="vitest/config" />
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vite";

// In development the page asks a running `coachwork serve` (or the mock) for its data.
const api = process.env["COACHWORK_API"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    outDir: fileURLToPath(new URL("../src/coachwork/server/static", import.meta.url)),
    emptyOutDir: true,
    assetsInlineLimit: 0, // data: URLs would need a wider Content-Security-Policy
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: { host: "127.0.0.1", port: 5173, proxy: { "/api": { target: api, changeOrigin: false } } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});

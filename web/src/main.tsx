import "./tokens.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { Provider as TipProvider } from "@radix-ui/react-tooltip";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { newQueryClient } from "./api/queries";
import { Page } from "./Page";
import { followSystemTheme } from "./shell/theme";

followSystemTheme();
createRoot(document.getElementById("page") as HTMLElement).render(
  <StrictMode>
    <QueryClientProvider client={newQueryClient()}>
      <TipProvider delayDuration={350} skipDelayDuration={200}>
        <Page />
      </TipProvider>
    </QueryClientProvider>
  </StrictMode>,
);

import { ChevronRight } from "lucide-react";
import { useEffect, useId, useState } from "react";
import type { RouteInfo, RouteModel } from "../api/types";
import { useNow } from "../parts/When";
import { shortModel } from "../run/AnswerFacts";
import { ordinal } from "../text/numbers";
import { useModelCheck } from "./CheckModel";
import { StateMark } from "./StateMark";
import { abilityWords, healthWords, lastFailure, limitWords, priceUnit, priceWords, providerWord, routeLimitWords, routeWord, stoodInFor } from "./words";

/** The routes: which model answers now; a row opens to what stands behind it. */
export function RouteList({ routes, toldAt }: { routes: RouteInfo[]; toldAt: number }) {
  const resting = routes.some((route) => route.models.some((model) => model.state === "resting"));
  const waited = useSecondsSince(toldAt, resting);
  return (
    <ul className="overflow-hidden rounded-lg border border-line">
      {routes.map((route) => (
        <li key={route.name} className="border-b border-line last:border-b-0">
          <RouteRow route={route} waited={waited} />
        </li>
      ))}
    </ul>
  );
}

/** Counts by the second, only while something counts down. */
function useSecondsSince(at: number, counting: boolean): number {
  const [now, setNow] = useState(at);
  useEffect(() => {
    if (!counting) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [counting]);
  return Math.max(0, (now - at) / 1000);
}

const COLUMNS = "grid gap-x-4 md:grid-cols-[minmax(0,1fr)_minmax(0,350px)_minmax(0,250px)]";

function RouteRow({ route, waited }: { route: RouteInfo; waited: number }) {
  const answering = route.models.find((model) => model.model === route.answers);
  const [open, setOpen] = useState(answering === undefined);
  const inside = useId();
  const others = route.models.filter((model) => model !== answering);
  const ready = others.filter((model) => model.state === "ready").length;
  return (
    <>
      <button type="button" aria-expanded={open} aria-controls={inside} onClick={() => setOpen(!open)} className="flex w-full items-start gap-2 py-3 pr-4 pl-2 text-left transition-colors hover:bg-hover focus-visible:outline-offset-[-2px]">
        <ChevronRight className={`mt-[3px] size-4 shrink-0 text-ink-3 transition-transform ${open ? "rotate-90" : ""}`} aria-hidden />
        <span className={`${COLUMNS} min-w-0 flex-1 gap-y-1`}>
          <span className="min-w-0 max-md:flex max-md:items-baseline max-md:gap-2">
            <span className="block truncate font-medium">{route.name}</span>
            <span className="block truncate text-sm text-ink-3">
              {routeWord(route)}
              {!route.declared && ", as shipped"}
            </span>
          </span>
          {answering ? (
            <>
              <span className="min-w-0">
                <span className="block truncate">
                  <span className="font-medium">{shortModel(answering.model)}</span> <span className="text-ink-3">{providerWord(answering.model)}</span>
                </span>
                <span className="block text-sm">
                  <StateMark said={healthWords(answering, waited)} wraps />
                </span>
              </span>
              <span className="min-w-0 text-sm max-md:flex max-md:flex-wrap max-md:items-baseline max-md:gap-x-3 md:text-right">
                <Price model={answering} />
                <Behind route={route} others={others.length} ready={ready} />
              </span>
            </>
          ) : (
            <span className="text-sm md:col-span-2">
              <StateMark wraps said={{ tone: "bad", word: "No model answers here", more: "what needs this route fails until one of these can be asked" }} />
            </span>
          )}
        </span>
      </button>
      {open && (
        <div id={inside} className="border-t border-line bg-sunken px-4 pt-1 pb-4">
          <ol>
            {route.models.map((model, index) => (
              <ModelRow key={model.model} route={route} model={model} place={index + 1} answers={model === answering} waited={waited} />
            ))}
          </ol>
          <p className="mt-3 max-w-[80ch] text-sm text-ink-2">
            <span className="font-medium text-ink">Limits of each call:</span> {routeLimitWords(route, (answering ?? route.models[0])?.kinds.includes("chat") ?? false).join("; ")}.
          </p>
        </div>
      )}
    </>
  );
}

function Behind({ route, others, ready }: { route: RouteInfo; others: number; ready: number }) {
  const away = stoodInFor(route);
  return away ? <span className="block text-waiting">stands in for {shortModel(away.model)}</span> : <span className="block text-ink-3">{behind(others, ready)}</span>;
}

function behind(others: number, ready: number): string {
  if (others === 0) return "nothing stands behind it";
  if (ready === 0) return others === 1 ? "the other can't be asked now" : `none of the ${others} others can be asked now`;
  return `${ready === others ? ready : `${ready} of ${others}`} ready behind it`;
}

function Price({ model }: { model: RouteModel }) {
  const unit = priceUnit(model);
  return (
    <span className="tnum block leading-[22px]" title={unit ? `${priceWords(model)} ${unit}` : undefined}>
      {priceWords(model)}
    </span>
  );
}

function ModelRow({ route, model, place, answers, waited }: { route: RouteInfo; model: RouteModel; place: number; answers: boolean; waited: number }) {
  const now = useNow();
  const check = useModelCheck(model.model, model.price.free);
  const faked = route.answers.startsWith("fake:") && !model.model.startsWith("fake:"); // then a fake would answer for it
  const askable = !faked && ["ready", "resting", "trying"].includes(model.state);
  const can = abilityWords(model).join(" · ");
  const limits = limitWords(model);
  const failure = lastFailure(model, now);
  return (
    <li className="flex gap-3 border-b border-line py-3 last:border-b-0">
      <span className="tnum w-7 shrink-0 text-sm leading-[22px] text-ink-3">{ordinal(place)}</span>
      <div className={`${COLUMNS} min-w-0 flex-1 gap-y-1`}>
        <div className="min-w-0">
          <p className="break-words">
            <span className={answers ? "font-medium" : ""}>{shortModel(model.model)}</span> <span className="text-sm text-ink-3">{providerWord(model.model)}</span>
          </p>
          {can && <p className="text-sm text-ink-3">{can}</p>}
          {limits && <p className="text-sm text-ink-3">Asked {limits}</p>}
        </div>
        <div className="min-w-0 text-sm">
          <StateMark said={healthWords(model, waited)} wraps />
          {model.hint && <p className="mt-0.5 pl-6 break-words text-ink-2">{model.hint}</p>}
          {failure && <p className="mt-0.5 pl-6 break-words text-ink-2">{failure}</p>}
          <div className="mt-0.5">{check.result}</div>
        </div>
        <div className="flex min-w-0 items-start justify-between gap-3 text-sm md:justify-end">
          <span className="md:text-right">
            <Price model={model} />
            {priceUnit(model) && <span className="block text-ink-3">{priceUnit(model)}</span>}
          </span>
          <span className="flex justify-end md:w-[68px] md:shrink-0">{askable && check.button}</span>
        </div>
      </div>
    </li>
  );
}

import { expect, test } from "vitest";
import type { Step } from "../api/types";
import { graphOf } from "./graph";

function step(seq: number, from: number, to: number | null, name = `s${seq}`): Step {
  const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();
  return { seq, kind: "step", name, label: name, status: to === null ? "running" : "succeeded", started_at: at(from), finished_at: to === null ? null : at(to) };
}

const places = (steps: Step[]) => graphOf(steps).nodes.map((node) => [node.key, node.layer, node.row]);

test("steps one after the other are a line", () => {
  const graph = graphOf([step(1, 0, 1), step(2, 1, 2), step(3, 2, null)]);
  expect(graph.edges).toEqual([["1", "2"], ["2", "3"]]);
  expect([graph.layers, graph.widest]).toEqual([3, 1]);
});

test("steps at the same time stand beside each other, between what was before and after", () => {
  const steps = [step(1, 0, 1), step(2, 1, 3), step(3, 1, 2), step(4, 3, 4)];
  expect(places(steps)).toEqual([["1", 0, 0], ["2", 1, 0], ["3", 1, 1], ["4", 2, 0]]);
  expect(graphOf(steps).edges).toEqual([["1", "2"], ["1", "3"], ["2", "4"], ["3", "4"]]);
});

test("a branch of two steps beside one long step is a branch of two", () => {
  const graph = graphOf([step(1, 0, 10), step(2, 0, 4), step(3, 5, 9), step(4, 10, 11)]);
  expect(graph.edges).toEqual([["2", "3"], ["1", "4"], ["3", "4"]]);
  expect(graph.nodes.map((node) => node.layer)).toEqual([0, 0, 1, 2]);
});

test("many of a kind at the same time are one", () => {
  const many = Array.from({ length: 500 }, (_, index) => step(index + 2, 1, 2 + (index % 7), "read"));
  const graph = graphOf([step(1, 0, 1), ...many, step(502, 9, 10)]);
  expect(graph.nodes.map((node) => node.steps.length)).toEqual([1, 500, 1]);
  expect(graph.edges).toEqual([["1", "2"], ["2", "502"]]);
});

test("steps of no length at one moment follow their numbers, and no step none", () => {
  expect(graphOf([step(1, 0, 0), step(2, 0, 0)]).edges).toEqual([["1", "2"]]);
  expect(graphOf([])).toEqual({ nodes: [], edges: [], layers: 0, widest: 0 });
});

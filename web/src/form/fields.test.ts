import { describe, expect, it } from "vitest";
import type { Schema } from "../api/types";
import { fieldId, fieldOf, fits, initialOf, problemAt, withAt, words } from "./fields";
import type { Field } from "./fields";

const kind = (schema: Schema) => fieldOf(schema, schema, "x").kind;

describe("which field a schema gets", () => {
  it.each<[string, Schema, Field["kind"]]>([
    ["text", { type: "string" }, "text"],
    ["a date", { type: "string", format: "date" }, "text"],
    ["a recording", { type: "string", format: "data-url", contentMediaType: "audio/*" }, "file"],
    ["a whole number", { type: "integer" }, "number"],
    ["yes or no", { type: "boolean" }, "yesno"],
    ["an enum", { enum: ["a", "b"] }, "choice"],
    ["a literal", { const: "a" }, "fixed"],
    ["a union of literals", { anyOf: [{ const: "a" }, { const: "b" }] }, "choice"],
    ["text or nothing", { anyOf: [{ type: "string" }, { type: "null" }] }, "text"],
    ["text or nothing, the short way", { type: ["string", "null"] }, "text"],
    ["text or number", { anyOf: [{ type: "string" }, { type: "integer" }] }, "variant"],
    ["a list", { type: "array", items: { type: "string" } }, "list"],
    ["a list of choices", { type: "array", items: { enum: ["a", "b"] } }, "many"],
    ["an object", { type: "object", properties: { a: { type: "string" } } }, "group"],
    ["an open object", { type: "object", additionalProperties: true }, "json"],
    ["anything", {}, "json"],
  ])("%s", (_name, schema, expected) => expect(kind(schema)).toBe(expected));

  it("follows references, also of something that holds itself", () => {
    const schema: Schema = { $ref: "#/$defs/Node", $defs: { Node: { type: "object", properties: { next: { anyOf: [{ $ref: "#/$defs/Node" }, { type: "null" }] } } } } };
    expect(kind(schema)).toBe("group");
  });

  it("asks only for what must be given", () => {
    const schema: Schema = { type: "object", required: ["a", "b"], properties: { a: { type: "string" }, b: { type: "string", default: "x" }, c: { type: "string" }, d: { anyOf: [{ type: "string" }, { type: "null" }] } } };
    const field = fieldOf(schema, schema);
    expect(field.kind === "group" && field.fields.map((one) => [one.name, one.field.required])).toEqual([["a", true], ["b", false], ["c", false], ["d", false]]);
  });

  it("labels a field with the author's title, else with its name as words", () => {
    const schema: Schema = { type: "object", properties: { order_id: { type: "string", title: "Order Id" }, channel: { type: "string", title: "How it came in" } } };
    const field = fieldOf(schema, schema);
    expect(field.kind === "group" && field.fields.map((one) => one.field.label)).toEqual(["Order id", "How it came in"]);
  });
});

it.each([
  ["order_id", "Order id"],
  ["orderId", "Order id"],
  ["SKU", "SKU"],
  ["ToAddress", "To address"],
  ["", ""],
])("words(%j) is %j", (name, expected) => expect(words(name)).toBe(expected));

describe("values", () => {
  const schema: Schema = {
    type: "object",
    required: ["ticket"],
    properties: { ticket: { type: "object", required: ["body", "lines"], properties: { body: { type: "string" }, channel: { enum: ["email", "chat"], default: "email" }, lines: { type: "array", items: { type: "string" } }, urgent: { type: "boolean", default: false }, note: { anyOf: [{ type: "string" }, { type: "null" }], default: null } } } },
  };

  it("begin with their defaults, and nothing that nobody typed", () => {
    expect(initialOf(fieldOf(schema, schema))).toEqual({ ticket: { channel: "email", lines: [], urgent: false, note: null } });
  });

  it("change at a path without touching the rest", () => {
    const before = { ticket: { body: "a", lines: ["x", "y"] } };
    expect(withAt(before, ["ticket", "lines", 1], "z")).toEqual({ ticket: { body: "a", lines: ["x", "z"] } });
    expect(withAt(before, ["ticket", "body"], undefined)).toEqual({ ticket: { lines: ["x", "y"] } });
    expect(withAt(undefined, ["ticket", "body"], "b")).toEqual({ ticket: { body: "b" } });
    expect(before).toEqual({ ticket: { body: "a", lines: ["x", "y"] } });
  });

  it("know which variant they are", () => {
    const shop = fieldOf({ type: "object", required: ["shop"], properties: { shop: { enum: ["leeds"] } } }, {});
    const address = fieldOf({ type: "object", required: ["street"], properties: { street: { type: "string" } } }, {});
    expect([fits(shop, { shop: "leeds" }), fits(address, { shop: "leeds" })]).toEqual([true, false]);
  });
});

it("gives each field the server's words about it, and only those", () => {
  const problems = [
    { path: ["ticket", "body"], message: "Missing." },
    { path: ["input", "ticket", "lines", 0], message: "Too short." },
  ];
  expect([problemAt(problems, ["ticket", "body"]), problemAt(problems, ["ticket", "lines", 0]), problemAt(problems, ["ticket"])]).toEqual(["Missing.", "Too short.", ""]);
  expect(fieldId("form", ["ticket", "lines", 0])).toBe("form-ticket-lines-0");
});

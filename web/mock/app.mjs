// MOCK DATA, development only: an application as GET /api/app tells it.
import { documents, failedDocuments, daysAgo } from "./documents.mjs";

const citation = {
  type: "object",
  properties: { marker: { type: "integer" }, title: { type: "string" }, quote: { type: "string" } },
};

const ticket = {
  title: "Ticket",
  type: "object",
  required: ["subject", "body"],
  properties: {
    subject: { type: "string", title: "Subject", minLength: 1 },
    body: { type: "string", format: "textarea", title: "Body", description: "The message as the customer wrote it." },
    customer: { type: "string", title: "Customer", default: "", description: "How the reply should address them." },
    channel: { $ref: "#/$defs/Channel", default: "email" },
    order: { anyOf: [{ type: "string" }, { type: "null" }], default: null, title: "Order number", examples: ["FH-20418"] },
    received: { anyOf: [{ type: "string", format: "date" }, { type: "null" }], default: null, title: "Received" },
  },
};

const reply = {
  type: "object",
  properties: { text: { type: "string" }, citations: { type: "array", items: citation }, urgent: { type: "boolean", title: "Urgent" }, topic: { type: "string", title: "Topic" } },
};

export const examples = {
  tent: {
    ticket: {
      subject: "Tent came with a broken pole",
      body: "Hello, my Ridgeway 2 arrived on Tuesday and one pole section is split. We leave for Scotland on Friday. Can you send a new pole, or should I send the whole tent back? And how long would the refund take?\n\nMaren Holt",
      customer: "Maren",
      channel: "email",
      order: "FH-20418",
    },
  },
};

const part = (kind, label, where, parts = [], ends = "") => ({ kind, label, name: label.toLowerCase(), where, ends, parts });

export const outline = (pipeline) => ({
  pipeline: pipeline.name,
  title: pipeline.title,
  where: "app.py:41",
  whole: false,
  parts: [
    part("prompt", "Triage", "app.py:42"),
    part("branches", "Side by side", "app.py:43", [part("branch", "handbook", "", [part("search", "Searching the handbook", "app.py:43")]), part("branch", "orders", "", [part("step", "Looking up the order", "app.py:43")])]),
    part("loop", "for question in questions", "app.py:46", [part("prompt", "Answer", "app.py:47"), part("choice", "One of these", "app.py:48", [part("way", "enough", "", [], "break"), part("way", "otherwise", "")])]),
    part("unknown", "checks[kind.topic](draft)", "app.py:50"),
    part("agent", "Desk", "app.py:52", [part("tool", "Sends the mail", "app.py:20"), part("search", "Searching the handbook", "")]),
    part("choice", "One of these", "app.py:53", [part("way", "kind.urgent", "", [part("approval", "A person should read this reply", "app.py:54")]), part("way", "otherwise", "")]),
  ],
});

export const app = {
  title: "Fernhill support desk",
  about: "Answers customers of Fernhill Outdoor from the handbook, with the place in the handbook that says so.",
  version: "0.1.0",
  pipelines: [
    {
      name: "answer_ticket",
      title: "Answer a ticket",
      about: "Drafts a reply with sources. Urgent tickets, and replies with a sentence the handbook does not support, wait for a person.",
      kind: "form",
      input_schema: { type: "object", required: ["ticket"], properties: { ticket: { $ref: "#/$defs/Ticket" } }, $defs: { Ticket: ticket, Channel: { type: "string", title: "Channel", enum: ["email", "phone", "chat", "shop"] } } },
      output_schema: reply,
      examples: [
        { title: "A tent with a broken pole, two days before the trip", input: examples.tent },
        { title: "Returning boots that were worn once", input: { ticket: { subject: "Boots too small", body: "I wore the boots once, around the house, and they pinch. Can I still send them back?", customer: "Ola", channel: "email" } } },
        { title: "A parcel to Norway that does not come", input: { ticket: { subject: "Where is my parcel?", body: "Ordered three weeks ago, nothing has come to Bergen yet.", customer: "Sindre", channel: "chat" } } },
      ],
      knowledge: ["handbook"],
    },
    {
      name: "ask_handbook",
      title: "Ask the handbook",
      about: "A conversation over the handbook. Each answer names the place it stands on, and says so when the handbook is silent.",
      kind: "chat",
      input_schema: { type: "object", required: ["conversation"], properties: { conversation: { type: "object", properties: { messages: { type: "array" } } } } },
      output_schema: reply,
      examples: [
        { title: "How long may a customer keep a tent before sending it back?", input: { conversation: { messages: [{ role: "user", content: "How long may a customer keep a tent before sending it back?" }] } } },
        { title: "What does a new zip cost after three years?", input: { conversation: { messages: [{ role: "user", content: "What does a new zip cost after three years?" }] } } },
        { title: "Do we deliver on Sundays?", input: { conversation: { messages: [{ role: "user", content: "Do we deliver on Sundays?" }] } } },
      ],
      knowledge: ["handbook"],
    },
    {
      name: "take_voicemail",
      title: "Take a voice message",
      about: "Writes down what was said, finds out what it is about, and drafts the reply.",
      kind: "form",
      input_schema: { type: "object", required: ["message"], properties: { message: { title: "Message", type: "object", required: ["recording"], properties: { recording: { type: "string", format: "data-url", contentMediaType: "audio/*", title: "Recording", description: "WAV, MP3 or OGG, up to 15 minutes." }, urgent: { type: "boolean", default: false, title: "Call back today" } } } } },
      output_schema: reply,
      examples: [],
      knowledge: ["handbook"],
    },
    {
      name: "read_order",
      title: "Read an order form",
      about: "Turns a pasted order into lines for the stock system, and says what is missing.",
      kind: "form",
      input_schema: {
        type: "object",
        required: ["order"],
        properties: { order: { $ref: "#/$defs/Order" } },
        $defs: {
          Order: {
            title: "Order",
            type: "object",
            required: ["customer", "lines", "delivery"],
            properties: {
              customer: { type: "string", title: "Customer" },
              needed_by: { type: "string", format: "date", title: "Needed by" },
              lines: { type: "array", title: "Lines", items: { $ref: "#/$defs/Line" } },
              tags: { type: "array", title: "Handling", items: { type: "string", enum: ["fragile", "gift_wrap", "hazardous"] }, default: [] },
              delivery: { anyOf: [{ $ref: "#/$defs/ToAddress" }, { $ref: "#/$defs/ToShop" }], title: "Delivery" },
              discount: { anyOf: [{ type: "number", minimum: 0, maximum: 100 }, { type: "null" }], default: null, title: "Discount in percent" },
            },
          },
          Line: { title: "Line", type: "object", required: ["article"], properties: { article: { type: "string", title: "Article" }, quantity: { type: "integer", default: 1, minimum: 1, title: "Quantity" } } },
          ToAddress: { title: "ToAddress", type: "object", required: ["street", "town"], properties: { street: { type: "string", title: "Street" }, town: { type: "string", title: "Town" } } },
          ToShop: { title: "ToShop", type: "object", required: ["shop"], properties: { shop: { type: "string", enum: ["leeds", "keswick"], title: "Shop" } } },
        },
      },
      output_schema: { type: "object", properties: {} },
      examples: [{ title: "Two tents and a stove for the scouts of Otley", input: { order: { customer: "1st Otley Scouts", needed_by: "2026-12-04", lines: [{ article: "Ridgeway 2", quantity: 2 }, { article: "Brisk stove", quantity: 1 }], tags: ["gift_wrap"], delivery: { shop: "leeds" } } } }],
      knowledge: [],
    },
  ],
  knowledge: [{ name: "handbook", title: "Handbook", documents: documents.length, passages: 143, failed: failedDocuments.length, updated_at: daysAgo(3), writable: true }],
};

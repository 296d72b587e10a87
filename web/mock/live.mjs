// MOCK, development only: plays a run as a stream of parts, each with an id, so that a reader may come and go.
import { ANSWER, CITATIONS, OUTPUT, ticketSteps } from "./runs.mjs";

export class LiveRun {
  events = [];
  listeners = new Set();
  timers = [];

  constructor(run, store) {
    this.run = run;
    this.store = store;
  }

  send(part) {
    const event = { seq: this.events.length + 1, part };
    this.events.push(event);
    for (const listener of this.listeners) listener(event);
  }

  at(seconds, does) {
    this.timers.push(setTimeout(does, seconds * 1000));
  }

  stop() {
    this.timers.forEach(clearTimeout);
  }

  status(status, position) {
    this.run.status = status;
    this.run.position = position ?? null;
    this.send({ type: "data-run", data: { status, ...(position ? { position } : {}) } });
  }

  step(step) {
    const { input, output, ...shown } = step;
    this.run.steps = [...this.run.steps.filter((other) => other.seq !== step.seq), step].sort((a, b) => a.seq - b.seq);
    this.send({ type: "data-step", id: `step-${step.seq}`, data: shown });
  }

  finish(status, parts) {
    this.stop();
    this.run.finished_at = new Date().toISOString();
    this.run.seconds = (Date.now() - Date.parse(this.run.started_at ?? this.run.created_at)) / 1000;
    this.run.cost_usd ??= 0.0117;
    this.status(status);
    parts.forEach((part) => this.send(part));
    this.send({ type: "finish" });
    this.send(null);
  }

  /** Plays the whole of an answered ticket or a chat turn; `hold` stops in the middle of the answer for ever. */
  play({ hold = false, speed = 1, queue = false } = {}) {
    const { run } = this;
    const say = (seconds, does) => this.at(seconds / speed, does);
    this.send({ type: "start", messageId: run.id });
    if (queue) {
      this.send({ type: "data-run", data: { status: "queued", position: run.position } });
      return;
    }
    run.started_at = new Date().toISOString();
    this.status("running");
    if (run.pipeline === "read_order") {
      say(1, () => {
        run.output = { customer: { name: run.input.order?.customer ?? "", known: true }, total: 642.5, missing: ["A telephone number"] };
        this.finish("succeeded", [{ type: "data-result", data: { output: run.output, seconds: 1, cost_usd: 0.0003 } }]);
      });
      return;
    }
    const steps = ticketSteps(run.started_at);
    const begin = (index) => this.step({ ...steps[index], status: "running", started_at: new Date().toISOString(), finished_at: null, seconds: null, output: null, detail: "", attempts: [] });
    const end = (index) => this.step({ ...steps[index], started_at: this.run.steps.find((one) => one.seq === index + 1)?.started_at, finished_at: new Date().toISOString() });
    say(0.1, () => begin(0));
    say(1.2, () => (end(0), begin(1), begin(2)));
    say(1.5, () => this.send({ type: "data-note", data: { label: "Searching 10 documents" } }));
    say(1.8, () => end(1));
    say(2.1, () => (end(2), begin(3), this.send({ type: "text-start", id: "text-4" })));
    const words = ANSWER.match(/\S+\s*/g);
    const upTo = hold ? Math.floor(words.length * 0.55) : words.length;
    words.slice(0, upTo).forEach((word, index) => say(2.3 + index * 0.045, () => this.send({ type: "text-delta", id: "text-4", delta: word })));
    if (hold) return;
    const written = 2.4 + words.length * 0.045;
    say(written, () => (this.send({ type: "text-end", id: "text-4" }), end(3), begin(4)));
    say(written + 0.3, () => {
      end(4);
      run.output = run.pipeline === "ask_handbook" ? { text: ANSWER, citations: CITATIONS } : OUTPUT;
      this.finish("succeeded", [{ type: "data-result", data: { output: run.output, seconds: run.seconds, cost_usd: run.cost_usd } }]);
    });
  }
}

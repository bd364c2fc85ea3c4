/** What an instance of the coordinator does that doesn't lead. */

import { assertEquals } from "@std/assert";
import type { LinkId, PeerKey } from "../../../../lib/base/ids.ts";
import type { Fingerprint } from "../../../../lib/base/text/fingerprint.ts";
import {
  StandBy,
  type StandByEffect,
  type StandByInput,
} from "../../../../lib/protocols/group/coordinator/stand_by.ts";
import { NO_BALLOT } from "../../../../lib/protocols/group/schema/epoch.ts";
import { UNGREETED_LINKS_MAX } from "../../../../lib/protocols/group/schema/limits.ts";

const HERE = { host: "127.0.0.1", port: 6_000 };
const THERE = { host: "192.0.2.7", port: 6_000 };
const PEER = "a".repeat(64) as PeerKey;
const HELLO = {
  type: "hello",
  name: "ann",
  incarnation: new Uint8Array(8),
  host: null,
  port: 9_000,
  group: null,
  begun: NO_BALLOT,
  promised: NO_BALLOT,
} as const;

class Trial {
  nowMs = 0;
  readonly machine: StandBy;

  constructor(isFirst = true) {
    const key = "key" as Fingerprint;
    const config = { listening: HERE, key, isPrivate: false, isFirst, random: () => 0.5 };
    this.machine = new StandBy(config);
  }

  step(input: StandByInput, passMs = 0): readonly StandByEffect[] {
    this.nowMs += passMs;
    return this.machine.step(input, this.nowMs);
  }

  /** Lets the time pass until the next deadline. @returns What it does, in words. */
  next(): readonly string[] {
    const dueMs = this.machine.nextDeadlineMs()!;
    const passed = dueMs - this.nowMs;
    this.nowMs = dueMs;
    return [`${passed}`, ...this.machine.step({ type: "tick" }, dueMs).map(({ type }) => type)];
  }

  hello(link: number): readonly StandByEffect[] {
    this.step({ type: "link-up", link: link as LinkId, peer: PEER });
    return this.step({ type: "message", link: link as LinkId, message: HELLO });
  }
}

const told = (leader: typeof THERE | null, link: number): readonly StandByEffect[] => [
  { type: "send", link: link as LinkId, message: { type: "elsewhere", leader } },
  { type: "close", link: link as LinkId, reason: "another instance leads" },
];
const role = (leader: typeof THERE | null): StandByEffect => ({
  type: "show",
  event: { event: "role", role: "stand-by", leader },
  ref: undefined,
});

const READY: StandByEffect = {
  type: "show",
  event: { event: "ready", command: "serve", ...HERE, key: "key", members: [] },
  ref: undefined,
};

Deno.test("StandBy tells members who leads, as far as it knows, and closes the link", () => {
  const trial = new Trial();
  trial.step({ type: "start" });
  assertEquals(trial.hello(1), told(null, 1));
  assertEquals(trial.step({ type: "leader", leader: THERE }), [READY, role(THERE)]);
  assertEquals(trial.step({ type: "leader", leader: THERE }), []);
  assertEquals(trial.hello(2), told(THERE, 2));
  // What is left of its own lead leads nowhere.
  assertEquals(trial.step({ type: "leader", leader: HERE }), []);
  assertEquals(trial.hello(3), told(null, 3));
  assertEquals(trial.machine.nextDeadlineMs(), null);
});

Deno.test("StandBy closes links on which nothing comes, or something else, or that are too many", () => {
  const trial = new Trial();
  trial.step({ type: "start" });
  trial.step({ type: "link-up", link: 1 as LinkId, peer: PEER });
  trial.step({ type: "link-up", link: 2 as LinkId, peer: PEER }, 1_000);
  trial.step({ type: "link-down", link: 2 as LinkId, closed: false, reason: "" });
  assertEquals(trial.next(), ["4000", "close"]);
  trial.step({ type: "link-up", link: 3 as LinkId, peer: PEER });
  assertEquals(
    trial.step({ type: "message", link: 3 as LinkId, message: { type: "probe" } }),
    [{ type: "close", link: 3 as LinkId, reason: "no hello came" }],
  );
  let closed: readonly StandByEffect[] = [];
  for (let link = 10; link <= 10 + UNGREETED_LINKS_MAX; link++) {
    closed = trial.step({ type: "link-up", link: link as LinkId, peer: PEER });
  }
  assertEquals(closed, [
    { type: "close", link: 10 as LinkId, reason: "too many wait to say hello" },
  ]);
});

Deno.test("StandBy tries to lead where nobody does, again after pauses, and no more once somebody does", () => {
  const trial = new Trial();
  trial.step({ type: "start" });
  trial.step({ type: "leader", leader: null });
  assertEquals(trial.next(), ["50", "lead"]);
  assertEquals(trial.step({ type: "leader", leader: null }), [], "it is trying");
  assertEquals(trial.step({ type: "led", leads: false }), [role(null)]);
  assertEquals(trial.next(), ["187.5", "lead"]);
  assertEquals(trial.step({ type: "led", leads: false }), [], "told once");
  assertEquals(trial.next(), ["281.25", "lead"]);
  trial.step({ type: "leader", leader: THERE });
  trial.step({ type: "led", leads: false });
  assertEquals(trial.machine.nextDeadlineMs(), null);
  trial.step({ type: "leader", leader: null });
  assertEquals(trial.next(), ["50", "lead"]);
  assertEquals(trial.step({ type: "led", leads: true }), [
    { type: "stop", outcome: { kind: "bye", reason: "leads", ref: undefined } },
  ]);
});

Deno.test("StandBy says that it listens once the engine has answered, or is late, and later that it stands by again", () => {
  const answered = new Trial();
  assertEquals(answered.step({ type: "start" }), [], "another key may be refused yet");
  assertEquals(answered.step({ type: "leader", leader: null }), [READY]);
  const late = new Trial();
  late.step({ type: "start" });
  assertEquals(late.step({ type: "engine", trouble: "It is away" })[0], READY);
  assertEquals(late.step({ type: "engine", trouble: null }), [
    {
      type: "show",
      event: { event: "notice", text: "The engine can be used again" },
      ref: undefined,
    },
  ]);
  assertEquals(new Trial(false).step({ type: "start" }), [role(null)]);
});

Deno.test("StandBy answers what it can, and says where the rest is to be typed", () => {
  const trial = new Trial();
  trial.step({ type: "start" });
  const ask = (command: "list" | "status" | "quit") =>
    trial.step({ type: "command", command: { command }, ref: "r" });
  const shown = ([effect]: readonly StandByEffect[]) =>
    effect?.type === "show" ? effect.event : null;
  assertEquals(shown(ask("list")), {
    event: "error",
    code: "not-allowed",
    text:
      "This instance of the coordinator stands by and knows nothing of the members: type it again when one leads",
  });
  trial.step({ type: "leader", leader: THERE });
  assertEquals(shown(ask("list")), {
    event: "error",
    code: "not-allowed",
    text:
      "This instance of the coordinator stands by and knows nothing of the members: type it at 192.0.2.7:6000, which leads",
  });
  trial.step({ type: "engine", trouble: "Cannot reach the engine" });
  const status = { event: "status", key: "key", group: "", view: 0, seq: null, members: [] };
  assertEquals<unknown>(shown(ask("status")), { ...status, problems: ["Cannot reach the engine"] });
  trial.step({ type: "engine", trouble: null });
  assertEquals<unknown>(shown(ask("status")), { ...status, problems: [] });
  trial.step({ type: "link-up", link: 1 as LinkId, peer: PEER });
  assertEquals(ask("quit"), [
    { type: "close", link: 1 as LinkId, reason: "the coordinator was stopped" },
    { type: "stop", outcome: { kind: "bye", reason: "quit", ref: "r" } },
  ]);
});

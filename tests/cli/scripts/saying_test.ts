import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { SayingDoor } from "../../../lib/cli/args/options.ts";
import { Hearers } from "../../../lib/cli/scripts/hearers.ts";
import { Saying } from "../../../lib/cli/scripts/saying.ts";
import type { Fields } from "../../../lib/cli/scripts/wanted.ts";

const START = 1_000;
const DOOR: SayingDoor = { door: "once", mode: "mesh", text: "hi", to: null, timeoutMs: 10_000 };

class Run {
  readonly saying: Saying;
  readonly #hearers: Hearers;

  constructor(door: Partial<SayingDoor> = {}) {
    this.#hearers = new Hearers(door.mode ?? DOOR.mode);
    this.saying = new Saying({ ...DOOR, ...door }, this.#hearers, START);
  }

  listens(nowMs = START) {
    this.#hearers.isListening = true;
    return this.saying.step({ type: "heard" }, nowMs);
  }

  shows(event: Fields, ref?: string, nowMs = START) {
    this.#hearers.heard(event);
    return this.saying.step({ type: "event", event, ref }, nowMs);
  }

  tick(nowMs: number) {
    return this.saying.step({ type: "tick" }, nowMs);
  }
}

const READY: Fields = { event: "ready", name: "bot", members: [], names: ["Bob"] };
const BOB: Fields = { event: "joined", name: "Bob", key: "b" };
const SAY = { type: "command", command: { command: "msg", text: "hi", ref: "once" } } as const;
const TO_BOB = {
  type: "command",
  command: { command: "msg", text: "hi", name: "Bob", ref: "once" },
} as const;
const ASK = { type: "command", command: { command: "status", ref: "once-status" } } as const;
const OWN: Fields = { event: "message", id: "1", text: "hi", self: true, seq: 7 };
const LEAVE = { type: "leave" } as const;

function status(...upToDate: readonly boolean[]): Fields {
  const members = upToDate.map((each, at) => ({ name: `N${at}`, key: `k${at}`, upToDate: each }));
  return { event: "status", key: "own", members };
}

Deno.test("Saying in a room: waits for somebody, says it once, and asks until somebody has it", () => {
  const run = new Run();

  assertEquals(run.listens(), []);
  assertEquals(run.shows(READY), []);
  assertEquals(run.shows(BOB), [SAY]);
  assertEquals(run.shows({ ...BOB, key: "c" }), []);
  assertEquals(run.shows(OWN, "once", 1_100), [ASK]);
  assertEquals(run.shows(status(false, false), "once-status", 1_110), []);
  assertEquals(run.saying.nextDeadlineMs(), 1_160);
  assertEquals(run.tick(1_160), [ASK]);
  assertEquals(run.shows(status(true, true), "another", 1_170), []);
  assertEquals(run.shows(status(false, true), "once-status", 1_180), [
    { type: "arrived", event: OWN },
    LEAVE,
  ]);
  assertEquals(run.saying.failure, null);
  assertEquals(run.saying.nextDeadlineMs(), null);
});

Deno.test("Saying in a room: with nobody there nothing is said", () => {
  const run = new Run();
  run.listens();
  run.shows(READY);
  run.shows(BOB);
  const gone = new Run();
  gone.shows(BOB);
  gone.shows({ event: "left", key: "b" });
  gone.listens();

  assertEquals(gone.tick(11_000), [LEAVE]);

  assertEquals(gone.saying.failure?.code, "offline");
  assertStringIncludes(gone.saying.failure!.message, "Nobody else was in the room within 10 s");
  assertEquals(run.tick(11_000), [LEAVE]);
  assertEquals(run.saying.failure?.code, "timeout");
});

Deno.test("Saying to one who isn't in a room: says who there has nearly that name", () => {
  const run = new Run({ to: "Bobb" });
  run.listens();
  run.shows(READY);
  run.shows(BOB);

  assertEquals(run.tick(11_000), [LEAVE]);

  assertEquals(run.saying.failure?.code, "offline");
  const text = "Bobb wasn't in the room within 10 s: nothing was said; try again later, or give " +
    "it more time (--timeout); did you mean Bob?";
  assertEquals(run.saying.failure?.message, text);
});

Deno.test("Saying: what arrives while it leaves has arrived all the same", () => {
  const run = new Run();
  run.listens();
  run.shows(BOB);
  run.shows(OWN, "once");
  run.shows(status(false), "once-status");
  assertEquals(run.tick(11_000), [ASK, LEAVE]);
  assertStringIncludes(run.saying.failure!.message, "don't say it again");

  assertEquals(run.shows(status(true), "once-status", 11_100), [{ type: "arrived", event: OWN }]);

  assertEquals(run.saying.failure, null);
});

Deno.test("Saying to one in a room: waits for that one, and for the delivery of this message", () => {
  const run = new Run({ to: "bob" });
  run.listens();
  assertEquals(run.shows({ event: "joined", name: "Carol", key: "c" }), []);
  const [said] = run.shows(BOB);
  assertEquals(said, { ...TO_BOB, command: { ...TO_BOB.command, name: "bob" } });
  run.shows({ event: "delivery", id: "9", to: "Bob", state: "queued" }, "once");
  assertEquals(run.shows({ event: "delivery", id: "8", to: "Bob", state: "delivered" }), []);
  const delivered: Fields = { event: "delivery", id: "9", to: "Bob", state: "delivered" };

  assertEquals(run.shows(delivered), [{ type: "arrived", event: delivered }, LEAVE]);
});

Deno.test("Saying to oneself in a room: the room refuses it at once, as it does /msg", () => {
  const run = new Run({ to: "BOT" });
  run.listens();
  const [said] = run.shows(READY);
  assertEquals(said, { ...TO_BOB, command: { ...TO_BOB.command, name: "BOT" } });
  const text = "Cannot write to yourself: name another member";

  assertEquals(run.shows({ event: "error", code: "unknown-user", text }, "once"), [LEAVE]);
  assertEquals([run.saying.failure?.code, run.saying.failure?.message], ["unknown-user", text]);
});

Deno.test("Saying in a group: once it is let in, and until each member has the entry", () => {
  const run = new Run({ mode: "group" });
  run.listens();
  assertEquals(run.shows(READY), []);
  assertEquals(run.shows({ event: "view", members: ["Ann", "bot"] }), [SAY]);
  assertEquals(run.shows(OWN, "once"), [ASK]);
  const answer = (seq: number, behind: number): Fields => ({
    event: "status",
    key: "own",
    seq,
    members: [{ name: "bot", key: "own", behind: 9 }, { name: "Ann", key: "a", behind }],
  });

  assertEquals(run.shows(answer(7, 1), "once-status"), []);
  run.tick(START + 50);
  // Others go on writing: what Ann lacks is behind the entry.
  assertEquals(run.shows(answer(9, 2), "once-status", START + 60).at(-1), LEAVE);
  assertEquals(run.saying.failure, null);
});

Deno.test("Saying in a group: says who lacks it, or that the coordinator wasn't there", () => {
  const run = new Run({ mode: "group" });
  run.listens();
  run.shows({ ...READY, members: ["bot"] });
  run.shows(OWN, "once");
  const members = [{ name: "Ann", key: "a", behind: 3 }, { name: "Cy", key: "c", behind: 3 }];
  run.shows({ event: "status", key: "own", seq: 7, members }, "once-status");
  const alone = new Run({ mode: "group" });
  alone.listens();
  alone.shows({ event: "coordinator", state: "down", reason: "connection refused" });

  run.tick(11_000);
  alone.tick(11_000);

  assertEquals(run.saying.failure?.code, "timeout");
  assertStringIncludes(run.saying.failure!.message, "Ann and Cy have it");
  assertEquals(alone.saying.failure?.code, "coordinator-down");
  assertStringIncludes(
    alone.saying.failure!.message,
    "The group's coordinator wasn't there within 10 s (connection refused): nothing was said",
  );
});

Deno.test("Saying to friends: to the only one, or the one that is named", () => {
  const only = new Run({ mode: "friends" });
  only.shows(READY);
  const several = new Run({ mode: "friends" });
  several.shows({ ...READY, names: ["Bob", "Carol"] });
  const named = new Run({ mode: "friends", to: "Bob" });
  named.shows({ ...READY, names: ["Bob", "Carol"] });

  assertEquals(only.listens(), [TO_BOB]);
  assertEquals(several.listens(), [LEAVE]);
  assertEquals(several.saying.failure?.code, "usage");
  assertEquals(named.listens(), [TO_BOB]);
});

Deno.test("Saying: an error that answers it, or a failed delivery, ends it with the reason", () => {
  const refused = new Run({ mode: "friends" });
  refused.shows(READY);
  refused.listens();
  const failed = new Run({ mode: "friends" });
  failed.shows(READY);
  failed.listens();
  failed.shows({ event: "delivery", id: "9", to: "Bob", state: "queued" }, "once");

  refused.shows({ event: "error", code: "unknown-user", text: "Nobody is called so" });
  assert(refused.saying.nextDeadlineMs() !== null, "it isn't about this command");
  const effects = refused.shows({ event: "error", code: "disk", text: "Disk full" }, "once");
  failed.shows({ event: "delivery", id: "9", to: "Bob", state: "failed", reason: "no answer" });

  assertEquals(effects, [LEAVE]);
  assertEquals([refused.saying.failure?.code, refused.saying.failure?.message], [
    "disk",
    "Disk full",
  ]);
  assertEquals(failed.saying.failure?.code, "offline");
  assertStringIncludes(failed.saying.failure!.message, "no answer");
});

Deno.test("Saying: ended before it is known that anybody has it, it hasn't succeeded", () => {
  const run = new Run();
  run.listens();
  run.shows(BOB);

  assertEquals([run.saying.failure?.code, run.saying.failure?.message], [
    "timeout",
    "It wasn't known by the time it was ended whether it was said: it is kept, and may yet be; " +
    "don't say it again",
  ]);
});

Deno.test("Saying to one alone: where that one isn't there, the error says so", () => {
  const run = new Run({ to: "Bob", timeoutMs: 1_000 });
  run.listens();
  run.shows(READY);
  run.shows(BOB);
  const queued: Fields = { event: "delivery", id: "9", to: "Bob", state: "queued" };
  run.shows(queued, "once");
  run.shows({ ...queued, waiting: 1 }, "once");
  run.tick(START + 1_000);

  assertStringIncludes(
    run.saying.failure!.message,
    "that Bob has it (Bob isn't there): it is kept",
  );
});

Deno.test("Saying in a group that says nothing of it: it may be said yet, and isn't to be said again", () => {
  const run = new Run({ mode: "group", timeoutMs: 1_000 });
  run.listens();
  run.shows({ ...READY, members: ["bot"] });
  run.tick(START + 1_000);

  assertStringIncludes(
    run.saying.failure!.message,
    "it is kept, and may yet be; don't say it again",
  );
});

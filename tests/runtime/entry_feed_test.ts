import { assert, assertEquals } from "@std/assert";
import { nodeCrypto, type Signer } from "../../lib/base/crypto/crypto.ts";
import type { Hash, MessageId } from "../../lib/base/ids.ts";
import type { MemberEvent } from "../../lib/protocols/group/schema/events.ts";
import { type NamedKey, signEditRequest } from "../../lib/protocols/group/schema/edit.ts";
import { committedEvent, saidBy } from "../../lib/protocols/group/log/entry_delivery.ts";
import {
  type Batch,
  COORDINATOR_NAME,
  entryId,
  HistoryEnd,
  signBatch,
} from "../../lib/protocols/group/schema/history.ts";
import { EntryFeed, type LoggedItem } from "../../lib/runtime/entry_feed.ts";
import { signerOf } from "./host_world.ts";

const ANN = signerOf(1);
const BOB = signerOf(2);
const COORDINATOR = signerOf(3);
const GROUP = "ab".repeat(32) as Hash;
/** Bob is a stranger here. */
const nameOf = ({ key, name }: NamedKey) => key === BOB.key ? `${name}~x` : name;

const SENT_AT = 1_700_000_000_000;

/** A log that has entries said by Ann and Bob in turn, as many as were appended, and edits of them. */
class Log {
  #end = new HistoryEnd(nodeCrypto, GROUP);
  readonly written: LoggedItem[] = [];
  /** Items that a reader gets at a time. */
  piece = 2;

  startAnew(): void {
    this.#end = new HistoryEnd(nodeCrypto, GROUP);
    this.written.length = 0;
  }

  append(count: number): void {
    for (let number = 0; number < count; number++) {
      const signer = this.#end.seq % 2 === 0 ? ANN : BOB;
      this.#write(signer, signer === ANN ? "Ann" : "Bob", {
        kind: "texts",
        rules: null,
        edits: [],
        texts: [`text ${this.#end.seq + 1}`],
      });
    }
  }

  /** Ann has entry `seq` changed, Bob agrees. */
  edit(seq: number): void {
    const signed = signEditRequest(ANN, {
      group: GROUP,
      requester: ANN.key,
      name: "Ann",
      incarnation: new Uint8Array(8),
      number: this.#end.position,
      askedAt: SENT_AT,
      seq,
      entry: "e1".repeat(32) as MessageId,
      old: "0d".repeat(32) as Hash,
      text: `edited ${seq}`,
    });
    const agreed = [{ key: BOB.key, name: "Bob", signature: new Uint8Array(64) }];
    const edits = [{ edit: 7, signed, view: 1, agreed }];
    this.#write(COORDINATOR, COORDINATOR_NAME, { kind: "edits", edits, texts: [], rules: null });
  }

  #write(
    signer: Signer,
    name: string,
    content: Pick<Batch, "kind" | "texts" | "edits" | "rules">,
  ): void {
    const incarnation = new Uint8Array(8);
    const signed = signBatch(signer, {
      signedIn: { number: content.kind === "texts" ? 1 : 0, round: 0 },
      ...content,
      group: GROUP,
      author: signer.key,
      name,
      incarnation,
      counter: this.#end.through(signer.key, incarnation.toHex()) + 1,
      sentAt: SENT_AT,
    });
    const batch = signed.batch.value;
    const { entries, edits } = this.#end.append(signed);
    for (const { seq, position, digest } of entries) {
      this.written.push({ seq, position, digest, batch, index: 0 });
    }
    for (const { edit, position, digest } of edits) {
      const { seq } = edit.signed.request.value;
      this.written.push({ seq, position, digest, batch, index: 0 });
    }
  }

  async *items(after = 0): AsyncGenerator<readonly LoggedItem[]> {
    const length = this.written.length;
    // Perhaps from one on that isn't asked for, as a batch has several.
    for (let at = Math.max(0, after - 1); at < length; at += this.piece) {
      await Promise.resolve();
      yield this.written.slice(at, Math.min(length, at + this.piece));
    }
  }
}

/** An output whose reader takes `room` events, and then as many as it is given. */
class Reader {
  readonly shown: string[] = [];
  readonly events: MemberEvent[] = [];
  readonly refs: string[] = [];
  room = Infinity;
  #awaited: PromiseWithResolvers<void> | null = null;

  show(event: MemberEvent, ref: string | undefined): void {
    if (ref !== undefined) this.refs.push(`${ref}: ${shownAs(event)}`);
    this.room--;
    this.events.push(event);
    this.shown.push(shownAs(event));
  }

  ready(): Promise<void> | null {
    if (this.room > 0) return null;
    this.#awaited ??= Promise.withResolvers<void>();
    return this.#awaited.promise;
  }

  give(room: number): void {
    this.room = room;
    this.#awaited?.resolve();
    this.#awaited = null;
  }
}

function shownAs(event: MemberEvent): string {
  switch (event.event) {
    case "message": {
      const marks = `${event.self ? " self" : ""}${event.history ? " earlier" : ""}`;
      return `${event.seq} ${event.shown}${marks}: ${event.text}`;
    }
    case "edit": {
      const where = event.position === undefined ? "" : ` at ${event.position}`;
      return `${event.outcome}${where}${event.history === true ? " earlier" : ""}: ${event.text}`;
    }
    default:
      return event.event;
  }
}

function world() {
  const log = new Log();
  const reader = new Reader();
  const failures: unknown[] = [];
  const feed = new EntryFeed({
    log,
    crypto: nodeCrypto,
    self: ANN.key,
    name: "Ann",
    nameOf,
    show: (event, ref) => reader.show(event, ref),
    outputReady: () => reader.ready(),
    failed: (error) => failures.push(error),
  });
  const say = (count: number, history = false, ref?: string) => {
    for (let number = 0; number < count; number++) {
      log.append(1);
      feed.show(eventOf(log.written.at(-1)!, history), ref);
    }
  };
  const edit = (seq: number, history = false, ref?: string) => {
    log.edit(seq);
    feed.show(eventOf(log.written.at(-1)!, history), ref);
  };
  return { log, reader, feed, failures, say, edit };
}

/** As the machine makes it. */
function eventOf({ position, seq, batch, index }: LoggedItem, history: boolean): MemberEvent {
  const [edit] = batch.edits;
  if (edit !== undefined) {
    return { ...committedEvent(edit, batch, nameOf), history, position };
  }
  return {
    event: "message",
    seq,
    id: entryId(nodeCrypto, batch, index),
    ...saidBy(batch, nameOf),
    text: batch.texts[index]!,
    self: batch.author === ANN.key,
    history,
    sentAt: new Date(SENT_AT).toISOString(),
    position,
  };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await Promise.resolve();
}

const line = (seq: number, more = "") =>
  seq % 2 === 1 ? `${seq} Ann self${more}: text ${seq}` : `${seq} Bob~x${more}: text ${seq}`;
const lines = (from: number, to: number, more = "") =>
  Array.from({ length: to - from + 1 }, (_, at) => line(from + at, more));

Deno.test("EntryFeed: what a reader takes is shown at once", () => {
  const { reader, feed, say } = world();

  say(2);
  feed.show({ event: "coordinator", state: "down" }, undefined);

  assertEquals(reader.shown, [...lines(1, 2), "coordinator"]);
  assertEquals(feed.settled(), null);
});

Deno.test("EntryFeed: the log is replayed first, as history, and nothing overtakes it", async () => {
  const { log, reader, feed, say } = world();
  log.append(5);

  feed.replay(5);
  feed.show({ event: "coordinator", state: "up" }, undefined);
  say(2);
  await feed.settled();

  assertEquals(reader.shown, [...lines(1, 5, " earlier"), "coordinator", ...lines(6, 7)]);
});

Deno.test("EntryFeed: who reads slowly gets everything in order, from the log", async () => {
  const { reader, feed, say } = world();
  reader.give(1);

  say(4);
  feed.show({ event: "coordinator", state: "down" }, undefined);
  say(3, true);
  say(1);
  await turns();
  assertEquals(reader.shown, lines(1, 1));
  reader.give(2);
  await turns();
  say(1);
  assertEquals(reader.shown, lines(1, 3));
  reader.give(Infinity);
  await feed.settled();

  assertEquals(reader.shown, [
    ...lines(1, 4),
    "coordinator",
    ...lines(5, 7, " earlier"),
    ...lines(8, 9),
  ]);
  say(1);
  assertEquals(reader.shown.at(-1), line(10));
});

Deno.test("EntryFeed: what comes in any turn while the log is read is shown, once and in order", async () => {
  for (let turn = 0; turn < 30; turn++) {
    const { log, reader, feed, say } = world();
    log.append(4);

    feed.replay(4);
    for (let passed = 0; passed < turn; passed++) await Promise.resolve();
    say(1, true);
    await Promise.resolve();
    say(1, true);
    await feed.settled();

    assertEquals(reader.shown, lines(1, 6, " earlier"), `in turn ${turn}`);
  }
});

Deno.test("EntryFeed: edits come where they stand in the log, each once, as the machine made them", async () => {
  const { log, reader, feed, say, edit } = world();
  log.append(2);
  log.edit(1);
  feed.replay(3);
  feed.show(eventOf(log.written[2]!, true), undefined); // given before
  edit(2, true);
  say(1);
  edit(1);
  await feed.settled();

  assertEquals(reader.shown, [
    ...lines(1, 2, " earlier"),
    "committed at 3 earlier: edited 1",
    "committed at 4 earlier: edited 2",
    line(3),
    "committed at 6: edited 1",
  ]);
  assertEquals(reader.events, log.written.map((item) => eventOf(item, item.position <= 4)));
  edit(3);
  assertEquals(reader.events.at(-1), eventOf(log.written.at(-1)!, false));
});

Deno.test("EntryFeed: what answers a command says so, also where it waits", async () => {
  const { log, reader, feed, say, edit } = world();
  log.append(2);
  feed.replay(2);
  reader.give(1);

  say(1, false, "a");
  say(1);
  edit(2, false, "b");
  feed.show({ event: "members", members: [] }, "c");
  say(1, false, "d");
  reader.give(Infinity);
  await feed.settled();
  say(2);
  say(1, false, "e");

  const edited = "committed at 5: edited 2";
  const shown = [`a: ${line(3)}`, `b: ${edited}`, "c: members", `d: ${line(5)}`, `e: ${line(8)}`];
  assertEquals(reader.refs, shown);
});

Deno.test("EntryFeed: an edit that isn't in the log is an event as any other", async () => {
  const { reader, feed, say, edit } = world();
  say(2);
  reader.give(1);
  const [by, text] = ["Ann", "x"];
  for (const outcome of ["in-doubt", "aborted"] as const) {
    feed.show({ event: "edit", edit: 8, seq: 1, by, text, outcome, reason: "no" }, undefined);
  }
  edit(1);
  feed.show({ event: "edit-started", edit: 9, seq: 1 }, undefined);
  await turns();
  assertEquals(reader.shown.slice(2), ["in-doubt: x"]);
  reader.give(Infinity);
  await feed.settled();

  assertEquals(reader.shown.slice(2), [
    "in-doubt: x",
    "aborted: x",
    "committed at 3: edited 1",
    "edit-started",
  ]);
});

/** What others ask for, as long as it may be. */
const LONG = "x".repeat(65_536);
const wanted = (edit: number): MemberEvent => {
  return { event: "vote-wanted", edit, seq: 1, by: "Bob", old: LONG, new: LONG, deadline: "" };
};

Deno.test("EntryFeed: newcomers that come and go while nobody reads don't fill the memory", async () => {
  const { reader, feed, say } = world();
  say(1);
  reader.give(0);
  const name = "n".repeat(30_000); // few events do, where each is as long
  for (let count = 0; count < 200; count++) {
    feed.show({ event: "joining", name, key: "k" }, undefined);
    feed.show({ event: "left", name, reason: "lost", joining: true }, undefined);
  }
  await turns();
  reader.give(Infinity);
  await feed.settled();

  const shown = reader.events.filter(({ event }) => event === "joining" || event === "left");
  assert(shown.length > 100 && shown.length < 300, `${shown.length} waited`);
  assertEquals(
    reader.events.filter((event) => event.event === "notice").map(({ text }) =>
      text.split(" were ")[0]
    ),
    [`${400 - shown.length} events`],
  );
});

Deno.test("EntryFeed: what comes unasked and can be asked for again is left out beyond a bound, and told so once", async () => {
  const { reader, feed, say } = world();
  say(1);
  reader.give(0);
  const aborted = { event: "edit", seq: 1, text: LONG, outcome: "aborted", reason: "no" } as const;
  for (let edit = 1; edit <= 200; edit++) {
    feed.show(wanted(edit), undefined);
    feed.show({ ...aborted, edit, by: "Bob" }, undefined);
  }
  for (const state of ["down", "up", "down"] as const) {
    feed.show({ event: "coordinator", state }, undefined);
  }
  feed.show({ ...aborted, edit: 201, by: "Ann" }, undefined);
  say(2);
  feed.show({ event: "members", members: [] }, "m");
  feed.show({ event: "error", code: "full", text: "asked" }, "e");
  feed.show({ event: "error", code: "protocol", text: "unasked" }, undefined);
  await turns();
  assertEquals(reader.shown.length, 1);
  reader.give(Infinity);
  await feed.settled();

  const later = reader.events.slice(1);
  const others = later.filter((event) =>
    event.event === "vote-wanted" || (event.event === "edit" && event.by === "Bob")
  );
  assertEquals(later.slice(0, others.length), others);
  const units = JSON.stringify(others).length;
  assert(units > 4_000_000 && units < 9_000_000, `${units} waited`);
  const leftOut = 400 - others.length + 2 + 1;
  assertEquals(later.slice(others.length), [
    { ...aborted, edit: 201, by: "Ann" },
    ...later.filter(({ event }) => event === "message"),
    { event: "members", members: [] },
    { event: "error", code: "full", text: "asked" },
    {
      event: "notice",
      text:
        `${leftOut} events were dropped because nobody read the output; /status and /list say how ` +
        "things stand",
      warning: true,
    },
    { event: "coordinator", state: "down" },
  ]);
  assertEquals(reader.shown.filter((shown) => shown.includes("text")), lines(1, 3));
});

Deno.test("EntryFeed: who reads again is told of everything again", async () => {
  const { reader, feed } = world();
  reader.give(0);
  for (let edit = 1; edit <= 100; edit++) feed.show(wanted(edit), undefined);
  reader.give(Infinity);
  await feed.settled();
  assertEquals(reader.shown.at(-1), "notice");
  const before = reader.shown.length;
  reader.give(0);
  for (let edit = 101; edit <= 110; edit++) feed.show(wanted(edit), undefined);
  reader.give(Infinity);
  await feed.settled();
  feed.show(wanted(111), undefined);

  assertEquals(reader.shown.slice(before), Array.from({ length: 11 }, () => "vote-wanted"));
});

Deno.test("EntryFeed: what was given before isn't shown again, unless the log begins anew", async () => {
  const { log, reader, feed, say } = world();
  reader.give(2);
  say(1);
  feed.replay(4);
  say(3);
  await turns();
  assertEquals(reader.shown, [...lines(1, 1), ...lines(1, 1, " earlier")]);

  log.startAnew();
  say(6);
  reader.give(Infinity);
  await feed.settled();

  assertEquals(reader.shown.slice(2), lines(1, 6));
});

Deno.test("EntryFeed: entries that a log lost are left to the new one", async () => {
  const { log, reader, feed, say } = world();
  reader.give(1);
  say(4);
  log.written.length = 2;

  feed.show({ event: "coordinator", state: "down" }, undefined);
  reader.give(Infinity);
  await feed.settled();

  assertEquals(reader.shown, [...lines(1, 2), "coordinator"]);
});

Deno.test("EntryFeed: entries that come again in a log of the same history are shown then, in order", async () => {
  const { log, reader, feed, say } = world();
  say(1);
  reader.give(1);
  say(3, true);
  feed.show({ event: "coordinator", state: "down" }, undefined);
  say(2, false, "a");
  await turns();
  const anew = log.written.splice(0);

  reader.give(Infinity);
  await feed.settled();
  feed.show({ event: "coordinator", state: "up" }, undefined);
  await feed.settled();
  const before = reader.shown.length;
  log.written.push(...anew.slice(0, 3));
  feed.show({ event: "coordinator", state: "up" }, undefined);
  await feed.settled();
  log.written.push(...anew.slice(3));
  say(1);
  await feed.settled();

  assertEquals(reader.shown.slice(0, before), [
    ...lines(1, 1),
    ...lines(2, 2, " earlier"),
    "coordinator",
    "coordinator",
  ]);
  assertEquals(reader.shown.slice(before), [
    ...lines(3, 3, " earlier"),
    "coordinator",
    ...lines(4, 4, " earlier"),
    ...lines(5, 7),
  ]);
});

Deno.test("EntryFeed: after stop nothing more is shown", async () => {
  const { reader, feed, say } = world();
  reader.give(1);
  say(3);
  feed.stop();
  reader.give(Infinity);
  await turns();
  say(1);
  await turns();
  assertEquals([reader.shown, feed.settled()], [lines(1, 1), null]);
});

Deno.test("EntryFeed: a log that can't be read is told once, and nobody waits for the rest", async () => {
  const shown: MemberEvent[] = [];
  const failures: unknown[] = [];
  const broken = new EntryFeed({
    log: {
      items: () => {
        throw new Error("unreadable");
      },
    },
    crypto: nodeCrypto,
    self: ANN.key,
    name: "Ann",
    nameOf,
    show: (event) => shown.push(event),
    outputReady: () => null,
    // The rest is waited for from then on.
    failed: (error) => failures.push(String(error), broken.settled()),
  });
  broken.replay(1);
  broken.show({ event: "members", members: [] }, undefined);
  await broken.settled();
  broken.show({ event: "members", members: [] }, undefined);

  assertEquals(failures, ["Error: unreadable", null]);
  assertEquals([shown, broken.settled()], [[], null]);
});

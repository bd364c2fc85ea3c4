import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { Door, DoorEvent, DoorHost } from "../../../lib/cli/doors/door.ts";
import { COMMANDS_WAITING_MAX } from "../../../lib/cli/doors/door_input.ts";
import { DoorsInterface } from "../../../lib/cli/doors/doors_interface.ts";
import type { CommonOptions } from "../../../lib/cli/args/options.ts";
import { TimeShare } from "../../../lib/cli/doors/time_share.ts";
import { PipedInterface } from "../../../lib/cli/streams/piped_interface.ts";
import { type EchoRoom, echoRoom, messageFrom, MODE, OPTIONS } from "../echo_room.ts";
import { MemoryStreams, NOON_MS, settle } from "../memory_streams.ts";

type Ui = DoorsInterface<Parameters<typeof MODE.render>[0], EchoRoom["target"]>;

interface Opened {
  readonly streams: MemoryStreams;
  readonly ui: Ui;
  readonly room: EchoRoom;
}

/** No time passes for doors, unless a test says so: each command has a turn of its own. */
const atOnce = () => new TimeShare({ nowMs: () => 0, rest: () => Promise.resolve() });

function open(options: Partial<CommonOptions> = {}, share = atOnce()): Opened {
  const streams = new MemoryStreams();
  const first = new PipedInterface(MODE, { ...OPTIONS, stay: true, ...options }, streams);
  const ui: Ui = new DoorsInterface(first, MODE, () => NOON_MS, share);
  const room = echoRoom(ui);
  return { streams, ui, room };
}

/** A door that notes what it is shown. */
class NotedDoor implements Door {
  readonly events: DoorEvent[] = [];
  readonly told: (string | null)[] = [];
  host!: DoorHost;
  closed = 0;
  wait: PromiseWithResolvers<void> | null = null;
  fault: Error | null = null;

  constructor(readonly name: string) {}

  async attach(ui: Ui): Promise<this> {
    await ui.attach(this.name, (host) => {
      this.host = host;
      return this;
    });
    return this;
  }

  shown(event: DoorEvent): void {
    if (this.fault !== null) throw this.fault;
    this.events.push(event);
  }

  ready(): Promise<void> | null {
    return this.wait?.promise ?? null;
  }

  paused(reason: string | null): void {
    this.told.push(reason);
  }

  prompted(): void {
    this.told.push(this.host.prompt().text);
  }

  progress(text: string | null): void {
    this.told.push(text);
  }

  close(): Promise<void> {
    this.closed += 1;
    return Promise.resolve();
  }

  get texts(): readonly unknown[] {
    return this.events.map(({ fields }) => fields["text"] ?? fields["event"]);
  }
}

const lines = ({ streams }: Opened) => streams.stdoutText.split("\n").slice(0, -1);

Deno.test("what tells how the console is used isn't for doors, which say what is left of it", async () => {
  const opened = open();
  const page = await new NotedDoor("The page").attach(opened.ui);

  opened.ui.advise({ text: "You are back; :q leaves", atDoors: "You are back" });
  opened.ui.advise({ text: "/help lists the commands", atDoors: null });
  await settle();

  const console = ["12:03 * You are back; :q leaves", "12:03 * /help lists the commands"];
  assertEquals(lines(opened), console);
  assertEquals(page.texts, ["You are back"]);
  await opened.ui.close();
});

Deno.test("an error that answers what was typed at the console isn't for doors; one of what happens is", async () => {
  const { streams, room } = open();
  let begins: (() => () => void) | undefined;
  const first = new PipedInterface(MODE, { ...OPTIONS, stay: true }, streams);
  first.listen = ({ lineBegins }) => void (begins = lineBegins);
  const typed: Ui = new DoorsInterface(first, MODE, () => NOON_MS, atOnce());
  const door = await new NotedDoor("The page").attach(typed);
  typed.listen(room);
  const error = (text: string) => ({ event: "error", code: "unknown-user", text }) as const;

  begins!()();
  typed.show(error("Nobody here is called Bbo"));
  typed.show(messageFrom("Bob", "hi"));
  await settle();
  typed.show(error("Bob's program reported an error"));

  assertEquals(door.texts, ["hi", "Bob's program reported an error"]);
  await typed.close();
});

Deno.test("what answers a command in a pipe of text isn't for doors; what is said there is", async () => {
  const { streams, ui, room } = open();
  const door = await new NotedDoor("The page").attach(ui);
  const error = { event: "error", code: "no-such-entry", text: "There is no file 77" } as const;
  const target: EchoRoom["target"] = (command, ref) => {
    if (command.command === "say") return room.target(command, ref);
    setTimeout(() => ui.show(error, ref)); // later than anything that is known of it at once
  };
  ui.listen({ ...room, target });
  streams.type("/get 77\nsaid\n");
  await settle();
  await settle();

  assertEquals(streams.stderrText, "error: There is no file 77\n");
  assertEquals(door.texts, ["said"]);
  await ui.close();
});

Deno.test("what answers a command typed at the console isn't for doors, however late it comes; what happens is", async () => {
  const streams = new MemoryStreams();
  const first = new PipedInterface(MODE, { ...OPTIONS, json: true, stay: true }, streams);
  let typedRef: string | undefined;
  first.listen = (handler) => void (typedRef = handler.typedRef);
  const ui: Ui = new DoorsInterface(first, MODE, () => NOON_MS, atOnce());
  const door = await new NotedDoor("The page").attach(ui);
  ui.listen(echoRoom(ui));
  const text = "There is no file 77";
  const error = { event: "error", code: "no-such-entry", text } as const;

  await settle();
  ui.show(error, typedRef);
  ui.show({ event: "notice", text: "photo.jpg is being fetched already" }, typedRef);
  ui.show(messageFrom("Alice", "said"), typedRef);
  ui.show({ event: "notice", text: "Void: code 7", endedCodes: [7] }, typedRef);
  await settle();

  assertEquals(door.texts, ["said", "Void: code 7"]);
  const shown = lines({ streams, ui, room: echoRoom(ui) }).map((line) => JSON.parse(line));
  assertEquals(shown.map(({ event, ref }) => [event, ref]), [
    ["error", undefined],
    ["notice", undefined],
    ["message", undefined],
    ["notice", undefined],
  ]);
  await ui.close();
});

Deno.test("a console and two doors show the same", async () => {
  const opened = open();
  const { streams, ui, room } = opened;
  const page = await new NotedDoor("The page").attach(ui);
  const client = await new NotedDoor("The client").attach(ui);
  ui.listen(room);
  ui.show(messageFrom("Bob", "hi"));
  page.host.run("from the page", "1");
  client.host.run({ command: "msg", text: "/from the\nclient" }, "1");
  streams.type("from the console\n");
  await settle();

  const all = ["hi", "from the page", "/from the\nclient", "from the console"];
  assertEquals(page.texts, all);
  assertEquals(client.texts, all);
  assertEquals(lines(opened), [
    "12:03 <Bob> hi",
    "12:03 <Alice> from the page",
    "12:03 <Alice> /from the␊client",
    "12:03 <Alice> from the console",
  ]);
  assertEquals(page.events[0], {
    id: 1,
    fields: { ...messageFrom("Bob", "hi"), at: new Date(NOON_MS).toISOString() },
    lines: [],
  });
  await ui.close();
  assertEquals([page.closed, client.closed], [1, 1]);
});

Deno.test("an answer goes to who asked, with its own ref, and what is said to all without it", async () => {
  const opened = open({ json: true });
  const { streams, ui, room } = opened;
  const page = await new NotedDoor("The page").attach(ui);
  const client = await new NotedDoor("The client").attach(ui);
  ui.listen({
    ...room,
    target(command, ref) {
      if (command.command === "say") return room.target(command, ref);
      if (command.command === "history") ui.show({ event: "history", messages: [] }, ref);
      else ui.show({ event: "error", code: "offline", text: "gone" }, ref);
    },
  });
  page.host.run("/history 3", "same");
  client.host.run("/history 3", "same");
  client.host.run("/status", "other");
  client.host.run("/nope", "unknown");
  client.host.run("/help quit", "help");
  page.host.run("hello", "said");
  streams.type('{"command":"history","ref":"same"}\n{"command":"msg","text":"x","ref":"mine"}\n');
  await settle();

  const refs = ({ events }: NotedDoor) =>
    events.map(({ fields: { event, ref } }) => `${event} ${ref ?? "-"}`);
  assertEquals(refs(page), ["history same", "message said", "message -"]);
  assertEquals(refs(client).toSorted(), [
    "error other",
    "error unknown",
    "help help",
    "history same",
    "message -",
    "message -",
  ]);
  const printed = lines(opened).map((line) => JSON.parse(line));
  assertEquals(printed.map(({ event, ref }) => `${event} ${ref ?? "-"}`).toSorted(), [
    "history same",
    "message -",
    "message mine",
  ]);
  assert(!streams.stdoutText.includes("door "), "no ref of a door's is printed");
  await ui.close();
});

Deno.test("what is typed at the console is answered there", async () => {
  const { ui, room } = open();
  const page = await new NotedDoor("The page").attach(ui);
  ui.listen(room);
  ui.show({ event: "peers", peers: [] });
  ui.show({ event: "notice", text: "for all" });
  await settle();

  assertEquals(page.texts, ["for all"]);
  await ui.close();
});

Deno.test("paused input holds the doors' commands back, and they are told why", async () => {
  const { ui, room } = open();
  const page = await new NotedDoor("The page").attach(ui);
  ui.pauseInput("joining");
  ui.listen(room);
  page.host.run("one", "1");
  page.host.run("two", "2");
  await settle();
  assertEquals([room.happened, page.told, page.host.pausedBecause], [[], ["joining"], "joining"]);

  ui.pauseInput(null);
  await settle();
  assertEquals(room.happened, ["one", "two"]);
  assertEquals(page.told, ["joining", null]);
  await ui.close();
});

Deno.test("a command is run while the console's reader keeps up, and not before the program listens", async () => {
  const { streams, ui, room } = open();
  const page = await new NotedDoor("The page").attach(ui);
  page.host.run("early", "1");
  await settle();
  assertEquals(room.happened, []);
  streams.hold();
  for (let count = 0; ui.ready() === null; count++) ui.show(messageFrom("Bob", "x".repeat(60_000)));
  ui.listen(room);
  await settle();
  assertEquals(room.happened, []);
  streams.release();
  await ui.flush();
  await settle();

  assertEquals(room.happened, ["early"]);
  await ui.close();
});

Deno.test("a door that leaves too many commands waiting is told, and the others aren't in its way", async () => {
  const { ui, room } = open();
  const page = await new NotedDoor("The page").attach(ui);
  const client = await new NotedDoor("The client").attach(ui);
  ui.pauseInput("joining");
  ui.listen(room);
  for (let count = 0; count <= COMMANDS_WAITING_MAX; count++) {
    page.host.run(`m${count}`, `${count}`);
  }
  client.host.run("from the client", "1");
  assertEquals(page.events.map(({ fields: { code, ref } }) => [code, ref]), [["full", "128"]]);
  assertEquals(client.events, []);

  ui.pauseInput(null);
  while (room.happened.length <= COMMANDS_WAITING_MAX) await settle();
  assertEquals(room.happened.length, COMMANDS_WAITING_MAX + 1);
  assertEquals(room.happened[1], "from the client");
  page.host.run("again", "129");
  await settle();
  assertEquals(room.happened.at(-1), "again");
  await ui.close();
});

/** A share of which each turn ends when that is said. */
function givenTurns() {
  const time = { nowMs: 0 };
  const rests: (() => void)[] = [];
  const rest = () => new Promise<void>((resolve) => rests.push(resolve));
  return {
    time,
    share: new TimeShare({ nowMs: () => time.nowMs, rest }),
    async end() {
      rests.shift()!();
      await settle();
    },
  };
}

Deno.test("costly commands are run one in a turn, and whoever asks at another door isn't behind all of them", async () => {
  const { time, share, end } = givenTurns();
  const { ui, room } = open({}, share);
  const page = await new NotedDoor("The page").attach(ui);
  const client = await new NotedDoor("The client").attach(ui);
  const costly: typeof room = {
    ...room,
    target(command, ref) {
      time.nowMs += 130;
      return room.target(command, ref);
    },
  };
  ui.listen(costly);
  for (let count = 0; count < 60; count++) page.host.run(`m${count}`, `${count}`);
  client.host.run("from the client", "1");
  await settle();
  assertEquals(room.happened, ["m0"]);
  await end(); // all others had their turn
  assertEquals(room.happened, ["m0"], "they have as much time again");
  await end();
  assertEquals(room.happened, ["m0", "m1"]);
  await end();
  await end();
  assertEquals(room.happened, ["m0", "m1", "from the client"]);
  await ui.close();
});

Deno.test("a door is told when it may go on: after costly work, and while many of its commands wait", async () => {
  const { time, share, end } = givenTurns();
  const { ui, room } = open({}, share);
  const page = await new NotedDoor("The page").attach(ui);
  const client = await new NotedDoor("The client").attach(ui);
  ui.listen(room);
  assertEquals(page.host.ready(), null);
  time.nowMs += 50;
  assert(page.host.ready() !== null && client.host.ready() !== null);
  await end();
  await end();
  assertEquals([page.host.ready(), client.host.ready()], [null, null]);

  for (let count = 0; count <= 16; count++) client.host.run(`m${count}`, `${count}`);
  assert(client.host.ready() !== null, "16 wait");
  assertEquals(page.host.ready(), null);
  await end();
  assertEquals(client.host.ready(), null);
  await ui.close();
});

Deno.test("while no command is run a door isn't kept waiting, but refused beyond the bound", async () => {
  const { ui, room } = open();
  const client = await new NotedDoor("The client").attach(ui);
  ui.listen(room);
  ui.pauseInput("joining");
  for (let count = 0; count < 30; count++) client.host.run(`m${count}`, `${count}`);
  assertEquals(client.host.ready(), null);
  await ui.close();
});

Deno.test("to which room a door turns, the console isn't told, which stays in its own", async () => {
  const opened = open({ json: true });
  const { ui, room } = opened;
  const page = await new NotedDoor("The page").attach(ui);
  const turned = { event: "room", number: 2, title: "Work", unseen: 0 } as const;
  const target: EchoRoom["target"] = (_, ref) => {
    room.happened.push(String(ui.isOfDoor(ref)));
    ui.show(turned, ref);
  };
  ui.listen({ ...room, target });
  page.host.run("/room 2", "r");
  await settle();
  assertEquals([room.happened, lines(opened), page.texts], [["true"], [], ["room"]]);

  opened.streams.type('{"command":"room","n":"2","ref":"s"}\n');
  await settle();
  assertEquals([room.happened, page.texts], [["true", "false"], ["room", "room"]]);
  assertEquals(lines(opened).map((line) => JSON.parse(line).ref), ["s"]);
  await ui.close();
});

Deno.test("what the user said is shown at the doors, and at the console where that isn't where it was typed", async () => {
  const opened = open();
  const { ui } = opened;
  const page = await new NotedDoor("The page").attach(ui);
  const client = await new NotedDoor("The client").attach(ui);
  ui.listen({
    ...opened.room,
    target: (_, ref) => ui.showSaid(messageFrom("Alice", "from the page"), ref),
  });
  page.host.run("from the page", "1");
  await settle();
  ui.showSaid(messageFrom("Alice", "typed"), undefined);
  ui.showSaid(messageFrom("Alice", "by a script"), "own");
  await ui.flush();

  const all = ["from the page", "typed", "by a script"];
  assertEquals([page.texts, client.texts], [all, all]);
  assertEquals(page.events.map(({ fields }) => fields["ref"]), ["1", undefined, undefined]);
  assertEquals(client.events.map(({ fields }) => fields["ref"]), [undefined, undefined, undefined]);
  assertEquals(lines(opened), ["12:03 <Alice> from the page"]);
  await ui.close();
});

Deno.test("what waits for what is gone isn't run, unless it says for which room it is", async () => {
  const { ui, room } = open();
  const page = await new NotedDoor("The page").attach(ui);
  ui.listen(room);
  await settle();
  ui.pauseInput("joining");
  page.host.run("for the other room", "1");
  page.host.run({ command: "msg", text: "for that room", room: "r1" }, "2");
  page.host.run({ line: "/me waves", room: "r2" }, "3");
  ui.giveUpWaiting();
  ui.pauseInput(null);
  await settle();

  assertEquals(page.events.map(({ fields: { code, ref } }) => [code, ref]), [["not-allowed", "1"]]);
  assertEquals(room.happened.map((text) => JSON.parse(text).room), ["r1", "r2"]);
  await ui.close();
});

Deno.test("a door that fails is dropped, and the user and the others are told", async () => {
  const opened = open();
  const { ui, room } = opened;
  const page = await new NotedDoor("The page").attach(ui);
  const client = await new NotedDoor("The client").attach(ui);
  ui.listen(room);
  client.fault = new Error("out of order");
  ui.show(messageFrom("Bob", "one"));
  ui.show(messageFrom("Bob", "two"));
  client.host.run("nobody's", "1");
  await settle();

  const told =
    "The client is closed: out of order. Everything else goes on; start again to have it back";
  assertEquals(page.texts, ["one", told, "two"]);
  assertEquals(lines(opened), ["12:03 <Bob> one", `12:03 ! ${told}`, "12:03 <Bob> two"]);
  assertEquals([client.events, client.closed, room.happened], [[], 1, []]);
  await ui.close();
  assertEquals(client.closed, 1);
});

Deno.test("a slow door gets everything later; one that is too slow is dropped and costs nobody anything", async () => {
  const { ui, room } = open();
  const page = await new NotedDoor("The page").attach(ui);
  const client = await new NotedDoor("The client").attach(ui);
  ui.listen(room);
  client.wait = Promise.withResolvers();
  for (let count = 1; count <= 500; count++) ui.show(messageFrom("Bob", `m${count}`));
  assertEquals([page.events.length, client.events.length], [500, 0]);
  const { resolve } = client.wait;
  client.wait = null;
  resolve();
  await settle();
  assertEquals(client.texts, page.texts);

  const slow = client.wait = Promise.withResolvers<void>();
  for (let count = 1; count <= 25_000; count++) ui.show(messageFrom("Bob", `n${count}`));
  client.wait = null;
  slow.resolve();
  await settle();
  assertEquals([page.events.length, client.events.length], [25_501, 500]);
  assertMatch(String(page.texts.at(-1)), /^The client is closed: it has fallen too far behind\./);
  assertEquals(client.closed, 1);
  await ui.close();
});

Deno.test("a door that comes later finds what was shown, as far as it is kept", async () => {
  const { ui, room } = open();
  const page = await new NotedDoor("The page").attach(ui);
  ui.listen(room);
  page.host.run("/help quit", "1");
  await settle();
  ui.show(messageFrom("Bob", "hi"));
  const later = await new NotedDoor("The client").attach(ui);
  ui.show(messageFrom("Bob", "there"));

  assertEquals(later.texts, ["there"]);
  assertEquals(later.host.events.map(({ id, fields }) => [id, fields["text"]]), [[2, "hi"], [
    3,
    "there",
  ]]);
  assertEquals(page.host.events.map(({ id }) => id), [1, 2, 3], "its own answers, too");
  assertEquals(later.host.lastId, 3);
  assertEquals(later.host.wholeFrom, 1);
  const { events, last } = later.host.after(0, 2);
  assertEquals([events.map(({ id }) => id), last], [[2], 2]);
  assertEquals(later.host.after(2, 64).events.map(({ id }) => id), [3]);
  assertEquals(later.host.after(3, 64), { events: [], last: 3 });
  for (let count = 0; count < 20_000; count++) ui.show(messageFrom("Bob", "x"));
  const { wholeFrom } = later.host;
  assert(wholeFrom > 10_003 && wholeFrom <= 11_003, String(wholeFrom));
  assertEquals(later.host.events.length, 20_004 - wholeFrom);
  assertEquals(later.host.after(1, 2).events.map(({ id }) => id), [wholeFrom, wholeFrom + 1]);
  await ui.close();
});

Deno.test("answers, however many and long, push out nothing of what was said", async () => {
  const { ui, room } = open();
  const page = await new NotedDoor("The page").attach(ui);
  ui.show(messageFrom("Bob", "hi"));
  const { event: _event, ...message } = messageFrom("Bob", "x".repeat(60_000));
  ui.listen({
    ...room,
    target: (_, ref) => ui.show({ event: "history", messages: new Array(30).fill(message) }, ref),
  });
  for (let count = 0; count < 20; count++) {
    page.host.run("/history", String(count));
    await settle();
  }
  const later = await new NotedDoor("The client").attach(ui);

  assertEquals(later.host.events.map(({ fields }) => fields["text"]), ["hi"]);
  assertEquals([page.events.length, later.host.wholeFrom], [21, 1], "nothing is missed");
  assertEquals(page.host.events.at(-1)!.fields["ref"], "19", "a window that is loaded anew has it");
  await ui.close();
});

Deno.test("a flood of chat leaves what tells a new door where it is, and with whom it talks", async () => {
  const { ui } = open();
  const page = await new NotedDoor("The page").attach(ui);
  ui.show({ event: "notice", text: "in" });
  ui.show({ ...messageFrom("Carol", "psst"), private: true });
  for (let count = 0; count < 20_000; count++) ui.show(messageFrom("Bob", "x"));

  const texts = page.host.events.slice(0, 3).map(({ fields }) => fields["text"]);
  assertEquals(texts, ["in", "psst", "x"]);
  assert(page.host.wholeFrom > 10_000, "it is told that something is missing");
  await ui.close();
});

Deno.test("an answer that is too long is refused in a sentence", async () => {
  const { ui, room } = open();
  const page = await new NotedDoor("The page").attach(ui);
  ui.listen({
    ...room,
    target(_, ref) {
      const { event: _event, ...message } = messageFrom("Bob", "x".repeat(60_000));
      ui.show({ event: "history", messages: new Array(50).fill(message) }, ref);
    },
  });
  page.host.run("/history", "1");
  await settle();

  const [{ fields }] = page.events as [DoorEvent];
  assertEquals([fields["code"], fields["ref"]], ["too-long", "1"]);
  await ui.close();
});

Deno.test("what tells how a door is used comes after the program's first line, at the console alone", async () => {
  const opened = open();
  const { ui } = opened;
  const page = await new NotedDoor("The page").attach(ui);
  ui.announce({ event: "web", url: "http://127.0.0.1:1/#x" });
  ui.show({ event: "notice", text: "connecting" });
  await ui.flush();
  assertEquals(lines(opened).length, 1);
  const ready = { event: "ready", command: "mesh", name: "Alice", host: "h", port: 1 } as const;
  ui.show({ ...ready, key: "k", room: "r" });
  await ui.flush();

  assertEquals(
    lines(opened).at(-1),
    "12:03 * Page: http://127.0.0.1:1/#x (for you alone: whoever opens it is you)",
  );
  assertEquals(page.texts, ["connecting", "ready"]);
  await ui.close();
});

Deno.test("a terminal is told anew how a door is used with the status that is asked for there, and nobody else is", async () => {
  for (const [interactive, count] of [[false, 1], [true, 2]] as const) {
    const streams = new MemoryStreams();
    const first = new PipedInterface(MODE, { ...OPTIONS, stay: true }, streams);
    Object.defineProperty(first, "interactive", { value: interactive });
    const ui: Ui = new DoorsInterface(first, MODE, () => NOON_MS, atOnce());
    const page = await new NotedDoor("The page").attach(ui);
    const status = {
      ...{
        event: "status",
        name: "Alice",
        key: "k",
        members: [{ key: "k", name: "Alice" }],
        waiting: [],
      },
      ...{ unsent: 0, unconfirmed: 0, messages: 0, lastMessage: null, problems: [] },
    } as unknown as Parameters<typeof MODE.render>[0];
    ui.listen({
      ...echoRoom(ui),
      target: (_, ref) => ui.show(status, ref),
    });
    const ready = { event: "ready", command: "mesh", name: "Alice", host: "h", port: 1 } as const;
    ui.show({ ...ready, key: "k", room: "r" });
    ui.announce({ event: "web", url: "http://127.0.0.1:1/#x" });
    ui.announce({ event: "notice", text: "a file stays" });

    ui.show(status);
    page.host.run("/status", "1");
    await settle();
    await ui.flush();

    const shown = lines({ streams } as Opened);
    assertEquals(shown.filter((line) => line.includes("Page: ")).length, count);
    assertEquals(shown.filter((line) => line.includes("a file stays")).length, 1);
    assertEquals(page.texts, ["ready", "a file stays", "status"]);
    await ui.close();
  }
});

Deno.test("doors are told why the program ends", async () => {
  const { ui } = open();
  const page = await new NotedDoor("The page").attach(ui);
  await ui.closeDoors(new P2pchatError("kicked", "You were removed"));

  const [{ fields: { event, code, text } }] = page.events as [DoorEvent];
  assertEquals([event, code, text, page.closed], ["fatal", "kicked", "You were removed", 1]);
  await ui.close();
});

Deno.test("a door that can't be opened is nobody's", async () => {
  const { ui } = open();
  const opening = ui.attach("The page", () => Promise.reject(new P2pchatError("disk", "full")));
  await assertRejects(() => opening, P2pchatError, "full");
  ui.show(messageFrom("Bob", "hi"));
  await ui.close();
});

Deno.test("prompt, progress and names reach the doors", async () => {
  const { ui } = open();
  const page = await new NotedDoor("The page").attach(ui);
  ui.setPrompt("Alice @group", "Alice");
  ui.progress("Catching up");
  ui.progress(null);
  ui.setNames(() => ["Bob"], () => ["Carol"]);

  assertEquals(page.told, ["Alice @group", "Catching up", null]);
  assertEquals(page.host.prompt(), { text: "Alice @group", self: "Alice" });
  assertEquals(page.host.names(), ["Bob", "Carol"]);
  assertEquals(page.host.commands.find("exit")?.name, "quit");
  await ui.close();
});

Deno.test("what others keep of the console is kept by it", async () => {
  const { ui } = open();
  assertEquals(ui.keepIn, undefined);
  await ui.close();
});

Deno.test("a command that is nested too deeply is refused, and the program goes on", async () => {
  const { ui, room } = open();
  const page = await new NotedDoor("The page").attach(ui);
  ui.listen(room);
  let nested: unknown = "x";
  for (let depth = 0; depth < 100_000; depth++) nested = [nested];
  page.host.run({ command: "say", text: "a", nested }, "1");
  page.host.run("/help", "2");
  await settle();

  const [refused, ...others] = page.events.map(({ fields }) => fields);
  assertEquals([refused!["event"], refused!["code"], refused!["ref"]], ["error", "usage", "1"]);
  assert(others.some(({ ref }) => ref === "2"));
});

import { namedRoom } from "../../../lib/cli/mesh/room_asking.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { RoomId } from "../../../lib/base/ids.ts";
import { meshCommands, type MeshCommandSink } from "../../../lib/cli/mesh/mesh_commands.ts";
import { MeshConsole } from "../../../lib/cli/mesh/mesh_console.ts";
import type {
  ManyRooms,
  MeshInterface,
  RoomInterface,
} from "../../../lib/cli/mesh/room_interface.ts";
import { searchRooms } from "../../../lib/cli/mesh/room_search.ts";
import type { InputHandler, Place } from "../../../lib/cli/rendering/user_interface.ts";
import type { Bye } from "../../../lib/cli/session/run_mode.ts";

const BYE = { kind: "bye", reason: "quit", ref: undefined } as const;

/** A room as its host is: what it is asked, and how it ends. */
class FakeRoom {
  readonly asked: string[] = [];
  readonly ended = Promise.withResolvers<Bye>();
  ui!: RoomInterface;

  constructor(
    readonly id: string,
    readonly title: string | null = null,
    readonly heedsAtOnce = true,
  ) {}

  begin(ui: RoomInterface): Promise<Bye> {
    this.ui = ui;
    const { id, title } = this;
    ui.open = { id: id as RoomId, title };
    if (this.heedsAtOnce) this.heeds();
    return this.ended.promise;
  }

  heeds(): void {
    this.ui.heedInterrupts((cause) => {
      this.asked.push(cause);
      return true;
    });
  }

  ready(): void {
    this.shows();
    this.listens();
  }

  shows(): void {
    const { id: room } = this;
    const ready = { command: "mesh", name: "Alice", host: "h", port: 1, key: "k", room } as const;
    this.ui.show({ event: "ready", ...ready });
  }

  listens(): void {
    this.ui.setPrompt("Alice", "Alice");
    this.ui.listen({
      target: (command, ref) => void this.asked.push(JSON.stringify({ ...command, ref })),
      ended: () => void this.asked.push("ended"),
      interrupted: () => true,
    });
  }

  /** Answers what it was asked last. */
  answers(...said: readonly (readonly [text: string, sentAt: string])[]): void {
    const { ref, text: searched } = JSON.parse(this.asked.at(-1)!);
    const messages = said.map(([text, sentAt]) => {
      return { id: text, from: "Bob", shown: "Bob", key: "b", text, sentAt };
    });
    this.ui.show({ event: "history", messages, searched }, ref);
  }

  says(text: string, more: { readonly self?: true; readonly history?: true } = {}): void {
    const who = { from: "Bob", shown: "Bob", key: "b" };
    const said = { id: text, self: false, private: false, history: false, sentAt: "", ...more };
    this.ui.show({ event: "message", ...who, ...said, text });
  }
}

/** A console with one room that is ready, and what it shows. */
function opened(interactive = false, answerMsMax = 10_000) {
  const shown: string[] = [];
  let handler: InputHandler<MeshCommandSink> | null = null;
  let pausedBecause: string | null = null;
  const state = {
    prompt: "",
    progress: null as string | null,
    givenUp: 0,
    typed: "",
    noted: [] as string[],
  };
  const unused = () => {
    throw new Error("not for rooms");
  };
  const ui: MeshInterface = {
    heedInterrupts: () => {},
    isOfDoor: (ref) => ref?.startsWith("door") ?? false,
    listen: (given) => void (handler = given),
    show: (event, ref, place?: Place) => {
      const { room, label } = place ?? { room: "-", label: null };
      const what = "text" in event
        ? event.text
        : "number" in event
        ? event.number
        : event.event === "history"
        ? event.messages.map((message) => JSON.stringify(message)).join()
        : "";
      shown.push([event.event, what, room, label ?? ".", ref ?? "."].join(" "));
    },
    setPrompt: (text) => void (state.prompt = text),
    setNames: () => {},
    keepTyped: unused,
    setExpansion: unused,
    progress: (text) => void (state.progress = text),
    pauseInput: (reason) => void (pausedBecause = reason),
    giveUpWaiting: () => void state.givenUp++,
    ready: () => null,
    flush: () => Promise.resolve(),
    written: () => Promise.resolve(),
    attend: ({ title }) => void shown.push(`attend ${title}`),
    draft: interactive
      ? {
        take: () => {
          const { typed } = state;
          state.typed = "";
          return typed;
        },
        putBack: (text) => {
          if (state.typed !== "") return false;
          state.typed = text;
          return true;
        },
        setAside: (whose, kept) => {
          const text = kept ?? state.typed;
          if (kept === undefined) state.typed = "";
          if (text !== "") shown.push(`aside ${whose} ${text}`);
        },
      }
      : null,
    dialogue: null,
    interactive,
    outputError: null,
    close: unused,
  };
  let next: FakeRoom | null = null;
  const many: ManyRooms = {
    join(where, ref) {
      if (next === null) throw new P2pchatError("usage", `No ${where}`);
      const room = next;
      meshConsole.runFurther(ref, (ui) => room.begin(ui));
      return Promise.resolve();
    },
    note: () => void state.noted.push(meshConsole.current.room ?? "-"),
    noted: () => Promise.resolve(),
    search: (rooms, text, ref) => searchRooms(ui, rooms, text, ref, answerMsMax),
    list: (current) => Promise.resolve(void shown.push(`rooms, in ${current.room}`)),
  };
  const meshConsole: MeshConsole = new MeshConsole(ui, () => Promise.resolve(many));
  const home = new FakeRoom("aaaa");
  const end = meshConsole.run((ui) => home.begin(ui));
  home.ready();
  const type = (line: string) => {
    const parsed = meshCommands.parse(line, line.startsWith("{"));
    if (parsed.type === "refused") throw parsed.error;
    if (parsed.type !== "command") throw new Error(parsed.type);
    void parsed.run(handler!.target);
  };
  return {
    meshConsole,
    handler: () => handler!,
    home,
    end,
    state,
    type,
    leaves: (line: string) => meshCommands.leaves(line, handler!.target),
    paused: () => pausedBecause,
    taken: () => shown.splice(0),
    /** Joins a room, up to where it is to be ready. */
    async joins(room: FakeRoom, line = "/join somewhere"): Promise<FakeRoom> {
      next = room;
      type(line);
      await settled();
      next = null;
      return room;
    },
  };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

async function two(interactive = false, answerMsMax?: number) {
  const made = opened(interactive, answerMsMax);
  const club = await made.joins(new FakeRoom("bbbb", "Club"));
  club.ready();
  made.taken();
  return { ...made, club };
}

Deno.test("MeshConsole: rooms asked for in another room are listed with that one as the current one", async () => {
  const { type, taken } = await two();
  type("/rooms");
  type('{"command":"rooms","room":"aaaa"}');
  await settled();
  assertEquals(taken(), ["rooms, in bbbb", "rooms, in aaaa"]);
});

Deno.test("MeshConsole: one room is shown as it is, and told of no other", () => {
  const { home, state, type, taken, leaves } = opened();
  home.says("hi");
  type("hello");
  type("/part");
  assertEquals(taken(), ["ready  - . .", "message hi - . ."]);
  assertEquals(home.asked, ['{"command":"say","text":"hello"}', '{"command":"quit"}']);
  assertEquals([state.prompt, leaves("/part"), leaves("/leave"), leaves(":q")], [
    "Alice",
    true,
    true,
    true,
  ]);
});

Deno.test("MeshConsole: what is typed waits for the room that is joined, then goes there; others are marked", async () => {
  const { home, state, type, taken, paused, joins, leaves } = opened();
  const club = await joins(
    new FakeRoom("bbbb", "Club"),
    '{"command":"join","where":"somewhere","ref":"j"}',
  );
  assertEquals([paused(), state.prompt], ["joining the other room", "Alice #1"]);
  taken();
  club.ready();
  assertEquals([paused(), state.prompt], [null, "Alice #Club"]);
  home.says("from home");
  club.says("from the club");
  assertEquals(taken(), [
    "ready  bbbb . j",
    "room 2 bbbb . j",
    "message from home aaaa 1 .",
    "message from the club bbbb . .",
  ]);
  type("to the club");
  type("/room 1");
  club.says("meanwhile");
  type("to home");
  assertEquals([home.asked, club.asked], [
    ['{"command":"say","text":"to home"}'],
    ['{"command":"say","text":"to the club"}'],
  ]);
  assertEquals([state.prompt, leaves("/part"), leaves(":q")], ["Alice #1", false, true]);
  assertEquals(taken(), ["room 1 aaaa . .", "message meanwhile bbbb Club ."]);
});

Deno.test("MeshConsole: rooms of one title are told apart by their numbers, as long as both are there", async () => {
  const { club, state, type, taken, joins } = await two();
  assertEquals(state.prompt, "Alice #Club");
  const other = await joins(new FakeRoom("cccc", "club"));
  other.ready();
  taken();
  assertEquals(state.prompt, "Alice #club (3)");
  club.says("from the club");
  assertEquals(taken(), ["message from the club bbbb Club (2) ."]);
  type("/room 2");
  assertEquals(state.prompt, "Alice #Club (2)");
  assertThrows(
    () => type("/room club"),
    P2pchatError,
    'More than one of the rooms that you are in is "club": 2 (Club), 3 (club)',
  );
  other.ended.resolve(BYE);
  await settled();
  assertEquals(state.prompt, "Alice #Club");
  (await joins(new FakeRoom("dddd", 'Club <Bob> "yes'))).ready();
  assertEquals(state.prompt, `Alice #"Club <Bob> 'yes"`);
  (await joins(new FakeRoom("eeee", "1"))).ready();
  assertThrows(() => type("/room 9"), P2pchatError, `4 ("Club <Bob> 'yes"), 5 ("1")`);
});

Deno.test("MeshConsole: a room is named by number, title or the start of its id; objects name any by its id", async () => {
  const { home, club, type, taken, handler } = await two();
  for (const which of ["1", "#club", "aaaa", "CLUB", "2"]) type(`/room ${which}`);
  assertEquals(taken().map((line) => line.split(" ")[1]), ["1", "2", "1", "2", "2"]);
  for (const [which, shown] of [["3", "3"], ["aa", '"aa"'], ["garden", '"garden"']]) {
    const error = assertThrows(() => type(`/room ${which}`), P2pchatError);
    const text = `There is no room ${shown}; you are in 1, 2 (Club)`;
    assertEquals([error.code, error.message], ["usage", text]);
  }
  const alone = { number: 1, name: "1", room: "aaaa", open: null } as unknown as RoomInterface;
  assertEquals(
    assertThrows(() => namedRoom([alone], "#Klub"), P2pchatError).message,
    'There is no room "#Klub"; you are in one room, number 1',
  );
  const titled = (number: number, title: string) =>
    ({ number, name: title, room: "bbbb", open: { title } }) as unknown as RoomInterface;
  assertEquals(
    assertThrows(
      () => namedRoom([alone, titled(2, "Klub"), titled(3, "Klub")], "#Klub"),
      P2pchatError,
    ).message,
    'More than one of the rooms that you are in is "#Klub": 2 (Klub), 3 (Klub)',
  );
  type('{"command":"msg","text":"hi","room":"aaaa","ref":"r"}');
  assertEquals(home.asked, ['{"command":"say","text":"hi","ref":"r"}']);
  assertThrows(
    () => type('{"command":"msg","text":"hi","room":"cccc"}'),
    P2pchatError,
    "You aren't in that room",
  );
  assertThrows(() => type('{"command":"msg","text":"hi","room":1}'), P2pchatError, "a string");
  type('{"command":"room","n":"2","room":"cccc"}'); // about no room
  assertEquals(taken().map((line) => line.split(" ")[1]), ["2"]);
  type('{"command":"part","room":"aaaa"}');
  assertEquals([home.asked.at(-1), club.asked, taken()], ['{"command":"quit"}', [], []]);
  handler().goTo!(1);
  assertEquals(taken(), [], "it is being left");
});

Deno.test("MeshConsole: lines wait until the room that is ready takes them", async () => {
  const { joins, paused } = opened(true);
  const club = await joins(new FakeRoom("bbbb"));
  club.shows();
  assertEquals(paused(), "joining the other room");
  club.listens();
  assertEquals(paused(), null);
});

Deno.test("MeshConsole: a room that can't be left yet is left as soon as it can", async () => {
  const { joins, type, home } = opened();
  const club = await joins(new FakeRoom("bbbb", null, false));
  type(":q");
  assertEquals([home.asked, club.asked], [['{"command":"quit"}'], []]);
  club.heeds();
  assertEquals(club.asked, ["interrupt"]);
});

Deno.test("MeshConsole: how much came unseen is counted for each room, without one's own and earlier messages", async () => {
  const { home, club, type, meshConsole } = await two();
  home.says("one");
  home.says("mine", { self: true });
  home.says("earlier", { history: true });
  home.says("two");
  club.says("here");
  assertEquals(meshConsole.rooms.map(({ unseen }) => unseen), [2, 0]);
  type("/room 1");
  assertEquals(meshConsole.rooms.map(({ unseen }) => unseen), [0, 0]);
});

Deno.test("MeshConsole: who parts goes on in another room at once; the last one ends the program", async () => {
  const { home, club, end, type, taken, state, leaves } = await two();
  type("/part");
  type("to home");
  assertEquals([club.asked, home.asked], [['{"command":"quit"}'], [
    '{"command":"say","text":"to home"}',
  ]]);
  club.says("still there");
  club.ended.resolve(BYE);
  await settled();
  assertEquals(taken(), [
    "message still there bbbb Club .",
    "parted 2 bbbb . .",
    "room 1 aaaa . .",
  ]);
  assertEquals([state.prompt, leaves("/part")], ["Alice #1", true]);
  home.says("alone");
  assertEquals(taken(), ["message alone aaaa . ."], "scripts are told the room from now on");
  type("/part");
  home.ended.resolve({ ...BYE, ref: "p" });
  assertEquals(await end, { ...BYE, ref: "p" });
});

Deno.test("MeshConsole: a room that fails tells so, and leaves the others running", async () => {
  const { home, club, end, taken, type } = await two();
  club.ended.reject(new P2pchatError("disk", "It is full"));
  await settled();
  assertEquals(taken(), [
    "error It is full bbbb Club .",
    "parted 2 bbbb . .",
    "room 1 aaaa . .",
  ]);
  type("hello");
  assertEquals(home.asked, ['{"command":"say","text":"hello"}']);
  home.ended.reject(new P2pchatError("disk", "Full here, too"));
  assertEquals(await end.catch(({ message }) => message), "Full here, too");
});

Deno.test("MeshConsole: who is removed from one of several rooms is advised as /join has it, and of the last one as a start has it", async () => {
  const { home, club, end, taken } = await two();
  const removed = (how: string) => `Carol has removed you; found another room with ${how}`;
  club.ended.reject(new P2pchatError("kicked", removed("--new")));
  await settled();
  assertEquals(taken()[0], `error ${removed("/join --new")} bbbb Club .`);
  home.ended.reject(new P2pchatError("kicked", removed("--new")));
  assertEquals(await end.catch(({ message }) => message), removed("--new"));
});

Deno.test("MeshConsole: the first room may fail, too; no other room has its number soon", async () => {
  const { home, club, taken, joins, meshConsole } = await two();
  home.ended.reject(new P2pchatError("disk", "It is full"));
  await settled();
  assertEquals(taken(), ["error It is full aaaa 1 .", "parted 1 aaaa . ."]);
  (await joins(new FakeRoom("cccc"))).ready();
  assertEquals(meshConsole.rooms.map(({ number, room }) => [number, room]), [[2, "bbbb"], [
    3,
    "cccc",
  ]]);
  assertEquals(club.asked, []);
});

Deno.test("MeshConsole: a room that can't be joined leaves the user where they were, and takes nothing typed for it", async () => {
  const { home, type, taken, joins, paused, state } = opened();
  const club = await joins(new FakeRoom("bbbb"), '{"command":"join","where":"x","ref":"j"}');
  taken();
  club.ended.reject(new P2pchatError("unreachable", "Nobody listens"));
  await settled();
  assertEquals(taken(), ["error Nobody listens bbbb . j"]);
  assertEquals([paused(), state.prompt, state.givenUp], [null, "Alice", 1]);
  type("/join elsewhere");
  assertEquals(paused(), "joining the other room");
  await settled();
  assertEquals([taken(), paused(), state.givenUp], [["error No elsewhere - . ."], null, 2]);
  type("hello");
  assertEquals(home.asked, ['{"command":"say","text":"hello"}']);
});

Deno.test("MeshConsole: who leaves several rooms at a terminal is told that it is all of them", async () => {
  const { type, taken } = await two(true);
  type(":q");
  assertEquals(taken(), [
    "notice You leave #1 and #Club, and the program ends; /part leaves one room alone - . .",
  ]);
  const one = opened(true);
  one.taken();
  one.type(":q");
  const piped = await two();
  piped.type(":q");
  assertEquals([one.taken(), piped.taken()], [[], []]);
});

Deno.test("MeshConsole: what rooms say as all of them are left names each, also the one that the user is in", async () => {
  const text = "Not delivered: your last messages";
  const { type, home, club, taken } = await two(true);
  type(":q");
  taken();
  for (const room of [club, home]) room.ui.show({ event: "notice", text });
  assertEquals(taken(), [`notice ${text} bbbb Club .`, `notice ${text} aaaa 1 .`]);
  const one = opened(true);
  one.taken();
  one.type(":q");
  one.home.ui.show({ event: "notice", text });
  assertEquals(one.taken(), [`notice ${text} - . .`]);
});

Deno.test("MeshConsole: all rooms are left by a quit, an interrupt or the end of input", async () => {
  const all = [
    ({ type }: Awaited<ReturnType<typeof two>>) => type(":q"),
    ({ handler }: Awaited<ReturnType<typeof two>>) => void handler().interrupted("terminated"),
    ({ handler }: Awaited<ReturnType<typeof two>>) => handler().ended(),
  ];
  const asked = [];
  for (const leave of all) {
    const made = await two();
    leave(made);
    asked.push([made.home.asked, made.club.asked]);
    made.home.ended.resolve(BYE);
    made.club.ended.resolve({ ...BYE, ref: "last" });
    assertEquals([await made.end, made.taken()], [{ ...BYE, ref: "last" }, []]);
  }
  // The room that one is in ends first: nothing is said of another one, where nobody is going to be.
  const made = await two();
  made.handler().interrupted("terminated");
  made.club.ended.resolve(BYE);
  await Promise.resolve();
  made.home.ended.resolve(BYE);
  assertEquals([await made.end, made.taken()], [BYE, []]);
  assertEquals(asked, [
    [["interrupt"], ['{"command":"quit"}']],
    [["terminated"], ["terminated"]],
    [["ended"], ["ended"]],
  ]);
});

Deno.test("MeshConsole: at a terminal Ctrl+C withdraws a join, and nothing else; a room that isn't ready is left as well", async () => {
  const { home, joins, handler, taken, end } = opened(true);
  const club = await joins(new FakeRoom("bbbb"));
  taken();
  assertEquals(handler().interrupted("interrupt"), false);
  assertEquals([home.asked, club.asked], [[], ["interrupt"]]);
  club.ended.resolve(BYE);
  await settled();
  assertEquals(taken(), ["notice You haven't joined it bbbb . ."]);
  const other = await joins(new FakeRoom("cccc"));
  assertEquals(handler().interrupted("hangup"), true);
  assertEquals([home.asked, other.asked], [["hangup"], ["hangup"]]);
  taken();
  other.ended.resolve(BYE);
  await settled();
  assertEquals(taken(), []);
  home.ended.resolve(BYE);
  assertEquals(await end, BYE);
});

Deno.test("MeshConsole: a terminal waits for the room that the user is in, a script for each", async () => {
  for (const interactive of [true, false]) {
    const { home, club, paused, type } = await two(interactive);
    home.ui.pauseInput("the disk is slow");
    assertEquals(paused(), interactive ? null : "the disk is slow");
    type("/room 1");
    assertEquals(paused(), "the disk is slow");
    home.ui.pauseInput(null);
    club.ui.pauseInput("so is this one");
    assertEquals(paused(), interactive ? null : "so is this one");
  }
});

Deno.test("MeshConsole: progress and notifications say which other room they are about", async () => {
  const { home, club, state, taken } = await two();
  home.ui.progress("fetching");
  assertEquals(state.progress, "#1: fetching");
  club.ui.progress("here, too");
  assertEquals(state.progress, "here, too");
  home.ui.attend({ title: "Bob to you", body: "hi", isUrgent: false });
  assertEquals(taken(), ["attend Bob to you in #1"]);
});

Deno.test("MeshConsole: what was being typed for a room that ends is set aside, and what waits isn't said elsewhere", async () => {
  const { home, club, state, taken, handler } = await two(true);
  state.typed = "for the club";
  handler().goTo!(1);
  assertEquals(state.typed, "", "each room has its own line");
  state.typed = "for home";
  handler().goTo!(2);
  assertEquals([state.typed, state.givenUp], ["for the club", 2]);
  taken();
  club.ended.reject(new P2pchatError("kicked", "Carol removed you"));
  await settled();
  assertEquals(taken(), [
    "error Carol removed you bbbb Club .",
    "parted 2 bbbb . .",
    "aside #Club for the club",
    "room 1 aaaa . .",
  ]);
  assertEquals([state.typed, state.givenUp, home.asked], ["for home", 3, []]);
});

Deno.test("MeshConsole: the line of a room that ends while the user is in another one is set aside as well", async () => {
  const { club, state, taken, handler } = await two(true);
  state.typed = "for the club";
  handler().goTo!(1);
  state.typed = "for home";
  taken();
  club.ended.resolve({ ...BYE, reason: "removed" });
  await settled();
  assertEquals(taken(), ["parted 2 bbbb . .", "aside #Club for the club"]);
  assertEquals(state.typed, "for home");
});

Deno.test("MeshConsole: Alt+A goes through the rooms in which something is unseen, and says when there is none", async () => {
  const { home, club, state, taken, handler, joins } = await two(true);
  const garden = await joins(new FakeRoom("cccc", "Garden"));
  garden.ready();
  taken();
  handler().goToUnseen!();
  assertEquals(taken(), ["notice Nothing new in the other rooms - . ."]);
  home.says("one");
  club.says("two");
  state.typed = "for the garden";
  taken();
  handler().goToUnseen!();
  handler().goToUnseen!();
  handler().goToUnseen!();
  assertEquals(taken(), [
    "room 1 aaaa . .",
    "room 2 bbbb . .",
    "notice Nothing new in the other rooms - . .",
  ]);
  assertEquals(state.typed, "", "it stays where it was begun");
  handler().goTo!(3);
  assertEquals(state.typed, "for the garden");
});

Deno.test("MeshConsole: who is away is so in all rooms, also in those that come later, until they are back", async () => {
  const { home, club, type, joins, taken } = await two(true);
  type("/away lunch");
  const away = (text: string | null, ref?: string) =>
    JSON.stringify({ command: "presence", change: { away: text }, ref });
  assertEquals([home.asked, club.asked], [[away("lunch")], [away("lunch")]]);
  taken();
  const presence = {
    event: "presence",
    name: "Alice",
    key: "k",
    self: true,
    away: "lunch",
  } as const;
  for (const room of [home, club]) room.ui.show(presence);
  assertEquals(taken(), ["presence  bbbb . ."], "it is said once");
  const garden = await joins(new FakeRoom("cccc"));
  garden.ready();
  assertEquals(garden.asked, [away("lunch")]);
  type('{"command":"back","room":"aaaa","ref":"r"}');
  const answers = [home, club, garden].map(({ asked }) => asked.at(-1));
  assertEquals(answers, [away(null, "r"), away(null), away(null)]);
  const attic = await joins(new FakeRoom("dddd"));
  attic.ready();
  assertEquals(attic.asked, []);
});

Deno.test("MeshConsole: /search looks in all rooms, and its one answer says where each message is; what is typed next waits", async () => {
  const { home, club, type, taken, paused } = await two();
  type('{"command":"search","text":"dinner","ref":"s"}');
  await settled();
  assertEquals(paused(), "looking through all rooms");
  club.answers(["dinner in the club", "2026-01-02"]);
  home.answers(["dinner at home", "2026-01-01"], ["dinner again", "2026-01-03"]);
  assertEquals(taken(), []);
  await settled();
  const [answer, ...more] = taken();
  assertEquals([more, answer!.endsWith(" - . s"), paused()], [[], true, null]);
  const found = JSON.parse(`[${answer!.slice("history ".length, -" - . s".length)}]`);
  assertEquals(
    found.map(({ text, room, number, title }: Record<string, unknown>) => [
      ...[text, room, number, title],
    ]),
    [
      ["dinner at home", "aaaa", 1, null],
      ["dinner in the club", "bbbb", 2, "Club"],
      ["dinner again", "aaaa", 1, null],
    ],
  );
});

Deno.test("MeshConsole: a room that gives no answer to a search is named; what was found in others is shown", async () => {
  const { home, type, taken, paused } = await two(false, 0);
  type("/search dinner");
  await settled();
  home.answers();
  while (paused() !== null) await settled();
  assertEquals(taken(), [
    "notice #Club gave no answer; what is there wasn't looked through - . .",
    "history  - . .",
  ]);
});

Deno.test("MeshConsole: one room alone is searched where it is named, or is the only one", async () => {
  const { club, home, type, end } = await two();
  const search = (ref?: string) =>
    JSON.stringify({ command: "history", count: 20, text: "dinner", ref });
  type('{"command":"search","text":"dinner","room":"aaaa","ref":"s"}');
  assertEquals([home.asked, club.asked], [[search("s")], []]);
  type("/part");
  type("/search dinner");
  assertEquals(home.asked, [search("s"), search()]);
  club.ended.resolve(BYE);
  home.ended.resolve(BYE);
  await end;
});

Deno.test("MeshConsole: a terminal says that /history with a name or text is about one room", async () => {
  const { type, taken } = await two(true);
  type("/history 5");
  type("/history /dinner/");
  type("/history Bob");
  assertEquals(taken(), [
    "notice This is of #Club alone; /search looks in all your rooms - . .",
    "notice This is of #Club alone; /room N goes to another one - . .",
  ]);
});

Deno.test("MeshConsole: in which room the user is, is noted whenever that changes, and not while leaving", async () => {
  const { club, home, type, state, handler, end } = await two(true);
  await settled();
  state.noted.length = 0;
  handler().goTo!(1);
  type("/room 2");
  await settled();
  assertEquals(state.noted.at(-1), "bbbb");
  type("/part");
  await settled();
  assertEquals(state.noted.at(-1), "aaaa");
  const { length } = state.noted;
  type(":q");
  club.ended.resolve(BYE);
  home.ended.resolve(BYE);
  await end;
  assertEquals(state.noted.length, length);
});

Deno.test("MeshConsole: with one room Alt+A does nothing", () => {
  const { taken, handler } = opened(true);
  taken();
  handler().goToUnseen!();
  assertEquals(taken(), []);
});

Deno.test("MeshConsole: what is typed behind /room goes there, and what was begun there comes back later", async () => {
  const { state, type, handler } = await two(true);
  state.typed = "for the club";
  handler().goTo!(1);
  state.typed = "for both?";
  type("/room 2");
  assertEquals(state.typed, "for both?");
  state.typed = "";
  type("/room 1");
  type("/room 2");
  assertEquals(state.typed, "for the club");
});

Deno.test("MeshConsole: what is being typed for a room that isn't come into is set aside", async () => {
  const { state, joins, taken, type } = opened(true);
  const club = await joins(new FakeRoom("bbbb"));
  state.typed = "for the club";
  taken();
  club.ended.reject(new P2pchatError("unreachable", "Nobody listens"));
  await settled();
  assertEquals(taken(), ["error Nobody listens bbbb . .", "aside the other room for the club"]);
  type("/join elsewhere");
  state.typed = "for elsewhere";
  await settled();
  assertEquals(taken(), ["aside the other room for elsewhere", "error No elsewhere - . ."]);
});

Deno.test("MeshConsole: what is asked at a door leaves the console in its room, with what is typed for it", async () => {
  const { home, club, type, state, taken, joins } = await two(true);
  state.typed = "for the club";
  type('{"command":"room","n":"1","ref":"door r"}');
  assertEquals(taken(), ["room 1 aaaa 1 door r"]);
  const join = '{"command":"join","where":"somewhere","ref":"door j"}';
  const work = await joins(new FakeRoom("cccc", "Work"), join);
  work.ready();
  assertEquals(taken(), ["ready  cccc Work door j", "room 3 cccc Work door j"]);
  const lost = await joins(new FakeRoom("dddd"), join);
  lost.ended.reject(new P2pchatError("unreachable", "Nobody listens"));
  await settled();
  assertEquals(taken(), ["error Nobody listens dddd . door j"]);
  type("to the club");
  assertEquals(
    [state.prompt, state.typed, state.givenUp, club.asked],
    ["Alice #Club", "for the club", 0, ['{"command":"say","text":"to the club"}']],
  );
  type('{"command":"part","room":"bbbb","ref":"door p"}');
  club.ended.resolve(BYE);
  await settled();
  assertEquals(taken(), ["aside #Club for the club", "parted 2 bbbb . .", "room 1 aaaa . ."]);
  assertEquals([state.prompt, home.asked], ["Alice #1", []]);
});

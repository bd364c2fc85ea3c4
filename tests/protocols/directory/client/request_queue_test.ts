import { assert, assertEquals } from "@std/assert";
import { RequestQueue } from "../../../../lib/protocols/directory/client/request_queue.ts";
import {
  ASKED_BYTES_MAX,
  ENTER_MS_MAX,
  OTHERS_MS_MAX,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import type { DirectoryMessageOf } from "../../../../lib/protocols/directory/schema/messages.ts";
import {
  ANN,
  callId,
  ClientProgram,
  DIRECTORY,
  FIRST_OWN,
  LOG_IN,
  partOutput,
} from "../client_program.ts";

function broadcasts(program: ClientProgram): readonly DirectoryMessageOf<"broadcast">[] {
  return program.sent.flatMap(({ message }) => message.type === "broadcast" ? [message] : []);
}

function taken(program: ClientProgram, number: number): readonly string[] {
  const own = broadcasts(program).at(-1)!.own;
  return program.says({ type: "broadcast-taken", own, number });
}

function tells(program: ClientProgram, text: string, ref?: string): readonly string[] {
  return program.types({ command: "broadcast", text }, ref);
}

Deno.test("telling all: one after the other, and whom it reached is told under its number", () => {
  const program = ClientProgram.in();

  assertEquals(tells(program, "one", "a"), ["to directory: broadcast own=1 text=one"]);
  assertEquals(tells(program, "two", "b"), []);
  assertEquals(taken(program, 7), ["to directory: broadcast own=2 text=two"]);
  assertEquals(taken(program, 8), []);

  assertEquals(program.says({ type: "broadcast-sent", number: 8, reached: 3 }), [
    'broadcast-sent id=8 reached=3 text=two start="two" ref=b',
  ]);
  assertEquals(program.says({ type: "broadcast-sent", number: 7, reached: 0 }), [
    'broadcast-sent id=7 reached=0 text=one start="one" ref=a',
  ]);
});

Deno.test("telling all: whom it reached is told also where we come in anew meanwhile", () => {
  const program = ClientProgram.in();
  tells(program, "one", "a");
  taken(program, 7);
  program.directoryDown();
  program.after(5_000);
  program.directoryUp();
  program.entered();

  assertEquals(program.says({ type: "broadcast-sent", number: 7, reached: 3 }), [
    "broadcast-sent id=7 reached=3 text=one ref=a",
  ]);
});

Deno.test("telling all: what is refused is said of the one that it was, and the next follows", () => {
  const program = ClientProgram.in();
  tells(program, "one", "a");
  tells(program, "two", "b");

  assertEquals(program.refuses("disk"), [
    `error code=disk text="one" wasn't sent. The directory's disk refuses to write unsent=true ref=a`,
    "to directory: broadcast own=2 text=two",
  ]);
});

Deno.test("telling all: what comes too fast isn't sent before the directory takes it, and refused at once", () => {
  const program = ClientProgram.in();
  for (const ref of ["a", "b", "c"]) tells(program, "x", ref);
  const old = "longenough";
  program.types({ command: "passwd", old, new: "longer than before" }, "d");

  assertEquals(program.refuses("too-fast", 30_000), [
    `error code=too-fast text="x" wasn't sent. The directory has had too many requests; try again in 30 s ref=a`,
    `error code=too-fast text="x" wasn't sent. The directory has had too many requests; try again in 30 s ref=b`,
    `error code=too-fast text="x" wasn't sent. The directory has had too many requests; try again in 30 s ref=c`,
    `to directory: change-password old=${old} new=longer than before`,
  ]);
  assertEquals(program.refuses("locked-out", 90_000), [
    "error code=locked-out text=Too many wrong passwords; try again in 60 s ref=d",
  ]);
  program.after(29_999);
  assertEquals(tells(program, "x"), [
    `error code=too-fast text="x" wasn't sent. The directory has had too many requests; try again in 1 s`,
  ]);
  program.after(1);
  assertEquals(tells(program, "x").length, 1);
  taken(program, 1);
  assertEquals(
    program.types({ command: "forget-me", password: old }),
    ["error code=locked-out text=Too many wrong passwords; try again in 30 s"],
  );
  program.after(30_000);
  const words = program.types({ command: "forget-me", password: old });
  assertEquals(words, [`to directory: forget-me password=${old}`], "it waits a minute at most");
});

Deno.test("telling all: a directory that is met anew is asked", () => {
  const program = ClientProgram.in();
  tells(program, "x");
  program.refuses("too-fast", 30_000);
  program.directoryDown();
  program.after(1_000);
  program.directoryUp();
  program.entered();

  assertEquals(tells(program, "y"), ["to directory: broadcast own=2 text=y"]);
});

Deno.test("telling all: while the directory is away it waits, and what wasn't taken is told again as the same one", () => {
  const program = ClientProgram.in();
  tells(program, "one");
  program.directoryDown();
  assertEquals(tells(program, "two"), []);
  assert(program.types({ command: "status" })[0]?.includes("unsent=2"));
  program.after(1_000);
  program.directoryUp();
  program.entered();
  taken(program, 1);

  assertEquals(broadcasts(program).map(({ own, text }) => `${own - FIRST_OWN + 1} ${text}`), [
    "1 one",
    "1 one",
    "2 two",
  ]);
});

/** Ann was here with bob and eve, has told all while the directory was away, and is back before them. */
function backFirst(): ClientProgram {
  const program = ClientProgram.in();
  program.directoryDown();
  tells(program, "one");
  program.after(1_000);
  program.directoryUp();
  program.entered({}, ["ann"]);
  return program;
}

/** Ann was here with bob and eve, and has told all as her link broke; she is back. */
function backWithOneUnderWay(there: readonly string[]): ClientProgram {
  const program = ClientProgram.in();
  tells(program, "one", "a");
  program.directoryDown();
  program.after(1_000);
  program.directoryUp();
  program.entered({}, there);
  return program;
}

Deno.test("telling all: that it is taken may be said before it is sent again, and is its answer", () => {
  const program = backWithOneUnderWay(["ann"]);
  tells(program, "two");
  assertEquals(broadcasts(program).length, 1, "it waits for bob and eve");

  assertEquals(taken(program, 7), []);
  assertEquals(program.says({ type: "broadcast-sent", number: 7, reached: 2 }), [
    'broadcast-sent id=7 reached=2 text=one start="one" ref=a',
  ]);
  program.after(5_000);
  assertEquals(broadcasts(program).map(({ text }) => text), ["one", "two"]);
});

Deno.test("telling all: that another program of this device's was taken isn't taken for an answer", () => {
  const program = ClientProgram.in();
  const old = "longenough";
  program.types({ command: "passwd", old, new: "longer than before" }, "p");
  assertEquals(program.says({ type: "broadcast-taken", own: FIRST_OWN, number: 7 }), []);
  assertEquals(program.says({ type: "done" }), ["password-changed ref=p"]);
});

Deno.test("telling all: what was kept waits 5 s at most, and not where its sender leaves", () => {
  const [staying, leaving] = [backFirst(), backFirst()];

  staying.after(4_999);
  assertEquals(broadcasts(staying), []);
  assertEquals(tells(staying, "two"), []);
  staying.after(1);
  taken(staying, 1);
  leaving.types({ command: "quit" });

  assertEquals(broadcasts(staying).map(({ text }) => text), ["one", "two"]);
  assertEquals(broadcasts(leaving).map(({ text }) => text), ["one"]);
});

Deno.test("telling all: at a terminal each text that waits is told, and which one was sent", () => {
  const program = ClientProgram.in({ config: { isInteractive: true } });
  program.directoryDown();
  assertEquals(tells(program, "one").length, 1);
  assertEquals(tells(program, "two"), [
    "notice text=This one waits, too: 2 wait for the directory",
  ]);
});

Deno.test("telling all: what waits is bounded, and the input pauses before", () => {
  const program = ClientProgram.in();
  program.directoryDown();

  assertEquals(tells(program, "x"), [
    "notice text=Your broadcast waits for the directory, for as long as this program runs",
  ]);
  for (let n = 1; n < 50; n++) assertEquals(tells(program, "x"), []);
  assertEquals(tells(program, "x"), ["input waiting for the directory"]);
  for (let n = 51; n < 100; n++) tells(program, "x");
  assertEquals(tells(program, "x")[0]?.split(" ")[1], "code=full");
});

/** What `errors` say of Ann's first broadcast, which may have been taken, and of her second. */
const GIVEN_UP = [
  `error code=in-doubt text=It isn't known whether "one" was sent: you aren't logged in any more ref=a`,
  `error code=not-logged-in text="two" wasn't sent: you aren't logged in any more ref=b`,
];

function errors(words: readonly string[]): readonly string[] {
  return words.filter((word) => word.startsWith("error"));
}

for (const because of ["replaced", "kicked", "forgotten"] as const) {
  Deno.test(`telling all: what waits as the program is ${because} is told of, one by one`, () => {
    const [up, down] = [ClientProgram.in(), ClientProgram.in()];
    for (const program of [up, down]) {
      tells(program, "one", "a");
      tells(program, "two", "b");
    }
    down.directoryDown();
    down.after(1_000);
    down.directoryUp();

    for (const program of [up, down]) {
      const words = program.says({ type: "dismissed", because, text: "", retryMs: 0 });
      assertEquals(errors(words), GIVEN_UP);
      assert(words.at(-1)?.startsWith("fatal"), words.at(-1));
    }
  });
}

Deno.test("telling all: what was kept is told of where its sender isn't let in any more", () => {
  const program = ClientProgram.in();
  tells(program, "one", "a");
  program.directoryDown();
  tells(program, "two", "b");
  program.after(1_000);
  program.directoryUp();

  assertEquals(errors(program.refuses("bad-credentials")), GIVEN_UP);
});

Deno.test("telling all: what waits is told of at once where the program goes on for a call alone", () => {
  const program = ClientProgram.in();
  program.types({ command: "call", name: "bob" });
  program.meet();
  program.hears(program.linkUp().link, { type: "talk", call: callId(1) });
  for (let n = 0; n < 51; n++) tells(program, "x", "a");

  const words = program.says({ type: "dismissed", because: "replaced", text: "", retryMs: 0 });

  assertEquals(errors(words).length, 51);
  assertEquals(words.at(-1), "input goes on");
});

Deno.test("telling all: empty, too long, not allowed, not logged in", () => {
  const program = ClientProgram.in();
  const mute = ClientProgram.linked();
  assertEquals(tells(mute, "x")[0]?.split(" ")[1], "code=not-logged-in");
  mute.feed({ type: "enter", entry: LOG_IN });
  mute.entered({ mayBroadcast: false });

  assertEquals(tells(program, ""), []);
  assertEquals(tells(program, "x".repeat(65_537))[0]?.split(" ")[1], "code=too-long");
  assertEquals(tells(mute, "x")[0]?.split(" ")[1], "code=not-allowed");
  assertEquals(broadcasts(program), []);
});

Deno.test("the password: it is changed when the directory says so", () => {
  const program = ClientProgram.in();

  assertEquals(
    program.types({ command: "passwd", old: "longenough", new: "better than that" }, "p"),
    ["to directory: change-password old=longenough new=better than that"],
  );
  assertEquals(program.says({ type: "done" }), ["password-changed ref=p"]);
});

Deno.test("the password: a weak one isn't sent, a guest has none, nothing is asked of a directory that is away", () => {
  const guest = ClientProgram.linked();
  guest.feed({ type: "enter", entry: { ...LOG_IN, how: "guest", password: "" } });
  guest.entered({ guest: true });
  const apart = ClientProgram.in();
  apart.directoryDown();
  const change = (program: ClientProgram, fresh: string) =>
    program.types({ command: "passwd", old: "longenough", new: fresh })[0]?.split(" ")[1];

  assertEquals(change(ClientProgram.in(), "1234567"), "code=weak-password");
  assertEquals(change(guest, "better than that"), "code=not-logged-in");
  assertEquals(change(apart, "better than that"), "code=not-logged-in");
});

Deno.test("the password: a directory that goes before it answers leaves it in doubt", () => {
  const program = ClientProgram.in();
  program.types({ command: "passwd", old: "longenough", new: "better than that" }, "p");

  const words = program.directoryDown();

  assert(words[1]?.startsWith("error code=in-doubt") && words[1].endsWith("ref=p"), words[1]);
});

Deno.test("the account: it is removed when the directory says so, and the program ends", () => {
  const program = ClientProgram.in();

  assertEquals(program.types({ command: "forget-me", password: "longenough" }, "f"), [
    "to directory: forget-me password=longenough",
  ]);
  tells(program, "two", "b");
  assertEquals(program.says({ type: "dismissed", because: "forgotten", text: "", retryMs: 0 }), [
    "close directory",
    "notice text=The account ann is removed ref=f",
    `error code=not-logged-in text="two" wasn't sent: you aren't logged in any more ref=b`,
    "bye forgotten",
  ]);
});

Deno.test("the account: a wrong password removes nothing; the operator may remove it", () => {
  const program = ClientProgram.in();
  program.types({ command: "forget-me", password: "wrong word" }, "f");

  assertEquals(program.refuses("bad-credentials"), [
    "error code=bad-credentials text=Wrong password ref=f",
  ]);
  assertEquals(
    program.says({ type: "dismissed", because: "forgotten", text: "", retryMs: 0 }).at(-1),
    "fatal not-logged-in",
  );
});

Deno.test("asking: a directory that answers nothing for a minute is come to again", () => {
  const program = ClientProgram.in();
  tells(program, "one");

  assertEquals(program.after(59_999), []);
  assertEquals(program.after(1)[0], "close directory");
});

// The queue alone.

function queue() {
  const output = partOutput();
  const around = { isUp: true, online: 3 };
  const told: string[] = [];
  let own = 0;
  const requests = new RequestQueue({
    out: output.out,
    session: {
      get isUp() {
        return around.isUp;
      },
      name: "ann",
      peer: DIRECTORY,
      tell: (message) => {
        const which = message.type === "broadcast" ? ` ${message.own} ${message.text}` : "";
        told.push(message.type + which);
      },
      giveUp: () => void told.push("unanswered"),
    },
    lobby: {
      get size() {
        return around.online;
      },
    },
    log: { nextOwn: () => ++own },
    signer: ANN,
    wallMs: () => 0,
  });
  const taken = (own: number) => requests.message({ type: "broadcast-taken", own, number: own });
  const goes = () => {
    around.isUp = false;
    requests.left();
    around.online = 0;
  };
  const returns = (online: number) => {
    Object.assign(around, { isUp: true, online });
    requests.entered();
    return told.splice(0);
  };
  return { output, requests, around, told: () => told.splice(0), taken, goes, returns };
}

Deno.test("RequestQueue: one at a time, in order, and what the directory has not taken goes out again as the same one", () => {
  const { requests, told, taken, goes, returns } = queue();
  for (const text of ["one", "two", "three"]) requests.broadcast(text, undefined);
  assertEquals(told(), ["broadcast 1 one"]);
  taken(1);
  assertEquals(told(), ["broadcast 2 two"]);

  goes();
  assertEquals(returns(3), ["broadcast 2 two"]);
  assertEquals([taken(1), told(), taken(2), told()], [true, [], true, ["broadcast 3 three"]]);
});

Deno.test("RequestQueue: what was kept waits a moment for those who were there", () => {
  const { output, requests, around, told, goes, returns } = queue();
  goes();
  requests.broadcast("one", undefined);
  assertEquals(returns(1), []);
  around.online = 2;
  requests.othersCame();
  assertEquals(told(), []);
  around.online = 3;
  requests.othersCame();
  assertEquals(told(), ["broadcast 1 one"]);

  goes();
  assertEquals(returns(1), []);
  output.pass(OTHERS_MS_MAX);
  requests.deadlines.tick(output.out.nowMs);
  assertEquals(told(), ["broadcast 1 one"]);
});

Deno.test("RequestQueue: so many bytes wait, too; nothing more is taken then, and nothing sent without an answer", () => {
  const { output, requests, told } = queue();
  const text = "x".repeat(65_536);
  for (let n = 0; requests.fill < 1; n++) requests.broadcast(text, undefined);
  assertEquals([requests.size, told().length], [ASKED_BYTES_MAX / text.length, 1]);
  assertEquals(output.words(), ["writes said"]);
  requests.broadcast("one more", "r");
  assertEquals(output.words(), [
    `error code=full text=Nothing was sent: ${requests.size} requests wait for the directory ref=r`,
  ]);

  output.pass(ENTER_MS_MAX);
  requests.deadlines.tick(output.out.nowMs);
  assertEquals(told(), ["unanswered"]);
});

Deno.test("RequestQueue: an answer to what wasn't asked is none", () => {
  const { requests } = queue();
  const answers = () => [
    requests.message({ type: "done" }),
    requests.message({ type: "refused", code: "disk", text: "", retryMs: 0 }),
  ];
  assertEquals(answers(), [false, false]);
  requests.broadcast("one", undefined);
  assertEquals(answers(), [false, true]);
});

Deno.test("telling all: while the directory's engine doesn't answer, broadcasts wait, and go out in order, once", () => {
  const program = ClientProgram.in();
  tells(program, "one", "a");
  tells(program, "two", "b");

  assertEquals(program.refuses("engine", 1_000), [
    "notice text=The directory's engine doesn't answer: your broadcasts wait until it does",
  ]);
  assertEquals(program.after(999), []);
  assertEquals(program.after(1), ["to directory: broadcast own=1 text=one"]);
  assertEquals(program.refuses("engine", 1_000), [], "told once");
  program.after(1_000);
  assertEquals(taken(program, 7), ["to directory: broadcast own=2 text=two"]);
  taken(program, 8);
  assertEquals(
    broadcasts(program).map(({ own }) => own - FIRST_OWN),
    [0, 0, 0, 1],
  );
});

Deno.test("the password: a directory whose engine doesn't answer leaves it in doubt", () => {
  const program = ClientProgram.in();
  program.types({ command: "passwd", old: "longenough", new: "long enough, too" }, "p");

  const why = "the directory's engine doesn't answer; log in to see";
  assertEquals(program.refuses("engine", 1_000), [
    `error code=in-doubt text=It isn't known whether your password was changed: ${why} ref=p`,
  ]);
});

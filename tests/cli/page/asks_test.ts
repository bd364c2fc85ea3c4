import { assert, assertEquals } from "@std/assert";
import { after, AT, NOW_MS, pageOf } from "./events_given.ts";
import { type Any, page } from "./page_modules.ts";

const { excerptsOf, inPlace, isShort, isSteady, mainPlace, meant, standing } = page;

function asked(...edits: readonly number[]): Any {
  const state = pageOf("group", [
    { event: "ready", command: "member", name: "Alice", host: "h", port: 1, key: "a" },
    ...edits.map((edit) => {
      const vote = { event: "vote-wanted", edit, seq: 3, by: "Bob", old: "a", new: "b" };
      return { ...vote, deadline: "2026-11-27T13:00:00.000Z", at: AT };
    }),
  ]);
  const votes = ["go", "abort"].map((name) => ({ name, aliases: [], form: "[EDIT]" }));
  return { ...state, commands: [...state.commands, ...votes] };
}

function answered(state: Any, text: string, begunMs: number, nowMs: number): Any {
  return meant(state, mainPlace(state), text, { begunMs, nowMs });
}

Deno.test("page: new questions come above those that stand there already", () => {
  assertEquals(inPlace([], ["a", "b"]), ["a", "b"]);
  assertEquals(inPlace(["a", "b"], ["a", "b", "c", "d"]), ["c", "d", "a", "b"]);
  assertEquals(inPlace(["c", "a", "b"], ["b", "c", "d"]), ["d", "c", "b"]);
});

Deno.test("page: a press counts for what has stood in its place for a second", () => {
  let stands = standing(new Map(), new Map([["a", 500]]), 0);
  assertEquals([999, 1_000].map((nowMs) => isSteady(stands, "a", nowMs)), [false, true]);

  // Another one comes above it, and goes.
  stands = standing(stands, new Map([["a", 500], ["b", 400]]), 5_000);
  assertEquals(["a", "b"].map((key) => isSteady(stands, key, 5_000)), [true, false]);
  stands = standing(stands, new Map([["b", 500]]), 7_000);
  assertEquals([7_000, 7_999, 8_000].map((nowMs) => isSteady(stands, "b", nowMs)), [
    false,
    false,
    true,
  ]);
  assert(!isSteady(stands, "a", 99_000), "it is gone");

  // By little and little it is another place as well.
  for (let px = 1; px <= 5; px++) {
    stands = standing(stands, new Map([["b", 500 + px]]), 9_000 + px);
  }
  assert(!isSteady(stands, "b", 9_100));
});

Deno.test("page: what the user scrolls stays what may be pressed, and what others move doesn't", () => {
  let stands = standing(new Map(), new Map([["a", 500]]), 0);
  stands = standing(stands, new Map([["a", 300], ["b", 400]]), 2_000, true);
  assertEquals(["a", "b"].map((key) => isSteady(stands, key, 2_000)), [true, true]);
  stands = standing(stands, new Map([["a", 300], ["b", 350]]), 3_000);
  assertEquals(["a", "b"].map((key) => isSteady(stands, key, 3_000)), [true, false]);
  // Scrolling makes nothing steady that has just come.
  stands = standing(stands, new Map([["b", 300]]), 3_500, true);
  assertEquals([3_999, 4_000].map((nowMs) => isSteady(stands, "b", nowMs)), [false, true]);
});

Deno.test("page: an answer that is typed names the edit that it is for", () => {
  const late = NOW_MS + 5_000;
  for (const text of ["y", "yes", "go", "/go", "Y "]) {
    assertEquals(answered(asked(7), text, late, late), { command: { command: "go", edit: 7 } });
  }
  for (const text of ["n", "no", "abort", "/abort"]) {
    assertEquals(answered(asked(7), text, late, late).command, { command: "abort", edit: 7 });
  }
  assertEquals(answered(asked(7), "/go 7", NOW_MS - 1, NOW_MS), { line: "/go 7" });
  assertEquals(answered(asked(7, 8), "y", late, late), {
    error: "2 edits wait for your vote: /go 7, /go 8",
  });
  assertEquals(answered(asked(), "/go", late, late).error, "No edit waits for your vote.");
});

Deno.test("page: what was begun before a question, or entered just behind it, answers something else", () => {
  for (const [text, form] of [["y", "/go 7"], ["/go", "/go 7"], ["no", "/abort 7"]] as const) {
    assertEquals(
      answered(asked(7), text, NOW_MS - 1, NOW_MS + 9_000).error,
      "Nothing was done: you were asked about edit 7 after you began that line; " +
        `if you mean that one, ${form}`,
    );
    assertEquals(
      answered(asked(7), text, NOW_MS, NOW_MS + 1_999).error,
      "Nothing was done: you were asked only just now: read what it is about, then answer again.",
    );
    assertEquals(answered(asked(7), text, NOW_MS, NOW_MS + 2_000).error, undefined);
  }
});

function called(): Any {
  const state = pageOf("directory", [
    { event: "session", state: "up", name: "Alice", guest: false },
    { event: "incoming", call: "c", from: "bob", key: "b", guest: false, verified: false },
  ]);
  const answers = [["accept", "y"], ["decline", "n"]].map(([name, alias]) => (
    { name, aliases: [alias], form: "", help: "", example: "" }
  ));
  return { ...state, commands: [...state.commands, ...answers] };
}

Deno.test("page: an answer to a call is for the caller that one had seen when one began to type", () => {
  const late = NOW_MS + 5_000;
  for (const text of ["y", "Yes", "/accept", "/y"]) {
    assertEquals(answered(called(), text, late, late), {
      command: { command: "accept", name: "bob" },
    });
    assertEquals(
      answered(called(), text, NOW_MS - 1, late).error,
      "Nothing was done: you were asked about a call of bob after you began that line; " +
        "if you mean that one, /accept bob",
    );
  }
  for (const text of ["n", "no", "/decline", "/n"]) {
    assertEquals(answered(called(), text, late, late), { command: { command: "decline" } });
    assertEquals(
      answered(called(), `${text} at lunch`, late, late).command,
      { command: "decline", reason: "at lunch" },
    );
    assertEquals(
      answered(called(), `${text} at lunch`, NOW_MS - 1, late).error,
      "Nothing was done: you were asked about a call of bob after you began that line; " +
        "for that one press Decline",
    );
  }
  for (const text of ["y", "/accept", "n", "/decline", "no way"]) {
    assertEquals(
      answered(called(), text, NOW_MS, NOW_MS + 1_999).error,
      "Nothing was done: you were asked only just now: read what it is about, then answer again.",
    );
    assertEquals(answered(called(), text, NOW_MS, NOW_MS + 2_000).error, undefined);
    // Whoever was calling has given up.
    assertEquals(
      answered({ ...called(), call: null }, text, late, late),
      { error: "Nothing was done: nobody is calling you." },
    );
  }
  assertEquals(answered(called(), "/accept bob", NOW_MS - 1, NOW_MS), { line: "/accept bob" });
});

Deno.test("page: a call is answered in the conversation with the caller as in the lobby", () => {
  const state = called();
  const place = { ...mainPlace(state), id: "c", type: "call", person: "bob", parent: "main" };
  const late = NOW_MS + 5_000;
  const typed = (text: string, begunMs = late, nowMs = late, where = place) =>
    meant(state, where, text, { begunMs, nowMs });
  assertEquals(typed("y"), { command: { command: "accept", name: "bob" } });
  assertEquals(typed("no, later").error, "Not sent: bob is calling: y accepts, n declines.");
  assertEquals(typed("n later").command, { command: "decline", reason: "later" });
  assertEquals(
    typed("y", NOW_MS, NOW_MS + 1_999).error,
    "Nothing was done: you were asked only just now: read what it is about, then answer again.",
  );
  assertEquals(
    typed("y", late, late, { ...place, person: "carol" }).error,
    "Not sent: there is no call with carol now. Call again to say it.",
  );
});

Deno.test("page: a file that was offered just now is fetched by y, as at the console, and is said of no other", () => {
  const offer = (file: number, more = {}) => ({
    ...{ event: "offer", file, id: `f${file}`, from: "bob", key: "b", self: false, name: "a.txt" },
    ...{ size: 1, room: "r1", ...more },
  });
  const offered = (...offers: Any[]) =>
    pageOf("mesh", [
      { event: "ready", command: "mesh", name: "Alice", key: "a", room: "r1" },
      ...offers,
    ]);
  const late = NOW_MS + 5_000;
  const get = { command: "get", n: 2, room: "r1" };
  assertEquals(answered(offered(offer(2)), "y", late, late), { command: get });
  const cancel = { command: "cancel", n: 2, room: "r1" };
  assertEquals(answered(offered(offer(2)), "n", late, late), { command: cancel });
  assertEquals(
    answered(offered(offer(2)), "y", NOW_MS - 1, late).error,
    "Nothing was done: you were asked about file 2 after you began that line; if you mean that one, /get 2",
  );
  assertEquals(
    answered(offered(offer(2)), "y", NOW_MS, NOW_MS + 1_999).error,
    "Nothing was done: you were asked only just now: read what it is about, then answer again.",
  );
  assertEquals(
    answered(offered(offer(2), offer(3)), "y", late, late).error,
    "Nothing was done: 2 files are offered here: /get 2, /get 3",
  );
  assertEquals(
    answered(offered(offer(2), offer(3)), "n", late, late).error,
    "Nothing was done: 2 files are offered here: /cancel 2, /cancel 3",
  );
  const declined = {
    ...{ event: "transfer", file: 2, room: "r1", state: "cancelled", reason: "declined" },
  };
  for (
    const [text, state, nowMs] of [
      ["yes", offered(offer(2)), late],
      ["y", offered(offer(2)), NOW_MS + 120_000],
      ["y", offered(offer(2, { history: true })), late],
      ["y", offered(offer(2, { taken: true })), late],
      ["y", offered(offer(2, { unfetchable: true })), late],
      ["y", offered(offer(2, { self: true })), late],
      ["y", offered(offer(2), { event: "transfer", file: 2, room: "r1", state: "done" }), late],
      ["y", offered(offer(2), declined), late],
    ]
  ) {
    assertEquals(answered(state, text, nowMs, nowMs).command.command, "msg");
  }
});

Deno.test("page: of two different questions an answer says how each is answered", () => {
  const offer = { event: "offer", file: 2, id: "f2", from: "bob", key: "b", self: false };
  const state = after(called(), [{ ...offer, name: "a.txt", size: 1 }]);
  const place = [...state.places.values()].find(({ type }: Any) => type === "call");
  const late = NOW_MS + 5_000;
  assertEquals(meant(state, place, "y", { begunMs: late, nowMs: late }), {
    error: "Nothing was done: more than one thing is asked here: /accept, /get 2",
  });
});

Deno.test("page: of long texts a question shows the beginning of what differs, and what is around it", () => {
  const same = "x y ".repeat(10_000);
  assert(isShort("a".repeat(2_000)) && !isShort(same));
  const [one, other] = excerptsOf(`${same}nine ${same}`, `${same}ten ${same}`);
  const [before, after] = [same.slice(-300), same.slice(0, 299)];
  assertEquals(one, `\u2026${before}nine ${after}\u2026`.replace("nine  ", "nine "));
  assertEquals(other.length, one.length - 1);

  const smile = "\u{1f600}";
  const [start, wide] = excerptsOf(smile.repeat(20_000), `a${smile.repeat(20_000)}`);
  assert(start.isWellFormed() && wide.isWellFormed());
  const [short, long] = excerptsOf("a", "b".repeat(60_000));
  assertEquals([short, long], ["a", `${"b".repeat(2_000)}\u2026`]);
});

Deno.test("page: of many questions the first few are named, as the message box stays in view below", () => {
  const late = NOW_MS + 5_000;
  assertEquals(
    answered(asked(1, 2, 3, 4, 5, 6), "y", late, late).error,
    "6 edits wait for your vote: /go 1, /go 2, /go 3, /go 4, /go 5 and so on",
  );
});

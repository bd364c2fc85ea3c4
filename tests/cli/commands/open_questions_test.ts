import { assert, assertEquals, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import {
  type Answer,
  type Begun,
  isAnswer,
  OpenQuestions,
  READING_MS_MIN as READ,
} from "../../../lib/cli/commands/open_questions.ts";
import type { Fields } from "../../../lib/cli/commands/question_kinds.ts";
import { Random } from "../../sim/random.ts";

function vote(edit: number, by = "alice"): Fields {
  const deadline = new Date(30_000).toISOString();
  return { event: "vote-wanted", edit, seq: 43, by, old: "a", new: "b", deadline };
}

const offer = (file: number): Fields => ({
  ...{ event: "offer", file, id: `o${file}`, from: "Bob", key: "bobskey", self: false },
});

const said = (from: string): Fields => ({ event: "message", from, text: "y/n?", self: false });

const rest = (folds: readonly number[]) => `first ${folds.map((fold) => `/show ${fold}`).join()}`;

/** A terminal, unless it is said otherwise, at which `asked` was shown at 0. */
function asking(asked: readonly Fields[], hasPrompt = true) {
  const questions = new OpenQuestions();
  const view = questions.view({ hasPrompt, rest });
  const shows = (fields: Fields, nowMs: number, folds: readonly number[] = []) => {
    // As where one room is open.
    const place = fields["event"] === "message" ? undefined : { room: "R", label: null };
    questions.happened(fields, place, nowMs, nowMs);
    const parts = function* () {
      yield "";
      for (const fold of folds) view.folds(fold);
    };
    for (const _ of view.showing(fields, parts(), () => nowMs));
  };
  for (const fields of asked) shows(fields, 0);
  const ran = (line: string, begun: Begun, nowMs: number) =>
    told(questions.answer(line, begun, nowMs));
  const refused = (line: string, begun: Begun, nowMs: number, why: string) =>
    assertThrows(() => questions.answer(line, begun, nowMs), P2pchatError, why);
  return { questions, view, shows, ran, refused };
}

function told(answer: Answer | null): string | null {
  if (answer === null) return null;
  return `${answer.run?.command} ${Object.values(answer.run?.texts ?? {})}`;
}

Deno.test("y answers what the prompt showed when the line was begun", () => {
  const { view, shows, ran, refused } = asking([vote(7), vote(8)]);
  assertEquals(view.prompt(READ), " (edit 7: y/n; 1 more)");
  assertEquals(ran("y", view.begins(READ), READ), "go 7");
  assertEquals([view.prompt(READ), ran(" y", view.begins(READ), READ)], [" (edit 8: y/n)", null]);
  const begun = view.begins(2 * READ);
  assertEquals(ran("N ", begun, 2 * READ), "abort 8");
  assertEquals([view.prompt(READ), ran("y", view.begins(READ), READ)], ["", null], "it is said");
  refused("y", begun, READ, "Nothing was done: that question is over; y after a blank says it");
  const before = view.begins(READ);
  shows(offer(3), READ);
  refused("y", before, 2 * READ, "you began that line; /get 3 answers, y after a blank says it");
  refused("n", before, 2 * READ, "/cancel 3 answers");
  assertEquals(ran("yes, fine", before, 2 * READ), null);
  assertEquals(["y", "N", "n\t", "yes", " y", "yy"].filter(isAnswer), ["y", "N", "n\t"]);
});

Deno.test("y answers no other question than was seen: the first that waits is so for two seconds", () => {
  const just = "too soon after the question; /go 8 answers";
  const over = (fields: Fields) => {
    const { shows, view, refused, ran } = asking([vote(7), vote(8)]);
    shows(fields, 2 * READ);
    refused("y", view.begins(3 * READ - 1), 3 * READ - 1, just);
    assertEquals(ran("y", view.begins(3 * READ), 3 * READ), "go 8");
  };
  over({ event: "edit", edit: 7, outcome: "aborted", by: "alice" });
  over(vote(7)); // another with its number
  const twice = asking([vote(7), vote(8)]);
  assertEquals(twice.ran("y", twice.view.begins(READ), READ), "go 7");
  twice.refused("y", twice.view.begins(READ), READ, just);
  const late = asking([{ ...vote(7), deadline: new Date(2 * READ).toISOString() }, vote(8)]);
  late.refused("y", late.view.begins(2 * READ), 2 * READ, just);
});

Deno.test("what was asked just now, or is followed by other words of whoever asks, isn't answered by y", () => {
  const { view, questions, shows, ran, refused } = asking([vote(7)]);
  const just = "too soon after the question; /go 7 answers";
  refused("y", view.begins(READ - 1), READ - 1, just);
  refused("y", view.begins(READ - 1), 2 * READ, just); // it waited until it was run
  shows(said("carol"), READ);
  shows({ ...said("alice"), history: true }, READ);
  const begun = view.begins(READ);
  shows(said("alice"), READ);
  assertEquals(view.prompt(READ), " (edit 7: /go 7)");
  refused("y", begun, READ, "alice has written or asked since; /go 7 answers");
  for (const [outcome, isSaid] of [["aborted", false], ["committed", true]] as const) {
    const other = asking([vote(7)]);
    other.shows({ event: "edit", edit: 6, by: "alice", text: "Coming? y/n", outcome }, READ);
    const begun = other.view.begins(READ);
    if (isSaid) other.refused("y", begun, READ, "alice has written or asked since");
    else assertEquals(other.ran("y", begun, READ), "go 7");
  }
  refused("y", view.begins(2 * READ), 2 * READ, "alice has written or asked since");
  questions.check({ command: "go", texts: { edit: "7" } }, begun, true)();
  assertEquals(ran("y", view.begins(READ), READ), null);
  shows(vote(7), READ); // anew
  assertEquals(ran("y", view.begins(2 * READ), 2 * READ), "go 7");
});

Deno.test("where no prompt shows the question, nobody may have said or asked anything since", () => {
  const { view, shows, refused, ran } = asking([vote(7)], false);
  const two = asking([vote(7), vote(8)], false);
  const others = "others have written or asked since; /go 7 answers";
  two.refused("y", two.view.begins(READ), READ, others);
  shows(said("carol"), READ);
  refused("y", view.begins(READ), READ, others);
  shows({ event: "edit", edit: 7 }, READ);
  refused("y", view.begins(READ), READ, "that question is over");
  assertEquals(ran("y", view.begins(READ), READ), null);
});

Deno.test("nobody agrees to what wasn't shown in full, by whichever command, at that door", () => {
  const { questions, view, shows, ran, refused } = asking([]);
  shows(vote(7), 0, [4, 5]);
  const go = { command: "go", texts: { edit: "7" } };
  const check = (begun: Begun, given: Fields = {}) => () =>
    questions.check({ ...go, texts: { ...go.texts, ...given } as never }, begun, true);
  const first = view.begins(READ);
  refused("y", first, READ, "Nothing was done: first /show 4,/show 5; y after a blank says it");
  assertThrows(check(first), P2pchatError, "Nothing was done: first /show 4,/show 5");
  assertThrows(check(first, { edit: undefined }), P2pchatError, "/show 4,/show 5");
  questions.check({ command: "abort", texts: { edit: "7" } }, first, true);
  const zeros = check(first, { edit: "007" });
  assertThrows(zeros, P2pchatError, "/show 4", "it is the same number");
  view.unfolds(4, READ);
  view.unfolds(6, READ);
  assertThrows(check(first), P2pchatError, "first /show 5");
  view.unfolds(5, READ);
  check(first)();
  refused("y", view.begins(2 * READ - 1), 2 * READ - 1, "too soon");
  const toEnd = () => "read it to its end";
  const page = questions.view({ hasPrompt: true, isNeverSaid: true, rest: toEnd });
  assertThrows(check(page.unbegun), P2pchatError, "read it to its end");
  assertEquals(page.prompt(READ), "");
  refused("y", page.unbegun, READ, "that question is over");
  assertEquals(ran("y", view.begins(2 * READ), 2 * READ), "go 7");
});

Deno.test("a command that names nothing means what was asked when its line was begun", () => {
  const incoming = { event: "incoming", call: "c1", from: "bob", key: "k" };
  const { questions, view, shows, refused } = asking([]);
  const begun = view.begins(0);
  shows(incoming, 0);
  assertEquals(view.prompt(0), " (bob is calling: y/n)");
  const accept = (texts: Record<string, string>, isTyped = true) => () =>
    questions.check({ command: "accept", texts }, begun, isTyped);
  assertThrows(accept({}), P2pchatError, "asked after you began that line; /accept bob answers");
  const { message } = refused("y", begun, 0, "Nothing was done: you were asked after");
  assertEquals(message.split("; ")[1], "/accept bob answers", "in the lobby nothing is said");
  for (const run of [accept({ name: "bob" }), accept({}, false)]) run();
  questions.check({ command: "cancel", texts: {} }, begun, true)();
  assertEquals(view.prompt(0), " (bob is calling: y/n)", "that withdraws a call of one's own");
  const irc = asking([vote(7)], false);
  const go = () => irc.questions.check({ command: "go", texts: {} }, irc.view.begins(1), true);
  assertThrows(go, P2pchatError, "too soon after the question; /go 7 answers");
});

Deno.test("who used a word code is verified by y, unless that one has said something since", () => {
  const used = { event: "code-used", code: 7, name: "Bob", key: "k" };
  const { questions, view, shows, ran, refused } = asking([used]);
  assertEquals(view.prompt(0), " (code 7: y/n)");
  assertEquals(ran("n", view.begins(READ), READ), "verify Bob,no");
  shows({ ...used, key: "k2" }, 0);
  shows(said("Bob"), 0);
  const spoke = "Bob has written or asked since; /verify Bob yes answers";
  refused("y", view.begins(READ), READ, spoke);
  const offered = asking([used, { ...offer(3), key: "k" }]); // of which y means what was asked last
  offered.refused("y", offered.view.begins(READ), READ, spoke);
  shows({ event: "verify", name: "Bob", key: "k2", answer: "yes" }, 0);
  assertEquals(questions.waiting(0), []);
});

Deno.test("each file that was dropped is asked about, by its name", () => {
  const dropped = (name: string) => ({ event: "dropped", path: `/tmp/${name}`, name, size: 1 });
  const { view, ran } = asking([dropped("a.txt"), dropped("b.txt")]);
  assertEquals(view.prompt(READ), " (send a.txt: y/n; 1 more)");
  assertEquals(ran("y", view.begins(READ), READ), "send /tmp/a.txt");
});

Deno.test("no number of offers ends a vote", () => {
  const { view } = asking([vote(7), ...Array.from({ length: 2_048 }, (_, file) => offer(file))]);
  assertEquals(view.prompt(0), " (edit 7: y/n; 2047 more)");
});

Deno.test("a question closes with its time, in the prompt; a command is checked all the same", () => {
  const { questions, view, shows, refused } = asking([offer(3)]);
  assertEquals(questions.nextDeadlineMs(0), 120_000);
  refused("y", view.begins(119_999), 120_000, "that question is over");
  assertEquals([questions.nextDeadlineMs(120_000), view.prompt(120_000)], [null, ""]);
  shows(vote(7), 0, [1]);
  const go = () => questions.check({ command: "go", texts: { edit: "7" } }, view.unbegun, true);
  assertThrows(go, P2pchatError, "/show 1");
  shows({ event: "transfer", id: "o3", file: 3, state: "started" }, 0);
  assertEquals(questions.find("offer o3"), null);
});

Deno.test("whatever happens: y is taken only where all rules hold, and one begun before is never said", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const draw = (bound: number) => random.below(bound);
    const { questions, view, shows } = asking([]);
    /** By edit: when it was shown, whether its asker spoke since, whether it is open. */
    const model = new Map<number, { atMs: number; isTalkedOver: boolean; isOpen: boolean }>();
    let [nowMs, begun, seen, begunMs, firstMs] = [0, view.begins(0), 0, 0, 0];
    const firstOpen = () => [...model].find(([, { isOpen }]) => isOpen)?.[0] ?? 0;
    for (let step = 0; step < 60; step++) {
      nowMs += draw(1_000);
      const edit = 1 + draw(3);
      const first = firstOpen();
      switch (draw(5)) {
        case 0:
          model.delete(edit);
          model.set(edit, { atMs: nowMs, isTalkedOver: false, isOpen: true });
          shows({ ...vote(edit, `m${edit}`), deadline: new Date(1e9).toISOString() }, nowMs);
          if (seen === edit) seen = -1;
          break;
        case 1:
          model.delete(edit);
          if (seen === edit) seen = -1;
          shows({ event: "edit", edit }, nowMs);
          break;
        case 2: {
          const of = model.get(edit);
          if (of !== undefined) of.isTalkedOver = true;
          shows(said(`m${edit}`), nowMs);
          break;
        }
        case 3:
          [begun, seen, begunMs] = [view.begins(nowMs), first, nowMs];
          break;
        case 4: {
          const of = model.get(seen);
          const isRead = Math.min(begunMs - (of?.atMs ?? 0), begunMs - firstMs) >= READ;
          const isTaken = of?.isOpen === true && !of.isTalkedOver && isRead;
          let answer: string | null;
          try {
            answer = told(questions.answer("y", begun, nowMs));
          } catch (error) {
            assert(error instanceof P2pchatError);
            answer = "refused";
          }
          const expected = isTaken ? `go ${seen}` : seen === 0 && first === 0 ? null : "refused";
          assertEquals(answer, expected, `seed ${seed}, step ${step}`);
          if (isTaken) of.isOpen = false;
        }
      }
      if (firstOpen() !== first) firstMs = nowMs;
    }
  }
});

Deno.test("what is typed means the question of the room that it goes to, and the prompt says how another one's is answered", () => {
  const questions = new OpenQuestions();
  const view = questions.view({ hasPrompt: true, rest });
  const rooms = [{ room: "R1", label: "1" as string | null }, { room: "R2", label: null }];
  const happened = (fields: Fields, at: number) => questions.happened(fields, rooms[at], 0, 0);
  happened(offer(1), 0);
  view.shows("offer o1", 0);
  const get = { command: "get", texts: { n: "1" } };
  questions.check(get, view.begins(READ), true)();
  assertEquals(view.prompt(READ), " (#1 file 1: y/n)", "it was another room's file");
  const pipe = questions.view({ hasPrompt: false, rest });
  pipe.shows("offer o1", 0);
  const other = () => questions.answer("y", pipe.begins(READ), READ);
  assertThrows(other, P2pchatError, "asked in another room; /room 1, then /get 1 answers");
  happened({ ...said("Bob"), history: true }, 0); // it is shown since, whenever it was said
  assertEquals(view.prompt(READ), " (#1 file 1: /room 1, then /get 1)");
  rooms[0]!.label = null;
  assertEquals(view.prompt(READ), " (file 1: /get 1)");
  rooms[0]!.label = "1";
  questions.check(get, view.begins(READ), false, "R1")();
  assertEquals(view.prompt(READ), "");

  const ends: readonly Fields[] = [
    { event: "removed", key: "bobskey" },
    { event: "verify", key: "bobskey", answer: "no" },
    { event: "notice", ignored: "bobskey" },
    { event: "parted" },
  ];
  let prompt = "";
  questions.follow(() => prompt = view.prompt(READ));
  for (const end of ends) {
    happened(offer(2), 0);
    view.shows("offer o2", 0);
    happened({ ...end, ...("key" in end ? { key: "annskey" } : {}), ignored: "annskey" }, 1);
    happened({ event: "removed", key: "bobskey" }, 1);
    assertEquals(prompt, " (#1 file 2: y/n)", "it is somebody else's, or another room");
    happened(end, 0);
    assertEquals(prompt, "", String(end["event"]));
  }
});

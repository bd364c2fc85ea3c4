/**
 * Each row of the tables "An edit" in docs/group-crashes.md: a program is killed right after an effect of an edit
 * that one member requests, another one agrees to, and two more vote on. All promises are checked throughout; in the
 * end all are one group, and the edit is in all logs or in none, as the row says.
 */

import { assert, assertEquals } from "@std/assert";
import { EDITS_MAX } from "../../lib/protocols/group/schema/limits.ts";
import { amount } from "../given.ts";
import type { AskedEdit } from "./group/edit_ledger.ts";
import { HEARD_MS, type Kill, Stage } from "./group/stage.ts";

const SEEDS = [1, 2, 3].slice(0, amount(1, 3));
const MEMBERS = 4;
/** The time to notice a lost link or an unanswered dial, for a round, and for a question. */
const DOWN_MS_MAX = 10_000;

/** Numbers of the members, by role. */
const SEQUENCER = 1;
const REQUESTER = 2;
const AUTHOR = 3;
const ANOTHER = 4;
type Who = "C" | number;

/** The number of the author's entry. */
const SEQ = 3;

type Outcome = "committed" | "aborted" | "either" | "never heard of";

/** The answer of the author's user; null: none. */
type Answer = "go" | "abort" | null;

function play(name: string, scene: (stage: Stage) => void): void {
  Deno.test(`an edit, ${name}`, () => {
    for (const seed of SEEDS) {
      try {
        scene(Stage.of(seed, MEMBERS, MEMBERS));
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  });
}

function answers(stage: Stage, answer: Answer): void {
  stage.world.voteWanted = (process, { edit, new: text }) => {
    if (answer === null) return;
    stage.world.time.after(1, () => {
      if (!process.gone) stage.world.vote(process, edit, text, answer === "go");
    });
  };
}

/** The number of logs that contain the edit. */
function logs(stage: Stage, { seq, text }: AskedEdit): number {
  return stage.world.members.filter(({ disk }) => disk.log?.look(seq, null)?.text === text).length;
}

/** Brings everybody back, and checks the outcome, and that everybody who had the edit's number was told. */
function ends(stage: Stage, asked: AskedEdit, outcome: Outcome): void {
  stage.unite();
  const count = logs(stage, asked);
  const expected = outcome === "either" ? [0, MEMBERS] : [outcome === "committed" ? MEMBERS : 0];
  assert(expected.includes(count), `it is in ${count} logs`);
  if (outcome === "never heard of") assertEquals([asked.edit, asked.outcome], [null, null]);
  else if (outcome === "aborted") assertEquals(asked.outcome, "aborted");
  // Nothing is locked any more: another edit succeeds.
  answers(stage, "go");
  const next = stage.edit(REQUESTER, SEQ);
  stage.until("another edit is in all logs", () => logs(stage, next) === MEMBERS);
}

interface Row {
  readonly who: Who;
  readonly effect: string;
  readonly having?: string;
  readonly answer?: Answer;
  /** The outcomes after a kill, and after a loss of power at its host, in which sent messages still arrive. */
  readonly killed: Outcome;
  readonly powerLost: Outcome;
}

/** Substrings of the JSON of effects. */
const COMMITS = '"kind":"edits"';
const COMMITTED = '"outcome":"committed"';
const ABORTED = '"outcome":"aborted"';

const ROWS: readonly Row[] = [
  // The coordinator. If it is killed alone, messages that it has sent may be lost.
  { who: "C", effect: "disk edits", killed: "committed", powerLost: "committed" },
  { who: "C", effect: "send edit-accepted", killed: "either", powerLost: "aborted" },
  { who: "C", effect: "send prepare", killed: "either", powerLost: "either" },
  { who: "C", effect: "disk committed", killed: "committed", powerLost: "committed" },
  { who: "C", effect: "send committed", killed: "committed", powerLost: "committed" },
  { who: "C", effect: "show", having: '"committed"', killed: "committed", powerLost: "committed" },
  { who: "C", effect: "disk applied", killed: "committed", powerLost: "committed" },
  { who: "C", effect: "disk aborted", answer: "abort", killed: "aborted", powerLost: "aborted" },
  { who: "C", effect: "send aborted", answer: "abort", killed: "aborted", powerLost: "aborted" },
  // The requester.
  { who: REQUESTER, effect: "send edit", killed: "never heard of", powerLost: "never heard of" },
  { who: REQUESTER, effect: "disk asked", killed: "aborted", powerLost: "aborted" },
  {
    who: REQUESTER,
    effect: "show",
    having: "edit-started",
    killed: "either",
    powerLost: "either",
  },
  { who: REQUESTER, effect: "disk prepared", killed: "aborted", powerLost: "aborted" },
  { who: REQUESTER, effect: "send vote", killed: "either", powerLost: "committed" },
  {
    who: REQUESTER,
    effect: "show",
    having: COMMITTED,
    killed: "committed",
    powerLost: "committed",
  },
  {
    who: REQUESTER,
    effect: "show",
    having: ABORTED,
    answer: "abort",
    killed: "aborted",
    powerLost: "aborted",
  },
  { who: REQUESTER, effect: "disk settled", killed: "committed", powerLost: "committed" },
  // The author, whose user is asked.
  {
    who: AUTHOR,
    effect: "show",
    having: "vote-wanted",
    answer: null,
    killed: "aborted",
    powerLost: "aborted",
  },
  { who: AUTHOR, effect: "disk prepared", killed: "committed", powerLost: "committed" },
  { who: AUTHOR, effect: "send vote", killed: "committed", powerLost: "committed" },
  { who: AUTHOR, effect: "send vote", answer: "abort", killed: "aborted", powerLost: "aborted" },
  // Another member, which votes.
  { who: ANOTHER, effect: "disk prepared", killed: "committed", powerLost: "committed" },
  { who: ANOTHER, effect: "send vote", killed: "committed", powerLost: "committed" },
  {
    who: ANOTHER,
    effect: "disk held",
    having: COMMITS,
    killed: "committed",
    powerLost: "committed",
  },
  {
    who: ANOTHER,
    effect: "disk log",
    having: COMMITS,
    killed: "committed",
    powerLost: "committed",
  },
  { who: ANOTHER, effect: "send applied", killed: "committed", powerLost: "committed" },
  // The sequencer.
  {
    who: SEQUENCER,
    effect: "tell data",
    having: COMMITS,
    killed: "committed",
    powerLost: "committed",
  },
  { who: SEQUENCER, effect: "tell order", killed: "committed", powerLost: "committed" },
  {
    who: SEQUENCER,
    effect: "disk held",
    having: COMMITS,
    killed: "committed",
    powerLost: "committed",
  },
  {
    who: SEQUENCER,
    effect: "disk log",
    having: COMMITS,
    killed: "committed",
    powerLost: "committed",
  },
  { who: SEQUENCER, effect: "send applied", killed: "committed", powerLost: "committed" },
];

function nameOf(who: Who): string {
  switch (who) {
    case "C":
      return "the coordinator";
    case SEQUENCER:
      return "the sequencer";
    case REQUESTER:
      return "who asks";
    case AUTHOR:
      return "who is asked";
    default:
      return "another one";
  }
}

for (const { who, effect, having = "", answer = "go", killed, powerLost } of ROWS) {
  for (const power of [false, true]) {
    const about = having === "" ? "" : ` of ${having.replaceAll('"', "")}`;
    const end = power ? "loses power" : "is killed";
    play(`${nameOf(who)} ${end} after ${effect}${about}`, (stage) => {
      answers(stage, answer);
      let asked: AskedEdit | null = null;
      const kill: Kill = { power, having };
      stage.killAt(who, effect, () => asked = stage.edit(REQUESTER, SEQ), kill);
      ends(stage, asked!, power ? powerLost : killed);
    });
  }
}

/** All hosts lose power right after this effect of the coordinator. */
function allLosePower(stage: Stage, effect: string): AskedEdit {
  answers(stage, "go");
  let asked: AskedEdit | null = null;
  stage.at("C", effect, "", () => asked = stage.edit(REQUESTER, SEQ), () => {
    for (const who of ["C", 1, 2, 3, 4] as const) stage.kill(who, { power: true });
  });
  return asked!;
}

play("all lose power after send prepare", (stage) => {
  // The records that the number was based on weren't synced, or the number never arrived.
  ends(stage, allLosePower(stage, "send prepare"), "never heard of");
});

play("all lose power after disk committed", (stage) => {
  ends(stage, allLosePower(stage, "disk committed"), "committed");
});

play("all lose power after send committed", (stage) => {
  ends(stage, allLosePower(stage, "send committed"), "committed");
});

play(
  "the coordinator is gone after disk committed: all wait, in doubt, and chat goes on",
  (stage) => {
    answers(stage, "go");
    let asked: AskedEdit | null = null;
    stage.killAt("C", "disk committed", () => asked = stage.edit(REQUESTER, SEQ), { power: true });
    stage.pass(DOWN_MS_MAX);
    const text = stage.say(ANOTHER);
    const other = stage.edit(ANOTHER, 1);
    stage.pass(2 * DOWN_MS_MAX);
    assert([1, 2, 3, 4].every((number) => stage.hasShown(number, text)));
    assertEquals(logs(stage, asked!), 0);
    assertEquals(stage.locks(), [[SEQ], [SEQ], [SEQ], [SEQ]]);
    assertEquals([asked!.outcome, other.edit, other.outcome], [null, null, null]);
    stage.startCoordinator();
    stage.until("both are in all logs", () => logs(stage, asked!) + logs(stage, other) === 8);
    ends(stage, asked!, "committed");
  },
);

play("the coordinator is gone while one is asked: that one refuses, and it is over", (stage) => {
  answers(stage, null);
  let asked: AskedEdit | null = null;
  stage.at(AUTHOR, "show", "vote-wanted", () => asked = stage.edit(REQUESTER, SEQ), () => {});
  stage.pass(HEARD_MS * 4);
  stage.kill("C");
  stage.until("who asks is told", () => asked!.outcome !== null);
  assertEquals(asked!.outcome, "aborted");
  stage.until("nothing is locked", () => stage.locks().flat().length === 0);
  ends(stage, asked!, "aborted");
});

play(
  "the coordinator is gone after one heard the decision: the others have it from that one",
  (stage) => {
    answers(stage, "go");
    let asked: AskedEdit | null = null;
    // The links to the other members are cut just before.
    stage.at("C", "disk committed", "", () => asked = stage.edit(REQUESTER, SEQ), () => {
      stage.cut("tcp", [0, 1], [0, 2], [0, 3]);
    });
    stage.pass(HEARD_MS);
    stage.kill("C", { power: true });
    stage.until("it is in all logs", () => logs(stage, asked!) === MEMBERS);
    stage.cut("tcp");
    ends(stage, asked!, "committed");
  },
);

play(
  "the coordinator is killed after disk aborted, having told nothing: who asked is told the number and the outcome beside the next edit of the entry",
  (stage) => {
    answers(stage, null);
    const { coordinator } = stage.world;
    // Only such a process writes on while an earlier write isn't synced.
    while (!coordinator.process!.isEager) {
      stage.kill("C");
      stage.startCoordinator();
      stage.unite();
    }
    // Its disk writes, and never says that it has synced: all that it would tell waits for that.
    coordinator.disk.sync = () => {};
    const asked = stage.edit(REQUESTER, SEQ);
    stage.until("it is aborted on disk", () => stage.hasRecord("C", "aborted"));
    stage.kill("C");
    Reflect.deleteProperty(coordinator.disk, "sync");
    stage.pass(DOWN_MS_MAX);
    assertEquals([asked.edit, asked.outcome], [null, null]);

    stage.cut("tcp", [0, REQUESTER]);
    stage.startCoordinator();
    const other = stage.edit(ANOTHER, SEQ);
    stage.until("the next one is accepted", () => other.edit !== null);
    stage.cut("tcp");
    stage.until("who asked is told", () => asked.outcome !== null);
    assertEquals([asked.edit, asked.outcome], [1, "aborted"]);
    assertEquals([other.edit, other.outcome], [1 + EDITS_MAX, null]);
    ends(stage, asked, "aborted");
  },
);

// E5.

Deno.test("an edit is made in a group of one", () => {
  for (const seed of SEEDS) {
    const stage = Stage.of(seed, 1, 1);
    const asked = stage.edit(1, 1);
    stage.until("it is told", () => asked.outcome !== null);
    assertEquals([asked.outcome, logs(stage, asked)], ["committed", 1]);
    stage.unite();
  }
});

play("without the coordinator, waits for it, while what is said goes on", (stage) => {
  answers(stage, "go");
  stage.kill("C");
  stage.pass(DOWN_MS_MAX);
  const asked = stage.edit(REQUESTER, SEQ);
  const text = stage.say(ANOTHER);
  stage.pass(6 * DOWN_MS_MAX);
  assert(stage.hasShown(REQUESTER, text));
  assertEquals([asked.edit, asked.outcome, logs(stage, asked)], [null, null, 0]);

  stage.startCoordinator();
  stage.until("it is told", () => asked.outcome !== null);
  assertEquals(asked.outcome, "committed");
  ends(stage, asked, "committed");
});

import { assert, assertEquals } from "@std/assert";
import type { LinkId } from "../../../../lib/base/ids.ts";
import { Attendance, expected } from "../../../../lib/protocols/group/detector/attendance.ts";
import { type Ballot, NO_BALLOT } from "../../../../lib/protocols/group/schema/epoch.ts";
import { CoordinatorOutput } from "../../../../lib/protocols/group/schema/coordinator_output.ts";
import type { GroupMessageOf } from "../../../../lib/protocols/group/schema/messages.ts";
import type { EntryPoint } from "../../../../lib/protocols/group/schema/cut.ts";
import type { CoordinatorEvent } from "../../../../lib/protocols/group/schema/events.ts";
import { GlobalStates } from "../../../../lib/protocols/group/states/global_states.ts";
import { Views } from "../../../../lib/protocols/group/detector/views.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { GROUP, keyOf, type Name, Program } from "../coordinator_program.ts";

type State = GroupMessageOf<"state">;

/** Where the history is at a number of entries; `other`: of another history. */
function point(seq: number, other = ""): EntryPoint {
  const digest = `${other}${seq.toString(16)}`.padStart(64, "0") as EntryPoint["digest"];
  return { seq, position: seq, digest };
}

function stateAt(end: EntryPoint, ballot: Ballot): State {
  const { seq: after } = end;
  return { type: "state", ballot, end, at: 0, locks: [], points: [], after, arrivals: [] };
}

function says(program: Program, name: Name, end: EntryPoint, changes: Partial<State> = {}): void {
  program.says(name, { ...stateAt(end, program.somebody(name).begun), ...changes });
}

/** What was shown since it was looked at last. */
function shown(program: Program, event: CoordinatorEvent["event"]): readonly CoordinatorEvent[] {
  return program.events.splice(0).filter((one) => one.event === event);
}

function consistent(program: Program): readonly number[] {
  return shown(program, "consistent").map((event) => event.event === "consistent" ? event.seq : 0);
}

function states(program: Program, seq: number | null = null) {
  program.command({ command: "states", seq });
  const event = program.events.at(-1)!;
  if (event.event !== "states") throw new Error("no states");
  return event;
}

function groupOf(...names: readonly Name[]): Program {
  const program = Program.of(...names);
  program.events.length = 0;
  return program;
}

Deno.test("A state is shared when all members of the view have said it", () => {
  const program = groupOf("ann", "bob");

  says(program, "ann", point(3));
  assertEquals(consistent(program), []);
  says(program, "bob", point(3));

  assertEquals(shown(program, "consistent"), [
    { event: "consistent", seq: 3, digest: point(3).digest },
  ]);
});

Deno.test("A state is shared that one said as an end, and another as one of several it had passed", () => {
  const program = groupOf("ann", "bob");
  says(program, "ann", point(3));
  says(program, "ann", point(9), { points: [point(5), point(7)] });

  says(program, "bob", point(8), { points: [point(4), point(7)] });

  assertEquals(consistent(program), [7]);
});

Deno.test("What was shared once isn't shared less when somebody's log begins anew", () => {
  const program = groupOf("ann", "bob");
  says(program, "ann", point(3));
  says(program, "ann", point(9));
  says(program, "bob", point(9));
  assertEquals(consistent(program), [9]);
  program.pass(1_000);

  says(program, "bob", point(3));
  program.pass(1_000);

  assertEquals(consistent(program), []);
});

Deno.test("One position with two digests is shared by nobody, and told of once", () => {
  const program = groupOf("ann", "bob");
  says(program, "ann", point(3));

  says(program, "bob", point(3, "f"));
  says(program, "bob", point(3, "f"));

  assertEquals(
    program.events.map((event) => event.event === "notice" ? event.text : event.event),
    ["The logs of bob and ann differ at entry 3 or before: /recover NAME makes the member with the damaged log fetch it again"],
  );
  const { members } = states(program);
  assertEquals(members.map(({ name, differs }) => [name, differs]), [
    ["ann", ["bob"]],
    ["bob", ["ann"]],
  ]);
});

Deno.test("Who differs no more, having fetched its log anew, isn't said to", () => {
  const program = groupOf("ann", "bob");
  says(program, "ann", point(3));
  says(program, "bob", point(3, "f"));

  says(program, "bob", point(0));
  says(program, "bob", point(3));

  assertEquals(states(program).members.map(({ differs }) => differs), [undefined, undefined]);
  assertEquals(consistent(program).at(-1), 3);
});

Deno.test("Whoever is in no epoch may set its log aside yet: it isn't said to differ", () => {
  const program = groupOf("ann");
  const none = { ballot: { number: 0, round: 0 } };
  program.comes("bob");
  program.comes("cem");

  says(program, "ann", point(3));
  says(program, "bob", point(3, "b"), none);
  says(program, "cem", point(3, "c"), none);

  assertEquals(shown(program, "notice"), []);
});

Deno.test("Logs are compared when both are said in one epoch: before it another one may have been set aside", () => {
  const program = groupOf("ann", "bob");
  says(program, "ann", point(3));
  program.joins("cem");

  says(program, "bob", point(3, "b"));
  assertEquals(shown(program, "notice"), []);
  says(program, "ann", point(4), { points: [point(3)] });

  assertEquals(shown(program, "notice").length, 1);
  assertEquals(states(program).members.map(({ differs }) => differs), [
    ["bob"],
    ["ann"],
    undefined,
  ]);
});

/** What was said of logs that differ, since it was looked at last. */
function differences(program: Program): readonly string[] {
  return shown(program, "notice").map((event) => event.event === "notice" ? event.text : "");
}

Deno.test("A pair is told of once in a view, whatever the two say of their logs and epochs", () => {
  const program = groupOf("ann", "bob");
  says(program, "ann", point(3));
  says(program, "bob", point(3, "f"));
  assertEquals(differences(program).length, 1);

  const { number } = program.somebody("bob").begun;
  for (let times = 0; times < 10; times++) {
    says(program, "bob", point(3, "f"), { ballot: { number, round: 1 } });
    says(program, "bob", point(3, "f"));
    says(program, "bob", point(2, "f"));
    says(program, "ann", point(3));
  }
  assertEquals(differences(program), []);

  program.joins("cem");
  program.events.length = 0;
  says(program, "ann", point(3));
  says(program, "bob", point(3, "f"));
  assertEquals(differences(program).length, 1);
});

Deno.test("Whose log differs from several is named, and nothing more is said of it in the view", () => {
  const eves = "The log of eve differs from those of";
  const recover = "others at entry 3 or before: /recover eve makes that member fetch it again";
  const late = groupOf("ann", "bob", "cem", "dan", "eve");
  for (const name of ["ann", "bob", "cem", "dan"] as const) says(late, name, point(3));
  says(late, "eve", point(3, "f"));
  assertEquals(differences(late), [`${eves} 4 ${recover}`]);
  says(late, "eve", point(4, "f"));
  says(late, "ann", point(4));
  assertEquals(differences(late), []);

  const early = groupOf("ann", "bob", "cem", "eve");
  says(early, "eve", point(3, "f"));
  says(early, "ann", point(3));
  assertEquals(differences(early), [
    "The logs of ann and eve differ at entry 3 or before: /recover NAME makes the member with the damaged log fetch it again",
  ]);
  says(early, "bob", point(3));
  says(early, "cem", point(3));
  assertEquals(differences(early), [`${eves} 2 ${recover}`]);
  assertEquals(states(early).members.map(({ differs }) => differs), [
    ["eve"],
    ["eve"],
    ["eve"],
    ["ann", "bob", "cem"],
  ]);
});

Deno.test("Where all differ from each other nobody is named", () => {
  const program = groupOf("ann", "bob", "cem");
  says(program, "ann", point(3));
  says(program, "bob", point(3, "b"));
  says(program, "cem", point(3, "c"));

  const differ =
    "differ at entry 3 or before: /recover NAME makes the member with the damaged log fetch it again";
  assertEquals(differences(program), [
    `The logs of bob and ann ${differ}`,
    `The logs of cem and ann ${differ}`,
    `The logs of cem and bob ${differ}`,
  ]);
});

Deno.test("What is said in the view and its rounds is compared, and nothing that is said elsewhere", () => {
  const program = groupOf("ann", "bob");
  const { number } = program.somebody("ann").begun;
  program.comes("cem");
  for (const ballot of [{ number: number - 1, round: 0 }, { number: number + 1, round: 0 }]) {
    says(program, "ann", point(3), { ballot });
    says(program, "bob", point(3, "b"), { ballot });
  }
  const ballot = { number, round: 1 };
  says(program, "ann", point(3), { ballot });
  says(program, "cem", point(3, "c"), { ballot });
  assertEquals(differences(program), []);

  says(program, "bob", point(3, "b"), { ballot });
  assertEquals(differences(program).length, 1);
});

Deno.test("Of what grows fast the last is told, every 100 ms", () => {
  const program = groupOf("ann");
  says(program, "ann", point(1));
  says(program, "ann", point(2));
  says(program, "ann", point(3));
  assertEquals(consistent(program), [1]);

  program.pass(99);
  assertEquals(consistent(program), []);
  program.pass(1);

  assertEquals(consistent(program), [3]);
});

Deno.test("What was said in an earlier view says nothing in this one", () => {
  const program = groupOf("ann", "bob");
  says(program, "ann", point(3));
  program.joins("cem");
  program.events.length = 0;

  says(program, "bob", point(3));
  says(program, "cem", point(3));
  assertEquals(consistent(program), []);
  says(program, "ann", point(3));

  assertEquals(consistent(program), [3]);
});

Deno.test("A newcomer that isn't in the view yet holds up nobody", () => {
  const program = groupOf("ann");
  program.comes("bob");

  says(program, "bob", point(1));
  says(program, "ann", point(3));

  assertEquals(consistent(program), [3]);
});

Deno.test("A member lags since somebody had what it lacks; or by how much later the last entry came", () => {
  const program = groupOf("ann", "bob", "cem");
  program.pass(1_000);
  for (const name of ["ann", "bob", "cem"] as const) says(program, name, point(1));
  program.pass(100);
  says(program, "ann", point(2), { after: 1, arrivals: [{ through: 2, agoMs: 30 }] });
  says(program, "bob", point(2), { after: 1, arrivals: [{ through: 2, agoMs: 10 }] });

  program.pass(200);

  assertEquals(states(program).members.map(({ name, seq, lagMs }) => [name, seq, lagMs]), [
    ["ann", 2, 0],
    ["bob", 2, 20],
    ["cem", 1, 230],
  ]);
});

Deno.test("Members lag behind no log that is longer and isn't the group's", () => {
  const program = groupOf("ann", "bob");
  says(program, "ann", point(2));
  says(program, "bob", point(2));
  program.comes("cem");

  says(program, "cem", point(9, "c"), { ballot: { number: 0, round: 0 } });
  program.pass(400);
  assertEquals(states(program).members.map(({ lagMs }) => lagMs), [0, 0]);
});

Deno.test("A member that says nothing lags since it was heard last", () => {
  const program = groupOf("ann", "bob");
  says(program, "ann", point(1));
  says(program, "bob", point(1));
  program.somebody("bob").answers.delete("probe");

  program.pass(2_400);

  const [ann, bob] = states(program).members;
  assertEquals(ann!.lagMs, 0);
  assertEquals(bob!.lagMs, 2_400);
});

Deno.test("/states N says when the entry came to each", () => {
  const program = groupOf("ann", "bob", "cem");
  program.pass(100);
  says(program, "ann", point(2), { after: 0, arrivals: [{ through: 2, agoMs: 30 }] });
  says(program, "bob", point(2), { after: 0, arrivals: [{ through: 2, agoMs: 10 }] });

  const { arrivals } = states(program, 2);

  assertEquals(arrivals?.members, [
    { name: "ann", has: true, afterMs: 0 },
    { name: "bob", has: true, afterMs: 20 },
    { name: "cem", has: null, afterMs: null },
  ]);
  assertEquals(states(program, 9).arrivals?.first, null);
});

Deno.test("/states N says something, whatever a member says of when the entry came", () => {
  const program = groupOf("ann", "bob");
  const { MAX_SAFE_INTEGER: agoMs } = Number;
  says(program, "ann", point(1), { after: 0, arrivals: [{ through: 1, agoMs }] });

  assertEquals(states(program, 1).arrivals?.members[0]?.has, true);
});

Deno.test("/states has locks, and members of which nothing is known", () => {
  const program = groupOf("ann", "bob");
  says(program, "ann", point(7), { locks: [3, 5] });

  const { members, consistent } = states(program);

  assertEquals(members.map(({ name, seq, locks }) => [name, seq, locks]), [
    ["ann", 7, [3, 5]],
    ["bob", null, []],
  ]);
  assertEquals(consistent.seq, 0);
});

Deno.test("A restarted coordinator learns all anew", () => {
  const program = groupOf("ann", "bob");
  says(program, "ann", point(3));
  says(program, "bob", point(3));
  const later = program.restarted();
  later.comes("ann");
  later.comes("bob");
  later.events.length = 0;

  says(later, "ann", point(4));
  says(later, "bob", point(3));
  says(later, "bob", point(4));

  assertEquals(consistent(later), [4]);
});

/** What can't be: each is an offence. */
const IMPOSSIBLE: readonly (readonly [what: string, end: EntryPoint, changes: Partial<State>])[] = [
  ["more entries than places", { ...point(3), position: 2 }, {}],
  ["points that go back", point(3), { points: [point(2), point(1)] }],
  ["a point beyond the end", point(3), { points: [point(4)] }],
  ["an entry that came and isn't there", point(3), {
    after: 2,
    arrivals: [{ through: 4, agoMs: 0 }],
  }],
  ["entries that came in another order", point(3), {
    after: 0,
    arrivals: [{ through: 2, agoMs: 0 }, { through: 1, agoMs: 0 }],
  }],
];

for (const [what, end, changes] of IMPOSSIBLE) {
  Deno.test(`A member that says of its log ${what} is sent away`, () => {
    const program = groupOf("ann", "bob");
    const { begun: ballot } = program.somebody("ann");
    const state = { type: "state" as const, at: 0, locks: [], points: [], after: 0, arrivals: [] };

    const words = program.says("ann", { ...state, ballot, end, ...changes });

    assert(words.some((word) => word.startsWith("bans ann: it says")), words.join());
  });
}

Deno.test("Of who only asked to come in, and is gone, nothing is kept", () => {
  const attendance = new Attendance(3_000, { lateMs: 0 });
  const out = new CoordinatorOutput(() => true);
  out.begin(0);
  const states = new GlobalStates({
    group: GROUP,
    crypto: fakeCrypto,
    views: new Views(),
    attendance,
    out,
    wallMs: () => 0,
  });
  const strangers = ["mal", "max"].map((name, link) => {
    const member = { key: keyOf(name), name, incarnation: new Uint8Array(8), host: null, port: 1 };
    return { ...expected(member, 0), link: link as LinkId };
  });
  for (const stranger of strangers) {
    attendance.put(stranger);
    states.said(stranger, stateAt(point(1), NO_BALLOT));
    assertEquals(states.hasSaid(stranger), true);
    attendance.remove(stranger.key);
  }
  assertEquals(strangers.map((stranger) => states.hasSaid(stranger)), [false, true]);
});

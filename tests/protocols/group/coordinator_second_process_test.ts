// A second process of one key, which said hello beside the first: what has changed by the time that it answers counts.

import { assertEquals } from "@std/assert";
import {
  JOINERS_MAX,
  STRANGERS_PER_ADDRESS_MAX,
} from "../../../lib/protocols/group/schema/limits.ts";
import type { GroupMessageOf } from "../../../lib/protocols/group/schema/messages.ts";
import { Program, type Words } from "./coordinator_program.ts";

const REMOVE_BOB = { command: "remove", name: "bob" } as const;

/** Says hello from another process, while the first one is there. @returns That process answers its welcome. */
function comesBeside(
  program: Program,
  name: string,
  changes: Partial<GroupMessageOf<"hello">> = {},
  from?: string | null,
): (message?: GroupMessageOf<"heard" | "leave">) => Words {
  const somebody = program.somebody(name);
  const { link: first, incarnation } = somebody;
  somebody.incarnation = incarnation + 1;
  program.comes(name, changes, from);
  const second = somebody.link;
  Object.assign(somebody, { link: first, incarnation });
  return (message = { type: "heard", peers: [], isCaughtUp: false, joining: [], left: [] }) => {
    Object.assign(somebody, { link: second, incarnation: incarnation + 1 });
    return program.says(name, message);
  };
}

function members(program: Program): Words {
  return program.status().members.map(({ name, state }) => `${name} ${state}`);
}

function joining(program: Program): number {
  return program.status().members.filter(({ state }) => state === "joining").length;
}

for (
  const [what, from, most] of [
    ["than join at once", null, JOINERS_MAX],
    ["of one address than join at once", "10.7.0.1", STRANGERS_PER_ADDRESS_MAX],
  ] as const
) {
  Deno.test(`By processes that answer late no more strangers come ${what}`, () => {
    const program = Program.of("ann", "bob");
    const late: (() => Words)[] = [];
    for (let at = 1; at < most; at++) {
      program.comes(`late${at}`, {}, from);
      late.push(comesBeside(program, `late${at}`, {}, from));
      program.goesDown(`late${at}`);
    }
    for (let at = 1; at <= most; at++) program.comes(`other${at}`, {}, from);
    assertEquals(joining(program), most);

    for (const answers of late) answers();

    assertEquals(joining(program), most);
    program.pass(1_000);
    const peers = program.somebody("ann").got.get("peers") as GroupMessageOf<"peers">;
    assertEquals(peers.members.length, 2 + most);
  });
}

const REFUSED: readonly (readonly [
  what: string,
  happens: (program: Program) => void,
  refusal: string,
  members: Words,
])[] = [
  [
    "the operator removes the first one",
    (program) => {
      program.command(REMOVE_BOB);
    },
    "kicked",
    ["ann member", "cem member"],
  ],
  [
    "somebody else comes under its new name",
    (program) => {
      program.comes("zoe");
      program.hears("ann", ["bob", "cem", "zoe"]);
    },
    "name-taken",
    ["ann member", "bob member", "cem member", "zoe joining"],
  ],
  [
    "the first one leaves, and the group is full again",
    (program) => {
      program.says("bob", { type: "leave" });
      program.joins("dan");
    },
    "full",
    ["ann member", "cem member", "dan member"],
  ],
];

for (const [what, happens, refusal, after] of REFUSED) {
  Deno.test(`Where ${what} before a second process answers, that one is refused`, () => {
    const membersMax = refusal === "full" ? 3 : 4;
    const program = Program.with({ membersMax }, "ann", "bob", "cem");
    const answers = comesBeside(program, "bob", refusal === "name-taken" ? { name: "zoe" } : {});
    happens(program);

    assertEquals(answers(), [`bob: refuse ${refusal}`, "closes bob"]);
    assertEquals(members(program), after);
  });
}

/** Ann answers the last flush, and from now on each. */
function annReports(program: Program): Words {
  const ann = program.somebody("ann");
  ann.answers.add("flush");
  return program.says("ann", ann.report(ann.got.get("flush") as GroupMessageOf<"flush">));
}

Deno.test("Who is started again just as it is removed stays out", () => {
  const program = Program.of("ann", "bob", "cem");
  const answers = comesBeside(program, "bob");
  program.somebody("ann").answers.delete("flush");
  program.command(REMOVE_BOB);

  assertEquals(answers(), ["bob: refuse kicked", "closes bob"]);

  const words = annReports(program).filter((word) => /^(left|view)/.test(word));
  assertEquals(words, ["left bob: removed", "view 4: ann cem"]);
});

Deno.test("A second process waits out the pause of the first", () => {
  const program = Program.of("ann", "bob");
  program.pass(5_000);
  program.hears("ann", []);
  program.hears("bob", []);
  program.pass(500);
  const answers = comesBeside(program, "bob");
  assertEquals(program.pass(500).includes("bob: parted silent for 1000 ms"), true);

  const words = [...answers(), ...program.allHear()];

  const views = (words: Words) => words.filter((word) => word.startsWith("view"));
  assertEquals(views(words), []);
  assertEquals(views(program.pass(1_000)), ["view 4: ann bob"]);
});

Deno.test("A process that asked to leave leaves, though it answers on another link, too", () => {
  const program = Program.of("ann", "bob");
  const [onOne, onOther] = [comesBeside(program, "bob"), comesBeside(program, "bob")];
  program.somebody("ann").answers.delete("flush");
  onOne({ type: "leave" });

  onOther();

  const words = annReports(program).filter((word) => /^(left|view)/.test(word));
  assertEquals(words, ["left bob: quit", "view 4: ann"]);
});

Deno.test("Who asked to leave, and came back as another process before that, is lost where that one falls silent", () => {
  const program = Program.of("ann", "bob");
  program.somebody("ann").answers.delete("flush");
  program.says("bob", { type: "leave" });
  program.goesDown("bob");
  program.somebody("bob").incarnation++;
  program.comes("bob");
  const back = annReports(program).filter((word) => word.startsWith("view"));
  assertEquals(back, ["view 4: ann bob"]);

  program.goesDown("bob");
  const words = program.pass(10_000).filter((word) => /^(left|view)/.test(word));
  assertEquals(words, ["left bob: lost", "view 5: ann"]);
});

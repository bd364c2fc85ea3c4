/** A client of a directory that runs as several instances. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { ClientCommand } from "../../../../lib/protocols/directory/schema/events.ts";
import { ClientProgram, LOG_IN } from "../client_program.ts";

const OTHER = { host: "two.example", port: 4_400 };

/** Where it dials within this time. */
function dials(program: ClientProgram, ms: number): readonly string[] {
  return program.after(ms).flatMap((word) => /^dial directory (\S+)/.exec(word)?.[1] ?? []);
}

Deno.test("instances: who loses one comes in at another, and is told of where it is", () => {
  const program = ClientProgram.in({ config: { instances: [OTHER] } });
  program.directoryDown();
  assertEquals(dials(program, 500), ["two.example:4400"]);
  program.directoryUp();
  assertEquals(
    program.entered()[0],
    "session state=up name=ann guest=false key=directory instance=two.example:4400",
  );
  const command = { command: "status" } as const;
  const [status] = program.machine.step(
    { type: "command", command, ref: undefined },
    program.nowMs,
  );
  assert(status?.type === "show" && status.event.event === "status");
  assertEquals([status.event.registry, status.event.instance], [
    "chat.example",
    "two.example:4400",
  ]);
});

Deno.test("instances: one that is full, or doesn't answer, isn't the only one that is tried", () => {
  const program = ClientProgram.in({ config: { instances: [OTHER] } });
  program.directoryDown();
  program.after(500);
  program.directoryUp();
  program.refuses("full");
  // Nothing comes of these dials.
  assertEquals(dials(program, 60_000).slice(0, 2), ["chat.example:4400", "two.example:4400"]);
});

Deno.test("instances: one that is gone beside one whose engine doesn't answer is nothing to tell each time", () => {
  const program = ClientProgram.linked({ config: { instances: [OTHER] } });
  program.feed({ type: "enter", entry: LOG_IN });
  program.refuses("engine", 1_000);
  const told: string[] = [];
  for (let n = 0; n < 5; n++) {
    program.after(1_000);
    told.push(...program.dialFails());
    program.after(1_000);
    program.directoryUp();
    told.push(...program.refuses("engine", 1_000));
  }
  assertEquals(told.filter((word) => /^(error|session)/.test(word)), []);
});

Deno.test("instances: a program that doesn't wait ends when none of them answers", () => {
  const program = new ClientProgram({ config: { instances: [OTHER], wait: false } });
  program.feed({ type: "start" });
  program.dialFails();
  assertEquals(program.fatal, "");
  assertEquals(dials(program, 500), ["two.example:4400"]);
  program.dialFails();
  assertStringIncludes(program.fatal, "can't be reached");
});

Deno.test("instances: whose engine doesn't answer while there is no other is told, and its list is marked", () => {
  const program = ClientProgram.in();
  const shown = (command: ClientCommand) =>
    program.machine.step({ type: "command", command, ref: undefined }, program.nowMs)
      .flatMap((effect) => effect.type === "show" ? [effect.event] : []);
  const away = program.says({ type: "instances", because: "away", addresses: [] });
  assertStringIncludes(away.join("\n"), "who is online may be out of date");
  assertEquals(program.says({ type: "instances", because: "away", addresses: [] }), []);
  assertEquals(program.after(60_000).filter((word) => word.startsWith("dial")), []);
  const [list] = shown({ command: "list", part: undefined });
  assert(list?.event === "users" && list.outOfDate);
  const [status] = shown({ command: "status" });
  assert(status?.event === "status");
  assertStringIncludes(status.problems.join(), "engine doesn't answer");

  const back = program.says({ type: "instances", because: "in", addresses: [] });
  assertStringIncludes(back.join("\n"), "answers again");
  const [again] = shown({ command: "list", part: undefined });
  assert(again?.event === "users" && again.outOfDate === undefined);
});

/** A callee, a stranger or a directory that lies ends nothing but its own. */

import { assertEquals } from "@std/assert";
import { callId, ClientProgram, EVE } from "../client_program.ts";
import { asked, CALL, outcome, ringing, talking, withoutUsers } from "./calling_cases.ts";

Deno.test("a liar: a link with another key, of another call, begun by who didn't call, or too early, is closed", () => {
  const program = ringing();
  program.meet();
  const strange = program.linkUp({ peer: EVE });
  assertEquals(strange.words, [`close link ${strange.link}`]);

  for (
    const message of [
      { type: "talk", call: callId(9) },
      { type: "begin", call: CALL },
      { type: "line", text: "early" },
      {
        type: "enter",
        how: "guest",
        name: "",
        password: "",
        newPassword: "",
        port: 0,
        busy: false,
        seen: null,
        rank: 0,
        lists: "told",
      },
    ] as const
  ) {
    const { link } = program.linkUp();
    assertEquals(program.hears(link, message), [`close link ${link}`], message.type);
  }
  const { link } = program.linkUp();
  assertEquals(
    program.hears(link, { type: "talk", call: CALL })[0],
    `to link ${link}: begin call=#1`,
  );
});

Deno.test("a liar: who breaks the rules in a call isn't talked to any more", () => {
  const { program, link } = talking();

  assertEquals(withoutUsers(program.hears(link, { type: "begin", call: CALL })), [
    `close link ${link}`,
    "to directory: hang-up reason=protocol call=#1",
    "call call=#1 peer=bob state=ended reason=protocol durationMs=0",
  ]);
});

Deno.test("a lying directory: a call with another than the one who was called ends the link to it", () => {
  assertEquals(ringing().meet({ name: "eve" })[0], "close directory");
  const callee = asked();
  callee.types({ command: "accept" });
  assertEquals(callee.meet({ isCaller: false, key: EVE })[0], "close directory");
});

Deno.test("a lying directory: a call from our own name, with whatever key, ends the link to it", () => {
  const program = ClientProgram.in();
  const words = program.says({ type: "incoming", call: CALL, from: "Ann", guest: false, key: EVE });
  assertEquals(words[0], "close directory");
  assertEquals(words.filter((word) => word.startsWith("incoming")), []);
});

Deno.test("a lying directory: words of calls that there aren't are nothing", () => {
  const { program } = talking();

  assertEquals(program.meet({ call: callId(4) }), []);
  assertEquals(program.meet(), []);
  assertEquals(program.says({ type: "relay-on", call: CALL }), []);
  assertEquals(outcome(program, "ended"), []);
  assertEquals(program.says({ type: "outcome", call: callId(4), state: "busy", reason: "" }), []);
});

/** A call that another instance of the directory relays than the one at which we are in. */

import { assert, assertEquals } from "@std/assert";
import type { LinkId } from "../../../../lib/base/ids.ts";
import { ClientProgram, DIRECTORY, ENTERED } from "../client_program.ts";
import { CALL, outcome, ringing, withoutUsers } from "./calling_cases.ts";

const AT = { host: "10.0.0.8", port: 4_400 };

/** The directory has said that another instance relays the call. */
function sent(): ClientProgram {
  const program = ringing();
  program.meet();
  program.after(4_000);
  assertEquals(program.says({ type: "relay-on", call: CALL, at: AT }), [
    "dial relay 10.0.0.8:4400 directory",
  ]);
  return program;
}

/** They talk by that instance. */
function talking() {
  const program = sent();
  const { link: relay, words } = program.linkUp({
    peer: DIRECTORY,
    dialled: true,
    attempt: program.attempt,
  });
  assertEquals(words, [`to link ${relay}: relay-please call=#1`]);
  assertEquals(program.hears(relay, { type: "relay-on", call: CALL, at: null }), [
    "relay-open dials",
  ]);
  const { attempt } = program;
  const { link } = program.linkUp({ dialled: true, attempt, isRelayed: true });
  return { program, relay, link };
}

/** The link to the directory is lost, and it is in again, at another instance. */
function movesOn(program: ClientProgram) {
  program.directoryDown();
  program.after(60_000);
  program.directoryUp();
  const { message } = program.sent.findLast(({ message }) => message.type === "enter")!;
  program.entered(ENTERED);
  return message.type === "enter" ? message.talking : null;
}

const BYTES = Uint8Array.of(1, 2);
const relayed = (program: ClientProgram) =>
  program.feed({ type: "relayed", call: CALL.toHex(), bytes: BYTES });

Deno.test("RelayLink: what is relayed goes by that instance, all else by the directory's link", () => {
  const { program, relay, link } = talking();
  const isFor = (to: LinkId, type: string) =>
    program.sent.filter(({ link, message }) => link === to && message.type === type).length;
  assertEquals([isFor(program.link, "begun"), isFor(relay, "begun")], [1, 0]);
  assertEquals(relayed(program), [`to link ${relay}: relay call=#1 bytes=0102`]);
  assertEquals(program.hears(relay, { type: "relay", call: CALL, bytes: BYTES }), [
    "relay-bytes call=#1 bytes=0102",
  ]);
  // Our user ends it: after all has gone out.
  const ends = program.types({ command: "hang-up" });
  assertEquals(ends.filter((word) => word.includes("hang-up")), []);
  assertEquals(relayed(program), [`to link ${relay}: relay call=#1 bytes=0102`]);
  assertEquals(program.linkDown(link, true), [
    "to directory: hang-up call=#1 reason=",
    "relay-close call=#1",
    `close link ${relay}`,
  ]);
});

Deno.test("RelayLink: the call goes on while the directory's link is lost, and the next instance is told of it", () => {
  const { program, relay } = talking();
  const talks = movesOn(program);
  assertEquals([talks?.name, talks?.call], ["bob", CALL]);
  assertEquals(program.events.filter(({ event }) => event === "call").length, 2);
  assertEquals(relayed(program), [`to link ${relay}: relay call=#1 bytes=0102`]);
});

Deno.test("RelayLink: what was said last goes out, although the directory's link is lost", () => {
  const { program, relay, link } = talking();
  program.types({ command: "hang-up" });
  program.directoryDown();
  assertEquals(relayed(program), [`to link ${relay}: relay call=#1 bytes=0102`]);
  const words = program.linkDown(link, true);
  assert(words.includes(`close link ${relay}`), words.join());
});

Deno.test("RelayLink: with that instance the call ends", () => {
  const { program, relay } = talking();
  const words = withoutUsers(program.linkDown(relay, false));
  assert(words.some((word) => /state=ended.*reason=directory-down/.test(word)), words.join());
  assert(words.includes("to directory: hang-up reason=lost call=#1"), words.join());
});

Deno.test("RelayLink: how the call ends is said there, before the link is closed", () => {
  const { program, relay } = talking();
  program.hears(relay, { type: "outcome", call: CALL, state: "ended", reason: "lost" });
  assertEquals(program.linkDown(relay, true), []);
  const words = withoutUsers(program.after(1_000));
  assert(words.some((word) => /state=ended.*reason=lost/.test(word)), words.join());
});

Deno.test("RelayLink: more than there is room for ends the call", () => {
  const { program, relay } = talking();
  const bytes = new Uint8Array(16_000);
  const words = Array.from(
    { length: 5 },
    () => program.hears(relay, { type: "relay", call: CALL, bytes }),
  ).flat();
  assert(words.some((word) => word.startsWith("call ")), words.join());
  assert(words.includes(`close link ${relay}`), words.join());
});

Deno.test("RelayLink: an instance that can't be dialled, or is lost at once, leaves the call to its time", () => {
  for (const isUp of [false, true]) {
    const program = sent();
    const { attempt } = program;
    if (isUp) {
      const { link } = program.linkUp({ peer: DIRECTORY, dialled: true, attempt });
      assertEquals(program.linkDown(link, true), []);
    } else assertEquals(program.dialFails(attempt), []);
    const words = program.after(6_000);
    assert(words.some((word) => /state=unreachable/.test(word)), words.join());
  }
});

Deno.test("RelayLink: a call that is over meanwhile, or is direct, needs none", () => {
  const program = sent();
  const words = outcome(program, "unreachable");
  assert(words.includes("cancel-dial"), words.join());
  const late = program.linkUp({ peer: DIRECTORY, dialled: true, attempt: program.attempt });
  assertEquals(late.words, [`close link ${late.link}`]);

  const other = sent();
  const { link } = other.linkUp();
  const direct = other.hears(link, { type: "talk", call: CALL });
  assert(direct.includes("to directory: begun route=direct call=#1"), direct.join());
  assert(direct.includes("cancel-dial"), direct.join());
});

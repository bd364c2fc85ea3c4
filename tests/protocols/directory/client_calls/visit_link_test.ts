/** A call with somebody who is in at another instance of the directory: it lives there. */

import { assertEquals } from "@std/assert";
import type { LinkId } from "../../../../lib/base/ids.ts";
import type { DirectoryMessage } from "../../../../lib/protocols/directory/schema/messages.ts";
import { BOB, type ClientProgram, DIRECTORY } from "../client_program.ts";
import { CALL, ringing, withoutUsers, type Words } from "./calling_cases.ts";

const AT = { host: "10.0.0.8", port: 4_400 };
const VISIT = "visit as=ann call=#1 name=bob refused=[]";
const LOST = "call call=#1 peer=bob state=unreachable ref=r";
const BYTES = Uint8Array.of(1, 2);

function sentThere(): ClientProgram {
  const program = ringing();
  assertEquals(program.says({ type: "call-at", call: CALL, at: AT }), [
    "dial visit 10.0.0.8:4400 directory",
  ]);
  return program;
}

/** Bob, there, has accepted. */
function connecting() {
  const program = sentThere();
  const up = { peer: DIRECTORY, dialled: true, attempt: program.attempt };
  const { link: visit, words } = program.linkUp(up);
  assertEquals(words, [`to link ${visit}: ${VISIT}`]);
  const hears = (message: DirectoryMessage) => program.hears(visit, message);
  hears({ type: "rings", call: CALL, name: "bob", key: BOB });
  const bob = { name: "bob", guest: false, key: BOB, host: "10.0.0.2", port: 5_000 };
  hears({ type: "meet", call: CALL, ...bob, isCaller: true, mayRelay: true });
  return { program, visit, hears };
}

function direct() {
  const met = connecting();
  const { link } = met.program.linkUp();
  met.program.hears(link, { type: "talk", call: CALL });
  return { ...met, link };
}

function relayed() {
  const met = connecting();
  const { program, hears, visit } = met;
  assertEquals(program.after(4_000).at(-1), `to link ${visit}: relay-please call=#1`);
  hears({ type: "relay-on", call: CALL });
  const { link } = program.linkUp({ dialled: true, attempt: program.attempt, isRelayed: true });
  return { ...met, link };
}

/** What was said to whom of the call, but for the list. */
function said(program: ClientProgram, to: LinkId): readonly string[] {
  return program.sent.filter(({ link }) => link === to).map(({ message }) => message.type);
}

function callsOf(words: Words): Words {
  return words.filter((word) => word.startsWith("call "));
}

Deno.test("a call at another instance: all of it is said there, and to our own alone that we are busy", () => {
  const { program, visit } = direct();
  assertEquals(said(program, visit), ["visit", "begun"]);
  assertEquals(said(program, program.link).at(-1), "call");
  assertEquals(program.saidBusy, [true]);

  const words = withoutUsers(program.types({ command: "hang-up" }));
  assertEquals(words.includes(`to link ${visit}: hang-up reason= call=#1`), true, words.join("\n"));
  assertEquals(words.includes(`close link ${visit}`), true);
  assertEquals(program.saidBusy, [true, false]);
});

Deno.test("a call at another instance: it isn't made where that can't be reached, or is lost", () => {
  const program = sentThere();
  assertEquals(callsOf(program.dialFails()), [LOST]);

  const other = sentThere();
  const { link } = other.linkUp({ peer: DIRECTORY, dialled: true, attempt: other.attempt });
  assertEquals(callsOf(other.linkDown(link, false)), [LOST]);

  const withdrawn = sentThere();
  assertEquals(withdrawn.types({ command: "cancel" }).includes("cancel-dial"), true);
});

Deno.test("a call at another instance: our own may go, at any time", () => {
  for (const made of [connecting(), direct(), relayed()]) {
    assertEquals(callsOf(made.program.directoryDown()), []);
  }
});

Deno.test("a call at another instance: a direct one outlives that, a relayed one doesn't", () => {
  const { program, visit } = direct();
  assertEquals(callsOf(program.linkDown(visit, false)), []);
  const { program: other, visit: relay } = relayed();
  assertEquals(callsOf(other.linkDown(relay, false)).map((word) => word.split(" ").slice(3, 5)), [
    ["state=ended", "reason=directory-down"],
  ]);
});

Deno.test("a call at another instance: what is relayed goes there, and the end behind it", () => {
  const { program, visit, hears, link } = relayed();
  const sends = () => program.feed({ type: "relayed", call: CALL.toHex(), bytes: BYTES });
  assertEquals(sends(), [`to link ${visit}: relay call=#1 bytes=0102`]);
  assertEquals(hears({ type: "relay", call: CALL, bytes: BYTES }), [
    "relay-bytes call=#1 bytes=0102",
  ]);
  const words = program.types({ command: "hang-up" });
  assertEquals(words.filter((word) => word.includes("hang-up")), []);
  assertEquals(sends(), [`to link ${visit}: relay call=#1 bytes=0102`]);
  assertEquals(program.linkDown(link, true), [
    `to link ${visit}: hang-up call=#1 reason=`,
    "relay-close call=#1",
    `close link ${visit}`,
  ]);
});

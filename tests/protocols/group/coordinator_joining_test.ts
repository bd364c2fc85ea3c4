// Founding a group, joining and leaving it.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fingerprintOf } from "../../../lib/base/fingerprint.ts";
import { keyOf, Program } from "./coordinator_program.ts";

Deno.test("The first one founds the group, each step on disk before it is said", () => {
  const program = new Program();

  assertEquals(program.feed({ type: "start" }), ["disk: group", "ready"]);
  assertEquals(program.comes("ann"), [
    "ann: welcome",
    "ann: peers ann",
    "ann: catch-up from coordinator",
  ]);
  assertEquals(program.hears("ann", [], true), [
    "disk: number 1",
    "ann: flush 1",
    "ann: level 0 at 0 from coordinator",
    "disk: decided 1",
    "ann: begin 1",
    "pins ann as ann",
    "joined ann",
    "view 1: ann",
    "disk: confirmed 1",
  ]);
});

Deno.test("A newcomer waits until it has the log and all hear each other", () => {
  const program = Program.of("ann", "bob");

  assertEquals(program.comes("cem"), [
    "cem: welcome",
    "ann: peers ann bob cem",
    "bob: peers ann bob cem",
    "cem: peers ann bob cem",
    "cem: catch-up from bob",
  ]);
  assertEquals(program.hears("cem", ["ann", "bob"], true), []);
  assertEquals(program.hears("ann", ["bob", "cem"]), []);
  assertEquals(program.hears("bob", ["ann", "cem"]).at(0), "disk: number 3");
  assertEquals(program.status().members.map(({ name, state }) => `${name} ${state}`), [
    "ann member",
    "bob member",
    "cem member",
  ]);
});

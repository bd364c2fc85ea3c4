/** The directory's key: shown, pinned, and another one accepted by nobody but the user. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { STRANGE_KEPT_MS } from "../../../../lib/base/machine/mode_limits.ts";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import type { ClientConfig } from "../../../../lib/protocols/directory/schema/client_io.ts";
import { BOB, ClientProgram, EVE, LOG_IN } from "../client_program.ts";

Deno.test("the directory's key: another one ends a script, and is told to a user until it is accepted", () => {
  const wrongKey = (program: ClientProgram) =>
    program.feed({
      type: "dial-failed",
      attempt: program.attempt,
      reason: "wrong-key",
      text: "another key answered",
      key: EVE,
    });
  const script = new ClientProgram();
  script.feed({ type: "start" });
  const user = new ClientProgram({ config: { isInteractive: true } });
  user.feed({ type: "start" });

  assertEquals(wrongKey(script).at(-1), "fatal key-changed");
  const [told] = wrongKey(user);
  assert(told?.startsWith("error code=key-changed") && told.includes(fingerprintOf(EVE)), told);
  assertEquals(
    user.types({ command: "trust", name: "*directory*" })[0],
    "pin *directory* eve again",
  );
  assertEquals(user.after(0), ["dial directory chat.example:4400 eve"]);
});

Deno.test("the directory's key: where the user named it, another one ends the program, also at a terminal", () => {
  const given = fingerprintOf(BOB);
  const user = new ClientProgram({ config: { isInteractive: true, expect: null, given } });
  const wrongKey = () =>
    user.feed({
      type: "dial-failed",
      attempt: user.attempt,
      reason: "wrong-key",
      text: "another key answered",
      key: EVE,
    });

  assertEquals(user.feed({ type: "start" }).at(-1), "dial directory chat.example:4400 bob");
  assertEquals(wrongKey(), ["fatal key-changed"]);
});

Deno.test("the directory's key: where the user named it, it is known and pinned; a later one is an error", () => {
  const given = fingerprintOf(BOB);
  const program = new ClientProgram({ config: { how: "log-in", expect: null, given } });
  program.feed({ type: "start" });

  assertEquals(program.directoryUp(BOB).slice(0, 2), [
    "directory host=chat.example port=4400 key=bob known=true",
    "pin *directory* bob",
  ]);
  program.feed({ type: "enter", entry: LOG_IN });
  program.entered();
  program.directoryDown();
  program.after(program.machine.nextDeadlineMs()! - program.nowMs);
  const [told] = program.feed({
    type: "dial-failed",
    attempt: program.attempt,
    reason: "wrong-key",
    text: "",
    key: EVE,
  });
  assertMatch(told!, /^error code=key-changed /);
});

const FIRST_MET: readonly (readonly [string, Partial<ClientConfig>])[] = [
  ["a guest", { how: "guest" }],
  ["a script with --trust-first", { how: "log-in", trustFirst: true }],
  ["a user who types the password", { how: "log-in", isInteractive: true, asksAgain: true }],
];

for (const [who, config] of FIRST_MET) {
  Deno.test(`the directory's key: ${who} accepts the first one that answers`, () => {
    const program = new ClientProgram({ config: { ...config, expect: null } });
    program.feed({ type: "start" });

    assertEquals(program.directoryUp().at(-1), "ask-to-enter");
  });
}

Deno.test("the directory's key: another one ends who doesn't wait, told once, also at a terminal", () => {
  const user = new ClientProgram({ config: { isInteractive: true, wait: false } });
  user.feed({ type: "start" });

  assertEquals(
    user.feed({
      type: "dial-failed",
      attempt: user.attempt,
      reason: "wrong-key",
      text: "another key answered",
      key: EVE,
    }),
    ["fatal key-changed"],
  );
});

Deno.test("the directory's key: it is told once a minute, and a known directory that changed it is waited for", () => {
  const program = ClientProgram.in();
  program.directoryDown();
  let errors = 0;
  for (let n = 0; n < 10; n++) {
    program.after(program.machine.nextDeadlineMs()! - program.nowMs);
    const words = program.feed({
      type: "dial-failed",
      attempt: program.attempt,
      reason: "wrong-key",
      text: "",
      key: BOB,
    });
    errors += words.filter((word) => word.startsWith("error code=key-changed")).length;
  }
  assert(errors >= 1 && errors <= 3, `${errors} errors`);
});

Deno.test("the directory's key: what was told is accepted, whoever answers while the user asks about it", () => {
  const meets = (program: ClientProgram, key: PeerKey) => {
    program.after(program.machine.nextDeadlineMs()! - program.nowMs);
    const words = program.feed({
      type: "dial-failed",
      attempt: program.attempt,
      reason: "wrong-key",
      text: "",
      key,
    });
    return words.some((word) => word.startsWith("error code=key-changed"));
  };
  const accepts = (program: ClientProgram) =>
    program.types({ command: "trust", name: "*directory*" })[0];
  const asked = ClientProgram.in({ config: { isInteractive: true } });
  asked.directoryDown();
  assertEquals(meets(asked, BOB), true);
  const toldMs = asked.nowMs;
  while (asked.nowMs < toldMs + STRANGE_KEPT_MS / 2) assertEquals(meets(asked, EVE), false);
  assertEquals(accepts(asked), "pin *directory* bob again");
  assertEquals(meets(asked, EVE), true);

  const forgotten = ClientProgram.in({ config: { isInteractive: true } });
  forgotten.directoryDown();
  meets(forgotten, BOB);
  const untilMs = forgotten.nowMs + STRANGE_KEPT_MS;
  while (!meets(forgotten, EVE)) assert(forgotten.nowMs < untilMs);
  assertEquals(accepts(forgotten), "pin *directory* eve again");
});

Deno.test("the directory's key: no other is accepted once the known one has answered again", () => {
  const program = ClientProgram.in({ config: { isInteractive: true } });
  program.directoryDown();
  program.after(program.machine.nextDeadlineMs()! - program.nowMs);
  program.feed({
    type: "dial-failed",
    attempt: program.attempt,
    reason: "wrong-key",
    text: "",
    key: EVE,
  });
  program.after(program.machine.nextDeadlineMs()! - program.nowMs);
  program.directoryUp();
  program.entered();

  const [said] = program.types({ command: "trust", name: "*directory*" });
  assert(said?.startsWith("notice"), said);
});

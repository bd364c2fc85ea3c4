/** Which key a call is with, and what becomes of another one. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { STRANGE_KEPT_MS } from "../../../../lib/base/machine/mode_limits.ts";
import { type Fingerprint, fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import { signBroadcast } from "../../../../lib/protocols/directory/schema/signed_broadcast.ts";
import { CALL_REFUSED_MAX } from "../../../../lib/protocols/directory/schema/limits.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { ANN, BOB, callId, ClientProgram, DIRECTORY, EVE } from "../client_program.ts";
import { CALL, ringing, talking } from "./calling_cases.ts";

const PINNED = { config: { pinsOf: () => new Map([["bob", fingerprintOf(EVE)]]) } };

Deno.test("keys: a caller with another key than before is told so and declined, until it is accepted", () => {
  const program = ClientProgram.in(PINNED);
  const incoming = () =>
    program.says({ type: "incoming", call: CALL, from: "bob", guest: false, key: BOB });

  const [declined, told = ""] = incoming();
  assertEquals(declined, "to directory: answer call=#1 accepts=false reason=key-changed");
  assert(told?.startsWith("error code=key-changed"), told);
  assertEquals(
    told.split(" changed=")[0],
    `error code=key-changed text=bob called you with a different key from before: ${
      fingerprintOf(BOB)
    }, it was ${
      fingerprintOf(EVE)
    }; the call was refused; it may be another device of bob's, which has a key of its own, or somebody else: ask bob some other way; ` +
      "if this key really is bob's: /trust bob",
  );

  assertEquals(program.types({ command: "trust", name: "bob" }), [
    "pin bob bob again",
    `notice text=bob's key is ${fingerprintOf(BOB)} from now on; the former key ${
      fingerprintOf(EVE)
    } isn't accepted any more; call again`,
  ]);
  assertEquals(incoming(), ["incoming call=#1 from=bob key=bob guest=false"]);
});

Deno.test("keys: what was told is accepted, whoever calls under that name while the user asks about it", () => {
  const program = ClientProgram.in(PINNED);
  const calls = (key: PeerKey) =>
    program.says({ type: "incoming", call: CALL, from: "bob", guest: false, key })[1]!;
  const accepts = () => program.types({ command: "trust", name: "bob" })[0];
  calls(BOB);
  program.after(STRANGE_KEPT_MS - 1);
  const told = calls(ANN.key);
  assert(
    told.includes(`/trust bob accepts the key that you were told first, ${fingerprintOf(BOB)}`),
    told,
  );
  assertEquals(accepts(), "pin bob bob again");

  calls(ANN.key);
  program.after(STRANGE_KEPT_MS);
  assert(calls(EVE).includes("/trust bob changed="));
  assertEquals(accepts(), "pin bob eve again");
});

Deno.test("keys: a call says which keys its callee mustn't have", () => {
  const refused = [{ name: "Bob", fingerprint: fingerprintOf(EVE) }];
  const program = ringing({ config: { ...PINNED.config, refused } });

  const call = program.sent.findLast(({ message }) => message.type === "call")?.message;

  assert(call?.type === "call");
  assertEquals(call.refused, [fingerprintOf(EVE)]);
});

Deno.test("keys: another key that was told, and isn't accepted, isn't rung again", () => {
  const program = ringing(PINNED);
  program.says({ type: "rings", call: CALL, name: "bob", key: BOB });
  const refusedNow = () => {
    program.types({ command: "call", name: "bob" });
    program.types({ command: "cancel" });
    const last = program.sent.findLast(({ message }) => message.type === "call")?.message;
    return last?.type === "call" ? last.refused : null;
  };

  assertEquals(refusedNow(), [fingerprintOf(BOB)]);
  program.types({ command: "trust", name: "bob" });
  assertEquals(refusedNow(), []);
});

Deno.test("keys: a call ends when the key at which it rings is refused meanwhile", () => {
  const program = ClientProgram.in();
  program.says({ type: "incoming", call: callId(7), from: "bob", guest: false, key: BOB });
  program.types({ command: "decline", reason: "" });
  program.types({ command: "call", name: "bob" });
  program.says({ type: "rings", call: CALL, name: "bob", key: BOB });

  const words = program.types({ command: "verify", name: "bob", answer: "no" });

  assertEquals(words.slice(-2), [
    "to directory: hang-up reason=key-changed call=#1",
    "call call=#1 peer=bob state=ended reason=key-changed",
  ]);
});

Deno.test("keys: of so many refused keys that the directory can't be told, none is rung", () => {
  const refused = Array.from({ length: CALL_REFUSED_MAX + 1 }, (_, at) => ({
    name: "bob",
    fingerprint: fingerprintOf(fakeSigner(`e${at}`).key),
  }));
  const most = ClientProgram.in({ config: { refused: refused.slice(1) } });
  const more = ClientProgram.in({ config: { refused } });

  const call = { command: "call", name: "bob" } as const;
  assert(most.types(call)[0]?.startsWith("to directory: call "));
  const words = more.types(call);
  assertEquals(words.length, 1);
  assertMatch(
    words[0]!,
    /^error code=full text=Cannot call bob: you have refused more than 64 keys/,
  );
});

Deno.test("keys: a callee with another key than before isn't rung for long", () => {
  const program = ringing(PINNED);

  const words = program.says({ type: "rings", call: CALL, name: "bob", key: BOB });

  assertEquals(words[0], "to directory: hang-up reason=key-changed call=#1");
  assert(words[1]?.startsWith("error code=key-changed"), words[1]);
  assert(words[1]?.endsWith(" ref=r"), words[1]);
  assertEquals(words[2], "call call=#1 peer=bob state=ended reason=key-changed ref=r");
  program.types({ command: "trust", name: "bob" });
  program.types({ command: "call", name: "bob" });
  assertEquals(program.says({ type: "rings", call: CALL, name: "bob", key: BOB }), []);
});

Deno.test("keys: whoever isn't rung any more, or isn't whom one called, is nobody's concern", () => {
  const [withdrawn, other] = [ringing(PINNED), ringing(PINNED)];
  withdrawn.types({ command: "cancel" });

  assertEquals(withdrawn.says({ type: "rings", call: CALL, name: "bob", key: BOB }), []);
  const words = other.says({ type: "rings", call: CALL, name: "eve", key: BOB });
  assertEquals(words[0], "close directory");
});

Deno.test("keys: a callee with another key than before isn't talked to, until it is accepted", () => {
  const program = ringing(PINNED);

  const words = program.meet();

  assertEquals(words[0], "to directory: hang-up reason=key-changed call=#1");
  assert(words[1]?.startsWith("error code=key-changed"), words[1]);
  assert(words[1]?.endsWith(" ref=r"), words[1]);
  assertEquals(words[2], "call call=#1 peer=bob state=ended reason=key-changed ref=r");
  program.types({ command: "trust", name: "bob" });
  program.types({ command: "call", name: "bob" });
  assertEquals(program.meet({ call: callId(2) }), ["connecting", "dial call 10.0.0.2:5000 bob"]);
});

Deno.test("keys: a callee that has spoken with another key while it was dialled isn't talked to", () => {
  const program = ringing();
  program.meet();
  const said = { directory: DIRECTORY, from: "bob", own: 1, sentAt: 0, text: "it's me" };
  const eve = fakeSigner("eve");
  const signature = signBroadcast(eve, said);
  const { from, own, sentAt, text } = said;
  const told = { number: 1, after: 0, from, own, sentAt, text, signature, guest: false };
  assertEquals(program.says({ type: "told", ...told, key: EVE })[0], "pin bob eve");

  const { link } = program.linkUp();
  const words = program.hears(link, { type: "talk", call: CALL });

  assertEquals(words[0], "to directory: hang-up reason=key-changed call=#1");
  assert(words[1]?.startsWith("error code=key-changed text=bob has a different key from before"));
  assert(!words.some((word) => word.includes("begin") || word.includes("connected")), `${words}`);
});

Deno.test("keys: another one that was offered is forgotten once a call is connected with the known one", () => {
  const program = ClientProgram.in({
    config: { pinsOf: () => new Map([["bob", fingerprintOf(BOB)]]) },
  });
  program.says({ type: "incoming", call: callId(7), from: "bob", guest: false, key: EVE });
  program.types({ command: "call", name: "bob" });
  program.meet({ call: CALL });
  const { link } = program.linkUp();
  program.hears(link, { type: "talk", call: CALL });

  assertEquals(program.types({ command: "trust", name: "bob" }), [
    "notice text=There is no new key of bob to accept",
  ]);
});

Deno.test("keys: one is remembered once somebody has proved it, and can be compared", () => {
  const { program } = talking();

  const [words] = program.types({ command: "verify", name: "bob" });
  assert(words?.startsWith("verify name=bob key=bob ownKey=ann peerKey=bob"), words);
  assertEquals(program.types({ command: "trust", name: "bob" }), [
    "notice text=There is no new key of bob to accept",
  ]);
  assertEquals(
    program.types({ command: "verify", name: "eve" })[0]?.split(" ")[1],
    "code=unknown-user",
  );
  assert(
    program.types({ command: "verify", name: "*directory*" })[0]?.includes("peerKey=directory"),
  );
  for (const command of ["verify", "trust"] as const) {
    const [words] = program.types({ command, name: "ann" });
    assert(words?.startsWith("error code=unknown-user text=ann is you: "), words);
  }
});

Deno.test("keys: a no is taken of who isn't online, met here before or elsewhere", () => {
  const pins = new Map([["bob", fingerprintOf(BOB)]]);
  const program = ClientProgram.in({ config: { pinsOf: () => pins } });
  const no = (name: string, known: Fingerprint[] = []) =>
    program.types({ command: "verify", name, answer: "no", known })[0]?.split(" ").slice(0, 3);

  assertEquals(no("bob"), ["verify", "name=bob", "key=bob"]);
  assertEquals(no("eve", [fingerprintOf(EVE)]), ["verify", "name=eve", "key=eve"]);
  assertEquals(no("zoe")?.slice(0, 2), ["error", "code=unknown-user"]);
  for (const [from, key] of [["bob", BOB], ["eve", EVE]] as const) {
    const [said] = program.says({ type: "incoming", call: callId(3), from, guest: false, key });
    assert(said?.endsWith("accepts=false reason=key-changed"), said);
  }
});

Deno.test("keys: a call has the key of the other side, and before that the one expected", () => {
  const { program } = talking();
  const keys = program.events.flatMap((event) =>
    event.event === "call" ? [[event.state, event.key]] : []
  );
  assertEquals(keys, [["ringing", undefined], ["connected", fingerprintOf(BOB)]]);

  const pinned = talking({ config: { pinsOf: () => new Map([["bob", fingerprintOf(BOB)]]) } });
  const [ringing] = pinned.program.events.filter((event) => event.event === "call");
  assert(ringing?.event === "call" && ringing.key === fingerprintOf(BOB));
});

Deno.test("keys: where the directory's digits were different, the program ends, and later ones don't stay", () => {
  const program = ClientProgram.in();
  const words = program.types({ command: "verify", name: "*directory*", answer: "no" });
  assertEquals(words.slice(-2), ["close directory", "fatal key-changed"]);
  assertEquals(program.goodbyes.at(-1), "quit", "the operator reads that we left");

  const refused = [{ name: "*directory*", fingerprint: fingerprintOf(DIRECTORY) }];
  const later = new ClientProgram({ config: { refused } });
  later.feed({ type: "start" });
  assertEquals(later.directoryUp().slice(-2), [`close directory`, "fatal key-changed"]);
});

Deno.test("keys: the digits of a call were different: it ends, and that key is another one until /trust", () => {
  const { program } = talking();

  const words = program.types({ command: "verify", name: "bob", answer: "no" });

  assert(words.some((word) => word.includes("state=ended reason=key-changed")), words.join("\n"));
  assertEquals(program.goodbyes.at(-1), "not-trusted");
  const calls = () =>
    program.says({ type: "incoming", call: callId(2), from: "bob", guest: false, key: BOB });
  const [declined] = calls();
  assertEquals(declined, "to directory: answer call=#2 accepts=false reason=key-changed");
  const last = program.events.findLast((event) => event.event === "error");
  assert(last?.event === "error" && last.code === "key-changed");
  assertEquals(last.changed, { name: "bob", key: fingerprintOf(BOB) });
  assert(last.text.startsWith("bob called you with the key "), last.text);

  program.types({ command: "trust", name: "bob" });
  calls();
  assertEquals(program.events.at(-1)?.event, "incoming");
});

Deno.test("keys: one that is refused in another program of the profile ends its call, and isn't expected again", () => {
  const { program } = talking();
  const refuse = (key: PeerKey) =>
    program.types({ command: "refuse", name: "bob", key: fingerprintOf(key) });
  assertEquals(refuse(EVE), []);

  assert(refuse(BOB).some((word) => word.includes("state=ended reason=key-changed")));
  const calls = (key: PeerKey) =>
    program.says({ type: "incoming", call: callId(2), from: "bob", guest: false, key })[0];
  for (const key of [BOB, EVE]) {
    assertEquals(calls(key), "to directory: answer call=#2 accepts=false reason=key-changed");
  }

  program.types({ command: "unrefuse", name: "bob", key: fingerprintOf(BOB) });
  assertEquals(calls(EVE), "to directory: answer call=#2 accepts=false reason=key-changed");
  calls(BOB);
  assertEquals(program.events.at(-1)?.event, "incoming");
});

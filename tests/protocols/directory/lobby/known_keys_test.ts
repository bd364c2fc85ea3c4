// Names with the start of a key, `bob~k7f3`: whose they are, in the list and in commands.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { KnownKeys } from "../../../../lib/protocols/directory/lobby/known_keys.ts";
import { CALL_REFUSED_MAX } from "../../../../lib/protocols/directory/schema/limits.ts";
import { BOB, ClientProgram, EVE, partOutput, user } from "../client_program.ts";

const PINNED = { pinsOf: () => new Map([["bob", fingerprintOf(BOB)]]) };

function apart(key: PeerKey, length = 4): string {
  return `bob~${fingerprintOf(key).slice(0, length)}`;
}

Deno.test("who was met before at the directory that is expected is known by name before it answers", () => {
  const program = new ClientProgram({ config: PINNED });
  program.feed({ type: "start" });
  assertEquals(program.machine.keys.nameOf(BOB), "bob");
});

/** Somebody comes as bob with this key. @returns How that one is shown in the list. */
function comes(program: ClientProgram, key: PeerKey): string | undefined {
  program.says({ type: "presence", users: [user("bob", { key })], offline: [], away: [] });
  const told = program.events.findLast(({ event }) => event === "presence");
  program.types({ command: "list", part: "bob" });
  const listed = program.events.at(-1)!;
  assert(told?.event === "presence" && listed.event === "users");
  assertEquals(listed.users[0]?.shown, told.shown);
  return told.shown;
}

/** Two whose fingerprints begin alike. */
function alike(): readonly [PeerKey, PeerKey] {
  const seen = new Map<string, PeerKey>();
  for (let number = 0;; number++) {
    const { key } = fakeSigner(`bob ${number}`);
    const before = seen.get(apart(key));
    if (before !== undefined) return [before, key];
    seen.set(apart(key), key);
  }
}

/** What our user is told who calls this key by its start, while bob has the known one. */
function callOf(key: PeerKey): string {
  const shown = apart(key);
  return `error code=key-changed text=${shown} has another key than bob: ${fingerprintOf(key)}, ` +
    `where bob's is ${
      fingerprintOf(BOB)
    }; there was no call; it may be another device of bob's, which has a key of its own, or somebody else: ask bob some other way; ` +
    `if this key really is bob's: /trust ${shown}`;
}

Deno.test("names with a start: /verify, /trust and a call mean the one who is shown by it", () => {
  const program = ClientProgram.in({ config: PINNED });
  assertEquals([comes(program, EVE), comes(program, BOB)], [apart(EVE), undefined]);

  const [verify] = program.types({ command: "verify", name: apart(EVE) });
  assert(verify?.startsWith(`verify name=${apart(EVE)} key=eve ownKey=ann peerKey=eve`), verify);
  const [refused] = program.types({ command: "call", name: apart(EVE) });
  assertEquals(refused?.split(" changed=")[0], callOf(EVE));
  const [unknown] = program.types({ command: "verify", name: "bob~aaaa" });
  assertMatch(unknown!, /^error code=unknown-user /);

  assertEquals(program.types({ command: "trust", name: apart(EVE) })[0], "pin bob eve again");
  assertEquals(program.types({ command: "trust", name: apart(EVE) }), [
    `notice text=There is no new key of ${apart(EVE)} to accept`,
  ]);
  assertEquals([comes(program, EVE), comes(program, BOB)], [undefined, apart(BOB)]);
  const calls = program.types({ command: "call", name: apart(EVE) });
  assert(calls.some((word) => word.startsWith("to directory: call")), calls.join("\n"));
});

Deno.test("names with a start: nobody is shown as somebody was who was verified before this start", () => {
  const [one, other] = alike();
  const verified = [{ name: apart(one), fingerprint: fingerprintOf(one) }];
  const program = ClientProgram.in({ config: { ...PINNED, verified } });

  assertEquals(comes(program, other), apart(other, 8));
});

Deno.test("names with a start: who was refused as bob is meant by it, and bob by the name alone", () => {
  const program = ClientProgram.in({ config: PINNED });
  comes(program, EVE);
  program.types({ command: "verify", name: apart(EVE), answer: "no" });
  assertEquals([comes(program, BOB), comes(program, EVE)], [undefined, apart(EVE)]);
  const keys = program.machine.keys;
  assertEquals([keys.isExpected("bob", EVE), keys.isExpected("bob", BOB)], [false, true]);

  program.types({ command: "verify", name: apart(EVE), answer: "yes" });
  const said = program.events.findLast(({ event }) => event === "verify");
  assert(said?.event === "verify" && said.name === apart(EVE), "verified as bob");
});

Deno.test("names with a start: a call means that one alone, whoever else was told of as bob before", () => {
  const program = ClientProgram.in({ config: PINNED });
  const other = fakeSigner("other").key;
  assertEquals([comes(program, EVE), comes(program, other)], [apart(EVE), apart(other)]);
  program.machine.keys.isStrange("bob", EVE);

  const [refused] = program.types({ command: "call", name: apart(other) });
  assertEquals(refused?.split(" changed=")[0], callOf(other));
  program.types({ command: "trust", name: apart(other) });
  assertEquals(program.machine.keys.isExpected("bob", other), true);
});

Deno.test("names with a start: a call of who is refused, or of another speaker of that name, says so", () => {
  const program = ClientProgram.in();
  comes(program, EVE);
  program.machine.keys.refuse("bob", fingerprintOf(EVE));
  assertEquals(comes(program, EVE), apart(EVE));
  const [refused] = program.types({ command: "call", name: apart(EVE) });
  assertEquals(
    refused?.split(" changed=")[0],
    `error code=key-changed text=${apart(EVE)} comes with the key ${fingerprintOf(EVE)}, ` +
      "whose digits you found to be different; there was no call; ask bob some other way; " +
      `if this key really is bob's: /trust ${apart(EVE)}`,
  );

  const crowded = ClientProgram.in();
  const shown = crowded.machine.keys.apart("bob", EVE, [fingerprintOf(BOB)], null);
  const [unknown] = crowded.types({ command: "call", name: shown });
  assertEquals(
    unknown?.split(" changed=")[0],
    `error code=key-changed text=${shown} has another key than who spoke as bob first: ` +
      `${fingerprintOf(EVE)}; there was no call; ask bob some other way; ` +
      `if this key really is bob's: /trust ${shown}`,
  );
});

Deno.test("names with a start: none is that of another key, refused by an earlier process or listed here", () => {
  const [one, other] = alike();
  const refused = [{ name: "Bob", fingerprint: fingerprintOf(one) }];
  assertEquals(comes(ClientProgram.in({ config: { ...PINNED, refused } }), other), apart(other, 8));

  const program = ClientProgram.in({ config: PINNED });
  assertEquals(comes(program, one), apart(one));
  assertEquals(comes(program, other), apart(other, 8));
  assertEquals(comes(program, one), apart(one));
});

// The keys alone.

function keysOf(...refused: readonly PeerKey[]) {
  const output = partOutput();
  const prints = refused.map((key) => ({ name: "bob", fingerprint: fingerprintOf(key) }));
  return { output, keys: new KnownKeys(output.out, prints) };
}

const CEM = fakeSigner("cem").key;

Deno.test("KnownKeys: the first key that is met is expected from then on, and /trust means the other that was told", () => {
  const { output, keys } = keysOf();
  assertEquals([keys.isExpected("bob", EVE), keys.trust("bob")], [true, null]);
  keys.met("Bob", BOB);
  keys.met("bob", EVE);
  assertEquals(output.words(), ["pin Bob bob"]);
  assertEquals([keys.isExpected("BOB", BOB), keys.isExpected("bob", EVE)], [true, false]);

  keys.isStrange("bob", EVE, "r");
  const [told] = output.words();
  assert(told?.startsWith("error code=key-changed") && told.endsWith("ref=r"), told);
  assertEquals(keys.trust("bob"), { name: "bob", key: EVE, before: fingerprintOf(BOB) });
  assertEquals(output.words(), ["pin bob eve again"]);
  assertEquals([keys.isExpected("bob", BOB), keys.isExpected("bob", EVE)], [false, true]);
});

Deno.test("KnownKeys: a key that was refused is nobody's, until our user accepts it", () => {
  const { keys } = keysOf();
  keys.met("bob", BOB);
  keys.refuse("bob", fingerprintOf(BOB));
  assertEquals([keys.isExpected("bob", BOB), keys.isExpected("bob", EVE)], [false, true]);
  assertEquals(keys.refusedFor("bob"), [fingerprintOf(BOB)]);

  assertEquals(keys.trust("bob")?.key, BOB);
  assertEquals([keys.isExpected("bob", BOB), keys.refusedFor("bob")], [true, []]);
});

Deno.test("KnownKeys: of more refused keys than the directory can be told of, it is told of none", () => {
  const many = Array.from({ length: CALL_REFUSED_MAX + 1 }, (_, n) => fakeSigner(`${n}`).key);

  assertEquals(keysOf(...many.slice(1)).keys.refusedFor("bob")?.length, CALL_REFUSED_MAX);
  assertEquals(keysOf(...many).keys.refusedFor("bob"), null);
});

Deno.test("KnownKeys: another key's broadcasts are shown apart, which our user is told once for each key", () => {
  const { output, keys } = keysOf();
  const heard = (key: PeerKey) => {
    const isNames = keys.heard("bob", key, "bob~1", false, undefined);
    return [isNames, ...output.words().map((word) => word.split(" ", 2).join(" "))];
  };

  assertEquals(heard(BOB), [true, "pin bob"]);
  assertEquals([heard(EVE), heard(EVE)], [[false, "error code=key-changed"], [false]]);
  assertEquals([heard(CEM), heard(BOB)], [[false], [true]], "one alarm at a time");
});

Deno.test("KnownKeys: at another directory all are met anew", () => {
  const { keys } = keysOf();
  keys.met("bob", BOB);
  keys.apart("bob", EVE, [], null);

  keys.load(new Map([["bob", fingerprintOf(CEM)]]));
  assertEquals([keys.expected("bob"), keys.find("bob"), [...keys.names()]], [
    fingerprintOf(CEM),
    null,
    [],
  ]);
});

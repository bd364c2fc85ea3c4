import { assert, assertEquals, assertThrows } from "@std/assert";
import { concatBytes, nodeCrypto, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { type Fingerprint, fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { visibleText } from "../../../lib/base/text/text.ts";
import { RemoteProtocolError } from "../../../lib/base/errors.ts";
import type { PeerKey, RoomId } from "../../../lib/base/ids.ts";
import { Channel } from "../../../lib/protocols/noise/channel.ts";
import { isWholeOpening } from "../../../lib/protocols/noise/channel_handshake.ts";
import { HandshakeState } from "../../../lib/protocols/noise/handshake_state.ts";
import {
  CHANNEL_VERSION,
  encodePreface,
  type Refusal,
} from "../../../lib/protocols/noise/preface.ts";
import { EMPTY, keyPairFromSeed } from "../../../lib/protocols/noise/primitives.ts";
import {
  encodeIdentityProof,
  verifyIdentityProof,
} from "../../../lib/protocols/noise/identity_handshake.ts";
import {
  ACCESS,
  ANN,
  BOB,
  environment,
  identityOf,
  Pair,
  seedOf,
  Side,
  TARGET,
} from "./channel_pair.ts";
import { SLOW } from "../../given.ts";

const ROOM = nodeCrypto.sha256<RoomId>(utf8("room"));

Deno.test("Channel establishes both sides in three messages and a welcome", () => {
  const pair = new Pair();
  const sizes: number[] = [];
  pair.onWire = (bytes) => {
    sizes.push(bytes.length);
    return [bytes];
  };

  pair.settle();

  assertEquals(pair.ann.told, [
    {
      type: "established",
      peer: BOB.key,
      process: BOB.static.publicKey.toHex(),
      secret: null,
      roomNamed: false,
    },
  ]);
  assertEquals(pair.bob.told, [
    {
      type: "established",
      peer: ANN.key,
      process: ANN.static.publicKey.toHex(),
      secret: null,
      roomNamed: false,
    },
  ]);
  assertEquals(sizes, [51 + 32, 1 + 32 + 48 + 97 + 16, 48 + 96 + 16, 19]);
});

Deno.test("isWholeOpening() holds from the last byte of an opening, or the first that can't be in one", () => {
  const wanted = { mode: "mesh", room: null, epoch: null, fingerprint: null } as const;
  const open = encodePreface(wanted, new Uint8Array(8));
  const secret = encodePreface({ ...wanted, epoch: 1 }, new Uint8Array(8));
  const firstWhole = (preface: Uint8Array) => {
    const bytes = concatBytes(preface, new Uint8Array(200));
    return bytes.findIndex((_, at) => isWholeOpening(bytes.subarray(0, at), { mode: "mesh" }));
  };

  // A key; with a secret, a tag as well.
  assertEquals([open, secret].map(firstWhole), [51 + 32, 51 + 32 + 16]);
  assertEquals(firstWhole(utf8("GET / HTTP/1.1\r\n")), 1);
  assertEquals(firstWhole(Uint8Array.of(...utf8("p2pc"), CHANNEL_VERSION + 1)), 5);
  assertEquals(firstWhole(encodePreface({ ...wanted, mode: "group" }, new Uint8Array(8))), 51);
});

Deno.test("Channel establishes whatever the cuts between the bytes", SLOW, () => {
  for (let cut = 1; cut < 200; cut++) {
    const pair = new Pair({ target: { room: ROOM }, access: { room: ROOM } });
    pair.onWire = (bytes) => [bytes.subarray(0, cut), bytes.subarray(cut)];
    pair.settle();
    assertEquals([pair.ann.events, pair.bob.events], [["established"], ["established"]]);
  }
  const pair = new Pair();
  pair.onWire = (bytes) => Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
  pair.settle();
  pair.ann.send("one by one", "data", 0);
  pair.settle();
  assertEquals(pair.bob.heard("data"), "one by one");
});

Deno.test("Channel establishes nobody when any one byte of the handshake was changed", SLOW, () => {
  const secret = { epoch: 1, key: seedOf("psk") };
  // Each byte in one of the two: what they are is the same, but for the secret.
  for (const [first, target] of [{ room: ROOM }, { room: ROOM, secret }].entries()) {
    const access = { room: ROOM, secrets: "secret" in target ? () => [secret.key] : null };
    const length = { ann: 0, bob: 0 };
    const run = (from: "ann" | "bob" | null, at: number) => {
      const pair = new Pair({ target, access });
      const seen = { ann: 0, bob: 0 };
      pair.onWire = (bytes, side) => {
        const changed = new Uint8Array(bytes);
        const index = at - seen[side];
        if (side === from && index >= 0 && index < bytes.length) changed[index]! ^= 0x40;
        seen[side] += bytes.length;
        return [changed];
      };
      pair.settle();
      Object.assign(length, seen);
      return pair;
    };
    assertEquals(run(null, 0).ann.events, ["established"]);
    const whole = { ...length };
    for (const from of ["ann", "bob"] as const) {
      for (let at = first; at < whole[from]; at += 2) {
        const pair = run(from, at);
        // The welcome alone comes after Bob's decision.
        const late = from === "bob" && at >= whole.bob - 19;
        assert(!pair.ann.events.includes("established"), `Ann, byte ${at} from ${from}`);
        assertEquals(pair.bob.events.includes("established"), late, `Bob, byte ${at} from ${from}`);
      }
    }
  }
});

Deno.test("Channel establishes nobody from a recorded handshake", () => {
  const recorded: Uint8Array[] = [];
  const pair = new Pair();
  pair.onWire = (bytes, from) => {
    if (from === "ann") recorded.push(new Uint8Array(bytes));
    return [bytes];
  };
  pair.settle();

  const options = { identity: BOB, env: environment("bob, later") };
  const bob = new Side(Channel.listen(options, ACCESS, 0));
  for (const bytes of recorded) {
    bob.step({ type: "received", bytes }, 0);
    bob.take(0);
  }

  assertEquals(bob.events, ["failed protocol"]);
});

Deno.test("Channel believes no impostor: a key that didn't sign this handshake", () => {
  const eve = identityOf("Eve");
  /** Eve's process, which names a key that isn't hers. */
  const asIf = (key: PeerKey) => ({
    static: eve.static,
    signer: { key, sign: (message: Uint8Array) => eve.signer.sign(message) },
  });

  const asBob = new Pair({ bob: asIf(BOB.key) }).settle();
  assertEquals(asBob.ann.events, ["failed protocol"]);

  // Whoever has stolen all that Ann has can be Ann, but nobody else to her (key compromise impersonation).
  const thief = { static: ANN.static, signer: { ...ANN.signer, key: BOB.key } };
  const stolen = new Pair({ bob: thief }).settle();
  assertEquals(stolen.ann.events, ["failed protocol"]);

  const asAnn = new Pair({ ann: asIf(ANN.key) }).settle();
  assertEquals(asAnn.bob.events, ["failed protocol"]);
  assertEquals(asAnn.ann.events, []);
});

Deno.test("Channel refuses a dialler that named another key in its preface, and goes on all the same", () => {
  const dial = (fingerprint: Fingerprint | null): readonly string[] => {
    const bob = new Side(Channel.listen({ identity: BOB, env: environment("bob") }, ACCESS, 0));
    const wanted = { mode: "mesh", room: null, epoch: null, fingerprint } as const;
    const prologue = encodePreface(wanted, new Uint8Array(8));
    const noise = new HandshakeState({
      pattern: "XX",
      initiator: true,
      prologue,
      ephemeral: keyPairFromSeed(seedOf("ephemeral")),
      static: ANN.static,
    });
    const opening = concatBytes(prologue, noise.writeMessage(EMPTY));
    bob.step({ type: "received", bytes: opening }, 0);
    noise.readMessage(bob.take(0).subarray(1));
    const proof = noise.writeMessage((hash) =>
      encodeIdentityProof(ANN.signer, "dialler", "mesh", hash)
    );
    bob.step({ type: "received", bytes: proof }, 0);
    return bob.events;
  };

  assertEquals(dial(null), ["established"]);
  assertEquals(dial(fingerprintOf(BOB.key)), ["established"]);
  assertEquals(dial(fingerprintOf(identityOf("Carl").key)), ["failed protocol"]);
});

Deno.test("verifyIdentityProof() takes a proof for its own role, mode and handshake alone", () => {
  const [hash, other] = [seedOf("transcript"), seedOf("another transcript")];
  const proof = encodeIdentityProof(BOB.signer, "listener", "mesh", hash);
  const verify = (...[role, mode, of]: ["dialler" | "listener", "mesh" | "call", Uint8Array]) =>
    verifyIdentityProof(nodeCrypto, proof, role, mode, of);

  assertEquals(verify("listener", "mesh", hash), BOB.key);
  assertThrows(() => verify("dialler", "mesh", hash), RemoteProtocolError, "isn't that of the key");
  assertThrows(() => verify("listener", "call", hash), RemoteProtocolError);
  assertThrows(() => verify("listener", "mesh", other), RemoteProtocolError);
});

Deno.test("Channel refuses its own bytes sent back to it", () => {
  const ann = new Side(Channel.dial({ identity: ANN, env: environment("ann") }, TARGET, 0));
  ann.step({ type: "received", bytes: ann.take(0) }, 0);
  assertEquals(ann.events, ["failed protocol"]);
});

Deno.test("Channel refuses another identity than the expected one, naming both", () => {
  const carl = fingerprintOf(identityOf("Carl").key);
  const pair = new Pair({ target: { fingerprint: carl } });

  pair.settle();

  const [failed] = pair.ann.told;
  assert(failed?.type === "failed");
  assertEquals([failed.reason, failed.key], ["wrong-key", BOB.key]);
  assert(failed.text.includes(fingerprintOf(BOB.key)) && failed.text.includes(carl));
  pair.bob.step({ type: "ended", reason: "hung up" }, 0);
  assertEquals(pair.bob.events, ["failed protocol"]);

  const unknown = new Pair({ target: { accepts: (key) => key !== BOB.key } }).settle();
  assertEquals([unknown.ann.events, unknown.bob.events], [["failed wrong-key"], []]);
  const known = new Pair({ target: { accepts: (key) => key === BOB.key } }).settle();
  assertEquals(known.ann.events, ["established"]);

  const right = new Pair({ target: { fingerprint: fingerprintOf(BOB.key) } }).settle();
  assertEquals(right.ann.events, ["established"]);
});

Deno.test("Channel says which version, mode, room or secret isn't ours", () => {
  const otherRoom = nodeCrypto.sha256<RoomId>(utf8("other"));
  const secret = { epoch: 1, key: seedOf("psk") };
  const cases = [
    [{ mode: "group" }, {}, "wrong-mode"],
    [{ room: otherRoom }, { room: ROOM }, "wrong-room"],
    [{ room: otherRoom }, {}, "wrong-room"],
    [{}, { room: ROOM, secrets: () => [secret.key] }, "bad-credentials"],
    [{ secret }, { room: ROOM }, "bad-credentials"],
    [{ secret }, { secrets: () => [seedOf("another")] }, "bad-credentials"],
    [{ secret }, { secrets: () => [] }, "bad-credentials"],
    [{ secret }, { secrets: () => null }, "full"],
    [{}, { admit: () => "full" as const }, "full"],
  ] as const;
  for (const [target, access, reason] of cases) {
    const pair = new Pair({ target, access });
    pair.settle();
    const what = JSON.stringify(target);
    assertEquals(pair.ann.events, [`failed ${reason}`], what);
    assertEquals(pair.bob.events, [`failed ${reason}`], what);
  }
});

Deno.test("Channel quotes what else a program says that takes no dialler: they are its words, not ours", () => {
  const said = 'busy". This p2pchat is unsafe:\u001b[1m run "x';
  const pair = new Pair({ access: { admit: () => said as unknown as Refusal } }).settle();
  const [failed] = pair.ann.told;
  assert(failed?.type === "failed");
  assertEquals([failed.reason, failed.text], [
    "refused",
    `the program there refused us; it says: "${
      visibleText("busy'. This p2pchat is unsafe:\u001b[1m run 'x")
    }"`,
  ]);
});

Deno.test("Channel refuses another version by name, from either side", () => {
  const newer = new Pair();
  newer.onWire = (bytes, from) => {
    const changed = new Uint8Array(bytes);
    if (from === "ann") changed[4] = CHANNEL_VERSION + 1;
    return [changed];
  };
  newer.settle();
  assertEquals([newer.ann.events, newer.bob.events], [["failed version"], ["failed version"]]);

  // A listener of a later version answers our preface with a refusal.
  const ann = new Side(Channel.dial({ identity: ANN, env: environment("ann") }, TARGET, 0));
  ann.take(0);
  ann.step({ type: "received", bytes: Uint8Array.of(2, 1, CHANNEL_VERSION + 1) }, 0);
  const [failed] = ann.told;
  assert(failed?.type === "failed" && failed.reason === "version");
  assert(
    failed.text.includes(`(protocol ${CHANNEL_VERSION + 1}, ours is ${CHANNEL_VERSION})`),
    failed.text,
  );
});

Deno.test("Channel drops what doesn't speak the protocol at its first wrong byte", () => {
  const bob = new Side(Channel.listen({ identity: BOB, env: environment("bob") }, ACCESS, 0));
  bob.step({ type: "received", bytes: utf8("GET / HTTP/1.1\r\n") }, 0);
  assertEquals([bob.events, bob.take(0).length], [["failed protocol"], 0]);

  const ann = new Side(Channel.dial({ identity: ANN, env: environment("ann") }, TARGET, 0));
  ann.take(0);
  ann.step({ type: "received", bytes: utf8("HTTP/1.1 400 Bad Request\r\n") }, 0);
  assertEquals(ann.told, [{
    type: "failed",
    reason: "protocol",
    text: "what answers there isn't p2pchat",
    key: null,
    detail: "Cannot talk to the program there: it doesn't speak p2pchat (byte 0 is 72)",
  }]);
});

Deno.test("Channel gives up a handshake after 10 s, however the bytes trickle", () => {
  const pair = new Pair();
  const opening = pair.ann.take(0);
  for (let at = 0; at < 9; at++) {
    const bytes = opening.subarray(at, at + 1);
    pair.bob.step({ type: "received", bytes }, at * 1_100);
    pair.bob.step({ type: "tick" }, at * 1_100);
  }
  pair.bob.step({ type: "tick" }, 9_999);
  assertEquals(pair.bob.events, []);

  pair.bob.step({ type: "tick" }, 10_000);
  pair.ann.step({ type: "tick" }, 10_000);

  assertEquals([pair.ann.events, pair.bob.events], [["failed timeout"], ["failed timeout"]]);
  assertEquals(pair.bob.channel.nextDeadlineMs(), null);
});

Deno.test("Channel tells nothing of room or key in clear", () => {
  const fingerprint = fingerprintOf(BOB.key);
  const target = { room: ROOM, fingerprint };
  const wire = (env: string) => {
    const channel = Channel.dial({ identity: ANN, env: environment(env) }, {
      ...TARGET,
      ...target,
    }, 0);
    return new Side(channel).take(0).subarray(19, 51).toHex();
  };
  assert(wire("first") !== wire("second"), "two dials of one target can't be linked");
});

Deno.test("listen() gives who has waited for a part of its time the rest of it", () => {
  const options = { identity: BOB, env: environment("bob") };

  const channel = Channel.listen(options, ACCESS, 6_000, 10_000);

  assertEquals(channel.step({ type: "tick" }, 9_999), []);
  assertEquals(channel.step({ type: "tick" }, 10_000).map(({ type }) => type), ["failed"]);
});

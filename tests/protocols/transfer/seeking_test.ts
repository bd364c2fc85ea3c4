/** To whom links are wanted, where those who are there haven't the file. */

import { assertEquals } from "@std/assert";
import {
  LEAF_BYTES,
  SEEK_MS,
  SEEK_OTHERS_MS,
  SEEK_SLOW_MS,
} from "../../../lib/protocols/transfer/limits.ts";
import { pairContext } from "../../../lib/protocols/transfer/offers.ts";
import { nodeCrypto } from "../../../lib/base/crypto/crypto.ts";
import {
  fetching,
  fileOf,
  leafOf,
  machineOf,
  offerOf,
  only,
  signerOf,
  type TestMachine,
} from "./fixtures.ts";

const ANN = signerOf(1);
const BOB = signerOf(2).key;
const CARL = signerOf(3).key;

/** What is sought after each tick of half a second, where that changes. */
function seeks({ machine, step }: TestMachine, fromMs: number, toMs: number) {
  const found = [];
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += 500) {
    if ((machine.nextDeadlineMs() ?? Infinity) > nowMs) continue;
    for (const { holders, others } of only(step({ type: "tick" }, nowMs), "seek")) {
      found.push([nowMs, holders, others]);
    }
  }
  return found;
}

/** A receiver that fetches Ann's file, of which Bob, who alone is linked, has nothing. */
function starving(leaves = 3, more = {}) {
  const receiver = machineOf(9);
  const file = fileOf(leaves * LEAF_BYTES);
  const { signed, id } = offerOf(ANN, file, more);
  for (const peer of [BOB, ANN.key]) receiver.step({ type: "peer-up", peer });
  receiver.step({ type: "message", from: ANN.key, message: { type: "offer", offer: signed } });
  receiver.step({ type: "peer-down", peer: ANN.key });
  const command = { command: "get", file: 1 } as const;
  const [begin] = only(receiver.step({ type: "command", command, ref: undefined }), "begin");
  receiver.step({ type: "begun", token: begin!.token, isThere: false, leaves: null });
  return { receiver, file, id };
}

Deno.test("the sender is looked for by name, later anybody, and nobody once it is given up", () => {
  const { receiver } = starving();

  assertEquals(seeks(receiver, 0, 2 * SEEK_OTHERS_MS), [
    [SEEK_MS / 2, [ANN.key], false],
    [SEEK_OTHERS_MS, [ANN.key], true],
  ]);
  const command = { command: "cancel", file: 1 } as const;
  const effects = receiver.step({ type: "command", command, ref: undefined }, 30_000);
  assertEquals(only(effects, "seek"), [{ type: "seek", holders: [], others: false }]);
});

Deno.test("nobody is looked for while leaves come, and who had all of it when they don't any more", () => {
  const receiver = machineOf(9);
  const file = fileOf(20 * LEAF_BYTES);
  const { id } = fetching(receiver, ANN, file, BOB);
  assertEquals(seeks(receiver, 0, 400), []);

  receiver.step({ type: "message", from: BOB, message: leafOf(file, id, 0) }, 400);
  assertEquals(seeks(receiver, 400, 4_000), []);
  receiver.step({ type: "peer-down", peer: BOB }, 4_000);

  assertEquals(seeks(receiver, 4_000, 5_000), [[400 + SEEK_SLOW_MS + 100, [ANN.key, BOB], false]]);
  receiver.step({ type: "peer-up", peer: CARL }, 5_000);
});

Deno.test("a leaf now and then doesn't keep others from being looked for", () => {
  const { receiver, file, id } = starving(20);
  const message = { type: "have", file: id, leaves: null } as const;
  receiver.step({ type: "message", from: BOB, message }, 0);
  const told = [];
  for (let nowMs = 0; nowMs <= 12_000; nowMs += 500) {
    told.push(...only(receiver.step({ type: "tick" }, nowMs), "seek"));
    if (nowMs % 6_000 !== 0) continue;
    const leaf = leafOf(file, id, nowMs / 6_000);
    told.push(...only(receiver.step({ type: "message", from: BOB, message: leaf }, nowMs), "seek"));
  }

  assertEquals(told.some(({ others }) => others), true);
});

Deno.test("a file for one is looked for at its sender alone", () => {
  const { receiver } = starving(3, { to: signerOf(9).key });

  assertEquals(seeks(receiver, 0, 2 * SEEK_OTHERS_MS), [[SEEK_MS / 2, [ANN.key], false]]);
});

Deno.test("for whom alone a file is, is looked for until told of it, or the offer is taken back", () => {
  for (const isTaken of [true, false]) {
    const ann = machineOf(1);
    const command = { command: "send", source: "/a", name: "a", to: CARL } as const;
    const [hash] = only(ann.step({ type: "command", command, ref: undefined }), "hash");
    const { size, digest } = fileOf(7);
    const [keep] = only(ann.step({ type: "hashed", token: hash!.token, size, digest }), "keep");
    const made = ann.step({ type: "kept", token: keep!.token });
    assertEquals(only(made, "seek"), [{ type: "seek", holders: [CARL], others: false }]);

    const cancel = { command: "cancel", file: 1 } as const;
    const effects = isTaken
      ? ann.step({ type: "command", command: cancel, ref: undefined })
      : ann.step({ type: "peer-up", peer: CARL });
    assertEquals(only(effects, "seek"), [{ type: "seek", holders: [], others: false }]);
  }
});

Deno.test("among people in pairs, too, a restored offer is for one who is looked for", () => {
  const ann = machineOf(1, { context: null });
  const context = pairContext(nodeCrypto, ANN.key, CARL);
  const { signed: offer } = offerOf(ANN, fileOf(7), { to: CARL, context });

  const effects = ann.step({ type: "restore", offer, kind: "whole", name: null });

  assertEquals(only(effects, "seek"), [{ type: "seek", holders: [CARL], others: false }]);
});

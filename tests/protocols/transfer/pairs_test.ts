// Files among people who are alone in pairs: friends, and the two of a call.

import { assertEquals } from "@std/assert";
import { nodeCrypto } from "../../../lib/base/crypto/crypto.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { GONE_MS, LEAF_BYTES, NOBODY_MS } from "../../../lib/protocols/transfer/limits.ts";
import { pairContext } from "../../../lib/protocols/transfer/offers.ts";
import { fileOf, machineOf, offerOf, only, sent, signerOf, type TestMachine } from "./fixtures.ts";

const ANN = signerOf(1);
const CARL = signerOf(3);
const FILE = fileOf(3 * LEAF_BYTES);

/** Bob among friends. */
function bob() {
  return machineOf(2, { context: null });
}

function offerTo(to: PeerKey, context = pairContext(nodeCrypto, ANN.key, to)) {
  return offerOf(ANN, FILE, { to, context });
}

/** Bob is offered Ann's file, which he fetches. @returns Its id. */
function fetchingFrom(receiver: TestMachine, as?: string) {
  const { signed, id } = offerTo(receiver.key);
  receiver.step({ type: "peer-up", peer: ANN.key });
  receiver.step({ type: "message", from: ANN.key, message: { type: "offer", offer: signed } });
  const command = { command: "get", file: 1, ...(as === undefined ? {} : { as }) } as const;
  const [begin] = only(receiver.step({ type: "command", command, ref: undefined }), "begin");
  receiver.step({ type: "begun", token: begin!.token, isThere: false, leaves: null });
  return id;
}

Deno.test("what two offer each other belongs to them, whichever of them it is from", () => {
  const [one, other] = [ANN.key, CARL.key];
  assertEquals(pairContext(nodeCrypto, one, other), pairContext(nodeCrypto, other, one));

  const receiver = bob();
  receiver.step({ type: "peer-up", peer: ANN.key });
  const offers = [
    offerTo(receiver.key, pairContext(nodeCrypto, ANN.key, CARL.key)),
    offerTo(CARL.key),
    offerOf(ANN, FILE), // for all of a room
  ];
  for (const { signed } of offers) {
    const message = { type: "offer", offer: signed } as const;
    assertEquals(receiver.step({ type: "message", from: ANN.key, message }), []);
  }
  const message = { type: "offer", offer: offerTo(receiver.key).signed } as const;
  assertEquals(only(receiver.step({ type: "message", from: ANN.key, message }), "show").length, 1);
});

Deno.test("an own offer is for the pair, and only the other one hears of it", () => {
  const receiver = bob();
  for (const peer of [ANN.key, CARL.key]) receiver.step({ type: "peer-up", peer });
  const command = { command: "send", source: "/x", name: "x", to: ANN.key } as const;
  const [hash] = only(receiver.step({ type: "command", command, ref: undefined }), "hash");
  const { size, digest } = FILE;

  const [keep] = only(
    receiver.step({ type: "hashed", token: hash!.token, size, digest }),
    "keep",
  );
  const effects = receiver.step({ type: "kept", token: keep!.token });

  const [message, ...others] = sent(effects);
  assertEquals(others, []);
  assertEquals(message!.to, ANN.key);
  const context = message!.type === "offer" ? message!.offer.offer.value.context : null;
  assertEquals(context, pairContext(nodeCrypto, ANN.key, receiver.key));
});

Deno.test("nobody but the sender is asked for a file that is for one alone", () => {
  const receiver = bob();
  receiver.step({ type: "peer-up", peer: CARL.key });
  const id = fetchingFrom(receiver);

  assertEquals(sent(receiver.step({ type: "peer-up", peer: CARL.key })), []);
  const asked = sent(receiver.step({ type: "peer-up", peer: ANN.key }));
  assertEquals(asked, [{ to: ANN.key, type: "want", file: id }]);
});

Deno.test("a file whose sender is away for long is fetched on when that one is back, under its name", () => {
  const receiver = bob();
  const id = fetchingFrom(receiver, "mine.txt");
  receiver.step({ type: "peer-down", peer: ANN.key });
  const [failed] = only(receiver.step({ type: "tick" }, NOBODY_MS), "show");
  assertEquals(failed!.event.event === "transfer" && failed!.event.reason, "no-holder");
  const later = NOBODY_MS + 1;
  assertEquals(only(receiver.step({ type: "peer-up", peer: CARL.key }, later), "begin"), []);

  const back = receiver.step({ type: "peer-up", peer: ANN.key }, later);

  const [begin] = only(back, "begin");
  assertEquals(begin?.file, id);
  receiver.step({ type: "begun", token: begin!.token, isThere: false, leaves: null }, later);
  assertEquals(receiver.machine.list[0]!.state, "fetching");
  assertEquals(only(receiver.step({ type: "peer-up", peer: ANN.key }, later), "begin"), []);
});

Deno.test("a file that was left is given up by /cancel, and when it is taken back", () => {
  const receiver = bob();
  const id = fetchingFrom(receiver);
  receiver.step({ type: "peer-down", peer: ANN.key });
  receiver.step({ type: "tick" }, NOBODY_MS);

  const command = { command: "cancel", file: 1 } as const;
  const effects = receiver.step({ type: "command", command, ref: undefined }, NOBODY_MS);

  assertEquals(only(effects, "discard"), [{ type: "discard", file: id }]);
  assertEquals(only(receiver.step({ type: "peer-up", peer: ANN.key }, NOBODY_MS), "begin"), []);
});

Deno.test("an offer that its sender no longer knows was taken back", () => {
  const receiver = bob();
  const id = fetchingFrom(receiver);
  const message = { type: "lack", file: id, reason: "unknown" } as const;
  receiver.step({ type: "message", from: ANN.key, message });

  const [shown] = only(receiver.step({ type: "tick" }, GONE_MS), "show");

  assertEquals(shown!.event.event === "transfer" && shown!.event.reason, "withdrawn");
});

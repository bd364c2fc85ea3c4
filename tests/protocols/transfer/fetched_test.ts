/** The sender is told who has fetched its file. */

import { assertEquals } from "@std/assert";
import { LEAF_BYTES } from "../../../lib/protocols/transfer/limits.ts";
import {
  fetching,
  fileOf,
  leafOf,
  machineOf,
  offerOf,
  only,
  sent,
  signerOf,
  type TestMachine,
} from "./fixtures.ts";

const ANN = signerOf(1);
const BOB = signerOf(2).key;
const CARL = signerOf(3).key;

/** Has the disk of a receiver take the one leaf, and give the file its name. */
function finished(receiver: TestMachine, id: ReturnType<typeof fetching>["id"], from: typeof BOB) {
  const { step } = receiver;
  const message = leafOf(fileOf(7), id, 0);
  const [write] = only(step({ type: "message", from, message }), "write");
  const [sync] = only(step({ type: "written", token: write!.token }), "sync");
  const [finish] = only(step({ type: "synced", token: sync!.token }), "finish");
  return step({ type: "finished", token: finish!.token, path: "/d/notes.txt" });
}

Deno.test("who has fetched a file says so to its sender at once, where there is a link", () => {
  const receiver = machineOf(9);
  const { id } = fetching(receiver, ANN, fileOf(7), ANN.key);

  const effects = finished(receiver, id, ANN.key);

  assertEquals(sent(effects), [{ to: ANN.key, type: "have", file: id, leaves: null }]);
});

Deno.test("who has fetched a file of another one says so once there is a link to its sender, once", () => {
  const receiver = machineOf(9);
  const { id } = fetching(receiver, ANN, fileOf(7), BOB);
  assertEquals(sent(finished(receiver, id, BOB)), []);
  const up = () =>
    sent(receiver.step({ type: "peer-up", peer: ANN.key })).filter(({ type }) => type === "have");

  assertEquals(up(), [{ to: ANN.key, type: "have", file: id, leaves: null }]);
  receiver.step({ type: "peer-down", peer: ANN.key });
  assertEquals(up(), []);
});

Deno.test("a file that was saved just before a kill is told at the next start, to its sender too", () => {
  const receiver = machineOf(9);
  const { signed, id } = offerOf(ANN, fileOf(7));
  const path = "/d/notes.txt";
  const effects = receiver.step({
    type: "restore",
    offer: signed,
    kind: "whole",
    name: null,
    path,
  });

  const [, done] = only(effects, "show");
  assertEquals(done!.event, { event: "transfer", file: 1, state: "done", bytes: 7, path });
  const up = sent(receiver.step({ type: "peer-up", peer: ANN.key }));
  assertEquals(up.filter(({ type }) => type === "have"), [
    { to: ANN.key, type: "have", file: id, leaves: null },
  ]);
});

Deno.test("the sender's user is told once of each that has its file, and of nobody that it isn't for", () => {
  for (const to of [null, CARL]) {
    const ann = machineOf(1);
    const { signed, id } = offerOf(ANN, fileOf(2 * LEAF_BYTES), { to });
    ann.step({ type: "restore", offer: signed, kind: "whole", name: null });
    const told = [];
    for (const peer of [BOB, CARL, CARL]) {
      ann.step({ type: "peer-up", peer });
      for (const leaves of [Uint8Array.of(1), null, null]) {
        const message = { type: "have", file: id, leaves } as const;
        for (const { event } of only(ann.step({ type: "message", from: peer, message }), "show")) {
          told.push(event);
        }
      }
    }

    const event = { event: "transfer", file: 1, state: "done", bytes: 2 * LEAF_BYTES } as const;
    const all = [{ ...event, to: BOB }, { ...event, to: CARL }];
    assertEquals(told, to === null ? all : all.slice(1));
  }
});

Deno.test("what somebody says to have of another one's file isn't told", () => {
  const receiver = machineOf(9);
  const { id } = fetching(receiver, ANN, fileOf(7), BOB);
  const message = { type: "have", file: id, leaves: null } as const;

  assertEquals(only(receiver.step({ type: "message", from: BOB, message }), "show"), []);
});

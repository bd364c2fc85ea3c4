// Answering `fetch`: from the log, then from what is held beyond it.

import { assertEquals } from "@std/assert";
import type { Hash } from "../../../../lib/base/ids.ts";
import { HeldBatches } from "../../../../lib/protocols/group/log/held_batches.ts";
import {
  HistoryEnd,
  signBatch,
  type SignedBatch,
} from "../../../../lib/protocols/group/schema/history.ts";
import type { GroupMessage } from "../../../../lib/protocols/group/schema/messages.ts";
import {
  type ReadEffect,
  Reads,
  Supplier,
} from "../../../../lib/protocols/group/catch_up/supplying.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { GROUP } from "../group_net.ts";

const ANN = fakeSigner("ann");

function batch(counter: number, text = `text ${counter}`): SignedBatch {
  return signBatch(ANN, {
    kind: "texts",
    signedIn: { number: 1, round: 0 },
    rules: null,
    edits: [],
    group: GROUP,
    author: ANN.key,
    name: "ann",
    incarnation: new Uint8Array(8).fill(1),
    counter,
    sentAt: 0,
    texts: [text],
  });
}

/** A log of two entries, two more that are held, one of them on disk. */
function supplied() {
  const held = new HeldBatches(new HistoryEnd(fakeCrypto, GROUP));
  const points = [held.end];
  for (let counter = 1; counter <= 4; counter++) {
    held.append(batch(counter));
    points.push(held.end);
  }
  held.shift();
  held.shift();
  held.setSynced(points[3]!);
  const asked: ReadEffect[] = [];
  const congested = new Set<string>();
  const answers: GroupMessage[] = [];
  const reads = new Reads((effect) => asked.push(effect));
  const supply = {
    get log() {
      return held.log;
    },
    get held() {
      return held.synced;
    },
    heldAfter: (position: number) => held.after(position),
    isCongested: (asker: string) => congested.has(asker),
    answer: (_asker: string, message: GroupMessage) => answers.push(message),
  };
  return {
    supplier: new Supplier<string>(supply, reads),
    reads,
    asked,
    answers,
    points,
    congested,
  };
}

function texts(answers: readonly GroupMessage[]): unknown {
  return answers.map((message) =>
    message.type === "history"
      ? [message.after, message.batches.map((one) => one.batch.value.counter), message.isLast]
      : message.type
  );
}

Deno.test("Supplier answers from the log, then from what is on disk beyond it", () => {
  const { supplier, reads, asked, answers, points } = supplied();

  supplier.fetch("bob", { type: "fetch", after: points[0]!, through: 9 });
  assertEquals(asked, [{ type: "read", token: 1, after: 0, bytesMax: 49_152 }]);
  reads.answered(1, {
    batches: [batch(1), batch(2)],
    digest: points[0]!.digest,
    seq: points[0]!.position,
  });

  assertEquals(texts(answers), [[0, [1, 2], false], [2, [3], true]]);
});

Deno.test("Supplier stops where the asker needs no more", () => {
  const { supplier, reads, answers, points } = supplied();

  supplier.fetch("bob", { type: "fetch", after: points[0]!, through: 1 });
  reads.answered(1, {
    batches: [batch(1), batch(2)],
    digest: points[0]!.digest,
    seq: points[0]!.position,
  });

  assertEquals(texts(answers), [[0, [1], true]]);
});

Deno.test("Supplier says so where the asker has another history, or a longer one", () => {
  const { supplier, reads, answers, points } = supplied();
  const other = fakeCrypto.sha256<Hash>(new Uint8Array([9]));

  supplier.fetch("bob", { type: "fetch", after: { position: 1, digest: other }, through: 9 });
  reads.answered(1, { batches: [batch(2)], digest: points[1]!.digest, seq: points[1]!.position });
  supplier.fetch("bob", { type: "fetch", after: { position: 3, digest: other }, through: 9 });
  supplier.fetch("bob", { type: "fetch", after: points[4]!, through: 9 });

  assertEquals(texts(answers), ["unlike", "unlike", "unlike"]);
});

Deno.test("Supplier answers only the last question of an asker, and nobody who is gone", () => {
  const { supplier, reads, answers, points } = supplied();

  supplier.fetch("bob", { type: "fetch", after: points[0]!, through: 9 });
  supplier.fetch("bob", { type: "fetch", after: points[2]!, through: 9 });
  reads.answered(1, { batches: [batch(1)], digest: points[0]!.digest, seq: points[0]!.position });
  supplier.fetch("carol", { type: "fetch", after: points[0]!, through: 9 });
  supplier.forget("carol");
  reads.answered(2, { batches: [batch(1)], digest: points[0]!.digest, seq: points[0]!.position });

  assertEquals(texts(answers), [[2, [3], true]]);
});

Deno.test("Supplier reads once at a time for an asker, however often it asks", () => {
  const { supplier, reads, asked, answers, points } = supplied();

  for (let count = 0; count < 50; count++) {
    supplier.fetch("bob", { type: "fetch", after: points[count % 2]!, through: 9 });
  }
  supplier.forget("bob");
  supplier.fetch("bob", { type: "fetch", after: points[1]!, through: 9 });
  supplier.fetch("carol", { type: "fetch", after: points[0]!, through: 9 });
  assertEquals(asked.length, 2);
  reads.answered(1, {
    batches: [batch(1), batch(2)],
    digest: points[0]!.digest,
    seq: points[0]!.position,
  });
  assertEquals(asked.map(({ after }) => after), [0, 0, 1]);
  reads.answered(3, { batches: [batch(2)], digest: points[1]!.digest, seq: points[1]!.position });

  assertEquals(texts(answers), [[1, [2], false], [2, [3], true]]);
});

Deno.test("Supplier waits while much waits for the asker", () => {
  const { supplier, reads, asked, answers, points, congested } = supplied();
  congested.add("bob");

  supplier.fetch("bob", { type: "fetch", after: points[0]!, through: 9 });
  assertEquals(asked, []);
  congested.delete("bob");
  supplier.resume("bob");
  supplier.resume("bob");
  reads.answered(1, {
    batches: [batch(1), batch(2)],
    digest: points[0]!.digest,
    seq: points[0]!.position,
  });

  assertEquals(asked.length, 1);
  assertEquals(texts(answers), [[0, [1, 2], false], [2, [3], true]]);
});

Deno.test("Supplier whose log begins anew calls nobody's unlike that was asked of the one before", () => {
  const { supplier, reads, answers, points } = supplied();

  supplier.fetch("bob", { type: "fetch", after: points[1]!, through: 9 });
  supplier.restart();
  reads.answered(1, { batches: [], digest: null, seq: 0 }); // the file isn't that log any more
  assertEquals(answers, []);

  supplier.fetch("bob", { type: "fetch", after: points[2]!, through: 9 });
  assertEquals(texts(answers), [[2, [3], true]]);
});

// What a member takes from a source that it needn't trust.

import { assertEquals } from "@std/assert";
import { CatchingUp, Fetching } from "../../../../lib/protocols/group/catch_up/catching_up.ts";
import type { SignedBatch } from "../../../../lib/protocols/group/schema/history.ts";
import type { GroupMessageOf } from "../../../../lib/protocols/group/schema/messages.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { forged } from "../edit_fixtures.ts";
import { GROUP, keyOf, OWN } from "../coordinator_program.ts";
import { heldOf, memberOutput, nameOf, speaker } from "../member/member_parts.ts";

const [ANN, BOB, CEM] = [keyOf("ann"), keyOf("bob"), keyOf("cem")];

/** Eve fetches what Ann has said. */
function scene(texts: readonly string[] = ["one", "two"], own: readonly SignedBatch[] = []) {
  const output = memberOutput();
  const held = heldOf(...own);
  while (held.first !== null) held.shift();
  const asked: string[] = [];
  const parts = {
    ...{ held, crypto: fakeCrypto, group: GROUP, out: output.out },
    peers: { heard: () => [BOB, CEM] },
    standing: { mayDecide: (key: string) => key === OWN.key },
    send: (source: Parameters<typeof nameOf>[0], { after }: GroupMessageOf<"fetch">) =>
      asked.push(`asks ${nameOf(source)} after ${after.position}`),
    consentFault: () => null,
    logged: () => {},
    startAnew: () => {
      asked.push("begins anew");
      held.reset(fakeCrypto, GROUP);
    },
    caughtUp: () => asked.push("is caught up"),
    offends: (who: Parameters<typeof nameOf>[0], text: string) =>
      asked.push(`${nameOf(who)} offends: ${text}`),
  };
  const ann = speaker("ann");
  const batches = texts.map((text) => ann.says(text));
  const history = (after: number, batches: readonly SignedBatch[], isLast = true) => ({
    ...{ type: "history" as const, after, batches, isLast, stable: ann.end.position },
  });
  const words = () => [...asked.splice(0), ...output.words()];
  return { output, parts, held, ann, batches, history, words };
}

Deno.test("Fetching takes all up to the first batch that is at fault, and answers to its own question alone", () => {
  const { parts, held, batches, history } = scene();
  const fetching = new Fetching(parts, ANN, 9);
  fetching.ask(held.log);
  const check = (message: GroupMessageOf<"history">, isKnown = false) => {
    const fetched = fetching.check(message, () => isKnown);
    return fetched && [fetched.batches.length, fetched.fault];
  };

  assertEquals(check(history(1, batches)), null);
  const wrong = [batches[0]!, forged(batches[1]!)];
  assertEquals(check(history(0, wrong)), [1, "a batch isn't signed"]);
  assertEquals(fetching.hasCome, true);
  assertEquals(check(history(1, wrong.slice(1)), true), [1, null], "it was checked before");
  assertEquals([fetching.isAsked(held.log), fetching.isAsked({ ...held.log, position: 1 })], [
    true,
    false,
  ]);
});

Deno.test("CatchingUp asks on once what came is on disk, until it has all that is stable at the source", () => {
  const { output, parts, batches, history, words } = scene();
  const catchingUp = new CatchingUp(parts);
  catchingUp.begin({ type: "catch-up", source: ANN, others: [BOB] });
  assertEquals(words(), ["asks ann after 0"]);
  catchingUp.history(BOB, history(0, batches));
  assertEquals(words(), [], "it wasn't asked");
  catchingUp.history(ANN, history(0, batches.slice(0, 1)));
  assertEquals(words(), ["disk: log"]);
  output.diskAnswers();
  assertEquals(words(), ["asks ann after 1"]);
  catchingUp.history(ANN, history(1, batches.slice(1)));
  assertEquals(words(), ["is caught up", "disk: log"]);
});

Deno.test("CatchingUp: a fault is its source's, what came before it stays, and nothing more is heard of it", () => {
  const { parts, held, batches, history, words } = scene();
  const catchingUp = new CatchingUp(parts);
  catchingUp.begin({ type: "catch-up", source: ANN, others: [] });
  words();
  catchingUp.history(ANN, history(0, [batches[0]!, forged(batches[1]!)]));
  assertEquals(words(), ["ann offends: history: a batch isn't signed", "disk: log"]);
  catchingUp.history(ANN, history(1, batches.slice(1)));
  assertEquals([words(), held.log.position], [[], 1]);
});

Deno.test("CatchingUp sets its log aside only where another member, too, says that it isn't the group's", () => {
  const own = speaker("bob").says("elsewhere");
  const { parts, held, words } = scene([], [own]);
  const catchingUp = new CatchingUp(parts);
  const { log } = held;
  catchingUp.begin({ type: "catch-up", source: ANN, others: [ANN, BOB, keyOf("eve")] });
  catchingUp.unlike(ANN, { type: "unlike", after: log });
  assertEquals(words(), ["asks ann after 1", "asks bob after 1"]);
  catchingUp.unlike(ANN, { type: "unlike", after: log });
  assertEquals(words(), [], "it has said so before");
  catchingUp.unlike(BOB, { type: "unlike", after: log });
  assertEquals(words(), ["begins anew", "asks bob after 0"]);
  catchingUp.unlike(BOB, { type: "unlike", after: log }); // to the question before
  catchingUp.unlike(BOB, { type: "unlike", after: held.log });
  assertEquals(words(), ["bob offends: it has no history from the beginning"]);
});

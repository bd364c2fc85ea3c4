/** `OwnSessions` where the engine's answers are late, or none. */

import { assertEquals } from "@std/assert";
import { type FoldedName, type PeerKey } from "../../../lib/base/ids.ts";
import { HERE } from "../../../lib/base/machine/user_presence.ts";
import { HeardMirror } from "../../../lib/engine/directory/heard_mirror.ts";
import { ONLINE, onlineIn, SessionMirror } from "../../../lib/engine/directory/online_entries.ts";
import { OwnSessions } from "../../../lib/engine/directory/own_sessions.ts";
import type { Change, Outcome } from "../../../lib/engine/shared_store.ts";
import type { OnlineSession } from "../../../lib/protocols/directory/schema/registrar_io.ts";
import { MemoryEngine, MemoryStore } from "../../doubles/memory_store.ts";
import { VirtualClock } from "../../runtime/virtual_clock.ts";

const BOB = "bob" as FoldedName;

const session = (id: string): OnlineSession => ({
  ...{ id, instance: "a", name: "Bob", isGuest: false, process: "p", rank: 1, isBusy: false },
  ...{ host: "10.0.0.2", port: 5_000, sinceMs: 0, isHeld: false, ...HERE },
  key: "ab".repeat(32) as PeerKey,
});

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

/** Sessions of an instance, whose changes are handed to `commits`. */
async function ownSessions(
  commits: (change: Change, store: MemoryStore) => Promise<Outcome>,
) {
  const clock = new VirtualClock();
  const store = new MemoryStore(new MemoryEngine(clock));
  const lease = await store.grant(3_600_000);
  const commit = { value: (change: Change) => commits(change, store) };
  const mirror = new SessionMirror();
  const own = new OwnSessions({
    ...{ store: Object.create(store, { commit }), clock, prefix: "p/", instance: "a" },
    accounts: {
      unchanged: () =>
        Promise.resolve({ condition: { key: "p/accounts/bob", is: "absent" }, created: 0 }),
    },
    heard: new HeardMirror("p/"),
    mirror,
    lease: () => lease,
    failed: (error) => {
      throw error;
    },
  });
  const claim = (id: string, number: number) =>
    own.claim({ ask: "claim", session: session(id), over: null, account: "1", seen: 0, number });
  return { own, claim, mirror, clock, store };
}

const ONLINE_BOB = `p/${ONLINE}${BOB}`;

/** Bob is in, and his entry is gone, with the lease: it is put again, which the engine is asked, and holds up. */
async function puttingAnew() {
  let held = Promise.resolve();
  const sessions = await ownSessions(async (change, store) => {
    if (change.when.some((condition) => "is" in condition && condition.key === ONLINE_BOB)) {
      await held;
    }
    return store.commit(change);
  });
  const { own, claim, mirror, store } = sessions;
  await claim("a-1", 1);
  await store.commit({ when: [], puts: [], deletes: [ONLINE_BOB] });
  mirror.set(BOB, null);
  const { promise, resolve } = Promise.withResolvers<void>();
  held = promise;
  own.vanished(session("a-1"));
  await settle();
  const goesOn = async () => {
    resolve();
    await settle();
  };
  return { ...sessions, goesOn, entry: () => store.get(ONLINE_BOB) };
}

Deno.test("OwnSessions: an account whose last claim wasn't answered is left out of marks, though an earlier session's end is answered later", async () => {
  /** What becomes of answers: null: they come. */
  let answered: ((outcome: Outcome) => Promise<Outcome>) | null = null;
  const { own, claim } = await ownSessions(async (change, store) => {
    const outcome = await store.commit(change);
    return answered === null ? outcome : await answered(outcome);
  });

  assertEquals(await claim("a-1", 1), { outcome: "done", heard: 0 });
  assertEquals([...own.unheard], []);

  // It ends, which the engine makes so, and answers late.
  const end = Promise.withResolvers<void>();
  answered = (outcome) => end.promise.then(() => outcome);
  own.release("a-1", 0, 5);
  await settle();
  assertEquals([...own.unheard], [BOB]);

  // It comes in again, of which nothing is heard: the engine has that it is here.
  answered = () => Promise.resolve({ outcome: "unknown", text: "no answer" });
  assertEquals(await claim("a-2", 2), { outcome: "away" });
  answered = null;
  end.resolve();
  await settle();
  assertEquals([...own.unheard], [BOB]);

  // Once it is in, what is said of the others holds for it, too.
  assertEquals((await claim("a-3", 3)).outcome, "done");
  assertEquals([...own.unheard], []);
});

Deno.test("OwnSessions: an account whose claim the engine has refused isn't left out of marks", async () => {
  const refused = { outcome: "refused", code: "unreachable", text: "no answer" } as const;
  const { own, claim } = await ownSessions(() => Promise.resolve(refused));
  assertEquals(await claim("a-1", 1), { outcome: "away" });
  assertEquals([...own.unheard], []);
});

Deno.test("OwnSessions: what changes of a session while its entry, which was gone, is put again, is put, too", async () => {
  const { own, clock, goesOn, entry } = await puttingAnew();
  own.set("a-1", { isBusy: true });
  await settle();
  clock.advance(1_000); // for all that the change knows, there is nothing to be written to
  await settle();
  await goesOn();
  assertEquals(onlineIn((await entry())!, BOB)?.isBusy, true);
});

Deno.test("OwnSessions: a session that is over while its entry, which was gone, is put again, is taken back when that is told", async () => {
  const { own, mirror, goesOn, entry } = await puttingAnew();
  own.release("a-1", 0, null);
  await settle();
  await goesOn();
  const { modified } = (await entry())!;
  assertEquals(mirror.get(BOB), null); // or what is told would be passed over as known
  own.told({ session: session("a-1"), modified });
  await settle();
  assertEquals(await entry(), null);
});

/** What the registrar of several instances does, whichever engine is under it. */

import { assert, assertEquals } from "@std/assert";
import type { Endpoint, PeerKey } from "../../lib/base/ids.ts";
import { foldName, isSameName } from "../../lib/base/text/names.ts";
import type {
  BroadcastRecord,
  OnlineSession,
  RegistrarAnswer,
  RegistrarChange,
  RegistrarState,
} from "../../lib/protocols/directory/schema/registrar_io.ts";
import type { Registrar, RegistrarListener } from "../../lib/runtime/registrar.ts";

export interface RegistrarFixture {
  /** Two instances of one directory, `a` and `b`, each with room for ten clients. */
  readonly registrars: { readonly a: Registrar; readonly b: Registrar };
  /** The accounts that there are, by folded name: the version of each. */
  readonly accounts: Map<string, string>;
  /** Resolves when the condition holds, in time that may be virtual. @throws Where it takes too long. */
  until(holds: () => boolean): Promise<void>;
  /** Whether all that was asked of what they share is answered. */
  isIdle(): boolean;
}

/** What an instance knows of the others. */
class Heard implements RegistrarListener {
  readonly online = new Map<string, OnlineSession>();
  readonly told: string[] = [];
  readonly broadcasts: { number: number; text: string; isNew: boolean }[] = [];
  instances: readonly string[] = [];
  state: RegistrarState = "away";

  constructor(readonly registrar: Registrar, readonly address: Endpoint) {
    registrar.begin(this);
  }

  news(changes: readonly RegistrarChange[]): void {
    for (const change of changes) {
      switch (change.change) {
        case "present": {
          const { session } = change;
          const state = session.isHeld ? "held" : session.isBusy ? "busy" : "free";
          this.online.set(session.name, session);
          this.told.push(`${session.name} ${session.id} ${state}`);
          break;
        }
        case "gone":
          for (const name of this.online.keys()) {
            if (isSameName(name, change.name)) this.online.delete(name);
          }
          this.told.push(`${change.name} gone`);
          break;
        case "broadcast": {
          const { broadcast: { number, text }, isNew } = change;
          assert(number > (this.broadcasts.at(-1)?.number ?? 0), "numbers rise");
          this.broadcasts.push({ number, text, isNew });
          break;
        }
        case "kicked":
          this.told.push(`${change.name} kicked`);
          break;
        case "reached":
          this.told.push(`${change.count} at ${change.instance} have ${change.number}`);
          break;
        case "instances":
          this.instances = change.instances.map(({ id, room }) => `${id} ${room > 0}`);
      }
    }
  }

  stateChanged(state: RegistrarState): void {
    this.state = state;
  }

  notice(text: string): void {
    this.told.push(text);
  }

  failed(error: unknown): void {
    throw error;
  }

  /** @param over The session that is replaced. */
  claims(
    session: OnlineSession,
    { over = null, account = null, seen = 0, number = 1 }: {
      readonly over?: string | null;
      readonly account?: string | null;
      readonly seen?: number;
      readonly number?: number;
    } = {},
  ): Promise<RegistrarAnswer> {
    return new Promise((resolve) => {
      this.registrar.ask({ ask: "claim", session, over, account, seen, number }, resolve);
    });
  }
}

let sessions = 0;

/** A session of an instance. */
function sessionOf(
  instance: "a" | "b",
  name: string,
  more: Partial<OnlineSession> = {},
): OnlineSession {
  return {
    id: `${instance}-${++sessions}`,
    instance,
    name,
    isGuest: true,
    key: "ab".repeat(32) as PeerKey,
    process: "01",
    rank: 1_790_000_000_000,
    host: "10.0.0.2",
    port: 5_000,
    isBusy: false,
    away: null,
    sinceMs: 1_790_000_000_000,
    isHeld: false,
    ...more,
  };
}

const DONE: RegistrarAnswer = { outcome: "done", heard: 0 };

/** Registers the tests; `run` hands a fixture to each and cleans up after it. */
export function registrarContract(
  title: string,
  run: (test: (fixture: RegistrarFixture) => Promise<void>) => Promise<void>,
  options: Omit<Deno.TestDefinition, "name" | "fn"> = {},
): void {
  const contract = (
    name: string,
    test: (
      fixture: RegistrarFixture & { a: Heard; b: Heard; done: () => Promise<void> },
    ) => Promise<void>,
  ) =>
    Deno.test({
      name: `${title}: ${name}`,
      ...options,
      fn: () =>
        run(async (fixture) => {
          const host = "10.0.0.1";
          const a = new Heard(fixture.registrars.a, { host, port: 4_400 });
          const b = new Heard(fixture.registrars.b, { host, port: 4_401 });
          await fixture.until(() => a.instances.length === 2 && b.instances.length === 2);
          assertEquals([a.state, b.state], ["up", "up"]);
          let orders = 0;
          /** Resolves when what was ordered is done, and told: what is told of a later order comes after it. */
          const done = async () => {
            await fixture.until(() => fixture.isIdle());
            const name = `Nobody${++orders}`;
            a.registrar.order({ order: "kick", name, key: "ab".repeat(32) as PeerKey });
            await fixture.until(() => [a, b].every(({ told }) => told.includes(`${name} kicked`)));
          };
          await test({ ...fixture, a, b, done });
        }),
    });

  contract(
    "of claims of one name at once, one is done, the rest are told whose it is",
    async (fixture) => {
      const { a, b, until } = fixture;
      const claims = Array.from({ length: 12 }, (_, n) => {
        const [heard, id] = n % 2 === 0 ? [a, "a"] as const : [b, "b"] as const;
        return { session: sessionOf(id, n % 3 === 0 ? "Straße" : "STRASSE"), heard };
      });
      const answers = await Promise.all(claims.map(({ session, heard }) => heard.claims(session)));

      const winner = claims[answers.findIndex(({ outcome }) => outcome === "done")]!.session;
      for (const [at, answer] of answers.entries()) {
        if (claims[at]!.session === winner) continue;
        assertEquals(answer, { outcome: "taken", by: winner });
      }
      const other = winner.instance === "a" ? b : a;
      await until(() => other.online.size === 1);
      assertEquals([...other.online.values()], [winner]);
      assertEquals((winner.instance === "a" ? a : b).told, [], "one's own aren't told");
    },
  );

  contract(
    "others are told who comes, is busy, away and goes, in this order",
    async ({ a, b, until }) => {
      const zoe = sessionOf("a", "Zoë");
      assertEquals(await a.claims(zoe), DONE);
      a.registrar.order({ order: "set-busy", session: zoe.id, isBusy: true });
      await until(() => b.told.length === 2);
      a.registrar.order({ order: "set-busy", session: zoe.id, isBusy: false });
      a.registrar.order({ order: "set-busy", session: zoe.id, isBusy: true });
      a.registrar.order({ order: "set-busy", session: zoe.id, isBusy: false });
      await until(() => b.told.length === 3);
      const presence = { away: "lunch" };
      a.registrar.order({ order: "set-presence", session: zoe.id, presence });
      await until(() => b.told.length === 4);
      assertEquals([...b.online.values()].map(({ away }) => away), ["lunch"]);
      a.registrar.order({ order: "release", session: zoe.id, heldMs: 0, through: null });
      await until(() => b.told.length === 5);

      assertEquals(b.told, [
        `Zoë ${zoe.id} free`,
        `Zoë ${zoe.id} busy`,
        `Zoë ${zoe.id} free`,
        `Zoë ${zoe.id} free`,
        "Zoë gone",
      ]);
      assertEquals(await b.claims(sessionOf("b", "Zoë")), DONE);
    },
  );

  contract(
    "a session is replaced by who names it, and can't touch its successor",
    async (fixture) => {
      const { a, b, until, accounts } = fixture;
      accounts.set("bob", "1");
      const account = { account: "1" };
      const first = sessionOf("a", "Bob", { isGuest: false });
      const second = sessionOf("b", "Bob", { isGuest: false, process: "02" });
      assertEquals(await a.claims(first, account), DONE);
      assertEquals(await b.claims(second, account), { outcome: "taken", by: first });
      assertEquals(await b.claims(second, { over: first.id, ...account }), DONE);
      await until(() => a.told.length === 1);
      assertEquals([...a.online.values()], [second]);

      a.registrar.order({ order: "set-busy", session: first.id, isBusy: true });
      a.registrar.order({ order: "release", session: first.id, heldMs: 60_000, through: null });
      const third = sessionOf("a", "Bob", { isGuest: false });
      assertEquals(await a.claims(third, { over: first.id, ...account }), {
        outcome: "taken",
        by: second,
      });
      assertEquals(await a.claims(third, { over: second.id, ...account }), DONE);
      await until(() => b.online.get("Bob")?.id === third.id);
      assertEquals([...b.online.values()], [third]);
    },
  );

  contract(
    "an instance takes back the name of a client of its own that it has given up",
    async ({ a, b, until }) => {
      const first = sessionOf("a", "Ann");
      await a.claims(first);
      a.registrar.order({ order: "release", session: first.id, heldMs: 60_000, through: null });
      await until(() => b.told.includes(`Ann ${first.id} held`));
      assertEquals(await b.claims(sessionOf("b", "Ann")), {
        outcome: "taken",
        by: { ...first, isHeld: true },
      });
      assertEquals(await a.claims(sessionOf("a", "Ann")), DONE);
      await until(() => b.told.at(-1)?.endsWith("free") === true);

      const held = sessionOf("a", "Cem");
      await a.claims(held);
      a.registrar.order({ order: "release", session: held.id, heldMs: 200, through: null });
      await until(() => b.told.at(-1) === "Cem gone");
      assert(b.told.includes(`Cem ${held.id} held`));
    },
  );

  contract(
    "who comes in by an account that was changed, or made, since isn't let in",
    async (fixture) => {
      const { a, accounts } = fixture;
      accounts.set("bob", "2");
      const wrong: RegistrarAnswer = { outcome: "wrong" };
      const bob = () => sessionOf("a", "Bob", { isGuest: false });
      assertEquals(await a.claims(bob(), { account: "1" }), wrong);
      assertEquals(await a.claims(sessionOf("a", "Bob")), wrong);
      assertEquals(await a.claims(bob(), { account: "2" }), DONE);
      accounts.delete("bob");
      assertEquals(await fixture.b.claims(sessionOf("b", "Cem"), { account: "2" }), wrong);
    },
  );

  contract(
    "an instance that ends leaves nothing behind, and who begins is told all",
    async (fixture) => {
      const { a, b, until, registrars } = fixture;
      assertEquals([a.instances, b.instances], [["a true", "b true"], ["b true", "a true"]]);
      const all = Array.from({ length: 10 }, (_, n) => sessionOf("a", `n${n}`));
      assertEquals(await Promise.all(all.map((each) => a.claims(each))), all.map(() => DONE));
      await until(() => b.online.size === 10 && b.instances.includes("a false"));
      await registrars.a.close();
      await until(() => b.online.size === 0 && b.instances.length === 1);
    },
  );

  contract("broadcasts of all come to all, in one order, each taken once", async (fixture) => {
    const { a, b, until } = fixture;
    const told = (heard: Heard, own: number) =>
      new Promise<RegistrarAnswer>((resolve) => {
        heard.registrar.ask({ ask: "tell", broadcast: broadcastOf(own) }, resolve);
      });
    const owns = Array.from({ length: 40 }, (_, n) => n + 1);
    const answers = await Promise.all(owns.map((own) => told(own % 2 === 0 ? a : b, own)));
    assertEquals(answers, owns.map(() => DONE));
    await until(() => a.broadcasts.length === 40 && b.broadcasts.length === 40);
    assertEquals(a.broadcasts, b.broadcasts);
    assertEquals(
      a.broadcasts.map(({ text }) => text).sort(),
      owns.map((own) => `text ${own}`).sort(),
    );

    const [again, next] = await Promise.all([told(a, 7), told(a, 41)]);
    const { number } = a.broadcasts.find(({ text }) => text === "text 7")!;
    assertEquals([again, next], [{ outcome: "before", number }, DONE]);
    await until(() => b.broadcasts.length === 41);

    a.registrar.order({ order: "reached", number, count: 3 });
    await until(() => b.told.includes(`3 at a have ${number}`));
  });

  contract("what an account has heard is known where it comes in next", async (fixture) => {
    const { a, b, accounts, until } = fixture;
    accounts.set("bob", "1");
    const bob = (id: "a" | "b") => sessionOf(id, "Bob", { isGuest: false });
    const heard = (answer: RegistrarAnswer) => answer.outcome === "done" ? answer.heard : null;
    const of = { account: "1" };
    const first = bob("a");
    assertEquals(heard(await a.claims(first, { ...of, seen: 5 })), 5);
    a.registrar.order({ order: "release", session: first.id, heldMs: 0, through: 7 });
    await until(() => b.told.includes("Bob gone"));
    const second = bob("b");
    assertEquals(heard(await b.claims(second, of)), 7);

    // By what its instance has said since; not by what it said of earlier sessions, or of all but this account.
    const third = bob("a");
    b.registrar.order({ order: "mark", through: 9, sessions: 0, except: [] });
    await fixture.done();
    assertEquals(heard(await a.claims(third, { ...of, over: second.id })), 7);
    a.registrar.order({ order: "mark", through: 10, sessions: 1, except: [foldName("Bob")] });
    await fixture.done();
    const fourth = bob("b");
    assertEquals(heard(await b.claims(fourth, { ...of, over: third.id })), 7);
    b.registrar.order({ order: "mark", through: 11, sessions: 1, except: [foldName("Ann")] });
    await fixture.done();
    await fixture.registrars.b.close();
    await until(() => !a.online.has("Bob"));
    assertEquals(heard(await a.claims(bob("a"), of)), 11);
  });

  contract("five are five at all instances, until they are over or taken back", async (fixture) => {
    const { a, b } = fixture;
    const count = (heard: Heard, stamp: string, whats = ["wrong/x bob", "wrong/x"]) =>
      new Promise<RegistrarAnswer>((resolve) => {
        const limits = whats.map((what, at) => ({ what, max: at === 0 ? 5 : 9, withinMs: 60_000 }));
        heard.registrar.ask({ ask: "count", limits, stamp }, resolve);
      });
    const outcomes = async (all: readonly Promise<RegistrarAnswer>[]) =>
      (await Promise.all(all)).map(({ outcome }) => outcome).sort();
    const stamps = Array.from({ length: 8 }, (_, n) => `${n}`);
    const all = stamps.map((stamp, n) => count(n % 2 === 0 ? a : b, stamp));
    assertEquals(await outcomes(all), [
      ...Array(5).fill("done"),
      ...Array(3).fill("too-many"),
    ]);
    const late = await count(b, "late");
    assert(late.outcome === "too-many" && late.retryMs > 0 && late.retryMs <= 60_000);
    assertEquals(await outcomes([count(b, "cem", ["wrong/x cem", "wrong/x"])]), ["done"]);

    const whats = ["wrong/x bob"];
    a.registrar.order({ order: "uncount", whats, stamp: "nobody's", isAll: false });
    await fixture.done();
    assertEquals((await count(a, "still")).outcome, "too-many");
    a.registrar.order({ order: "uncount", whats, stamp: "", isAll: true });
    await fixture.done();
    // Of all names there were six: three more, then there are nine.
    const more = ["8", "9", "10", "11"].map((stamp) => count(a, stamp));
    assertEquals(await outcomes(more), ["done", "done", "done", "too-many"]);
  });

  contract("who is thrown out at one instance is so at all", async ({ a, b, until }) => {
    const key = "ab".repeat(32) as PeerKey;
    a.registrar.order({ order: "kick", name: "Bob", key });
    await until(() => b.told.includes("Bob kicked") && a.told.includes("Bob kicked"));
  });
}

function broadcastOf(own: number): BroadcastRecord {
  return {
    kind: "broadcast",
    number: 0,
    from: "Ann",
    fromKey: "cd".repeat(32) as PeerKey,
    fromAccount: true,
    own,
    sentAt: 1_790_000_000_000,
    takenAt: 1_790_000_000_000,
    ttlMs: 60_000,
    text: `text ${own}`,
    signature: new Uint8Array(64).fill(7),
  };
}

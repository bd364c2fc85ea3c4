import { assertEquals } from "@std/assert";
import type { Hash } from "../../../../lib/base/ids.ts";
import { HeldBatches } from "../../../../lib/protocols/group/log/held_batches.ts";
import { HistoryEnd, signBatch } from "../../../../lib/protocols/group/schema/history.ts";
import { STATE_ARRIVALS_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import { MemberOutput } from "../../../../lib/protocols/group/schema/member_output.ts";
import type {
  GroupMessage,
  GroupMessageOf,
} from "../../../../lib/protocols/group/schema/messages.ts";
import { Reporting } from "../../../../lib/protocols/group/states/reporting.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";

const GROUP = "6".repeat(64) as Hash;
const ANN = fakeSigner("ann");
const INCARNATION = new Uint8Array(8).fill(1);
const BALLOT = { number: 2, round: 0 };

/** A member whose log grows when it is told. */
class Told {
  readonly held = new HeldBatches(new HistoryEnd(fakeCrypto, GROUP));
  readonly out = new MemberOutput(() => true);
  readonly coordinator = {
    isUp: true,
    tell: (message: GroupMessage) => {
      if (message.type === "state") this.said.push(message);
    },
  };
  ballot: typeof BALLOT | null = BALLOT;
  locks: readonly number[] = [];
  readonly said: GroupMessageOf<"state">[] = [];
  laterMs: number | null = null;
  readonly reporting = new Reporting({
    ...{ out: this.out, held: this.held, coordinator: this.coordinator },
    wallMs: () => 1_000_000 + this.out.nowMs,
    ballot: () => this.ballot,
    locks: () => this.locks,
    reports: () => {},
    later: (delayMs) => void (this.laterMs = delayMs),
  });

  at(ms: number): this {
    this.out.begin(ms);
    return this;
  }

  /** Entries get into the log, at once. */
  logs(...texts: readonly string[]): this {
    const { held } = this;
    const signed = signBatch(ANN, {
      kind: "texts",
      signedIn: { number: 1, round: 0 },
      rules: null,
      edits: [],
      group: GROUP,
      author: ANN.key,
      name: "ann",
      incarnation: INCARNATION,
      counter: held.everThrough(ANN.key, INCARNATION.toHex()) + 1,
      sentAt: 0,
      texts,
    });
    held.append(signed);
    this.reporting.logged([held.shift()]);
    return this;
  }

  /** What was said, in few words: the end, and what came when. */
  get words(): readonly string[] {
    return this.said.splice(0).map(({ end, after, arrivals, points, locks }) => {
      const came = arrivals.map(({ through, agoMs }) => `${through}@-${agoMs}`).join(" ");
      const passed = points.map(({ position }) => position).join(" ");
      return `${end.seq} after ${after}: ${came} | ${passed} | ${locks.join(" ")}`;
    });
  }
}

Deno.test("logged() tells of a change at once, where nothing was told for a while", () => {
  const told = new Told().at(1_000).logs("one");

  assertEquals(told.said, [{
    type: "state",
    ballot: BALLOT,
    end: { seq: 1, ...told.held.log },
    at: 1_001_000,
    locks: [],
    points: [{ seq: 1, ...told.held.log }],
    after: 0,
    arrivals: [{ through: 1, agoMs: 0 }],
  }]);
});

Deno.test("logged() keeps what comes soon after, and tick() tells of all of it", () => {
  const told = new Told().at(1_000).logs("one");
  told.said.length = 0;

  told.at(1_030).logs("two", "three").at(1_060).logs("four");
  assertEquals(told.words, []);
  assertEquals(told.laterMs, 70);
  told.at(1_100).reporting.tick();

  assertEquals(told.words, ["4 after 1: 3@-70 4@-40 | 3 4 | "]);
});

Deno.test("tick() says nothing where nothing has changed", () => {
  const told = new Told().at(1_000).logs("one");
  told.said.length = 0;

  told.at(1_200).reporting.tick();

  assertEquals(told.words, []);
});

Deno.test("changed() tells of locks", () => {
  const told = new Told().at(1_000);
  told.locks = [3, 7];

  told.reporting.changed();

  assertEquals(told.words, ["0 after 0:  |  | 3 7"]);
});

Deno.test("What comes while the coordinator is away is told when it is back", () => {
  const told = new Told().at(1_000);
  told.coordinator.isUp = false;
  told.logs("one").at(5_000).logs("two");
  assertEquals(told.words, []);

  told.coordinator.isUp = true;
  told.at(6_000).reporting.welcomed();

  assertEquals(told.words, ["2 after 0: 1@-5000 2@-1000 | 1 2 | "]);
});

Deno.test("Who is in no epoch says so", () => {
  const told = new Told().at(1_000);
  told.ballot = null;

  told.reporting.welcomed();

  assertEquals(told.said[0]!.ballot, { number: 0, round: 0 });
});

Deno.test("restart() forgets what came into the log before", () => {
  const told = new Told().at(1_000).logs("one").at(1_010).logs("two");
  told.said.length = 0;
  told.held.reset(fakeCrypto, GROUP);

  told.reporting.restart();
  told.at(1_100).reporting.tick();

  assertEquals(told.words, ["0 after 0:  |  | "]);
});

Deno.test("What came at very many times is told with what came next", () => {
  const told = new Told().at(1_000).logs("one");
  told.said.length = 0;

  for (let n = 0; n <= STATE_ARRIVALS_MAX; n++) told.at(1_001 + n / 10).logs(`${n}`);
  told.at(1_100).reporting.tick();

  const [state] = told.said;
  assertEquals(state!.arrivals.length, STATE_ARRIVALS_MAX);
  assertEquals(state!.arrivals[0]!.through, 3);
  assertEquals(state!.after, 1);
});

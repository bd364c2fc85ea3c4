import { assertEquals } from "@std/assert";
import type { BundleId, PeerKey } from "../../../../lib/base/ids.ts";
import { ARRIVAL_HELD_MAX } from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { StreamEntry } from "../../../../lib/protocols/mesh/schema/messages.ts";
import type { MeshRecord } from "../../../../lib/protocols/mesh/schema/records.ts";
import type { LaterEffect, RoomConfig } from "../../../../lib/protocols/mesh/room/room_io.ts";
import type { RoomEvents } from "../../../../lib/protocols/mesh/room/room_events.ts";
import {
  HISTORY_LATE_MS_MAX,
  HISTORY_QUIET_MS,
} from "../../../../lib/protocols/mesh/room/catch_up_gate.ts";
import { DeliveryGate } from "../../../../lib/protocols/mesh/room/delivery_gate.ts";
import type { Bundle } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { claim } from "../../../wire/mesh_samples.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { forged, idOf } from "../order_members.ts";

/** A member that is in its room: what it shows, and what it notes as shown. */
class Shower {
  readonly texts: string[] = [];
  /** Whether each text is shown as history. */
  readonly history: boolean[] = [];
  readonly noted: BundleId[] = [];
  /** Whether its user was told that it is in the room. */
  readonly isReady: () => boolean;
  readonly via = fakeSigner("welcomes").key;
  isStoring = false;
  readonly showing: DeliveryGate;

  constructor(
    records: readonly MeshRecord[] = [{ kind: "shown", through: null }],
    public wallMs: number = 0,
    isCaughtUp = true,
  ) {
    const emit = (effect: LaterEffect) => {
      if (effect.type === "shown") this.noted.push(effect.through);
    };
    let ready = false;
    const view = {
      get ready() {
        return ready;
      },
      becomeReady: () => ready = true,
      message: ({ text, history }: { readonly text: string; readonly history: boolean }) => {
        this.texts.push(text);
        this.history.push(history);
      },
      unsent: () => {},
      arrival: (_count: number, held: readonly { readonly text: string }[]) => {
        for (const { text } of held) this.texts.push(text);
      },
    } as unknown as RoomEvents;
    this.isReady = () => ready;
    const config = { records, founded: false, claim } as unknown as RoomConfig;
    this.showing = new DeliveryGate(
      config,
      fakeCrypto,
      () => this.wallMs,
      view,
      () => this.isStoring,
      { later: emit, screen: emit },
    );
    this.showing.welcomed(this.via, 0);
    if (isCaughtUp) this.showing.caughtUp(0);
  }

  deliver(
    bundle: Bundle,
    own: boolean,
    reason: "push" | "graft" | "range" = "push",
    nowMs = 0,
  ): void {
    const messages = bundle.texts.value.map((text) => ({ id: idOf(bundle) as never, text }));
    this.showing.delivered({
      type: "delivered",
      bundle,
      id: idOf(bundle),
      messages,
      from: null,
      hop: 0,
      reason: own ? null : reason,
      own,
      kept: true,
    }, nowMs);
  }
}

const [own, first, second] = ["own", "first", "second"].map((text) =>
  forged(fakeSigner(text), text)
) as [Bundle, Bundle, Bundle];

Deno.test("Showing notes what was shown as it is shown", () => {
  const shower = new Shower();

  shower.deliver(first, false);
  shower.deliver(own, true);

  assertEquals(shower.noted, [idOf(first), idOf(own)]);
});

Deno.test("Showing notes nothing behind an own bundle's record before that is shown, then all of it", () => {
  const shower = new Shower();
  shower.isStoring = true;
  const records: MeshRecord[] = [{ kind: "shown", through: null }, { kind: "bundle", bundle: own }];

  for (const bundle of [first, second]) {
    shower.deliver(bundle, false);
    records.push({ kind: "bundle", bundle });
  }
  const killed = new Shower([...records, ...shower.noted.map(shownThrough)]);
  shower.isStoring = false;
  shower.deliver(own, true);
  const later = new Shower([...records, ...shower.noted.map(shownThrough)]);

  assertEquals(shower.texts, ["first", "second", "own"]);
  assertEquals(killed.texts, ["own", "first", "second"]);
  assertEquals(later.texts, []);
});

Deno.test("Showing notes what was shown while the disk was about to refuse a line", () => {
  const shower = new Shower();
  const token = shower.showing.lineTyped(undefined);
  shower.isStoring = true;
  shower.deliver(first, false);
  const refusal = { type: "refused", tokens: [token], code: "disk", text: "full" } as const;

  shower.isStoring = false;
  shower.showing.linesRefused(refusal);
  shower.deliver(own, true);

  assertEquals(shower.noted, [idOf(first), idOf(own)]);
});

Deno.test("Showing takes what a range brings for history, unless it was said just now", () => {
  const { sentAt } = first.header.value;
  const histories = [
    { enteredMs: sentAt - 1, nowMs: sentAt + 1_000 },
    { enteredMs: sentAt - 1, nowMs: sentAt + 120_000 },
    { enteredMs: sentAt + 1, nowMs: sentAt + 1_000 },
    { enteredMs: sentAt - 60_000, nowMs: sentAt - 30_000 }, // its author's clock is ahead
  ].map(({ enteredMs, nowMs }) => {
    const shower = new Shower(undefined, enteredMs);
    shower.wallMs = nowMs;
    shower.deliver(first, false, "range");
    shower.deliver(second, false);
    return shower.history;
  });

  assertEquals(histories, [[false, false], [true, false], [true, false], [true, false]]);
});

Deno.test("Showing shows nothing of a step that brings more than may wait before the step is over", () => {
  const newcomer = new Shower([], 0, false);
  newcomer.showing.frontiers(frontiersOf(newcomer.via, []), 0);
  const bundle = forged(fakeSigner("talker"), "x");
  for (let held = 0; held < ARRIVAL_HELD_MAX; held++) newcomer.deliver(bundle, false);

  assertEquals([newcomer.showing.isFull, newcomer.texts.length], [true, 0]);
  newcomer.showing.caughtUp(0);
  assertEquals([newcomer.showing.isFull, newcomer.texts.length], [false, ARRIVAL_HELD_MAX]);
});

Deno.test("Showing takes what is asked for on coming back for history, and what is once it is there for new", () => {
  const said = (text: string, sentAt: number) => forged(fakeSigner("Ann"), text, { sentAt });
  const shower = new Shower(undefined, 100_000, false);

  shower.deliver(said("was said before our start", 99_999), false, "graft");
  shower.deliver(said("is said now", 100_001), false, "graft");
  shower.deliver(said("came by itself", 99_999), false, "push");
  shower.showing.caughtUp(0);
  shower.deliver(said("by a clock that is behind", 60_000), false, "graft");

  assertEquals(shower.history, [true, false, false, false]);
});

Deno.test("Showing.snapshot() leaves to the next process what wasn't shown, in the order of delivery", () => {
  const shower = new Shower([
    { kind: "bundle", bundle: own },
    { kind: "shown", through: null },
    { kind: "bundle", bundle: first },
  ]);
  const [third, fourth] = ["third", "fourth"].map((text) => forged(fakeSigner(text), text));
  for (const bundle of [third!, second, fourth!]) shower.deliver(bundle, false);
  // As in a room's order, whatever that is.
  const records = [fourth!, third!, second, first, own].map((bundle) =>
    ({ kind: "bundle", bundle }) as const
  );
  const shownAgain = (through: BundleId | null) =>
    new Shower(shower.showing.snapshot(records, through)!).texts;

  assertEquals(shownAgain(null), ["first", "third", "second", "fourth"]);
  assertEquals(shownAgain(idOf(first)), ["third", "second", "fourth"]);
  assertEquals(shownAgain(idOf(second)), ["fourth"]);
  assertEquals(shownAgain(idOf(fourth!)), []);
  assertEquals(
    shower.showing.snapshot(records, idOf(own)),
    null,
    "nobody can tell what came after",
  );
  assertEquals(
    shower.showing.snapshot(records.slice(1), idOf(second)),
    null,
    "what wasn't shown isn't kept any more: the log as it is has it",
  );
});

Deno.test("Showing shows once what a compacted log has, and was written again behind it", () => {
  const bundles = [first, second, first, second].map((bundle) =>
    ({ kind: "bundle", bundle }) as const
  );
  const shown = { kind: "shown", through: null } as const;

  assertEquals(new Shower([shown, ...bundles]).texts, ["first", "second"]);
  assertEquals(new Shower([shown, ...bundles, shownThrough(idOf(first))]).texts, ["second"]);
  const isOnTheWay = [...bundles.slice(0, 3), shownThrough(idOf(first))];
  assertEquals(
    new Shower([shown, ...isOnTheWay]).texts,
    ["second"],
    "it was found beside the first",
  );
});

Deno.test("Showing.snapshot() has what a newcomer is shown in the order in which that is noted", () => {
  const newcomer = arrived([], [...aroundAdmission].reverse());
  const records = aroundAdmission.map((bundle) => ({ kind: "bundle", bundle }) as const);
  const snapshot = newcomer.showing.snapshot(records, null)!;
  const texts = snapshot.map((record) =>
    record.kind === "bundle" ? record.bundle.texts.value.join() : record.kind
  );
  assertEquals(texts, ["after", "before", "arrival"]);
});

Deno.test("Showing.snapshot() lets a newcomer begin anew who has been shown nothing yet", () => {
  const bundle = { kind: "bundle", bundle: first } as const;
  const shower = new Shower([{ kind: "arrival", baseline: [] }, bundle]);
  assertEquals(shower.texts, ["first"]);
  const kinds = (through: BundleId | null) =>
    shower.showing.snapshot([bundle], through)?.map(({ kind }) => kind);

  assertEquals(kinds(null), ["bundle", "arrival"]);
  assertEquals(kinds(idOf(first)), ["bundle", "shown"]);
});

/** Room time at which the member of these tests was let in. */
const ADMITTED = claim.claim.value.time;
const OWN_CLAIM = { kind: "claim", claim } as const;

/** Said before the member was let in, and after. */
const aroundAdmission = ["before", "after"].map((text, index) =>
  forged(fakeSigner("Ann"), text, { counter: 1 + index, time: ADMITTED + index })
);
/** Both are below the frontier that its first neighbour tells it. */
const BASELINE = {
  author: fakeSigner("Ann").key,
  incarnation: 1,
  low: 1,
  counter: aroundAdmission.length,
  id: idOf(aroundAdmission.at(-1)!),
  closed: false,
};

/** A newcomer with these records on its disk, which gets these bundles, and has then caught up. */
function arrived(records: readonly MeshRecord[], bundles: readonly Bundle[]): Shower {
  const newcomer = new Shower(records, Number.MAX_SAFE_INTEGER, false);
  newcomer.showing.frontiers(frontiersOf(newcomer.via, [BASELINE]), 0);
  for (const bundle of bundles) newcomer.deliver(bundle, false, "range");
  newcomer.showing.caughtUp(0);
  return newcomer;
}

Deno.test("Showing shows what was said since a newcomer was let in whose process was killed", () => {
  const arrival = { kind: "arrival", baseline: [BASELINE] } as const;
  const bundles = aroundAdmission.map((bundle) => ({ kind: "bundle", bundle }) as const);

  assertEquals(arrived([], aroundAdmission).texts, ["after"]);
  // Killed before it was ready, before anything had come, and before it was noted what had been shown.
  assertEquals(arrived([OWN_CLAIM], aroundAdmission).texts, ["after"]);
  assertEquals(arrived([OWN_CLAIM, arrival], aroundAdmission).texts, ["after"]);
  assertEquals(arrived([OWN_CLAIM, arrival, ...bundles], []).texts, ["after"]);
});

Deno.test("Showing doesn't show the history below its baseline that an earlier process delivered and had no time to note", () => {
  const arrival = { kind: "arrival", baseline: [BASELINE] } as const;
  const bundles = aroundAdmission.map((bundle) => ({ kind: "bundle", bundle }) as const);
  const arrived = { kind: "shown", through: null } as const;

  const killed = new Shower([OWN_CLAIM, arrival, arrived, ...bundles]);

  assertEquals(killed.texts, ["after"]);
});

Deno.test("Showing waits 2 s for each answer of the member that let it in, 5 s in all, before any other's will do", () => {
  const otherWillDoAtMs = (answersAtMs: readonly number[], from: PeerKey) => {
    const { showing } = new Shower([], 0, false);
    for (const atMs of answersAtMs) showing.compares(from, atMs);
    let dueMs = 0;
    while (showing.awaitsBaseline) showing.deadlines.tick(dueMs = showing.deadlines.nextMs()!);
    showing.frontiers(frontiersOf(fakeSigner("other").key, []), dueMs);
    assertEquals(showing.state, "catching-up");
    return dueMs;
  };
  const via = fakeSigner("welcomes").key;

  assertEquals(otherWillDoAtMs([], via), 2_000);
  assertEquals(otherWillDoAtMs([600, 1_500], via), 3_500);
  assertEquals(otherWillDoAtMs([600, 1_500, 3_400, 4_900], via), 5_000);
  assertEquals(otherWillDoAtMs([600, 1_500], fakeSigner("other").key), 2_000);
});

Deno.test("Showing waits for what was said while we were away as long: 2 s, or 5 s for a member that answers each time", () => {
  const waitsUntilMs = (does: (showing: DeliveryGate, via: PeerKey) => void) => {
    const { showing, via } = new Shower(undefined, 0, false);
    does(showing, via);
    let dueMs = 0;
    while (showing.awaitsMissed) showing.deadlines.tick(dueMs = showing.deadlines.nextMs()!);
    return dueMs;
  };

  assertEquals(waitsUntilMs(() => {}), 2_000);
  assertEquals(waitsUntilMs((showing, via) => showing.compares(via, 1_500)), 3_500);
  const often = [1_500, 3_000, 4_900];
  const goesOn = (showing: DeliveryGate, via: PeerKey) =>
    often.forEach((atMs) => showing.compares(via, atMs));
  assertEquals(waitsUntilMs(goesOn), 5_000);
  assertEquals(waitsUntilMs((showing) => showing.caughtUp(100)), 0);
  assertEquals(waitsUntilMs((showing) => showing.leaves()), 0);
});

Deno.test("Showing is ready once a newcomer knows who is here and what is new to it, or has waited", () => {
  /** When it is ready that knows this from the beginning. */
  const readyAtMs = (isBaselineKnown: boolean, isRosterKnown: boolean) => {
    const { showing, via, isReady } = new Shower([], 0, false);
    if (isBaselineKnown) showing.frontiers(frontiersOf(via, []), 0);
    if (isRosterKnown) showing.rosterKnown();
    let nowMs = 0;
    while (!isReady()) showing.deadlines.tick(nowMs = showing.deadlines.nextMs()!);
    return nowMs;
  };

  assertEquals(readyAtMs(true, true), 0);
  assertEquals(readyAtMs(true, false), 2_000);
  assertEquals([readyAtMs(false, true), readyAtMs(false, false)], [10_000, 10_000]);
});

Deno.test("Showing makes no news of what is old where the neighbour that let it in doesn't answer", () => {
  const newcomer = new Shower([], Number.MAX_SAFE_INTEGER, false);
  const [before, after] = aroundAdmission as [Bundle, Bundle];
  newcomer.deliver(before, false, "range");
  newcomer.showing.deadlines.tick(2_000);
  newcomer.deliver(after, false, "range");
  const other = fakeSigner("other").key;
  const entry = { ...BASELINE, counter: 1, id: idOf(before) };
  newcomer.showing.frontiers(frontiersOf(other, [entry]), 2_100);

  newcomer.showing.caughtUp(0);

  assertEquals(newcomer.texts, ["after"]);
});

Deno.test("Showing takes for history what was said while a newcomer was away that had turned back", () => {
  const { texts } = arrived([OWN_CLAIM, { kind: "left", reason: "quit" }], aroundAdmission);

  assertEquals(texts, []);
});

function shownThrough(through: BundleId): MeshRecord {
  return { kind: "shown", through };
}

/** What a neighbour says that has let go of nothing. */
function frontiersOf(from: PeerKey, entries: readonly StreamEntry[]) {
  const all = entries.map((entry) => ({ ...entry, unkept: 0 }));
  return { type: "frontiers", from, entries: all, floor: 0 } as const;
}

Deno.test("Showing takes what comes for late history no longer than it comes, whatever the baseline says", () => {
  const { time } = claim.claim.value;
  const shown = (atMs: readonly number[]) => {
    const shower = new Shower([], 0, false);
    const said = atMs.map((ms) => forged(fakeSigner(`${ms}`), `${ms}`, { time }));
    const entries = said.map(({ header: { value: { author, incarnation } } }) => ({
      ...BASELINE,
      author,
      incarnation,
      counter: 1_000, // nobody has said so much
    }));
    shower.showing.frontiers(frontiersOf(shower.via, entries), 0);
    shower.showing.caughtUp(0);
    said.forEach((bundle, index) => {
      shower.showing.deadlines.tick(atMs[index]!);
      shower.deliver(bundle, false, "range", atMs[index]!);
    });
    return shower.texts;
  };

  const soon = HISTORY_QUIET_MS - 1;
  assertEquals(shown([soon, 2 * soon]), []);
  assertEquals(shown([soon, 2 * soon + 1]), [`${2 * soon + 1}`]);
  const often = Array.from({ length: 14 }, (_, index) => (index + 1) * soon);
  assertEquals(shown(often), often.filter((ms) => ms >= HISTORY_LATE_MS_MAX).map(String));
});

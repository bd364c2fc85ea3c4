/** A consistent cut of three members and the coordinator, for tests that change one thing in it. */

import type { Hash, PeerKey } from "../../../../lib/base/ids.ts";
import type { HistoryPoint } from "../../../../lib/protocols/group/schema/history.ts";
import type {
  CoordinatorState,
  Cut,
  CutMember,
  Decided,
  MemberState,
  Run,
} from "../../../../lib/protocols/group/schema/cut.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";

const NAMES = ["ann", "bob", "cem"] as const;
export type CutName = typeof NAMES[number];

export const COORDINATOR_KEY = fakeSigner("coordinator").key;
export const COORDINATOR_RUN = new Uint8Array(8).fill(0xcc);

export function keyOf(name: CutName): PeerKey {
  return fakeSigner(name).key;
}

export function processOf(name: CutName): Uint8Array {
  return new Uint8Array(8).fill(NAMES.indexOf(name) + 1);
}

/** The history's end at a position. */
export function at(position: number): HistoryPoint {
  return { position, digest: position.toString(16).padStart(64, "0") as Hash };
}

export function texts(author: CutName, first: number, through = first): Run {
  return { author: keyOf(author), incarnation: processOf(author), first, through };
}

export function decisions(first: number, through = first, incarnation = COORDINATOR_RUN): Run {
  return { author: COORDINATOR_KEY, incarnation, first, through };
}

export function decided(through: number, incarnation = COORDINATOR_RUN): Decided {
  return { incarnation, through };
}

/**
 * The order has ten places, two of them edits. Ann, the sequencer, has sent five texts, of which the last one is under
 * way to Cem; a decision is under way from her to Bob; of four messages that told of entries one is under way.
 */
const STATES: Record<CutName, MemberState> = {
  ann: {
    seq: 6,
    log: at(8),
    acked: at(9),
    placed: at(10),
    sent: 5,
    logged: 3,
    decided: decided(2),
    tellings: 4,
    locks: [3],
    peers: [{ texts: 5, acked: 9 }, { texts: 2, acked: 9 }, { texts: 3, acked: 8 }],
    channels: [[], [], []],
    fromCoordinator: [],
  },
  bob: {
    seq: 6,
    log: at(8),
    acked: at(9),
    placed: at(9),
    sent: 2,
    logged: 2,
    decided: decided(1),
    tellings: 0,
    locks: [],
    peers: [{ texts: 5, acked: 8 }, { texts: 2, acked: 9 }, { texts: 3, acked: 8 }],
    channels: [[decisions(2)], [], []],
    fromCoordinator: [],
  },
  cem: {
    seq: 5,
    log: at(6),
    acked: at(8),
    placed: at(8),
    sent: 3,
    logged: 1,
    decided: decided(2),
    tellings: 9,
    locks: [3],
    peers: [{ texts: 4, acked: 9 }, { texts: 2, acked: 9 }, { texts: 3, acked: 8 }],
    channels: [[texts("ann", 5)], [], []],
    fromCoordinator: [decisions(2)],
  },
};

const COORDINATOR: CoordinatorState = {
  consistent: { seq: 5, ...at(6) },
  decided: decided(2),
  locks: [3],
  tellings: [3, 0, 9],
};

export interface CutChanges {
  readonly ann?: Partial<MemberState>;
  readonly bob?: Partial<MemberState>;
  readonly cem?: Partial<MemberState>;
  readonly coordinator?: Partial<CoordinatorState>;
  /** Of Ann's. */
  readonly tellings?: CutMember["tellings"];
}

export function cutWith(changes: CutChanges = {}): Cut {
  const ids = ["a".repeat(64)];
  const tellings = changes.tellings ?? [{ after: 6, through: 7, seq: 6, ids }];
  return {
    id: "20261120-204827-123-1f3a9c",
    group: "6".repeat(64) as Hash,
    ballot: { number: 4, round: 0 },
    beganAt: 1_795_207_707_000,
    endedAt: 1_795_207_707_123,
    coordinatorKey: COORDINATOR_KEY,
    coordinator: { ...COORDINATOR, ...changes.coordinator },
    members: NAMES.map((name) => ({
      key: keyOf(name),
      name,
      incarnation: processOf(name),
      state: { ...STATES[name], ...changes[name] },
      tellings: name === "ann" ? tellings : [],
    })),
  };
}

/** One place in a list put in another's stead. */
export function replacedAt<T>(items: readonly T[], index: number, item: T): readonly T[] {
  return items.map((one, at) => at === index ? item : one);
}

export const { ann: ANN, bob: BOB, cem: CEM } = STATES;

/** A cut as the operator sees it. */

import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { PeerKey } from "../../../base/ids.ts";
import type {
  CoordinatorEvent,
  SnapshotChannelView,
  SnapshotMemberView,
} from "../schema/events.ts";
import { COORDINATOR_NAME, entryId } from "../schema/history.ts";
import { SNAPSHOT_IDS_MAX } from "../schema/limits.ts";
import { type Cut, type CutMember, type Run, runsLength } from "../schema/cut.ts";
import type { Verdict } from "./cut_check.ts";

type SnapshotEvent = Extract<CoordinatorEvent, { readonly event: "snapshot" }>;

/** The members in the cut's order, the coordinator last. @param file Where the cut is kept. */
export function snapshotEvent(
  crypto: Crypto,
  cut: Cut,
  { isConsistent, why }: Verdict,
  file: string,
): SnapshotEvent {
  return {
    event: "snapshot",
    id: cut.id,
    file,
    consistent: isConsistent,
    why,
    members: [...cut.members.map(memberView), coordinatorView(cut)],
    channels: channelViews(crypto, cut),
  };
}

function memberView({ name, state }: CutMember): SnapshotMemberView {
  const { seq, log, sent, locks } = state;
  return { name, seq, digest: log.digest, sent, locks };
}

function coordinatorView({ coordinator }: Cut): SnapshotMemberView {
  const { consistent: { seq, digest }, decided, locks } = coordinator;
  return { name: COORDINATOR_NAME, seq, digest, sent: decided?.through ?? 0, locks };
}

/** How many messages are in transit. */
export function messagesIn({ members }: Cut): number {
  return members.reduce((sum, { state, tellings }) => {
    const runs = [...state.channels, state.fromCoordinator];
    const told = tellings.reduce((sum, { ids }) => sum + ids.length, 0);
    return runs.reduce((sum, one) => sum + runsLength(one), sum) + told;
  }, 0);
}

/** Whether so few messages are in transit that each one is listed. */
export function namesMessages(cut: Cut): boolean {
  return messagesIn(cut) <= SNAPSHOT_IDS_MAX;
}

/** Views of all channels, including empty ones. */
function channelViews(crypto: Crypto, cut: Cut): readonly SnapshotChannelView[] {
  const { members } = cut;
  const isNamed = namesMessages(cut);
  const ids = new EntryIds(crypto);
  const view = (from: string, to: string, runs: readonly Run[]): SnapshotChannelView =>
    isNamed
      ? { from, to, messages: runs.flatMap((run) => ids.of(run)).map((id) => ({ id })) }
      : { from, to, messages: [], count: runsLength(runs) };
  return members.flatMap(({ name: to, state, tellings }, at) => [
    ...members.flatMap(({ name: from }, of) =>
      of === at ? [] : [view(from, to, state.channels[of]!)]
    ),
    view(COORDINATOR_NAME, to, state.fromCoordinator),
    {
      from: to,
      to: COORDINATOR_NAME,
      messages: tellings.flatMap(({ ids }) => ids.map((id) => ({ id }))),
    },
  ]);
}

/** Ids of texts and decisions by their counters. A text may be in transit to many members; its id is computed once. */
export class EntryIds {
  readonly #known = new Map<string, string>();

  constructor(readonly crypto: Crypto) {}

  of({ author, incarnation, first, through }: Run): readonly string[] {
    return Array.from(
      { length: through - first + 1 },
      (_, index) => this.#one(author, incarnation, first + index),
    );
  }

  #one(author: PeerKey, incarnation: Uint8Array, counter: number): string {
    const place = `${author} ${incarnation.toHex()} ${counter}`;
    const known = this.#known.get(place);
    if (known !== undefined) return known;
    const id = entryId(this.crypto, { author, incarnation, counter }, 0);
    this.#known.set(place, id);
    return id;
  }
}

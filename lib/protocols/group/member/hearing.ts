/** What the coordinator and other members say to a membership goes to the part that takes it. */

import type { PeerKey } from "../../../base/ids.ts";
import type { CatchingUp, Source } from "../catch_up/catching_up.ts";
import type { Supplier } from "../catch_up/supplying.ts";
import type { CoordinatorPort } from "../detector/coordinator_port.ts";
import type { EpochMessage, Peers } from "../detector/peers.ts";
import type { EditParticipant } from "../edits/edit_participant.ts";
import type { Editing } from "../edits/editing.ts";
import type { Inquiring } from "../edits/inquiring.ts";
import type { HeldBatches } from "../log/held_batches.ts";
import type { Promises } from "../log/promises.ts";
import type { Sequencing } from "../log/sequencing.ts";
import { isSameBallot } from "../schema/epoch.ts";
import type { GroupMessage, GroupMessageOf } from "../schema/messages.ts";
import type { SnapshotProcess } from "../snapshot/snapshot_process.ts";
import type { MemberPresences } from "./member_presences.ts";
import type { EquivocationDetection } from "../views/equivocation_detection.ts";
import type { LeaderlessRounds } from "../views/leaderless_rounds.ts";
import type { ViewChangeLeader } from "../views/view_change_leader.ts";
import type { ViewChangeParticipant } from "../views/view_change_participant.ts";

interface HearingParts {
  readonly coordinator: Pick<CoordinatorPort, "isUp" | "offends">;
  readonly peers: Peers;
  readonly standing: Pick<Promises, "isLost">;
  readonly held: Pick<HeldBatches, "position">;
  /** Null while in no epoch. */
  readonly ordering: () => Sequencing | null;
  readonly supplier: Pick<Supplier<Source>, "fetch">;
  readonly catchingUp: Pick<CatchingUp, "history" | "unlike">;
  readonly participating: Pick<
    ViewChangeParticipant,
    "begin" | "flush" | "history" | "level" | "unlike"
  >;
  readonly leading: Pick<ViewChangeLeader, "abandon" | "outdone" | "ready" | "report">;
  readonly rounds: Pick<LeaderlessRounds, "flush" | "heardOf" | "returned">;
  readonly voting: Pick<EditParticipant, "aborted" | "committed" | "inquired" | "prepare">;
  readonly editing: Pick<Editing, "accepted" | "refused">;
  readonly inquiring: Pick<Inquiring, "later">;
  readonly cutPart: Pick<SnapshotProcess, "marker" | "over" | "received">;
  readonly contests: Pick<EquivocationDetection, "contested" | "judged">;
  readonly presences: Pick<MemberPresences, "heard">;
  /** The coordinator says where the log can be fetched. */
  readonly catchUp: (message: GroupMessageOf<"catch-up">) => void;
  /** The coordinator's operator has our log fetched anew. */
  readonly recover: () => void;
  /** A round without the coordinator may be needed. */
  readonly stuck: () => void;
  /** The member broke a rule of the protocol. */
  readonly offends: (member: PeerKey, text: string) => void;
}

export class Hearing {
  constructor(readonly parts: HearingParts) {}

  fromCoordinator(message: GroupMessage): void {
    const { parts } = this;
    switch (message.type) {
      case "catch-up":
        return parts.catchUp(message);
      case "flush":
        parts.leading.abandon();
        return parts.participating.flush(null, message);
      case "level":
        return parts.participating.level(null, message);
      case "begin":
        parts.participating.begin(null, message.signed);
        return;
      case "fetch":
        return parts.supplier.fetch(null, message);
      case "history":
        return this.#history(null, message);
      case "unlike":
        return this.#unlike(null, message);
      case "edit-accepted":
        parts.inquiring.later();
        return parts.editing.accepted(message);
      case "edit-refused":
        return parts.editing.refused(message);
      case "prepare":
        return parts.voting.prepare(message);
      case "committed":
        parts.cutPart.received(null, message.signed);
        return parts.voting.committed(null, message);
      case "aborted":
        return parts.voting.aborted(null, message);
      case "recover":
        return parts.recover();
      case "equivocated":
        return parts.contests.judged(message);
      case "marker":
        return parts.cutPart.marker(null, message);
      case "snapshot-over":
        return parts.cutPart.over(message.attempt);
      default:
        parts.coordinator.offends(`${message.type} isn't for members`);
    }
  }

  fromMember(key: PeerKey, message: GroupMessage): void {
    const { parts } = this;
    const { peers } = parts;
    const peer = peers.get(key);
    if (peer === null) return;
    if (peer.endpoint === null) return peers.early(peer, message);
    switch (message.type) {
      case "data":
      case "order":
      case "ack":
      case "contest":
      case "marker":
        if (peers.isOfEpoch(peer, message)) this.#inEpoch(key, message);
        return;
      case "begin":
        peers.begun(peer, message.signed.epoch.value.ballot);
        if (!parts.participating.begin(key, message.signed)) {
          parts.rounds.heardOf(message.signed);
        }
        return;
      case "flush":
        return parts.rounds.flush(key, message);
      case "level":
        return parts.participating.level(key, message);
      case "report":
      case "ready":
      case "outdone":
        return this.toLeading(key, message);
      case "fetch":
        // After a loss, that we lack the history doesn't mean that it differs from ours.
        if (parts.standing.isLost && message.after.position > parts.held.position) return;
        return parts.supplier.fetch(key, message);
      case "history":
        return this.#history(key, message);
      case "unlike":
        return this.#unlike(key, message);
      case "returned":
        return parts.rounds.returned(key, message);
      case "presence":
        return parts.presences.heard(key, message);
      case "committed":
        // While the coordinator is connected it sends all decisions itself; one that it doesn't send may be given up.
        if (parts.coordinator.isUp || !parts.ordering()?.has(key)) return;
        return parts.voting.committed(key, message);
      case "inquire":
        return parts.voting.inquired(key, message);
      case "aborted":
        // What was refused in an earlier view may be agreed to in this one.
        if (peers.isInEpoch(peer)) parts.voting.aborted(key, message);
        return;
      case "unknown":
        return;
      default:
        parts.offends(key, `${message.type} isn't for members`);
    }
  }

  /** A member, or this one itself, answers the round that this member leads. */
  toLeading(key: PeerKey, message: GroupMessage): void {
    const { leading } = this.parts;
    if (message.type === "report") leading.report(key, message);
    else if (message.type === "ready") leading.ready(key, message);
    else if (message.type === "outdone" && leading.outdone(key, message)) this.parts.stuck();
  }

  #inEpoch(key: PeerKey, message: GroupMessageOf<EpochMessage>): void {
    const { contests, cutPart } = this.parts;
    const ordering = this.parts.ordering();
    if (ordering === null || !ordering.has(key)) return;
    if (message.type === "data") ordering.data(key, message.signed);
    else if (!isSameBallot(message.ballot, ordering.epoch.ballot)) return;
    else if (message.type === "order") ordering.order(key, message);
    else if (message.type === "contest") contests.contested(key, message);
    else if (message.type === "marker") cutPart.marker(key, message);
    else ordering.ack(key, message);
  }

  #history(source: Source, message: GroupMessageOf<"history">): void {
    const { participating, catchingUp } = this.parts;
    if (!participating.history(source, message)) catchingUp.history(source, message);
  }

  #unlike(source: Source, message: GroupMessageOf<"unlike">): void {
    this.parts.participating.unlike(source, message);
    this.parts.catchingUp.unlike(source, message);
  }
}

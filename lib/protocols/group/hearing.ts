/** Dispatches messages of the coordinator and of other members to the parts that take them; others are faults. */

import type { PeerKey } from "../../base/ids.ts";
import { isSameBallot } from "./ballot.ts";
import type { Source } from "./fetching.ts";
import type { Membership } from "./membership.ts";
import type { GroupMessage, GroupMessageOf } from "./messages.ts";
import type { EpochMessage } from "./peers.ts";

export class Hearing {
  constructor(private readonly membership: Membership) {}

  fromCoordinator(message: GroupMessage): void {
    const { membership } = this;
    switch (message.type) {
      case "catch-up":
        return membership.catchUp(message);
      case "flush":
        membership.leading.abandon();
        return membership.participating.flush(null, message);
      case "level":
        return membership.participating.level(null, message);
      case "begin":
        membership.participating.begin(null, message.signed);
        return;
      case "fetch":
        return membership.supplier.fetch(null, message);
      case "history":
        return this.#history(null, message);
      case "unlike":
        return this.#unlike(null, message);
      case "edit-accepted":
        membership.inquiring.later();
        return membership.owner.editing.accepted(message);
      case "edit-refused":
        return membership.owner.editing.refused(message);
      case "prepare":
        return membership.voting.prepare(message);
      case "committed":
        membership.observed.cutPart.received(null, message.signed);
        return membership.voting.committed(null, message);
      case "aborted":
        return membership.voting.aborted(null, message);
      case "recover":
        return membership.recover();
      case "equivocated":
        return membership.contests.judged(message);
      case "marker":
        return membership.observed.cutPart.marker(null, message);
      case "snapshot-over":
        return membership.observed.cutPart.over(message.attempt);
      default:
        membership.coordinatorOffends(`${message.type} isn't for members`);
    }
  }

  fromMember(key: PeerKey, message: GroupMessage): void {
    const { membership } = this;
    const { peers } = membership.owner;
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
        if (!membership.participating.begin(key, message.signed)) {
          membership.rounds.heardOf(message.signed);
        }
        return;
      case "flush":
        return membership.rounds.flush(key, message);
      case "level":
        return membership.participating.level(key, message);
      case "report":
      case "ready":
      case "outdone":
        return this.toLeading(key, message);
      case "fetch":
        // After a loss, that we lack the history doesn't mean that it differs from ours.
        if (membership.standing.isLost && message.after.position > membership.held.position) return;
        return membership.supplier.fetch(key, message);
      case "history":
        return this.#history(key, message);
      case "unlike":
        return this.#unlike(key, message);
      case "returned":
        return membership.rounds.returned(key, message);
      case "committed":
        // While the coordinator is connected it sends all decisions itself; one that it doesn't send may be given up.
        if (membership.isCoordinatorUp || !membership.ordering?.has(key)) return;
        return membership.voting.committed(key, message);
      case "inquire":
        return membership.voting.inquired(key, message);
      case "aborted":
        // What was refused in an earlier view may be agreed to in this one.
        if (peers.isInEpoch(peer)) membership.voting.aborted(key, message);
        return;
      case "unknown":
        return;
      default:
        membership.offends(key, `${message.type} isn't for members`);
    }
  }

  /** A member, or this one itself, answers the round that this member leads. */
  toLeading(key: PeerKey, message: GroupMessage): void {
    const { leading } = this.membership;
    if (message.type === "report") leading.report(key, message);
    else if (message.type === "ready") leading.ready(key, message);
    else if (message.type === "outdone" && leading.outdone(key, message)) this.membership.stuck();
  }

  #inEpoch(key: PeerKey, message: GroupMessageOf<EpochMessage>): void {
    const { contests, observed, ordering } = this.membership;
    if (ordering === null || !ordering.has(key)) return;
    if (message.type === "data") ordering.data(key, message.signed);
    else if (!isSameBallot(message.ballot, ordering.epoch.ballot)) return;
    else if (message.type === "order") ordering.order(key, message);
    else if (message.type === "contest") contests.contested(key, message);
    else if (message.type === "marker") observed.cutPart.marker(key, message);
    else ordering.ack(key, message);
  }

  #history(source: Source, message: GroupMessageOf<"history">): void {
    const { participating, catchingUp } = this.membership;
    if (!participating.history(source, message)) catchingUp.history(source, message);
  }

  #unlike(source: Source, message: GroupMessageOf<"unlike">): void {
    this.membership.participating.unlike(source, message);
    this.membership.catchingUp.unlike(source, message);
  }
}

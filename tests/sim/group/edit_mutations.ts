/** Bugs put into edits from outside, one at a time, in the form of `mutations.ts`. */

import type { PeerKey, RequestId } from "../../../lib/base/ids.ts";
import { Decisions } from "../../../lib/protocols/group/edits/decisions.ts";
import {
  type Batch,
  HistoryEnd,
  type SignedBatch,
} from "../../../lib/protocols/group/schema/history.ts";
import { Membership } from "../../../lib/protocols/group/member/membership.ts";
import { HeldBatches } from "../../../lib/protocols/group/log/held_batches.ts";
import type {
  CoordinatorEffect,
  CoordinatorInput,
} from "../../../lib/protocols/group/schema/coordinator_io.ts";
import type { MemberEffect, MemberInput } from "../../../lib/protocols/group/schema/member_io.ts";
import type { GroupMessageOf } from "../../../lib/protocols/group/schema/messages.ts";
import type {
  CoordinatorRecord,
  MemberRecord,
} from "../../../lib/protocols/group/schema/records.ts";
import { Sequencing } from "../../../lib/protocols/group/log/sequencing.ts";
import { Undelivered } from "../../../lib/protocols/group/edits/undelivered.ts";
import { EditParticipant } from "../../../lib/protocols/group/edits/edit_participant.ts";
import { Wrapped } from "../wrapped.ts";
import { type Mutation, replaced, unsynced, unsyncedAtCoordinator } from "./mutations.ts";

function without<Stored extends { readonly kind: string }>(
  ...kinds: readonly Stored["kind"][]
): (records: readonly Stored[]) => readonly Stored[] {
  return (records) => records.filter(({ kind }) => !kinds.includes(kind));
}

const forgets = without<MemberRecord>;
const coordinatorForgets = without<CoordinatorRecord>;

/** Answers another member's inquiry that an edit to which it has agreed was abandoned. */
class RefusesAgreed extends Wrapped<MemberInput, MemberEffect> {
  override effects(
    effects: readonly MemberEffect[],
    input: MemberInput,
  ): readonly MemberEffect[] {
    if (input.type !== "peer-message" || input.message.type !== "inquire") return effects;
    const aborted = input.message.edits.map(({ id, edit }): MemberEffect => ({
      type: "tell",
      peers: [input.peer],
      message: { type: "aborted", id, edit, reason: { code: "abandoned", who: [], said: "" } },
    }));
    return [...effects, ...aborted];
  }
}

/** Agrees at once when its user is asked. */
class AgreesForUser extends Wrapped<MemberInput, MemberEffect> {
  override effects(
    effects: readonly MemberEffect[],
    _input: MemberInput,
    nowMs: number,
  ): readonly MemberEffect[] {
    return effects.flatMap((effect) => {
      if (effect.type !== "show" || effect.event.event !== "vote-wanted") return [effect];
      const command = { command: "go", edit: effect.event.edit } as const;
      const more = this.inner.step({ type: "command", command, ref: undefined }, nowMs);
      return [effect, ...this.effects(more, _input, nowMs)];
    });
  }
}

/** Says that it accepts what it refuses because the entry is being edited. */
class AcceptsLocked extends Wrapped<CoordinatorInput, CoordinatorEffect> {
  #edit = 1_000_000;

  override effects(effects: readonly CoordinatorEffect[]): readonly CoordinatorEffect[] {
    return effects.map((effect): CoordinatorEffect => {
      if (effect.type !== "send" || effect.message.type !== "edit-refused") return effect;
      const { id, code } = effect.message;
      if (code !== "entry-locked") return effect;
      const edit = ++this.#edit;
      return { ...effect, message: { type: "edit-accepted", id, edit, voteMs: 1_000 } };
    });
  }
}

/** Counts one member's `applied` as that of all. */
function firstAppliedIsEnough(): () => void {
  const { value } = Object.getOwnPropertyDescriptor(Decisions.prototype, "applied")!;
  const applied = value as Decisions["applied"];
  return replaced(Decisions.prototype, "applied", {
    value(this: Decisions, _key: PeerKey, message: GroupMessageOf<"applied">) {
      for (const { key } of this.parts.views.members) applied.call(this, key, message);
    },
  })();
}

/** Takes an edit that the coordinator doesn't know for committed. */
function presumesCommit(): () => void {
  return replaced(EditParticipant.prototype, "aborted", {
    value(this: EditParticipant, _from: PeerKey | null, { id }: { readonly id: RequestId }) {
      this.found(id);
      this.parts.editing.committed(id);
    },
  })();
}

/** Takes an edit that arrives again in a later epoch for new, whatever its entry reads by then. */
function ordersTwice(): () => void {
  let present: Batch | null = null;
  const during = <Owner extends object>(prototype: Owner, name: keyof Owner & string) => {
    const { value } = Object.getOwnPropertyDescriptor(prototype, name)!;
    const method = value as (...args: unknown[]) => unknown;
    return replaced(prototype, name, {
      value(this: Owner, ...args: unknown[]) {
        const signed = args.at(-1) as SignedBatch;
        present = signed.batch.value.kind === "edits" ? signed.batch.value : null;
        const answer = method.apply(this, args);
        present = null;
        return answer;
      },
    })();
  };
  const answers = (name: "everThrough" | "lastSpoken", answer: (batch: Batch) => unknown) => {
    const { value } = Object.getOwnPropertyDescriptor(HeldBatches.prototype, name)!;
    const method = value as (...args: unknown[]) => unknown;
    return replaced(HeldBatches.prototype, name, {
      value(this: HeldBatches, ...args: unknown[]) {
        return present === null ? method.apply(this, args) : answer(present);
      },
    })();
  };
  const undos = [
    during(Undelivered.prototype, "take"),
    during(Sequencing.prototype, "decide"),
    during(Sequencing.prototype, "data"),
    answers("everThrough", ({ counter }) => counter - 1),
    answers("lastSpoken", ({ incarnation }) => ({ incarnation: incarnation.toHex() })),
    replaced(HistoryEnd.prototype, "fault", { value: () => null })(),
    replaced(Membership.prototype, "consentFault", { value: () => null })(),
  ];
  return () => {
    for (const undo of undos.toReversed()) undo();
  };
}

export const EDIT_MUTATIONS = {
  votesBeforeStored: {
    name: "agrees to an edit before that is stored",
    wrapMember: (member) => unsynced(member, "prepared"),
  },
  commitsBeforeStored: {
    name: "has a coordinator that tells a decision before it is stored",
    wrapCoordinator: (coordinator) => unsyncedAtCoordinator(coordinator, "committed"),
  },
  agreesForUser: {
    name: "agrees for its users",
    wrapMember: (member) => new AgreesForUser(member),
  },
  firstAppliedIsEnough: {
    name: "has a coordinator that forgets a decision when one member has it in its log",
    install: firstAppliedIsEnough,
  },
  forgetsNoneApplied: {
    name: "has a coordinator that doesn't hear that a decision is in all logs",
    install: replaced(Decisions.prototype, "applied", { value: () => {} }),
  },
  forgetsCommitted: {
    name: "has a coordinator that forgets at a restart what it has committed",
    coordinatorRecords: coordinatorForgets("committed"),
  },
  forgetsNumbers: {
    name: "has a coordinator that gives numbers of edits again after a restart",
    coordinatorRecords: coordinatorForgets("edits"),
  },
  acceptsLocked: {
    name: "has a coordinator that accepts an edit of an entry that is being edited",
    wrapCoordinator: (coordinator) => new AcceptsLocked(coordinator),
  },
  forgetsPrepared: {
    name: "forgets at a restart what it has agreed to, and its locks",
    memberRecords: forgets("prepared"),
  },
  forgetsAsked: {
    name: "forgets at a restart which edits it has asked for",
    memberRecords: forgets("asked"),
  },
  presumesCommit: {
    name: "takes what nobody knows of for committed",
    install: presumesCommit,
  },
  ordersTwice: {
    name: "puts a repeated decision in order again",
    install: ordersTwice,
  },
  refusesAgreed: {
    name: "refuses what it has agreed to, when another member asks",
    wrapMember: (member) => new RefusesAgreed(member),
  },
} as const satisfies Record<string, Mutation>;

/** Bugs put into the group's machines from outside, one at a time, each of which the simulation must find. */

import type { Environment } from "../../../lib/base/machine/environment.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import type { Machine } from "../../../lib/base/machine/machine.ts";
import { Agreement, type Holding } from "../../../lib/protocols/group/views/agreement.ts";
import {
  type Ballot,
  compareBallots,
  isSameBallot,
  type SignedEpoch,
} from "../../../lib/protocols/group/schema/epoch.ts";
import type { RebuildingCoordinator } from "../../../lib/protocols/group/recovery/rebuilding_coordinator.ts";
import type {
  CoordinatorEffect,
  CoordinatorInput,
} from "../../../lib/protocols/group/schema/coordinator_io.ts";
import type { CoordinatorEvent, MemberEvent } from "../../../lib/protocols/group/schema/events.ts";
import { INCARNATION_BYTES } from "../../../lib/protocols/group/schema/limits.ts";
import { Listed } from "../../../lib/protocols/group/member/listed.ts";
import type { Member } from "../../../lib/protocols/group/member/member.ts";
import type { MemberEffect, MemberInput } from "../../../lib/protocols/group/schema/member_io.ts";
import type { GroupMessageOf } from "../../../lib/protocols/group/schema/messages.ts";
import { Sequencing } from "../../../lib/protocols/group/log/sequencing.ts";
import {
  type Leader,
  ViewChangeParticipant,
} from "../../../lib/protocols/group/views/view_change_participant.ts";
import type {
  CoordinatorRecord,
  MemberRecord,
} from "../../../lib/protocols/group/schema/records.ts";
import { Promises } from "../../../lib/protocols/group/log/promises.ts";
import { Views, type Voice } from "../../../lib/protocols/group/detector/views.ts";
import { SendsBeforeSync, Tells, Wrapped } from "../wrapped.ts";

type MemberMachine = Machine<MemberInput, MemberEffect>;
type CoordinatorMachine = Machine<CoordinatorInput, CoordinatorEffect>;

export interface Mutation {
  /** What the group does wrong: completes "a group that". */
  readonly name: string;
  readonly wrapMember?: (member: Member) => MemberMachine;
  readonly wrapCoordinator?: (coordinator: RebuildingCoordinator) => CoordinatorMachine;
  /** Changes the records that a member's process finds on its disk. */
  readonly memberRecords?: (records: readonly MemberRecord[]) => readonly MemberRecord[];
  readonly coordinatorRecords?: (
    records: readonly CoordinatorRecord[],
  ) => readonly CoordinatorRecord[];
  /** Changes the environment of a member's machine. */
  readonly environment?: (environment: Environment) => Environment;
  /** Replaces methods. @returns A function that restores them. */
  readonly install?: () => () => void;
}

/** Acknowledges a member's writes with records of this kind as soon as they are requested. */
export function unsynced(member: Member, kind: MemberRecord["kind"]): MemberMachine {
  return new SendsBeforeSync<MemberInput, MemberEffect>(member, (effect) => {
    if (effect.type !== "persist" || effect.token === null) return null;
    if (effect.records.every((record) => record.kind !== kind)) return null;
    const { token } = effect;
    return { answer: { type: "persisted", token }, unawaited: { ...effect, token: null } };
  });
}

/** As `unsynced`, for the coordinator. */
export function unsyncedAtCoordinator(
  coordinator: RebuildingCoordinator,
  kind: CoordinatorRecord["kind"],
): CoordinatorMachine {
  return new SendsBeforeSync<CoordinatorInput, CoordinatorEffect>(coordinator, (effect) => {
    if (effect.type !== "persist" || effect.token === null) return null;
    if (effect.records.every((record) => record.kind !== kind)) return null;
    const { token } = effect;
    return { answer: { type: "persisted", token }, unawaited: { ...effect, token: null } };
  });
}

/** Changes the events that a member's user is shown; null omits one. */
function tells(
  member: Member,
  instead: (event: MemberEvent) => MemberEvent | null,
): MemberMachine {
  return new Tells<MemberInput, MemberEffect, MemberEvent>(member, instead);
}

/** Shows only the first view. */
function tellsOfOneView(member: Member): MemberMachine {
  let isTold = false;
  return tells(member, (event) => {
    if (event.event !== "view") return event;
    const isFirst = !isTold;
    isTold = true;
    return isFirst ? event : null;
  });
}

/** Hides the events of this name from the operator. */
function keepsFromOperator(
  name: CoordinatorEvent["event"],
): (coordinator: RebuildingCoordinator) => CoordinatorMachine {
  return (coordinator) =>
    new Tells<CoordinatorInput, CoordinatorEffect, CoordinatorEvent>(
      coordinator,
      (event) => event.event === name ? null : event,
    );
}

/** Counts what it holds itself as held by one of the other members, too. */
class BelievesOne extends Wrapped<MemberInput, MemberEffect> {
  override effects(
    effects: readonly MemberEffect[],
    input: MemberInput,
    nowMs: number,
  ): readonly MemberEffect[] {
    return effects.flatMap((effect) => {
      if (effect.type !== "tell" || effect.message.type !== "ack") return [effect];
      const peer = effect.peers.at(-1);
      if (peer === undefined) return [effect];
      const { message } = effect;
      const more = this.inner.step({ type: "peer-message", peer, message }, nowMs);
      return [effect, ...this.effects(more, input, nowMs)];
    });
  }
}

/** Reports fetched batches as stored before they are on disk. */
class KeepsFetchedUnsynced extends Wrapped<MemberInput, MemberEffect> {
  override effects(effects: readonly MemberEffect[]): readonly MemberEffect[] {
    return effects.map((effect) => {
      if (effect.type !== "persist") return effect;
      const records = effect.records.map((record): MemberRecord => {
        if (record.kind !== "log") return record;
        const { isFetched: _, ...held } = record;
        return held;
      });
      return { ...effect, records };
    });
  }
}

/** Never forwards `begin`: it sends messages in an epoch to members that don't know yet that the epoch has begun. */
class ForwardsNothing extends Wrapped<MemberInput, MemberEffect> {
  override effects(effects: readonly MemberEffect[]): readonly MemberEffect[] {
    return effects.filter((effect) => effect.type !== "tell" || effect.message.type !== "begin");
  }
}

/** Replaces a property of a class until the returned function is called. */
export function replaced(
  prototype: object,
  name: string,
  property: PropertyDescriptor,
): () => () => void {
  return () => {
    const before = Object.getOwnPropertyDescriptor(prototype, name)!;
    Object.defineProperty(prototype, name, { ...before, ...property });
    return () => {
      Object.defineProperty(prototype, name, before);
    };
  };
}

/** Begins an epoch with the shortest log: some members have already shown later entries. */
function levelOfShortestLog(): () => void {
  const { get } = Object.getOwnPropertyDescriptor(Agreement.prototype, "level")!;
  return replaced(Agreement.prototype, "level", {
    get(this: Agreement) {
      const level = get!.call(this) as Agreement["level"];
      let { start, source } = level;
      for (const key of this.participants) {
        const log = this.holding(key)?.log;
        if (log !== undefined && log.position < start.position) [start, source] = [log, key];
      }
      return { ...level, start, source };
    },
  })();
}

/** The first member that is ready counts for all. */
function firstReadyIsEnough(): () => void {
  const { value } = Object.getOwnPropertyDescriptor(Agreement.prototype, "isReady")!;
  return replaced(Agreement.prototype, "isReady", {
    value(this: Agreement, ...args: Parameters<Agreement["isReady"]>) {
      const isFirst = this.phase === "levelling" &&
        this.awaited.length === this.participants.length;
      (value as Agreement["isReady"]).apply(this, args);
      return isFirst;
    },
  })();
}

/** Reports a history as levelled only where an epoch has begun with it. */
function reportsBegunAlone(): () => void {
  const { value } = Object.getOwnPropertyDescriptor(Agreement.prototype, "reported")!;
  const reported = value as Agreement["reported"];
  return replaced(Agreement.prototype, "reported", {
    value(this: Agreement, key: PeerKey, ballot: Ballot, holding: Holding) {
      return reported.call(this, key, ballot, { ...holding, levelled: holding.begun });
    },
  })();
}

/** Drops the entries it holds before it receives the others' in their place, which arrive with later writes. */
function dropsHeldFirst(): () => void {
  const { value } = Object.getOwnPropertyDescriptor(ViewChangeParticipant.prototype, "level")!;
  const level = value as ViewChangeParticipant["level"];
  return replaced(ViewChangeParticipant.prototype, "level", {
    value(this: ViewChangeParticipant, leader: Leader, message: GroupMessageOf<"level">) {
      const { standing, held, out } = this.parts;
      const isOther = !isSameBallot(standing.levelled, message.best) &&
        isSameBallot(standing.promised, message.ballot) &&
        held.digestAt(message.start.position) !== message.start.digest;
      if (isOther) {
        const { position } = held.log;
        held.truncate(position);
        out.store({ kind: "dropped", position });
      }
      level.call(this, leader, message);
    },
  })();
}

function newcomersFirst(): () => void {
  const { get } = Object.getOwnPropertyDescriptor(Agreement.prototype, "oldMembers")!;
  return replaced(Agreement.prototype, "oldMembers", {
    get(this: Agreement) {
      const old = get!.call(this) as Agreement["oldMembers"];
      return this.participants.filter((key) => !old.includes(key));
    },
  })();
}

function leaversStay(): () => void {
  const { value } = Object.getOwnPropertyDescriptor(ViewChangeParticipant.prototype, "flush")!;
  const flush = value as ViewChangeParticipant["flush"];
  return replaced(ViewChangeParticipant.prototype, "flush", {
    value(this: ViewChangeParticipant, leader: Leader, message: GroupMessageOf<"flush">) {
      flush.call(this, leader, { ...message, isLeaving: false });
    },
  })();
}

/** Follows the model: once a view has begun for a member that is present, no member of earlier views is needed. */
function needsNobodyOlder(): () => void {
  const { value } = Object.getOwnPropertyDescriptor(Views.prototype, "lacking")!;
  const lacking = value as Views["lacking"];
  return replaced(Views.prototype, "lacking", {
    value(this: Views, voices: readonly Voice[]) {
      const isBegun = ({ epoch: { value: { ballot, members } } }: SignedEpoch) =>
        members.length === 0 || voices.some(({ begun }) => compareBallots(begun, ballot) >= 0);
      const last = this.open.findLastIndex(isBegun);
      return lacking.call(this, voices).filter((view) => this.open.indexOf(view) >= last);
    },
  })();
}

/** Returns the same bytes for every incarnation: nothing else has this many random bytes. */
function sameIncarnation({ randomBytes }: Environment): Environment["randomBytes"] {
  return (length) =>
    length === INCARNATION_BYTES ? new Uint8Array(length).fill(1) : randomBytes(length);
}

export const MUTATIONS = {
  acknowledgesBeforeStored: {
    name: "acknowledges before it has stored",
    wrapMember: (member) => unsynced(member, "held"),
  },
  keepsFetchedUnsynced: {
    name: "says that it has what it fetched before it has stored that",
    wrapMember: (member) => new KeepsFetchedUnsynced(member),
  },
  believesOne: {
    name: "takes an entry for stable that one member may lack",
    wrapMember: (member) => new BelievesOne(member),
  },
  forgetsHeld: {
    name: "forgets at a restart what it holds beside the log",
    memberRecords: (records) => records.filter(({ kind }) => kind !== "held"),
  },
  forgetsSaid: {
    name: "forgets at a restart what was typed",
    memberRecords: (records) => records.filter(({ kind }) => kind !== "said"),
  },
  forgetsPromise: {
    name: "forgets at a restart what it has promised",
    memberRecords: (records) => records.filter(({ kind }) => kind !== "promised"),
  },
  forgetsDecided: {
    name: "has a coordinator that forgets at a restart what it has decided, and its number",
    coordinatorRecords: (records) =>
      records.filter(({ kind }) => kind !== "decided" && kind !== "number"),
  },
  neverStops: {
    name: "goes on in its epoch after it has promised another",
    install: replaced(Sequencing.prototype, "freeze", { value: () => {} }),
  },
  beginsWithLess: {
    name: "begins an epoch with what the last one of all has shown",
    install: levelOfShortestLog,
  },
  firstReadyIsEnough: {
    name: "begins an epoch when one member is ready",
    install: firstReadyIsEnough,
  },
  forwardsNothing: {
    name: "doesn't forward that an epoch has begun",
    wrapMember: (member) => new ForwardsNothing(member),
  },
  reportsBegunAlone: {
    name: "takes no history for levelled before its epoch has begun",
    install: reportsBegunAlone,
  },
  dropsHeldFirst: {
    name: "drops what it holds before it has what takes its place",
    install: dropsHeldFirst,
  },
  newcomersFirst: {
    name: "has a coordinator that lets newcomers begin a view first",
    install: newcomersFirst,
  },
  leaversStay: {
    name: "takes part in rounds after it has promised to leave",
    install: leaversStay,
  },
  followsAlways: {
    name: "follows a view that began elsewhere after it has promised the coordinator more",
    install: replaced(Promises.prototype, "mayFollow", { value: () => true }),
  },
  needsNobodyOlder: {
    name: "has a coordinator that needs nobody of views before one that has begun somewhere",
    install: needsNobodyOlder,
  },
  servesAnybody: {
    name: "sends the log to whoever asks",
    install: replaced(Listed.prototype, "mayReceive", { value: () => true }),
  },
  needsNobody: {
    name: "has a coordinator that goes on without a member of each open view",
    install: replaced(Views.prototype, "lacking", { value: () => [] }),
  },
  numbersBeforeStored: {
    name: "has a coordinator that asks under a number before that is stored",
    wrapCoordinator: (coordinator) => unsyncedAtCoordinator(coordinator, "number"),
  },
  sameIncarnation: {
    name: "has one incarnation in all processes",
    environment: (environment) => ({ ...environment, randomBytes: sameIncarnation(environment) }),
  },
  tellsOfOneView: {
    name: "says nothing of later views",
    wrapMember: tellsOfOneView,
  },
  tellsNotThatUp: {
    name: "doesn't say that the coordinator is up again",
    wrapMember: (member) =>
      tells(
        member,
        (event) => event.event === "coordinator" && event.state === "up" ? null : event,
      ),
  },
  tellsNotOfShared: {
    name: "doesn't tell the operator what all share",
    wrapCoordinator: keepsFromOperator("consistent"),
  },
  showsOldAsNew: {
    name: "shows what was said before its view as new",
    wrapMember: (member) =>
      tells(member, (event) => event.event === "message" ? { ...event, history: false } : event),
  },
  showsNewAsOld: {
    name: "shows what is said in its view as old",
    wrapMember: (member) =>
      tells(member, (event) => event.event === "message" ? { ...event, history: true } : event),
  },
} as const satisfies Record<string, Mutation>;

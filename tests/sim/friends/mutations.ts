/** Bugs put into the friends' machine from outside, one at a time, each of which the simulation must find. */

import type { Environment } from "../../../lib/base/machine/environment.ts";
import type { Machine } from "../../../lib/base/machine/machine.ts";
import type { FriendsTold } from "../../../lib/protocols/friends/events.ts";
import type { Friends } from "../../../lib/protocols/friends/friends.ts";
import type { FriendsEffect, FriendsInput } from "../../../lib/protocols/friends/friends_io.ts";
import { Friend } from "../../../lib/protocols/friends/friend.ts";
import { Outbox } from "../../../lib/protocols/friends/outbox.ts";
import { EPOCH_BYTES, type Position, Positions } from "../../../lib/protocols/friends/positions.ts";
import { Receiving } from "../../../lib/protocols/friends/receiving.ts";
import type { FriendsRecord } from "../../../lib/protocols/friends/records.ts";
import { replaced } from "../replaced.ts";
import { SendsBeforeSync, Tells, Wrapped } from "../wrapped.ts";

type FriendsMachine = Machine<FriendsInput, FriendsEffect>;
type DeliveryState = Extract<FriendsTold, { readonly event: "delivery" }>["state"];

export interface Mutation {
  /** What the machine does wrong: completes "friends that". */
  readonly name: string;
  readonly wrap?: (friends: Friends) => FriendsMachine;
  /** Changes the records that a process finds on its disk. */
  readonly records?: (records: readonly FriendsRecord[]) => readonly FriendsRecord[];
  readonly environment?: (environment: Environment) => Environment;
  /** Replaces methods. @returns A function that restores them. */
  readonly install?: () => () => void;
}

/** Acknowledges writes with records of this kind as soon as they are requested. */
function unsynced(friends: Friends, kind: FriendsRecord["kind"]): FriendsMachine {
  return new SendsBeforeSync<FriendsInput, FriendsEffect>(friends, (effect) => {
    if (effect.type !== "persist" || effect.token === null) return null;
    if (effect.records.every((record) => record.kind !== kind)) return null;
    const { token } = effect;
    return { answer: { type: "persisted", token }, unawaited: { ...effect, token: null } };
  });
}

/** Reverses the messages that are sent in one frame. */
class ReordersTexts extends Wrapped<FriendsInput, FriendsEffect> {
  override effects(effects: readonly FriendsEffect[]): readonly FriendsEffect[] {
    return effects.map((effect) => {
      if (effect.type !== "send" || effect.message.type !== "texts") return effect;
      const { message } = effect;
      return { ...effect, message: { ...message, entries: message.entries.toReversed() } };
    });
  }
}

/** Takes sent messages for delivered, whatever happens to the link. */
class BelievesTheLink extends Wrapped<FriendsInput, FriendsEffect> {
  override effects(
    effects: readonly FriendsEffect[],
    input: FriendsInput,
    nowMs: number,
  ): readonly FriendsEffect[] {
    return effects.flatMap((effect) => {
      if (effect.type !== "send" || effect.message.type !== "texts") return [effect];
      const { link, message: { epoch, entries } } = effect;
      const { number } = entries.at(-1)!;
      const message = { type: "stored", position: { epoch, number } } as const;
      const answers = this.inner.step({ type: "message", link, message }, nowMs);
      return [effect, ...this.effects(answers, input, nowMs)];
    });
  }
}

function tells(
  friends: Friends,
  instead: (event: FriendsTold) => FriendsTold | null,
): FriendsMachine {
  return new Tells<FriendsInput, FriendsEffect, FriendsTold>(friends, instead);
}

/** Omits the event that a message is in this state, or reports another state. */
function tellsOf(
  state: DeliveryState,
  instead: DeliveryState | null,
): (friends: Friends) => FriendsMachine {
  return (friends) =>
    tells(friends, (event) => {
      if (event.event !== "delivery" || event.state !== state) return event;
      return instead === null ? null : { ...event, state: instead };
    });
}

/** Shows all received messages as history, or none of them. */
function showsAs(history: boolean): (friends: Friends) => FriendsMachine {
  return (friends) =>
    tells(friends, (event) => event.event === "message" ? { ...event, history } : event);
}

/** Returns the same bytes for every epoch: nothing else has this many random bytes. */
function sameEpoch({ randomBytes }: Environment): Environment["randomBytes"] {
  return (length) => length === EPOCH_BYTES ? new Uint8Array(length).fill(1) : randomBytes(length);
}

/** Assigns positions to messages behind one that is being withdrawn. */
function releaseAround(this: Outbox, next: () => Position): Position | null {
  let first: Position | null = null;
  for (const entry of this.entries) {
    if (entry.position !== null || entry.state === "leaving") continue;
    entry.position = next();
    first ??= entry.position;
  }
  return first;
}

export const MUTATIONS = {
  acknowledgesBeforeStored: {
    name: "show and acknowledge before they have stored",
    wrap: (friends) => unsynced(friends, "received"),
  },
  promisesBeforeStored: {
    name: "say that a message is safe, and send it, before it is on disk",
    wrap: (friends) => unsynced(friends, "queued"),
  },
  takesDuplicates: {
    name: "take in again what they have",
    install: replaced(Positions.prototype, "has", () => false),
  },
  forgetsOutbox: {
    name: "forget at a restart what waits",
    records: (records) => records.filter(({ kind }) => kind !== "queued"),
  },
  forgetsInbox: {
    name: "forget at a restart what they have received",
    records: (records) => records.filter(({ kind }) => kind !== "received" && kind !== "skipped"),
  },
  forgetsEpoch: {
    name: "begin every start with the same places",
    environment: (environment) => ({ ...environment, randomBytes: sameEpoch(environment) }),
  },
  sendsNewestFirst: {
    name: "send the newest first",
    wrap: (friends) => new ReordersTexts(friends),
  },
  believesTheLink: {
    name: "take for delivered what was sent",
    wrap: (friends) => new BelievesTheLink(friends),
  },
  countsUnseenAsSeen: {
    name: "take for seen what waits to be shown, when their log is written anew",
    install: replaced(Receiving.prototype, "shownOf", function (this: Receiving) {
      return this.received.length;
    }),
  },
  neverSendsAgain: {
    name: "send nothing again on a new link",
    install: replaced(Outbox.prototype, "restart", () => {}),
  },
  releasesAround: {
    name: "give places to what stands behind a message that is being taken back",
    install: replaced(Outbox.prototype, "release", releaseAround),
  },
  tellsNotThatQueued: {
    name: "don't say that a message is safe",
    wrap: tellsOf("queued", null),
  },
  tellsNotThatDelivered: {
    name: "don't say that a message arrived",
    wrap: tellsOf("delivered", null),
  },
  tellsThatFailed: {
    name: "say of what arrives that it won't",
    wrap: tellsOf("delivered", "failed"),
  },
  knowsNobody: {
    name: "say of whom they write to that nobody is called so",
    wrap: (friends) =>
      tells(friends, (event) => {
        if (event.event !== "delivery" || event.state !== "queued") return event;
        return { event: "error", code: "unknown-user", text: "There is nobody of that name" };
      }),
  },
  looksAtOneAddress: {
    name: "look for a friend at the address in its row alone",
    install: replaced(Friend.prototype, "notFoundAt", () => null),
  },
  showsOldAsNew: {
    name: "show what came before their start as new",
    wrap: showsAs(false),
  },
  showsNewAsOld: {
    name: "show what comes as from before their start",
    wrap: showsAs(true),
  },
} as const satisfies Record<string, Mutation>;

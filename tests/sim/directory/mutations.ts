/** Bugs put into both machines from outside, one at a time, each of which the simulation must find. */

import type { Machine } from "../../../lib/base/machine/machine.ts";
import { Broadcasts } from "../../../lib/protocols/directory/broadcast_log/broadcasts.ts";
import { Calling } from "../../../lib/protocols/directory/client_calls/calling.ts";
import { Calls } from "../../../lib/protocols/directory/calls/calls.ts";
import type { Client } from "../../../lib/protocols/directory/client/client.ts";
import type {
  ClientEffect,
  ClientInput,
} from "../../../lib/protocols/directory/schema/client_io.ts";
import type {
  DirectoryEffect,
  DirectoryInput,
} from "../../../lib/protocols/directory/schema/directory_io.ts";
import { KnownKeys } from "../../../lib/protocols/directory/lobby/known_keys.ts";
import type { DirectoryMessage } from "../../../lib/protocols/directory/schema/messages.ts";
import { Receipts } from "../../../lib/protocols/directory/client_calls/client_call.ts";
import { RecentCounts } from "../../../lib/base/rates/token_bucket.ts";
import { ReplayWindow } from "../../../lib/protocols/sealed_datagram/replay_window.ts";
import { replaced, replacedValue, together } from "../replaced.ts";
import { SendsBeforeSync, Wrapped } from "../wrapped.ts";
import type { Mutation } from "./world.ts";

/** Acknowledges writes as soon as they are requested. */
function unsynced<Input, Effect extends { readonly type: string }>(
  machine: Machine<Input, Effect>,
): Machine<Input, Effect> {
  return new SendsBeforeSync<Input, Effect>(machine, (effect) => {
    if (effect.type !== "persist") return null;
    const { token } = effect as Effect & { readonly token: number | null };
    if (token === null) return null;
    const answer = { type: "persisted", token } as Input;
    return { answer, unawaited: { ...effect, token: null } };
  });
}

/** Changes the directory's messages. */
export class Says extends Wrapped<DirectoryInput, DirectoryEffect> {
  constructor(
    inner: Machine<DirectoryInput, DirectoryEffect>,
    readonly instead: (message: DirectoryMessage) => DirectoryMessage,
  ) {
    super(inner);
  }

  override effects(effects: readonly DirectoryEffect[]): readonly DirectoryEffect[] {
    return effects.map((effect) =>
      effect.type === "send" ? { ...effect, message: this.instead(effect.message) } : effect
    );
  }
}

/** Acknowledges broadcasts as soon as they arrive. */
class AcknowledgesAtOnce extends Wrapped<ClientInput, ClientEffect> {
  override effects(
    effects: readonly ClientEffect[],
    input: ClientInput,
  ): readonly ClientEffect[] {
    if (input.type !== "message" || input.message.type !== "told") return effects;
    const { link, message: { number: through } } = input;
    return [{ type: "send", link, message: { type: "got", through } }, ...effects];
  }
}

/** Declines all calls, whatever its user answers. */
class DeclinesAll extends Wrapped<ClientInput, ClientEffect> {
  override effects(effects: readonly ClientEffect[]): readonly ClientEffect[] {
    return effects.map((effect) =>
      effect.type === "send" && effect.message.type === "answer"
        ? { ...effect, message: { ...effect.message, accepts: false } }
        : effect
    );
  }
}

/** Isn't told that links are lost, except the one to the directory. */
class HoldsOn extends Wrapped<ClientInput, ClientEffect> {
  constructor(readonly client: Client) {
    super(client);
  }

  override input(input: ClientInput): ClientInput | null {
    return input.type === "link-down" && input.link !== this.client.session.link ? null : input;
  }
}

/** Isn't told that links are lost. */
class KeepsAll extends Wrapped<DirectoryInput, DirectoryEffect> {
  override input(input: DirectoryInput): DirectoryInput | null {
    return input.type === "link-down" && !input.closed ? null : input;
  }
}

/** Never sends one type of message. */
class KeepsToItself extends Wrapped<DirectoryInput, DirectoryEffect> {
  constructor(
    inner: Machine<DirectoryInput, DirectoryEffect>,
    readonly what: DirectoryMessage["type"],
  ) {
    super(inner);
  }

  override effects(effects: readonly DirectoryEffect[]): readonly DirectoryEffect[] {
    return effects.filter((effect) => effect.type !== "send" || effect.message.type !== this.what);
  }
}

/** Gives another name to half of the callers: a client no longer sees that it calls them, too. */
function crossed(message: DirectoryMessage): DirectoryMessage {
  const isOther = message.type === "incoming" && message.call[0]! < 128;
  return isOther ? { ...message, call: message.call.map((byte) => 255 - byte) } : message;
}

/** Doesn't report its current call when it enters again. */
class ForgetsTalking extends Wrapped<ClientInput, ClientEffect> {
  override effects(effects: readonly ClientEffect[]): readonly ClientEffect[] {
    return effects.map((effect) =>
      effect.type === "send" && effect.message.type === "enter"
        ? { ...effect, message: { ...effect.message, busy: false } }
        : effect
    );
  }
}

/** Doesn't say that it is free again. */
class StaysBusy extends Wrapped<ClientInput, ClientEffect> {
  override effects(effects: readonly ClientEffect[]): readonly ClientEffect[] {
    return effects.filter((effect) =>
      effect.type !== "send" || effect.message.type !== "busy" || effect.message.busy
    );
  }
}

/** Doesn't report that it has withdrawn a call. */
class WithdrawsSilently extends Wrapped<ClientInput, ClientEffect> {
  override effects(effects: readonly ClientEffect[]): readonly ClientEffect[] {
    return effects.filter((effect) =>
      effect.type !== "send" || effect.message.type !== "hang-up" ||
      effect.message.reason !== "cancelled"
    );
  }
}

/** Doesn't show again what users say to themselves. */
class DoesNotHearItself extends Wrapped<ClientInput, ClientEffect> {
  constructor(readonly client: Client) {
    super(client);
  }

  override effects(effects: readonly ClientEffect[]): readonly ClientEffect[] {
    const { name: selfName } = this.client.session;
    return effects.filter((effect) =>
      effect.type !== "show" || effect.event.event !== "message" || effect.event.self ||
      effect.event.from !== selfName
    );
  }
}

export const MUTATIONS = {
  clientAcknowledgesBeforeStored: {
    name: "acknowledges a broadcast before it is on disk",
    wrapClient: (client) => new AcknowledgesAtOnce(client),
  },
  directoryTakesBeforeStored: {
    name: "says that a broadcast is taken, and tells it, before it is on disk",
    wrapDirectory: unsynced,
  },
  clientForgetsWhatItHeard: {
    name: "forgets at a restart what it has heard",
    clientRecords: () => [],
  },
  directoryForgetsWhoHeard: {
    name: "forgets at a restart who has heard what",
    directoryRecords: (records) => records.filter(({ kind }) => kind !== "got"),
  },
  staysBusy: {
    name: "says that it is busy after the call",
    wrapClient: (client) => new StaysBusy(client),
  },
  forgetsTalking: {
    name: "doesn't say of a call that has gone on",
    wrapClient: (client) => new ForgetsTalking(client),
  },
  declinesAll: {
    name: "says no to whoever calls",
    wrapClient: (client) => new DeclinesAll(client),
  },
  makesTwoOfGlare: {
    name: "declines whoever calls while it calls them",
    wrapDirectory: (directory) => new Says(directory, crossed),
  },
  withdrawsSilently: {
    name: "tells nobody of a call that it withdraws",
    wrapClient: (client) => new WithdrawsSilently(client),
  },
  takesWithdrawingForNo: {
    name: "says of who withdraws a call that it has declined",
    wrapDirectory: (directory) =>
      new Says(
        directory,
        (message) =>
          message.type === "outcome" && message.state === "cancelled"
            ? { ...message, state: "declined" }
            : message,
      ),
  },
  dropsChanges: {
    name: "tells one change of many",
    wrapDirectory: (directory) =>
      new Says(
        directory,
        (message) =>
          message.type === "presence"
            ? { ...message, users: message.users.slice(0, 1), offline: message.offline.slice(0, 1) }
            : message,
      ),
  },
  saysNothingAgain: {
    name: "doesn't say, once it is in again, how its call stands",
    install: replaced(Calling.prototype, "entered", () => {}),
  },
  holdsOn: {
    name: "goes on talking to somebody who is dead",
    wrapClient: (client) => new HoldsOn(client),
  },
  keepsTheLost: {
    name: "keeps the dead in the list",
    wrapDirectory: (directory) => new KeepsAll(directory),
  },
  endsWithoutAWord: {
    name: "ends in the midst of a call without a word of it",
    install: replaced(Calling.prototype, "drop", () => {}),
  },
  ringsForEver: {
    name: "lets a call ring for ever",
    install: together(
      replaced(Calls.prototype, "nextMs", () => null),
      replaced(Calls.prototype, "tick", () => {}),
      replaced(Calling.prototype, "nextMs", () => null),
      replaced(Calling.prototype, "tick", () => {}),
    ),
  },
  doesNotHearItself: {
    name: "doesn't show again what somebody says to oneself",
    wrapClient: (client) => new DoesNotHearItself(client),
  },
  losesSilently: {
    name: "doesn't say that lines may be lost with a call",
    install: replacedValue(Receipts.prototype, "unheard", 0),
  },
  relaysAlways: {
    name: "relays though it shouldn't",
    directoryConfig: { relays: true },
  },
  takesAnyKey: {
    name: "takes another key than before for somebody",
    install: replaced(KnownKeys.prototype, "isExpected", () => true),
  },
  countsTooMany: {
    name: "counts more than have heard a broadcast",
    wrapDirectory: (directory) =>
      new Says(
        directory,
        (message) =>
          message.type === "broadcast-sent"
            ? { ...message, reached: message.reached + 5 }
            : message,
      ),
  },
  countsTooFew: {
    name: "counts fewer than have heard a broadcast",
    wrapDirectory: (directory) =>
      new Says(
        directory,
        (message) =>
          message.type === "broadcast-sent"
            ? { ...message, reached: Math.max(0, message.reached - 1) }
            : message,
      ),
  },
  countsNobody: {
    name: "doesn't say whom a broadcast has reached",
    wrapDirectory: (directory) => new KeepsToItself(directory, "broadcast-sent"),
  },
  tellsTooLate: {
    name: "tells what is too old",
    directoryConfig: { ttlMs: 7 * 24 * 3_600_000 },
  },
  keepsNothing: {
    name: "keeps nothing for who comes later",
    directoryConfig: { ttlMs: 0 },
  },
  tellsGuestsAll: {
    name: "tells guests what was told before they came",
    install: replacedValue(Broadcasts.prototype, "stored", 0),
  },
  letsAllTell: {
    name: "lets those tell all who may not",
    directoryConfig: { broadcast: "all" },
  },
  countsNoBroadcasts: {
    name: "takes any number of broadcasts",
    install: replaced(RecentCounts.prototype, "waitMs", () => 0),
  },
  saysNotWhen: {
    name: "doesn't say when what is refused may be tried again",
    wrapDirectory: (directory) =>
      new Says(
        directory,
        (message) => message.type === "refused" ? { ...message, retryMs: 0 } : message,
      ),
  },
  takesRepeated: {
    name: "takes a repeated datagram",
    install: replaced(ReplayWindow.prototype, "isFresh", () => true),
  },
} as const satisfies Record<string, Mutation>;

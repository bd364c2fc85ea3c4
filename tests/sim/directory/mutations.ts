/** Bugs put into both machines from outside, one at a time: what their simulation must be able to find. */

import type { Machine } from "../../../lib/base/machine.ts";
import { Calling } from "../../../lib/protocols/directory/calling.ts";
import { Calls } from "../../../lib/protocols/directory/calls.ts";
import type { ClientEffect, ClientInput } from "../../../lib/protocols/directory/client_io.ts";
import type {
  DirectoryEffect,
  DirectoryInput,
} from "../../../lib/protocols/directory/directory_io.ts";
import type { DirectoryMessage } from "../../../lib/protocols/directory/messages.ts";
import { ReplayWindow } from "../../../lib/protocols/sealed_datagram/replay_window.ts";
import { SendsBeforeSync, Wrapped } from "../wrapped.ts";
import type { Mutation } from "./world.ts";

/** Takes writes for done when they are asked for. */
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

/** Changes what the directory says. */
class Says extends Wrapped<DirectoryInput, DirectoryEffect> {
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

/** Acknowledges what comes over a link when it comes. */
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

/** Begins anew with what it was told when it comes in again. */
class ForgetsTalking extends Wrapped<ClientInput, ClientEffect> {
  override effects(effects: readonly ClientEffect[]): readonly ClientEffect[] {
    return effects.map((effect) =>
      effect.type === "send" && effect.message.type === "enter"
        ? { ...effect, message: { ...effect.message, talking: null } }
        : effect
    );
  }
}

/** Says nothing of a call whose link was lost. */
class KeepsTheDead extends Wrapped<ClientInput, ClientEffect> {
  override effects(effects: readonly ClientEffect[]): readonly ClientEffect[] {
    return effects.filter((effect) =>
      effect.type !== "send" || effect.message.type !== "hang-up" ||
      effect.message.reason !== "lost"
    );
  }
}

/** Puts another method in the place of one of a class, for a while. */
function replaced<Class extends object, Name extends keyof Class>(
  prototype: Class,
  name: Name,
  method: Class[Name],
): () => () => void {
  return () => {
    const before = prototype[name];
    prototype[name] = method;
    return () => {
      prototype[name] = before;
    };
  };
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
    name: "calls somebody busy after the call",
    install: replaced(Calls.prototype, "hangUp", () => {}),
  },
  keepsTheDead: {
    name: "doesn't say that the other side of a call is lost",
    wrapClient: (client) => new KeepsTheDead(client),
  },
  forgetsTalking: {
    name: "doesn't say of a call that has gone on",
    wrapClient: (client) => new ForgetsTalking(client),
  },
  makesTwoOfGlare: {
    name: "doesn't say that two calls have become one",
    wrapDirectory: (directory) =>
      new Says(
        directory,
        (message) => message.type === "meet" ? { ...message, instead: null } : message,
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
  takesRepeated: {
    name: "takes a repeated datagram",
    install: replaced(ReplayWindow.prototype, "isFresh", () => true),
  },
} as const satisfies Record<string, Mutation>;

/** Bugs that admit somebody who must be kept out, or that trust what anybody sends. */

import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { AccountChanges } from "../../../lib/protocols/directory/login/account_changes.ts";
import { ClientLink } from "../../../lib/protocols/directory/sessions/client_session.ts";
import { HeldGuests, Sessions } from "../../../lib/protocols/directory/sessions/sessions.ts";
import type {
  DirectoryEffect,
  DirectoryInput,
} from "../../../lib/protocols/directory/schema/directory_io.ts";
import { LogIn } from "../../../lib/protocols/directory/login/log_in.ts";
import { LockOuts } from "../../../lib/protocols/directory/login/lock_outs.ts";
import type { DatagramPath } from "../../../lib/protocols/directory/datagrams/datagram_path.ts";
import { ProvenAddress } from "../../../lib/protocols/sealed_datagram/keyed_path.ts";
import { replaced, replacedValue } from "../replaced.ts";
import { Wrapped } from "../wrapped.ts";
import type { Mutation } from "./world.ts";

/** Takes every key that has ever connected for a device of every account. */
class KnowsAllDevices extends Wrapped<DirectoryInput, DirectoryEffect> {
  readonly #peers = new Set<PeerKey>();

  override input(input: DirectoryInput): DirectoryInput {
    if (input.type === "link-up") this.#peers.add(input.peer);
    if (input.type !== "account-answer" || input.answer.outcome !== "ok") return input;
    const { account } = input.answer;
    const keys = [...account.keys, ...[...this.#peers].map(fingerprintOf)];
    return { ...input, answer: { ...input.answer, account: { ...account, keys } } };
  }
}

/** Sends `presence` on every link, also before the client has logged in. */
class TellsStrangers extends Wrapped<DirectoryInput, DirectoryEffect> {
  readonly #links = new Set<LinkId>();

  override effects(
    effects: readonly DirectoryEffect[],
    input: DirectoryInput,
  ): readonly DirectoryEffect[] {
    if (input.type === "link-up") this.#links.add(input.link);
    if (input.type === "link-down") this.#links.delete(input.link);
    return effects.map((effect) =>
      effect.type === "send" && effect.message.type === "presence"
        ? { ...effect, links: [...this.#links] }
        : effect
    );
  }
}

export const ENTRY_MUTATIONS = {
  letsGuestsIn: {
    name: "lets guests in where accounts are required",
    directoryConfig: { guests: true },
  },
  letsKickedIn: {
    name: "lets whoever was thrown out in again at once",
    install: replaced(LogIn.prototype, "keepOut", () => {}),
  },
  letsTooManyIn: {
    name: "lets any number in",
    install: replacedValue(Sessions.prototype, "size", 0),
  },
  letsTooFewIn: {
    name: "lets fewer in than it may",
    directoryConfig: { clientsMax: 1 },
  },
  holdsNoNames: {
    name: "holds no name for a guest whose link is lost",
    install: replaced(HeldGuests.prototype, "hold", () => {}),
  },
  givesNamesAway: {
    name: "gives a guest's name to another",
    install: replaced(Sessions.prototype, "isOtherGuests", () => false),
  },
  takesCopiesForOne: {
    name: "takes all programs with one key for the same",
    install: replaced(ClientLink.prototype, "isOfSameProcess", function (this: ClientLink, other) {
      return other.peer === this.peer;
    }),
  },
  knowsAllDevices: {
    name: "takes any device for one of the account's",
    wrapDirectory: (directory) => new KnowsAllDevices(directory),
  },
  keepsTheForgotten: {
    name: "keeps in whose account is gone",
    install: replaced(AccountChanges.prototype, "removed", () => {}),
  },
  letsGuess: {
    name: "lets anybody guess at passwords",
    install: replaced(LockOuts.prototype, "begin", () => ({ over: () => {} })),
  },
  amplifies: {
    name: "answers any address at length",
    install: replaced(
      ProvenAddress.prototype,
      "heard",
      function (this: ProvenAddress<DatagramPath>) {
        return this.path.seal({ type: "here", padding: new Uint8Array(64) });
      },
    ),
  },
  tellsStrangers: {
    name: "tells everybody who is there",
    wrapDirectory: (directory) => new TellsStrangers(directory),
  },
} as const satisfies Record<string, Mutation>;

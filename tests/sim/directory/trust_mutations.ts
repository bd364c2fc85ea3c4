/** Bugs of a client that believes the directory, or anybody, about identities. */

import { ClientLog } from "../../../lib/protocols/directory/client/client_log.ts";
import type { Client } from "../../../lib/protocols/directory/client/client.ts";
import type {
  ClientEffect,
  ClientInput,
} from "../../../lib/protocols/directory/schema/client_io.ts";
import { KnownKeys } from "../../../lib/protocols/directory/lobby/known_keys.ts";
import { fakeCrypto } from "../fake_crypto.ts";
import { replaced } from "../replaced.ts";
import { Wrapped } from "../wrapped.ts";
import type { Mutation } from "./world.ts";

/** Takes everybody at the other end of a call's link for the expected user. */
class ProvesNothing extends Wrapped<ClientInput, ClientEffect> {
  constructor(readonly client: Client) {
    super(client);
  }

  override input(input: ClientInput): ClientInput {
    const { key } = this.client.calling.call ?? {};
    if (input.type !== "link-up" || input.dialled || !key) return input;
    return { ...input, peer: key };
  }
}

export const TRUST_MUTATIONS = {
  provesNothing: {
    name: "takes anybody for the one with whom it has a call",
    wrapClient: (client) => new ProvesNothing(client),
  },
  believesKeys: {
    name: "believes the directory that somebody has another key",
    install: replaced(KnownKeys.prototype, "isExpected", () => true),
  },
  keepsKeysToItself: {
    name: "doesn't say that a key has changed",
    install: replaced(KnownKeys.prototype, "isStrange", () => {}),
  },
  believesNames: {
    name: "shows under a name whatever the directory tells in it",
    install: replaced(KnownKeys.prototype, "apart", (name) => name),
  },
  checksNoSignature: {
    name: "checks nobody's signature",
    install: replaced(fakeCrypto, "verify", () => true),
  },
  hearsAgain: {
    name: "shows what comes again with a new number",
    install: replaced(ClientLog.prototype, "ownOf", () => 0),
  },
} as const satisfies Record<string, Mutation>;

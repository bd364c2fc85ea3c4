/** What was said in calls: the profile keeps it, and finds it again. */

import type { PeerKey } from "../../../base/ids.ts";
import type { Conversation } from "../../../base/machine/mode_machine.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import { isSameName, nameFault, shownName, withoutMark } from "../../../base/text/names.ts";
import type { KnownKeys } from "../lobby/known_keys.ts";
import type { Lobby } from "../lobby/lobby.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import type { ClientCommand } from "../schema/events.ts";
import { KNOWN_MAX, RECALLED_MAX } from "../schema/limits.ts";
import type { CallSession, ClientCall } from "./client_call.ts";

type Asked = Extract<ClientCommand, { readonly command: "history" }>;

interface PastCallsParts {
  readonly out: ClientOutput;
  readonly session: Pick<CallSession, "name">;
  readonly lobby: Pick<Lobby, "find">;
  readonly keys: Pick<KnownKeys, "expected" | "findApart">;
  readonly ownKey: PeerKey;
  /** The call that is under way; null where there is none. */
  readonly call: () => ClientCall | null;
  /** Whole ms since 1970. */
  readonly wallMs: () => number;
  /** How many of the last lines with somebody are shown again when the two talk; 0: none. */
  readonly shownAgain: number;
}

export class PastCalls {
  /** With whom what was said earlier is on the screen already. */
  readonly #shown = new Set<PeerKey>();
  /** Lines kept by this process: tells those of one call apart. */
  #lines = 0;

  constructor(readonly parts: PastCallsParts) {}

  /** A line of the call, before it is shown. One that came has the time at which it came. @returns Its id. */
  keep({ id: call, peer: name, key }: ClientCall, text: string, self: boolean): string {
    const { out, wallMs } = this.parts;
    const id = `${call}-${++this.#lines}`;
    out.push({ type: "keep", words: { id, key, name, self, text, sentAt: wallMs() } });
    return id;
  }

  /** The two begin to talk: in the first call with somebody, what they said before this start is shown again. */
  begins({ peer: name, key, isSelf }: ClientCall): void {
    const { out, shownAgain } = this.parts;
    if (shownAgain === 0 || key === null || isSelf || this.#shown.has(key)) return;
    if (this.#shown.size >= KNOWN_MAX) this.#shown.clear();
    this.#shown.add(key);
    const about = { name, key: fingerprintOf(key) };
    const event = { event: "history", messages: [], again: true, ...about } as const;
    out.push({ type: "recall", event, count: shownAgain, ref: undefined });
  }

  /** Without a name, in a call it is about that one's other side; otherwise about all calls. */
  ask({ count, text, name: typed, everywhere, before }: Asked, ref: string | undefined): void {
    const { out, call } = this.parts;
    const present = call();
    const other = everywhere !== true && present?.isTalking === true ? present.peer : undefined;
    const name = typed ?? other;
    const about = name === undefined ? {} : this.#conversation(name);
    if (about === null) {
      const text =
        `${shownName(name!)} isn't a possible name: /history NAME shows what you said to ` +
        "NAME in calls, and NAME to you";
      return out.error("unknown-user", text, ref);
    }
    const found = text === undefined ? {} : { searched: text };
    const event = { event: "history", messages: [], ...about, ...found } as const;
    const until = before === undefined ? {} : { before };
    out.push({ type: "recall", event, ...until, count: count ?? RECALLED_MAX, ref });
  }

  /** Only the files know with whom the user has talked: any possible name may be asked about. */
  #conversation(typed: string): Conversation | null {
    const { session, keys, lobby, ownKey } = this.parts;
    const apart = keys.findApart(typed);
    if (apart !== null) return { name: apart.name, key: fingerprintOf(apart.key) };
    const plain = withoutMark(typed).normalize("NFC");
    if (isSameName(plain, session.name)) return { name: session.name, key: fingerprintOf(ownKey) };
    if (nameFault(plain) !== null) return null;
    const name = lobby.find(plain)?.name ?? plain;
    const key = keys.expected(name);
    return key === undefined ? { name } : { name, key };
  }
}

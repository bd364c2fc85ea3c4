/**
 * Word codes at whoever issues them, and QR codes: beside a room or a group's coordinator, of which the machines know
 * only their invites. What this needs is loaded with the first code.
 */

import { dropOldest } from "../../base/collections/bounded.ts";
import { P2pchatError } from "../../base/errors.ts";
import {
  type Endpoint,
  endpointText,
  type FoldedName,
  isRelayed,
  type LinkId,
  type PeerKey,
} from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import type { Environment } from "../../base/machine/environment.ts";
import type { ModeEvent, VerifyAnswer } from "../../base/machine/mode_machine.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import {
  foldName,
  isSameName,
  nameBeforeStart,
  shownName,
  withoutMark,
} from "../../base/text/names.ts";
import { inWords } from "../../base/text/words.ts";
import type { InviteForm } from "../../base/text/invite_text.ts";
import type { ChannelIdentity, ListenAccess } from "../../protocols/noise/channel_handshake.ts";
import type { CodeEnd, IssuerEffect } from "../../protocols/words/words_io.ts";
import type { WordIssuerHost } from "../../runtime/hosts/word_issuer_host.ts";
import type { LinkHandler, LinkInfo, Links } from "../../transport/link.ts";
import { addressGroup, LOOPBACK } from "../../transport/sockets.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import type { KnownPeers } from "../../store/profile/known_peers.ts";
import { timeText } from "../rendering/moments.ts";
import type { CommonEvent } from "../rendering/user_interface.ts";
import type { QrInviteEvent, WordCodeEvent } from "./words_rendering.ts";

/** An answer of a machine to `/invite`. */
interface InviteEvent {
  readonly event: "invite";
  readonly invite: string;
  readonly line: string;
  readonly as?: InviteForm;
}

interface WordInvitesPorts {
  readonly environment: Environment;
  readonly knownPeers: KnownPeers;
  show(event: WordCodeEvent | QrInviteEvent | CommonEvent, ref: string | undefined): void;
  /** Shows what the user has found of a key. */
  found(answer: Extract<ModeEvent, { readonly event: "verify" }>, ref: string | undefined): void;
  readonly own: ChannelIdentity;
  readonly links: () => Links;
  /** The command for others with a code of this invite. @throws {P2pchatError} Where nobody could use one. */
  lineOf(invite: InviteEvent, code: string): string;
  /** Whether the invite still admits newcomers. */
  admits(invite: string): boolean;
  /** Whether a key is shut out: it gets no invite either. */
  isRemoved(peer: PeerKey): boolean;
  /** Those of the screen. */
  columns(): number;
  /** What is typed waits until the returned function is called. */
  pause(): () => void;
  /** The numbers of the codes that are open now, and of those that were of late. */
  announce?(numbers: readonly number[], spent: readonly number[]): void;
}

/** Who may come in soon, or was asked about: more than there can be codes in the time that it takes. */
const PROVEN_MAX = 64;

/** Somebody who knows the words. */
interface Proven {
  readonly peer: PeerKey;
  /** Of the code that they were; null: it is who issued one that was ours to guess. */
  readonly code: number | null;
  /** Whom the user has told them; null: the user hasn't said so. */
  readonly guest: string | null;
}

export class WordInvites {
  readonly #ports: WordInvitesPorts;
  #host: WordIssuerHost | null = null;
  #qrRows: ((invite: string, columns: number) => readonly string[]) | null = null;
  /** Keys whose owners know the words, or have issued them, and whose names aren't known yet. */
  readonly #proven = new Map<Fingerprint, Proven>();
  /** Those of whom the user is asked, by the names under which they came in. */
  readonly #askedOf = new Map<FoldedName, { readonly name: string; readonly peer: PeerKey }>();
  /** Whom the codes are for, by their numbers: those of the last few. */
  readonly #guests = new Map<number, string | null>();

  /** @param issuer Who has invited us by words; absent where nobody has. */
  constructor(ports: WordInvitesPorts, issuer?: PeerKey) {
    this.#ports = ports;
    if (issuer !== undefined) this.#prove({ peer: issuer, code: null, guest: null });
  }

  /** For the listener: who may connect with a code; null while there is none. */
  get access(): Pick<ListenAccess, "admit"> | null {
    if (this.#host?.isAwaiting !== true) return null;
    return { admit: (peer) => this.#ports.isRemoved(peer) ? "bad-credentials" : null };
  }

  /** Takes the links of strangers with a code, and passes on all others. */
  routed(inner: LinkHandler): LinkHandler {
    const isOurs = (link: LinkId) => this.#host !== null && this.#host.has(link);
    return {
      ...inner,
      linkUp: (link, info) => {
        if (info.binding === undefined) inner.linkUp(link, info);
        else this.#linkUp(link, info, info.binding);
      },
      frame: (link, body) => isOurs(link) ? this.#host!.frame(link, body) : inner.frame(link, body),
      linkDown: (link, end) =>
        isOurs(link) ? this.#host!.linkDown(link, end.reason) : inner.linkDown(link, end),
    };
  }

  #linkUp(link: LinkId, info: LinkInfo, binding: Uint8Array): void {
    invariant(this.#host !== null, "such a link is accepted while a code is open");
    this.#host.linkUp(link, info, binding);
  }

  /** Loads what the form needs that the user wants an invite in, then passes the command on; or ends the open codes. */
  asked(as: InviteForm | undefined, ref: string | undefined, pass: () => void): void {
    if (as === "void") return this.#void(ref);
    const isLoaded = as === undefined ||
      (as === "qr" ? this.#qrRows !== null : this.#host !== null);
    if (isLoaded) return pass();
    const go = this.#ports.pause();
    void this.#load(as).then(pass).finally(go);
  }

  #void(ref: string | undefined): void {
    const endedCodes = this.#host?.codes.map(({ number }) => number) ?? [];
    this.#host?.void();
    if (endedCodes.length === 0) {
      const text = "No word code is open; /invite --words makes one";
      return this.#ports.show({ event: "notice", text }, ref);
    }
    this.#ports.show({ event: "notice", text: voidText(endedCodes), endedCodes }, ref);
  }

  /** Whoever looks at the invite may have lost sight of the codes. */
  #tellOpen(): void {
    const codes = this.#host?.codes ?? [];
    if (codes.length === 0) return;
    const until = codes.map(({ number, expiresMs }) =>
      `${number} until ${timeText(expiresMs, false)}`
    );
    const text = `Open word codes: ${until.join(", ")}; /invite --void ends them`;
    this.#ports.show({ event: "notice", text }, undefined);
  }

  async #load(as: InviteForm): Promise<void> {
    if (as === "qr") {
      this.#qrRows = (await import("./qr_rows.ts")).qrRows;
      return;
    }
    const { WordIssuerHost } = await import("../../runtime/hosts/word_issuer_host.ts");
    const { own, links, announce, environment } = this.#ports;
    this.#host ??= new WordIssuerHost({
      clock: SYSTEM_LINK_CLOCK,
      environment,
      links: links(),
      self: { key: own.signer.key, process: own.static.publicKey.toHex() },
      addressOf: (host) => {
        const address = addressGroup(host);
        return address === LOOPBACK ? null : address;
      },
      admits: (invite) => this.#ports.admits(invite),
      issued: (issued) => this.#issued(issued),
      ended: (ended) => this.#ended(ended),
      outdated: (endedCodes) => {
        const text = `${voidText(endedCodes)}, as the invite has changed; ${ANOTHER}`;
        this.#ports.show({ event: "notice", text, endedCodes }, undefined);
      },
      open: (numbers, spent) => announce?.(numbers, spent),
    });
  }

  /** @returns Whether it is shown here: in the form that the user wants. */
  show(event: InviteEvent, ref: string | undefined): boolean {
    const { as, invite, line } = event;
    if (as === undefined) {
      this.#tellOpen();
      return false;
    }
    try {
      if (as === "qr") {
        const qr = this.#qrRows!(invite, this.#ports.columns());
        this.#ports.show({ event: "invite", invite, line, qr }, ref);
      } else {
        this.#ports.lineOf(event, ""); // before there is a code that nobody could use
        this.#asked = event;
        this.#host!.issue(invite, ref);
      }
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      this.#tell(error, ref);
    }
    return true;
  }

  /** Of the code that is being issued. */
  #asked: InviteEvent | null = null;

  #issued({ code, expiresMs, ref }: Extract<IssuerEffect, { readonly type: "issued" }>): void {
    const guest = this.#asked!.as!.split(" ")[1] ?? null;
    this.#guests.set(parseInt(code), guest);
    dropOldest(this.#guests, PROVEN_MAX);
    const line = this.#ports.lineOf(this.#asked!, code).replace(" NAME ", ` ${guest ?? "NAME"} `);
    const expires = new Date(expiresMs).toISOString();
    this.#ports.show({ event: "words", words: code, line, expires }, ref);
  }

  #ended({ number, end, by }: Extract<IssuerEffect, { readonly type: "ended" }>): void {
    if (end === "used" && by !== null) {
      this.#prove({ peer: by.peer, code: number, guest: this.#guests.get(number) ?? null });
    }
    const who = by === null
      ? ""
      : `somebody ${whereFrom(by.remote)} (key ${fingerprintOf(by.peer)})`;
    const text = ENDS[end](who, number);
    const isWrong = end !== "used" && end !== "voided";
    const warning = isWrong ? { warning: true } as const : {};
    const ended = end === "late" ? {} : { endedCodes: [number] };
    this.#ports.show({ event: "notice", text, ...warning, ...ended }, undefined);
  }

  #prove(proven: Proven): void {
    this.#proven.set(fingerprintOf(proven.peer), proven);
    dropOldest(this.#proven, PROVEN_MAX);
  }

  /** Our user was told something: that there is another invite, perhaps, which ends the codes of the one before. */
  noticed(): void {
    this.#host?.inviteChanged();
  }

  /**
   * Somebody has come in. Who knows the words is verified under the name that the user has told them to; under any other
   * only once the user says that it is that one. Where the name is known with another key, they prove nothing.
   */
  met({ name, key }: { readonly name: string; readonly key: string }): void {
    const proven = this.#proven.get(key as Fingerprint);
    if (proven === undefined) return;
    this.#proven.delete(key as Fingerprint);
    const { peer, code, guest } = proven;
    const shown = shownName(name);
    if (this.#ports.knownPeers.isOthers(name, key as Fingerprint)) {
      const other = shownName(nameBeforeStart(name));
      const text = `${shown} knew the words, and isn't verified: another key is known as ` +
        `${other}. /verify ${shown} compares digits`;
      return this.#ports.show({ event: "notice", text, warning: true }, undefined);
    }
    if (code === null || (guest !== null && isSameName(guest, name))) {
      void this.#verify(name, peer, undefined);
      if (code !== null) return;
      // Whoever said the words may have taken any name.
      const text = `${shown} is verified by the words; if others said them, /verify ${shown} no`;
      return this.#ports.show({ event: "notice", text }, undefined);
    }
    this.#askedOf.set(foldName(name), { name, peer });
    dropOldest(this.#askedOf, PROVEN_MAX);
    const to = guest === null ? {} : { to: guest };
    this.#ports.show({ event: "code-used", code, name, key, ...to }, undefined);
  }

  /** The user has typed `/verify`. @returns Whether that answers what was asked of somebody who knew the words. */
  answers(typed: string, answer: VerifyAnswer | undefined, ref: string | undefined): boolean {
    const folded = foldName(withoutMark(typed));
    const asked = this.#askedOf.get(folded);
    this.#askedOf.delete(folded); // without an answer, its digits are compared
    if (asked === undefined || answer !== "yes") return false; // a no is the machine's: it refuses the key
    const { name, peer } = asked;
    const keys = { key: fingerprintOf(peer), ownKey: this.#ports.own.signer.key, peerKey: peer };
    const found = { event: "verify", name, ...keys, answer } as const;
    void this.#verify(name, peer, ref).then(() => this.#ports.found(found, ref));
    return true;
  }

  async #verify(name: string, peer: PeerKey, ref: string | undefined): Promise<void> {
    const { knownPeers, environment } = this.#ports;
    try {
      await knownPeers.verify(name, peer, environment.wallMs());
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      this.#tell(error, ref);
    }
  }

  /** No code counts any more. */
  stop(): void {
    this.#host?.stop();
  }

  #tell({ code, message }: P2pchatError, ref: string | undefined): void {
    this.#ports.show({ event: "error", code, text: message }, ref);
  }
}

function whereFrom(remote: Endpoint): string {
  return isRelayed(remote) ? "at the meeting point" : `at ${endpointText(remote)}`;
}

function voidText(numbers: readonly number[]): string {
  return `Void from now on: ${inWords(numbers.map((number) => `code ${number}`), "and")}`;
}

const ANOTHER = "/invite --words makes another";

const ENDS: Readonly<Record<CodeEnd, (who: string, number: number) => string>> = {
  used: (who, number) => `Code ${number} was used by ${who}`,
  wrong: (who, number) => `Code ${number} is void: ${who} guessed wrong; ${ANOTHER}`,
  "given-up": (who, number) => `Code ${number} is void: ${who} broke off; ${ANOTHER}`,
  voided: (_, number) => `Code ${number}, the oldest, is void: three may be open`,
  late: (who, number) => `Code ${number} is no longer valid: ${who} tried it; ${ANOTHER}`,
};

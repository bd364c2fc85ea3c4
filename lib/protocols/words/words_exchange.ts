/**
 * The key exchange of a word code over one link: CPace, bound to that link. Its channel identifier is the handshake's
 * hash, and each side's associated data says its role and both its keys: whoever stands between two links, and passes
 * on what comes, has two different hashes, and no key.
 */

import { type Bytes, concatBytes, utf8 } from "../../base/crypto/crypto.ts";
import type { PeerKey } from "../../base/ids.ts";
import { derivedKey, EMPTY, open, sealInto, TAG_BYTES } from "../noise/primitives.ts";
import {
  confirmationOf,
  CPace,
  type CPaceShare,
  isConfirmed,
  lengthPrefixed,
  randomScalar,
  SCALAR_SEED_BYTES,
  transcriptOf,
} from "./cpace.ts";

type Role = "guesser" | "issuer";

/** Who somebody is on a link. */
export interface WordsParty {
  readonly key: PeerKey;
  /** The X25519 key of its process, in hexadecimal. */
  readonly process: string;
}

/** A link, as both of its ends see it. */
interface WordsLink {
  readonly guesser: WordsParty;
  readonly issuer: WordsParty;
  /** The hash of its handshake. */
  readonly binding: Uint8Array;
}

const CHANNEL_DOMAIN = utf8("p2pchat word code 1\0");
const INVITE_DOMAIN = utf8("p2pchat word invite 1\0");
/** The key seals one invite. */
const NONCE = new Uint8Array(12);

/** One side of the exchange. */
export class WordsExchange {
  readonly #role: Role;
  readonly #link: WordsLink;
  readonly #run: CPace;

  /** @param code The whole code: its number and its words. */
  constructor(
    role: Role,
    code: string,
    link: WordsLink,
    randomBytes: (length: number) => Uint8Array,
  ) {
    this.#role = role;
    this.#link = link;
    const { binding: session } = link;
    const channel = concatBytes(CHANNEL_DOMAIN, session);
    const scalar = randomScalar(randomBytes(SCALAR_SEED_BYTES));
    this.#run = new CPace({ password: utf8(code), channel, session }, scalar);
  }

  /** What is sent to the other side. */
  get share(): Bytes {
    return this.#run.share;
  }

  /** @returns What the other side's share leads to; null where it is invalid. Called once. */
  agree(theirs: Uint8Array): WordsKey | null {
    const { guesser, issuer, binding } = this.#link;
    const isGuesser = this.#role === "guesser";
    const ofGuesser = { share: isGuesser ? this.share : theirs, data: dataOf("guesser", guesser) };
    const ofIssuer = { share: isGuesser ? theirs : this.share, data: dataOf("issuer", issuer) };
    const key = this.#run.keyWith(theirs, transcriptOf(ofGuesser, ofIssuer));
    return key === null
      ? null
      : new WordsKey(key, binding, { guesser: ofGuesser, issuer: ofIssuer });
  }
}

function dataOf(role: Role, { key, process }: WordsParty): Bytes {
  return lengthPrefixed(utf8(role), Uint8Array.fromHex(key), Uint8Array.fromHex(process));
}

/** The key to which both come that know the code, and nobody else. */
export class WordsKey {
  readonly #key: Bytes;
  readonly #binding: Uint8Array;
  readonly #shares: Readonly<Record<Role, CPaceShare>>;

  constructor(key: Bytes, binding: Uint8Array, shares: Readonly<Record<Role, CPaceShare>>) {
    this.#key = key;
    this.#binding = binding;
    this.#shares = shares;
  }

  /** What proves that this side knows the code. */
  confirmationOf(role: Role): Bytes {
    return confirmationOf(this.#key, this.#binding, this.#shares[role]);
  }

  isConfirmedBy(role: Role, confirmation: Uint8Array): boolean {
    return isConfirmed(confirmation, this.confirmationOf(role));
  }

  sealed(invite: string): Bytes {
    const plain = utf8(invite);
    const sealed = new Uint8Array(plain.length + TAG_BYTES);
    sealInto(sealed, 0, this.#inviteKey, NONCE, EMPTY, plain);
    return sealed;
  }

  /** The invite; null where it wasn't sealed with this key. */
  opened(sealed: Uint8Array): string | null {
    const plain = open(this.#inviteKey, NONCE, EMPTY, sealed);
    return plain === null ? null : new TextDecoder().decode(plain);
  }

  get #inviteKey(): Bytes {
    return derivedKey(this.#key, this.#binding, INVITE_DOMAIN);
  }
}

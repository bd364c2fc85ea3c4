/** Own files on their way to an offer: each is hashed by the adapter, a few at once, then the offer is signed. */

import type { ErrorCode } from "../../base/errors.ts";
import type { PeerKey } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import type { Environment } from "../../base/machine/environment.ts";
import { utf8Length } from "../../base/text/text.ts";
import type { TransferCommand } from "./events.ts";
import { FILE_BYTES_MAX, FILE_NAME_BYTES_MAX, PREPARED_MAX } from "./limits.ts";
import type { SignedOffer } from "./messages.ts";
import { contextOf, signedOffer } from "./offers.ts";
import type { DiskAnswer, TransferConfig, TransferOutput } from "./transfer_io.ts";

type Send = Extract<TransferCommand, { readonly command: "send" }>;
type Hashed = Extract<DiskAnswer, { readonly type: "hashed" }>;

export interface OfferingPort extends TransferOutput {
  readonly environment: Environment;
  readonly config: TransferConfig;
  /** The offer is made: once it is kept it can go out. */
  made(offer: SignedOffer, source: string, ref: string | undefined): void;
  refuse(code: ErrorCode, text: string, ref: string | undefined): void;
}

export class Offering {
  /** Files that are being hashed. */
  #hashing = 0;

  constructor(readonly port: OfferingPort) {}

  send(command: Send, ref: string | undefined): void {
    const fault = this.#fault(command);
    if (fault !== null) return this.port.refuse(...fault, ref);
    this.#hashing++;
    const token = this.port.token({
      done: (answer) => {
        this.#hashing--;
        if (answer.type === "hashed") this.#hashed(command, answer, ref);
      },
      failed: (text) => {
        this.#hashing--;
        this.port.refuse("bad-file", `The file can't be offered: ${text}`, ref);
      },
    });
    this.port.emit({ type: "hash", token, source: command.source });
  }

  #fault({ name }: Send): readonly [ErrorCode, string] | null {
    if (this.#hashing >= PREPARED_MAX) {
      return ["busy", `${PREPARED_MAX} files are being read already: wait a little`];
    }
    if (name === "") return ["usage", "The file can't be offered: it has no name"];
    if (utf8Length(name) <= FILE_NAME_BYTES_MAX) return null;
    const text = `The file can't be offered: its name has more than ${FILE_NAME_BYTES_MAX} bytes`;
    return ["too-long", text];
  }

  #hashed(
    { source, name, to }: Send,
    { size, digest }: Hashed,
    ref: string | undefined,
  ): void {
    const { environment: { crypto, wallMs }, config: { signer, context } } = this.port;
    if (size > FILE_BYTES_MAX) {
      const text = `The file can't be offered: it has ${size} bytes, at most ${FILE_BYTES_MAX} ` +
        "are possible";
      return this.port.refuse("too-long", text, ref);
    }
    const receiver = to as PeerKey | null;
    const place = contextOf(crypto, context, signer.key, receiver);
    invariant(place !== null, "where each two are alone, a file is for somebody");
    const offer = signedOffer(signer, crypto, {
      version: 1,
      context: place,
      from: signer.key,
      to: receiver,
      at: wallMs(),
      name,
      size,
      digest,
    });
    this.port.made(offer, source, ref);
  }
}

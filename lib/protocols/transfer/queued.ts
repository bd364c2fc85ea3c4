/**
 * Files that are to be fetched once there is room. One that is fetched, and that nobody sends, gives way to those that
 * weren't tried yet; it waits behind all of them then, and makes nobody give way. One beyond its sender's first gives way to
 * those of senders of whom nothing is fetched, and counts as not tried.
 */

import type { OfferId, PeerKey } from "../../base/ids.ts";
import type { Timed } from "../../base/machine/machine.ts";
import type { OpenOffer } from "./offers.ts";

interface QueuedPort {
  /** Undefined where it isn't open any more. */
  offered(file: OfferId): OpenOffer | undefined;
  /** Whether anything of its signer is fetched now. */
  hasPlace(offer: OpenOffer): boolean;
  /** Whether the signer is one of those whose files come first. */
  comesFirst(offer: OpenOffer): boolean;
  /**
   * Begins to fetch it. @param name Under which it is saved; null: as it was offered.
   * @param mayPush Whether what nobody sends, and what its sender has beyond one, gives way to it.
   * @returns Whether that is done with: it has begun, or never will.
   */
  begin(offer: OpenOffer, name: string | null, mayPush: boolean): boolean;
  /** When what is fetched, and nobody sends, is to give way; null where there is none such. */
  unservedMs(): number | null;
}

export class Queued implements Timed {
  /** Those that weren't tried yet, each with its name; open offers alone, and so bounded as they are. */
  readonly #untried = new Map<OfferId, string | null>();
  /** Those that gave way as nobody sent them; bounded as well. */
  readonly #tried = new Map<OfferId, string | null>();
  /** Whether there may be room that there wasn't before. */
  #isDue = false;

  constructor(readonly port: QueuedPort) {}

  /** Those that weren't tried yet, and those that gave way as nobody sent them. */
  get waiting(): readonly (readonly OfferId[])[] {
    return [[...this.#untried.keys()], [...this.#tried.keys()]];
  }

  /** Also one that was begun by an earlier process, or gave way to another sender's. */
  add({ id }: OpenOffer, name: string | null): void {
    this.#tried.delete(id);
    this.#untried.set(id, name);
    this.#isDue = true;
  }

  /** It gave way, as nobody sent it. */
  postpone({ id }: OpenOffer, name: string | null): void {
    this.#tried.set(id, name);
  }

  /** Under which it is to be saved; null: as it was offered, or it doesn't wait. */
  nameOf(file: OfferId): string | null {
    return this.#untried.get(file) ?? this.#tried.get(file) ?? null;
  }

  has(file: OfferId): boolean {
    return this.#untried.has(file) || this.#tried.has(file);
  }

  /** It is fetched, or given up. @returns Whether it waited. */
  delete(file: OfferId): boolean {
    const wasUntried = this.#untried.delete(file);
    return this.#tried.delete(file) || wasUntried;
  }

  /** There may be room now. */
  ended(): void {
    this.#isDue = true;
  }

  /** Somebody is there again: what nobody sent may be had of its sender now. */
  peerUp(peer: PeerKey): void {
    for (const file of [...this.#tried.keys()]) {
      const offer = this.port.offered(file);
      if (offer === undefined || offer.value.from === peer) this.#again(file, offer);
    }
  }

  #again(file: OfferId, offer: OpenOffer | undefined): void {
    const name = this.#tried.get(file) ?? null;
    this.#tried.delete(file);
    if (offer === undefined) return;
    this.#isDue = true;
    if (!this.port.begin(offer, name, true)) this.#tried.set(file, name);
  }

  nextMs(): number | null {
    return this.#untried.size === 0 ? null : this.port.unservedMs();
  }

  tick(): void {
    this.#isDue = true;
  }

  /** Begins as many as there is room for. */
  pump(): void {
    if (!this.#isDue) return;
    this.#isDue = false;
    const untried = [...this.#untried.keys()].flatMap((file) => this.port.offered(file) ?? []);
    const [first, others] = [true, false].map((isFirst) =>
      untried.filter((offer) => this.port.comesFirst(offer) === isFirst)
    );
    const names = new Map(this.#untried);
    this.#untried.clear();
    const begin = (offer: OpenOffer) => {
      const name = names.get(offer.id) ?? null;
      if (!this.port.begin(offer, name, true)) this.#untried.set(offer.id, name);
    };
    const seconds: OpenOffer[] = [];
    for (const offer of [...first!, ...others!]) {
      if (this.port.hasPlace(offer)) seconds.push(offer);
      else begin(offer);
    }
    // They would give way to those at once.
    for (const offer of seconds) begin(offer);
    for (const [file, name] of [...this.#tried]) {
      const offer = this.port.offered(file);
      if (offer === undefined || this.port.begin(offer, name, false)) this.#tried.delete(file);
    }
  }
}

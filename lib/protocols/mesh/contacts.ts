/**
 * The addresses through which a newcomer tries to come in: one after the other, and all of them again where a crowd
 * was in the way.
 */

import { type Endpoint, isSameEndpoint } from "../../base/ids.ts";
import type { JoinFailure } from "./coming_in.ts";
import type { MeshConfig } from "./mesh_io.ts";

export class Contacts {
  readonly #endpoints: readonly Endpoint[];
  #next = 0;
  /** Of this round. */
  #failures: JoinFailure[] = [];
  #canTryAgain = false;

  constructor({ contact, invite }: Extract<MeshConfig["begin"], { readonly kind: "join" }>) {
    const all = [contact, ...invite?.endpoints ?? []];
    this.#endpoints = all.filter((endpoint, index) =>
      all.findIndex((other) => isSameEndpoint(other, endpoint)) === index
    );
  }

  /** The one that is tried now. */
  get present(): Endpoint {
    return this.#endpoints[this.#next]!;
  }

  /** Why those before it, and itself, haven't let us in. */
  get failures(): readonly JoinFailure[] {
    return this.#failures;
  }

  /** Whether another try may go better. */
  get canTryAgain(): boolean {
    return this.#canTryAgain;
  }

  /**
   * The present one hasn't let us in.
   * @param again Whether it may yet.
   * @returns Whether there is another one to be tried now.
   */
  failed(reason: JoinFailure["reason"], text: string, again: boolean): boolean {
    this.#failures.push({ contact: this.present, reason, text });
    this.#canTryAgain ||= again;
    if (this.#next + 1 >= this.#endpoints.length) return false;
    this.#next++;
    return true;
  }

  /** From the first one on. */
  startAgain(): void {
    this.#next = 0;
    this.#failures = [];
    this.#canTryAgain = false;
  }
}

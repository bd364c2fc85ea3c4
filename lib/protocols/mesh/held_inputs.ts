/** What links bring while a room is being opened, or another link lets us in. */

import type { LinkId } from "../../base/ids.ts";
import { HELD_INPUTS_MAX } from "./limits.ts";
import type { MeshInput } from "./mesh_io.ts";

export type LinkInput = Extract<
  MeshInput,
  { readonly type: "link-up" | "message" | "unknown-message" | "congested" | "drained" | "missed" }
>;

export class HeldInputs {
  #inputs: LinkInput[] = [];

  /** @returns False where too many wait already. */
  hold(input: LinkInput): boolean {
    if (this.#inputs.length >= HELD_INPUTS_MAX) return false;
    this.#inputs.push(input);
    return true;
  }

  /** The link is down. */
  drop(link: LinkId): void {
    this.#inputs = this.#inputs.filter((held) => held.link !== link);
  }

  /** All of them, in the order in which they came. */
  takeAll(): readonly LinkInput[] {
    return this.#inputs.splice(0);
  }
}

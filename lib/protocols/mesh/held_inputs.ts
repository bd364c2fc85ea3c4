/** Holds what links bring while a room is being opened, or while another link admits us. */

import type { LinkId } from "../../base/ids.ts";
import { HELD_INPUTS_MAX } from "./schema/limits.ts";
import type { MeshInput } from "./schema/mesh_io.ts";

export type LinkInput = Extract<
  MeshInput,
  { readonly type: "link-up" | "message" | "unknown-message" | "congested" | "drained" | "missed" }
>;

export class HeldInputs {
  /** At most `HELD_INPUTS_MAX` of each link: none takes another one's places. */
  #inputs: LinkInput[] = [];

  /** @returns False where too many inputs of its link wait already. */
  hold(input: LinkInput): boolean {
    const ofLink = this.#inputs.filter(({ link }) => link === input.link);
    if (ofLink.length >= HELD_INPUTS_MAX) return false;
    this.#inputs.push(input);
    return true;
  }

  /** The link is down, or being closed. */
  drop(link: LinkId): void {
    this.#inputs = this.#inputs.filter((held) => held.link !== link);
  }

  /** Takes all inputs, in the order in which they came. */
  takeAll(): readonly LinkInput[] {
    return this.#inputs.splice(0);
  }
}

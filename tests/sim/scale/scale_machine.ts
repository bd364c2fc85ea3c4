/** The machines of a large simulated room, and the questions that they answer. */

import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import type { Environment } from "../../../lib/base/machine/environment.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import type { Machine } from "../../../lib/base/machine/machine.ts";
import { Mesh } from "../../../lib/protocols/mesh/mesh.ts";
import type {
  MeshConfig,
  MeshEffect,
  MeshInput,
} from "../../../lib/protocols/mesh/schema/mesh_io.ts";

export interface ScaleMachine extends Machine<MeshInput, MeshEffect> {
  neighbours(): readonly PeerKey[];
  passiveViewSize(): number;
  /** The number of members that it believes to be live, itself included; null where it keeps no roster. */
  liveMembers(): number | null;
}

export type CreateMachine = (
  config: MeshConfig,
  signer: Signer,
  environment: Environment,
) => ScaleMachine;

/** The complete mesh. */
export class WholeMesh implements ScaleMachine {
  readonly #mesh: Mesh;

  constructor(...config: Parameters<CreateMachine>) {
    this.#mesh = new Mesh(...config);
  }

  step(input: MeshInput, nowMs: number): readonly MeshEffect[] {
    return this.#mesh.step(input, nowMs);
  }

  nextDeadlineMs(): number | null {
    return this.#mesh.nextDeadlineMs();
  }

  neighbours(): readonly PeerKey[] {
    return this.#mesh.room?.neighbours ?? [];
  }

  passiveViewSize(): number {
    return this.#mesh.room?.machines.overlay.passiveView().length ?? 0;
  }

  liveMembers(): number {
    return this.#mesh.room?.liveMembers ?? 0;
  }
}

/** A machine around another: sees what goes in and what comes out, and may change either. */

import type { MeshEffect, MeshInput } from "../../../lib/protocols/mesh/mesh_io.ts";
import type { MeshMachine } from "./member.ts";

export class Wrapped implements MeshMachine {
  constructor(readonly inner: MeshMachine) {}

  /** What the machine is given instead of `input`; null for nothing. */
  input(input: MeshInput, _nowMs: number): MeshInput | null {
    return input;
  }

  /** What is carried out instead of `effects`, which answer `input`. */
  effects(
    effects: readonly MeshEffect[],
    _input: MeshInput,
    _nowMs: number,
  ): readonly MeshEffect[] {
    return effects;
  }

  step(input: MeshInput, nowMs: number): readonly MeshEffect[] {
    const given = this.input(input, nowMs);
    return given === null ? [] : this.effects(this.inner.step(given, nowMs), given, nowMs);
  }

  nextDeadlineMs(): number | null {
    return this.inner.nextDeadlineMs();
  }
}

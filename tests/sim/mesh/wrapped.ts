/** A machine around a mesh: observes its inputs and effects, and may change either. */

import type { MeshEffect, MeshInput } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import { Wrapped as WrappedMachine } from "../wrapped.ts";

export class Wrapped extends WrappedMachine<MeshInput, MeshEffect> {}

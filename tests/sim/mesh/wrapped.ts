/** A machine around a mesh: sees what goes in and what comes out, and may change either. */

import type { MeshEffect, MeshInput } from "../../../lib/protocols/mesh/mesh_io.ts";
import { Wrapped as WrappedMachine } from "../wrapped.ts";

export class Wrapped extends WrappedMachine<MeshInput, MeshEffect> {}

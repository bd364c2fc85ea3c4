/** What a room is made of, beside its routes. */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import type { PeerKey } from "../../../base/ids.ts";
import type { Queue } from "../../../base/schema/schema.ts";
import type { AuthorFlow } from "../log/author_flow.ts";
import type { Penalise } from "../schema/mesh_io.ts";
import type { MeshMessage } from "../schema/messages.ts";
import type { DeliveryGate } from "./delivery_gate.ts";
import type { Neighbourhood } from "./neighbourhood.ts";
import type { OwnWords } from "./own_words.ts";
import type { RoomConfig, RoomLinks } from "./room_io.ts";
import type { RoomEvents } from "./room_events.ts";
import type { RoomMachines, RoutedMachines } from "./room_machines.ts";
import type { RoomOutput } from "./room_output.ts";
import type { Router } from "./router.ts";

export interface RoomParts {
  readonly config: RoomConfig;
  readonly signer: Signer;
  readonly environment: Environment;
  readonly machines: RoomMachines;
  readonly neighbours: Neighbourhood;
  readonly links: RoomLinks;
  readonly view: RoomEvents;
  readonly showing: DeliveryGate;
  readonly flow: AuthorFlow;
  readonly ownWords: OwnWords;
  readonly out: RoomOutput;
}

/** Effects that mean the same from each machine. */
export type SharedEffect =
  | {
    readonly type: "send";
    readonly to: PeerKey;
    readonly message: MeshMessage;
    readonly lane?: Queue;
  }
  | Penalise;

/** Gives one of the room's machines an input, and carries out what follows. */
export type Give = Router<RoutedMachines, SharedEffect>["give"];

/** The effects of a machine that its own table has. */
export type Own<Effect extends { readonly type: string }> = Exclude<
  Effect,
  { readonly type: SharedEffect["type"] }
>;

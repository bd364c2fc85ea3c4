/** What a room is made of, beside its routes. */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import type { AuthorFlow } from "../log/author_flow.ts";
import type { DeliveryGate } from "./delivery_gate.ts";
import type { Neighbourhood } from "./neighbourhood.ts";
import type { OwnWords } from "./own_words.ts";
import type { RoomConfig } from "./room_io.ts";
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
  readonly view: RoomEvents;
  readonly showing: DeliveryGate;
  readonly flow: AuthorFlow;
  readonly ownWords: OwnWords;
  readonly out: RoomOutput;
}

/** Gives one of the room's machines an input, and carries out what follows. */
export type Give = Router<RoutedMachines>["give"];

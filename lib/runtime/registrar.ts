/** The port of the registrar, who keeps for all instances of a directory who is in. */

import type { Endpoint } from "../base/ids.ts";
import type {
  RegistrarAnswer,
  RegistrarChange,
  RegistrarOrder,
  RegistrarQuestion,
  RegistrarState,
} from "../protocols/directory/schema/registrar_io.ts";

export interface RegistrarListener {
  /** Where clients reach this instance. */
  readonly address: Endpoint;
  news(changes: readonly RegistrarChange[]): void;
  stateChanged(state: RegistrarState): void;
  /** Shows a notice about something odd. */
  notice(text: string): void;
  /** Nothing can go on: the engine refuses this program, or there is a fault of our own. */
  failed(error: unknown): void;
}

export interface Registrar {
  /** Lets the others know of this instance, and tells from now on of all there is, and of what changes. */
  begin(listener: RegistrarListener): void;
  /** @param answered Called once, later. */
  ask(question: RegistrarQuestion, answered: (answer: RegistrarAnswer) => void): void;
  order(order: RegistrarOrder): void;
  /** This instance ends: none of its sessions is in any more. Never rejects. */
  close(): Promise<void>;
}

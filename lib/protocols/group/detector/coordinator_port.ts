/** The coordinator, as a member's parts see it. */

import type { GroupMessage } from "../schema/messages.ts";

export interface CoordinatorPort {
  /** It has let this process in, and is there. */
  readonly isUp: boolean;
  /** It is known to be away. */
  readonly isDown: boolean;
  /** Before it has let us in, the message is dropped. */
  tell(message: GroupMessage): void;
  /** It broke a rule of the protocol. */
  offends(text: string): void;
}

/** What a directory's client shows of its calls, with bob. */

import type { ClientEvent } from "../../lib/protocols/directory/schema/events.ts";

export type Call = Extract<ClientEvent, { readonly event: "call" }>;

export function call(state: Call["state"], id = "1"): Call {
  return { event: "call", call: id, peer: "bob", state, reason: "", route: null };
}

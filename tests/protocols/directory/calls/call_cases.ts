/** Two clients at a directory that call each other. */

import { callId, Exchange, type Somebody } from "../exchange.ts";

/** Ann and Bob, and whoever else is named, in the list. */
export function meeting(...names: readonly string[]) {
  const exchange = new Exchange();
  const [ann, bob, ...others] = ["ann", "bob", ...names].map((name) => exchange.guest(name));
  exchange.pass(100);
  exchange.take();
  return { exchange, ann: ann!, bob: bob!, others };
}

/** The two in a call that has the number 1. */
export function talking(route: "direct" | "relay" = "direct", ...names: readonly string[]) {
  const all = meeting(...names);
  const { exchange, ann, bob } = all;
  ann.calls("bob", 1);
  bob.answers(1);
  if (route === "relay") ann.says({ type: "relay-please", call: callId(1) });
  ann.begins(1, route);
  bob.begins(1, route);
  exchange.pass(100);
  exchange.take();
  return all;
}

export function relays(somebody: Somebody, bytes: number, id = 1): void {
  somebody.says({ type: "relay", call: callId(id), bytes: new Uint8Array(bytes) });
}

export function hasTaken(somebody: Somebody, bytes: number, id = 1): void {
  somebody.says({ type: "relay-room", call: callId(id), bytes });
}

/** A directory at which clients tell all something. */

import { Exchange } from "../exchange.ts";

export const TTL_MS = 30 * 60_000;

/** Ann, an account, and guests of these names, all of whom receive datagrams. */
export function exchangeOf(...names: readonly string[]) {
  const exchange = new Exchange();
  const ann = exchange.account("ann");
  const guests = names.map((name) => exchange.guest(name));
  for (const somebody of [ann, ...guests]) somebody.isHere();
  exchange.pass(100);
  exchange.take();
  return { exchange, ann, guests };
}

/** Keys that a mode met before, and how it remembers others. */

import type { Fingerprint } from "../base/fingerprint.ts";
import { foldName } from "../base/names.ts";
import type { KeepPin } from "../runtime/mode_host.ts";
import type { KnownPeers } from "../store/known_peers.ts";
import { type Session, showFailure } from "./session.ts";
import type { ShownEvent } from "./user_interface.ts";

/** Keys met in a scope, by folded name. */
export function pinnedKeys(
  knownPeers: KnownPeers,
  scope: string,
): ReadonlyMap<string, Fingerprint> {
  const pins = knownPeers.pins().filter((pin) => pin.scope === scope);
  return new Map(pins.map(({ name, fingerprint }) => [foldName(name), fingerprint]));
}

/** The key that a name has in a scope; null where it was never met there. */
export function keyPinned(
  knownPeers: KnownPeers,
  scope: string,
  name: string,
): Fingerprint | null {
  return knownPeers.pinOf(scope, name)?.fingerprint ?? null;
}

/** Remembers keys in a scope; what fails is shown. */
export function pinsIn<Event extends ShownEvent, Target>(
  { knownPeers, environment, ui }: Session<Event, Target>,
  scope: string,
): KeepPin {
  return ({ name, key, again }) => {
    const wallMs = environment.wallMs();
    const write = again
      ? knownPeers.trust(scope, name, key, wallMs)
      : knownPeers.pin(scope, name, key, wallMs);
    return showFailure(ui, write);
  };
}

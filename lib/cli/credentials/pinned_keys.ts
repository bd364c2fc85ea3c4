/** The keys that a mode has met, and how it stores new ones. */

import { P2pchatError } from "../../base/errors.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import { foldName } from "../../base/text/names.ts";
import type { KeepPin } from "../../runtime/hosts/mode_host.ts";
import type { KnownPeers } from "../../store/profile/known_peers.ts";
import {
  knownPeersPath,
  type Profile,
  type Session,
  showFailure,
} from "../session/mode_session.ts";
import type { ShownEvent } from "../rendering/user_interface.ts";

/** The keys pinned in a scope, by folded name. */
export function pinnedKeys(
  knownPeers: KnownPeers,
  scope: string,
): ReadonlyMap<string, Fingerprint> {
  const pins = knownPeers.pins().filter((pin) => pin.scope === scope);
  return new Map(pins.map(({ name, fingerprint }) => [foldName(name), fingerprint]));
}

/** The key pinned for a name in a scope; null where there is none. */
export function keyPinned(
  knownPeers: KnownPeers,
  scope: string,
  name: string,
): Fingerprint | null {
  return knownPeers.pinOf(scope, name)?.fingerprint ?? null;
}

/** Whether the user has verified the key pinned for a name in a scope. */
export function isVerified(knownPeers: KnownPeers, scope: string, name: string): boolean {
  const pin = knownPeers.pinOf(scope, name);
  return pin !== null && knownPeers.isVerified(name, pin.fingerprint);
}

/**
 * The key pinned for a server; null where there is none.
 * @param title The server in words, with its address.
 * @param given The key that the user names on the command line; null: none.
 * @throws {P2pchatError} `key-changed` where the two differ.
 */
export function serverKeyPinned(
  { knownPeers, folder }: Pick<Profile, "knownPeers" | "folder">,
  { scope, name, title }: { readonly scope: string; readonly name: string; readonly title: string },
  given: Fingerprint | null,
): Fingerprint | null {
  const pinned = keyPinned(knownPeers, scope, name);
  if (pinned === null || given === null || pinned === given) return pinned;
  throw new P2pchatError(
    "key-changed",
    `The ${title} had another key before than the one you gave: ${pinned}, not ${given}; if yours is right, ` +
      `delete the line with ${pinned} from ${knownPeersPath(folder)} and start again`,
  );
}

/** Returns a function that pins keys in a scope; failures are shown. */
export function pinsIn<Event extends ShownEvent, Target>(
  { knownPeers, environment, ui }: Session<Event, Target>,
  scope: string,
): KeepPin {
  return ({ name, key, again }) => {
    const wallMs = environment.wallMs();
    const write = again
      ? knownPeers.trust(scope, name, key, wallMs, true)
      : knownPeers.pin(scope, name, key, wallMs);
    return showFailure(ui, write);
  };
}

/**
 * What instances of a directory keep in the engine while they run: the session that has each name (`online/NAME`), and
 * the instances (`instances/ID`). Values are lines of JSON, which people can read with etcd's own tools.
 */

import type { FoldedName } from "../../base/ids.ts";
import { parseHost, PORT_MAX } from "../../base/text/endpoints.ts";
import { foldName, nameFault } from "../../base/text/names.ts";
import { AWAY_TEXT_BYTES_MAX } from "../../base/machine/user_presence.ts";
import { utf8Length } from "../../base/text/text.ts";
import { dateText } from "../../base/text/words.ts";
import type { Instance, OnlineSession } from "../../protocols/directory/schema/registrar_io.ts";
import { fieldsIn, isCount, isPeerKey, isSerial, timeIn } from "../json_fields.ts";
import type { Entry, Revision } from "../shared_store.ts";

/** The session that has a name, and the revision by which it has. */
export interface Mirrored {
  readonly session: OnlineSession;
  readonly modified: Revision;
}

/** Who has each name, as the engine told it last, or as our own changes have made it since. */
export class SessionMirror {
  readonly #byName = new Map<FoldedName, Mirrored>();
  /** Up to which revision the engine has told. */
  told: Revision = 0;

  get names(): Iterable<FoldedName> {
    return this.#byName.keys();
  }

  get all(): Iterable<Mirrored> {
    return this.#byName.values();
  }

  get(name: FoldedName): Mirrored | null {
    return this.#byName.get(name) ?? null;
  }

  /** @param now Null: nobody has it. */
  set(name: FoldedName, now: Mirrored | null): void {
    if (now === null) this.#byName.delete(name);
    else this.#byName.set(name, now);
  }
}

export const ONLINE = "online/";
export const INSTANCES = "instances/";

export function onlineValue(session: OnlineSession): string {
  const { id, instance, name, isGuest, key, process, rank, host, port, isBusy, isHeld, away } =
    session;
  return JSON.stringify({
    name,
    guest: isGuest,
    instance,
    session: id,
    key,
    process,
    rank,
    host,
    port,
    busy: isBusy,
    since: dateText(session.sinceMs),
    ...(isHeld ? { held: true } : {}),
    ...(away === null ? {} : { away }),
  });
}

/** @param folded The name by its key. @returns Null where somebody has put there what is no session. */
export function onlineIn({ value }: Entry, folded: string): OnlineSession | null {
  const fields = fieldsIn(value);
  const { name, guest, instance, session: id, key, process, rank, host, port, busy } = fields;
  const { away = null } = fields;
  const sinceMs = timeIn(fields["since"]);
  const isGood = typeof name === "string" && nameFault(name) === null &&
    foldName(name) === folded && typeof guest === "boolean" && typeof instance === "string" &&
    typeof id === "string" && isPeerKey(key) && typeof process === "string" && isSerial(rank) &&
    isHost(host) && isCount(port) &&
    port <= PORT_MAX && typeof busy === "boolean" && sinceMs >= 0 && isReason(away);
  if (!isGood) return null;
  return {
    id,
    instance,
    name,
    isGuest: guest,
    key,
    process,
    rank,
    host,
    port,
    isBusy: busy,
    sinceMs,
    isHeld: fields["held"] === true,
    away,
  };
}

/** @param beat Higher each time. */
export function instanceValue(
  { address: { host, port }, room }: Omit<Instance, "id">,
  facts: { readonly version: string; readonly clients: number; readonly wallMs: number },
  beat: number,
): string {
  const { version, clients, wallMs } = facts;
  return JSON.stringify({ host, port, clients, room, version, wall: dateText(wallMs), beat });
}

/** @returns Null where somebody has put there what is no instance. */
export function instanceIn({ value }: Entry, id: string): Instance & { beat: number } | null {
  const { host, port, room, beat } = fieldsIn(value);
  const isGood = isHost(host) && isCount(port) && port > 0 && port <= PORT_MAX && isCount(room) &&
    isCount(beat);
  return isGood ? { id, address: { host, port }, room, beat } : null;
}

function isReason(away: unknown): away is string | null {
  return away === null || (typeof away === "string" && utf8Length(away) <= AWAY_TEXT_BYTES_MAX);
}

function isHost(value: unknown): value is string {
  return typeof value === "string" && parseHost(value) === value;
}

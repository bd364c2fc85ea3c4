/** What somebody's user says of itself, beside being here: the same in every mode, from the wire to the user's screen. */

import { type Infer, nullable, record, text, trailing } from "../schema/schema.ts";

/** Why somebody is away: half a line of a terminal. */
export const AWAY_TEXT_BYTES_MAX = 120;

/** The last fields of whatever carries them: a further one comes behind these. */
export const presenceFields = {
  /** Why the user is away, empty where that isn't said; null for who is here. */
  away: trailing(nullable(text(AWAY_TEXT_BYTES_MAX)), null),
};

const presenceSchema = record(presenceFields);
export type Presence = Infer<typeof presenceSchema>;
/** Of who says nothing. */
export const HERE: Presence = { away: null };

const PRESENCE = Object.keys(presenceFields) as readonly (keyof Presence)[];

/** What a structure with these fields says of the user. */
export function presenceOf(said: Presence): Presence {
  return Object.fromEntries(PRESENCE.map((field) => [field, said[field]])) as Presence;
}

export function isSamePresence(one: Presence, other: Presence): boolean {
  return PRESENCE.every((field) => one[field] === other[field]);
}

/** What events say of it; what isn't said is left out. */
export type ShownPresence = { readonly [Field in keyof Presence]?: NonNullable<Presence[Field]> };

/** Of who says nothing, nothing. */
export function shownPresence(presence: Presence): ShownPresence {
  const said = PRESENCE.map((field) => [field, presence[field]] as const);
  return Object.fromEntries(said.filter(([, value]) => value !== null));
}

/** What the user says of itself from now on. */
export interface PresenceCommand {
  readonly command: "presence";
  readonly change: Partial<Presence>;
}

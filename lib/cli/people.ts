/**
 * Who is who, in every mode: takes the answers to `/verify`, and adds to a machine's events whether the user has
 * compared the keys in them. The mark is that of a key under a name: whoever comes with the key under another name is
 * said to be the one that was verified, and isn't verified.
 */

import { type Fingerprint, fingerprintOf } from "../base/fingerprint.ts";
import { foldName, shownName } from "../base/names.ts";
import type { Compared, KeyChange, ModeEvent } from "../base/mode_machine.ts";
import type { KnownPeers } from "../store/known_peers.ts";
import { type Session, showFailure } from "./session.ts";
import type { CommonEvent, ShownEvent } from "./user_interface.ts";
import { type OwnEventOf, theVerifiedText, type VerifyEvent } from "./verify_rendering.ts";
import { verificationDigits } from "./verification_digits.ts";

type KeysEvent = Extract<ModeEvent, { readonly event: "verify" }>;

type Fields = ShownEvent & Readonly<Record<string, unknown>>;

/** Lists of people in events, each with the key that is known of it. */
const LISTS = ["peers", "users", "friends"] as const;

/** Somebody in an event; without a key where none is known. */
interface Somebody {
  readonly name: string;
  readonly key?: string | null;
}

export class People<Event extends ShownEvent> {
  /** Keys, each under a name, whose digits this process has shown: bounded by what the user has asked for. */
  readonly #compared = new Set<string>();

  constructor(
    readonly session: Pick<
      Session<OwnEventOf<Event>, unknown>,
      "knownPeers" | "ui" | "environment" | "identity"
    >,
  ) {}

  /** Shows a machine's event. */
  show(event: Event | ModeEvent, ref: string | undefined): void {
    if (isOfKeys(event)) return this.#verify(event, ref);
    const { knownPeers, identity, ui } = this.session;
    const own = fingerprintOf(identity.signer.key);
    ui.show(withCompared(event, knownPeers, own) as unknown as OwnEventOf<Event>, ref);
  }

  #verify({ answer, ownKey, peerKey, name, key }: KeysEvent, ref: string | undefined): void {
    const { knownPeers, ui, environment } = this.session;
    const pair = `${foldName(name)}\n${key}`;
    const wallMs = environment.wallMs();
    const isCompared = this.#compared.has(pair);
    if (answer === "no") void showFailure(ui, knownPeers.refuse(name, peerKey, wallMs), ref);
    if (answer === "yes" && isCompared) {
      void showFailure(ui, knownPeers.verify(name, peerKey, wallMs), ref);
    }
    const taken = answer === "yes" && !isCompared ? undefined : answer;
    const event: VerifyEvent = {
      event: "verify",
      name,
      key,
      digits: verificationDigits(ownKey, peerKey),
      ...comparedOf(knownPeers, { name, key }),
      ...(taken === undefined ? {} : { answer: taken }),
    };
    this.#show(event, ref);
    if (answer === "no") this.#compared.delete(pair);
    else this.#compared.add(pair);
    if (taken !== answer) this.#show(notComparedYet(name), ref);
  }

  #show(event: VerifyEvent | CommonEvent, ref: string | undefined): void {
    this.session.ui.show(event as OwnEventOf<Event> | CommonEvent, ref);
  }
}

function isOfKeys(event: ShownEvent): event is KeysEvent {
  return event.event === "verify";
}

function notComparedYet(name: string): CommonEvent {
  const shown = shownName(name);
  const text =
    `${shown} isn't verified: compare these digits with ${shown} first, by voice; if they ` +
    `are the same: /verify ${shown} yes`;
  return { event: "error", code: "not-allowed", text };
}

/** The event, with what the user has found of the keys in it. @param own The user's own key, which nobody compares. */
export function withCompared(event: ShownEvent, known: KnownPeers, own: Fingerprint): Fields {
  const fields = event as Fields;
  const of = (somebody: Somebody) =>
    somebody.key === own ? UNCOMPARED : comparedOf(known, somebody);
  switch (event.event) {
    case "joined":
    case "joining":
      return { ...fields, ...of(fields as unknown as Somebody) };
    case "incoming":
      return { ...fields, ...of({ ...fields, name: fields["from"] as string }) };
    case "call":
      return { ...fields, ...of({ ...fields, name: fields["peer"] as string }) };
    case "view":
    case "members":
      return { ...fields, verified: verifiedAmong(fields, of) };
    case "error":
    case "notice":
      return fields["changed"] === undefined
        ? fields
        : withChange(fields, known, fields["changed"] as KeyChange);
  }
  for (const list of LISTS) {
    if (event.event !== list) continue;
    const all = fields[list] as readonly Somebody[];
    return { ...fields, [list]: all.map((one) => ({ ...one, ...of(one) })) };
  }
  return fields;
}

const UNCOMPARED: Compared = { verified: false };

function comparedOf(known: KnownPeers, { name, key }: Somebody): Compared {
  if (key === undefined || key === null) return UNCOMPARED;
  if (known.isVerified(name, key as Fingerprint)) return { verified: true };
  const verifiedAs = known.verifiedNames(key as Fingerprint);
  return verifiedAs.length === 0 ? UNCOMPARED : { verified: false, verifiedAs };
}

/** The names of those among `members` whose keys are verified; `keys` has their keys in the same order. */
function verifiedAmong(
  fields: Readonly<Record<string, unknown>>,
  of: (somebody: Somebody) => Compared,
): readonly string[] {
  const keys = fields["keys"] as readonly string[] | undefined ?? [];
  return (fields["members"] as readonly string[]).filter((name, at) =>
    of({ name, key: keys[at] ?? null }).verified
  );
}

/** The warning of another key, which is louder where the one expected was verified. */
function withChange(event: Fields, known: KnownPeers, changed: KeyChange): Fields {
  const { name, before, key } = changed;
  const expected = comparedOf(known, { name, key: before ?? null });
  const verifiedAs = known.verifiedNames(key as Fingerprint);
  const shown = shownName(name);
  const start = expected.verified === true
    ? `BE CAREFUL: you had verified ${shown}'s key, and this one is ANOTHER. `
    : "";
  const about = before === undefined || expected.verified === true
    ? ""
    : `. The key expected of ${shown} wasn't verified`;
  const other = verifiedAs.length === 0 ? "" : `. The other is ${theVerifiedText(verifiedAs)}`;
  const found = { verified: expected.verified === true };
  const text = `${start}${event["text"]}${about}${other}`;
  return { ...event, text, changed: { ...changed, ...found } };
}

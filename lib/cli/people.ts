/**
 * Who is who, in every mode: takes the answers to `/verify`, and adds to a machine's events whether the user has
 * compared the keys in them. The mark is that of a key under a name: whoever comes with the key under another name is
 * said to be the one that was verified, and isn't verified. Names that look like one met before are marked.
 */

import { type Fingerprint, fingerprintOf } from "../base/fingerprint.ts";
import { LookAlikes } from "../base/look_alikes.ts";
import { foldName, markImitation, shownName } from "../base/names.ts";
import { verifiedBeforeText } from "../base/name_answers.ts";
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
  /** Null before the first name was shown: then the pinned ones are met first. */
  #lookAlikes: LookAlikes | null = null;
  /** How many events were shown. */
  #events = 0;

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
    this.#meetAll(event as Fields);
    const own = fingerprintOf(identity.signer.key);
    ui.show(withCompared(event, knownPeers, own) as unknown as OwnEventOf<Event>, ref);
  }

  #meetAll(event: Fields): void {
    this.#events += 1;
    // One's own name is imitated by others, even if these were met before.
    const isOwn = OWN_NAME_EVENTS.has(event.event);
    for (const { name, batch } of namesIn(event, this.#events)) {
      if (this.#lookAlikes === null) {
        this.#lookAlikes = new LookAlikes();
        if (isOwn) this.#meet(this.#lookAlikes, name, null);
        for (const pinned of this.session.knownPeers.names()) {
          this.#meet(this.#lookAlikes, pinned, null);
        }
      }
      this.#meet(this.#lookAlikes, name, batch);
    }
  }

  #meet(known: LookAlikes, name: string, batch: string | null): void {
    for (const imitation of known.note(name, batch)) markImitation(imitation);
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

/** Fields of events, and of entries in lists, that have the name of somebody who is, or was, here. */
const NAME_FIELDS = ["name", "shown", "from", "peer", "by"] as const;
const NAMES_FIELDS = ["members", "joining", "names"] as const;
const ENTRIES_FIELDS = [...LISTS, "messages", "entries"] as const;
/** Events that tell the user their own name first. */
const OWN_NAME_EVENTS: ReadonlySet<string> = new Set(["ready", "session"]);
/** Events that name somebody of whom the user was told before, or whom the user only asked about. */
const NO_MEETINGS: ReadonlySet<string> = new Set(["error", "notice", "delivery", "help", "status"]);

/** A name in an event, and the batch of `LookAlikes` in which it came. */
interface Meeting {
  readonly name: string;
  readonly batch: string | null;
}

/** @param number Of the event: no other one has it. */
function* namesIn(event: Fields, number: number): Generator<Meeting> {
  if (NO_MEETINGS.has(event.event)) return;
  // Who was there before us is told in no order of time.
  yield* namesOf(event, event["present"] === true ? "present" : null);
  for (const field of NAMES_FIELDS) {
    const names = event[field];
    if (!Array.isArray(names)) continue;
    for (const name of names) if (typeof name === "string") yield { name, batch: null };
  }
  for (const field of ENTRIES_FIELDS) {
    const entries = event[field];
    if (!Array.isArray(entries)) continue;
    if (field !== "users") { for (const entry of entries) yield* namesOf(entry, null); }
    else yield* namesOfUsers(entries, number);
  }
}

/** A directory's list is sorted by name; anybody can be a guest, who comes after all who have accounts. */
function* namesOfUsers(users: readonly Fields[], number: number): Generator<Meeting> {
  for (const isGuest of [false, true]) {
    for (const user of users) {
      if ((user["guest"] === true) === isGuest) yield* namesOf(user, `${number} ${isGuest}`);
    }
  }
}

function* namesOf(
  fields: Readonly<Record<string, unknown>>,
  batch: string | null,
): Generator<Meeting> {
  for (const field of NAME_FIELDS) {
    const name = fields[field];
    if (typeof name === "string" && name !== "") yield { name, batch };
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
    case "broadcast":
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
  const start = expected.verified === true ? verifiedBeforeText(shown) : "";
  const about = before === undefined || expected.verified === true
    ? ""
    : `. You had not verified ${shown}'s earlier key`;
  const other = verifiedAs.length === 0 ? "" : `. The other is ${theVerifiedText(verifiedAs)}`;
  const found = { verified: expected.verified === true };
  const text = `${start}${event["text"]}${about}${other}`;
  return { ...event, text, changed: { ...changed, ...found } };
}

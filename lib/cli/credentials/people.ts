/**
 * Who is who, in every mode: takes the answers to `/verify`, and adds to a machine's events whether the user has
 * compared the keys in them. The mark is that of a key under a name: whoever comes with the key under another name is
 * said to be the one that was verified, and isn't verified.
 *
 * Names that look like one met before are marked; also those that look like the user's own, unless they were here
 * first: then everybody else marks the user's, and the user is told so, once. Of a directory's accounts and guests,
 * accounts were first.
 */

import { P2pchatError } from "../../base/errors.ts";
import { endpointText } from "../../base/ids.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import { LookAlikes } from "../../base/text/look_alikes.ts";
import {
  foldName,
  isSameName,
  markImitation,
  MIXED_SCRIPTS_MARK,
  mixesScripts,
  nameBeforeStart,
  setOwnName,
  shownName,
} from "../../base/text/names.ts";
import { verifiedBeforeText } from "../../base/trust/name_answers.ts";
import type { Compared, KeyChange, ModeEvent } from "../../base/machine/mode_machine.ts";
import type { ClientEvent, DirectoryEvent } from "../../protocols/directory/schema/events.ts";
import type { FriendsEvent } from "../../protocols/friends/events.ts";
import type { CoordinatorEvent, MemberEvent } from "../../protocols/group/schema/events.ts";
import type { MeshEvent } from "../../protocols/mesh/schema/events.ts";
import type { HelpEvent } from "../args/help_text.ts";
import type { KnownPeers } from "../../store/profile/known_peers.ts";
import { isVerified } from "./pinned_keys.ts";
import { withMention } from "../rendering/attention.ts";
import { type Session, showError } from "../session/mode_session.ts";
import type { CommonEvent, ShownEvent } from "../rendering/user_interface.ts";
import {
  type OwnEventOf,
  theVerifiedText,
  verificationDigits,
  type VerifyEvent,
} from "../rendering/verify_rendering.ts";

type KeysEvent = Extract<ModeEvent, { readonly event: "verify" }>;

/** The events of all modes: two modes don't use one name for two things. */
type EventName = (
  | MeshEvent
  | MemberEvent
  | CoordinatorEvent
  | FriendsEvent
  | ClientEvent
  | DirectoryEvent
  | ModeEvent
  | CommonEvent
  | HelpEvent
)["event"];

type Fields = ShownEvent & Readonly<Record<string, unknown>>;

/** Lists of people in events, each with the key that is known of it. */
const LISTS = ["peers", "users", "friends"] as const satisfies readonly EventName[];

/** Somebody in an event; without a key where none is known. */
interface Somebody {
  readonly name: string;
  readonly key?: string | null;
}

/** Somebody in a list; `changed`: with another key than the one expected. */
interface Listed extends Somebody {
  readonly changed?: KeyChange;
}

export class People<Event extends ShownEvent> {
  /** Answers that couldn't be written, until they are shown. */
  readonly #unkept = new WeakMap<KeysEvent, P2pchatError>();
  /** Null before the first name was shown: then the pinned ones are met first. */
  #lookAlikes: LookAlikes | null = null;
  /** The user's own name, once an event has told it, and the names that were compared with it. */
  #own: OwnName | null = null;
  /** The user's own name, where it mixes scripts and the user is to be told what others see. */
  #mixed: string | null = null;
  /** How many events were shown. */
  #events = 0;
  /** Authors whose names were compared: of most of what is said nothing else is to be found out. */
  readonly #authors = new Set<string>();
  /** Names, each with a key, of which the user was told that others were verified under them. */
  readonly #toldOthers = new Set<string>();

  /**
   * @param ownName The user's name, where it is known before an event tells it.
   * @param server The scope and name of the key of the server that the user is at, in a mode that has one.
   * @param acceptsKeys Whether the mode has `/trust`, without which a refused key isn't accepted again.
   */
  constructor(
    readonly session: Pick<
      Session<OwnEventOf<Event>, unknown>,
      "knownPeers" | "ui" | "environment" | "identity" | "peace"
    >,
    readonly ownName: string | null,
    readonly server?: { readonly scope: string; readonly name: string },
    readonly acceptsKeys = true,
  ) {
    if (ownName !== null) setOwnName(ownName, fingerprintOf(session.identity.signer.key));
  }

  /** Shows a machine's event. @returns False where it isn't shown, as it is of somebody whom the user ignores. */
  show(given: Event | ModeEvent, ref: string | undefined): boolean {
    const event = this.session.peace.heard(given as Fields) as Event | ModeEvent | null;
    if (event === null) return false;
    this.#showHeard(event, ref);
    return true;
  }

  #showHeard(event: Event | ModeEvent, ref: string | undefined): void {
    if (event.event === "verify") return this.#verify(event as KeysEvent, ref);
    const { knownPeers, identity } = this.session;
    const own = fingerprintOf(identity.signer.key);
    for (const other of othersIn(event as Fields, knownPeers, own)) this.#warnOf(other);
    if (SAID.has(event.event) && this.#areMet(event as Fields)) {
      return this.#tell(event as Fields, ref);
    }
    const imitated = this.#meetAll(event as Fields, own);
    const compared = this.#withServer(withCompared(event, knownPeers, own));
    const told = compared["changed"] as KeyChange | undefined;
    if (compared["text"] !== undefined && told?.verified === true) {
      this.#isNewOther(told.name, told.key);
    }
    this.#tell(compared, ref);
    if (imitated !== null) this.#show(likeAnother(imitated), undefined);
    if (this.#mixed !== null) this.#show(mixedName(this.#mixed), undefined);
    this.#mixed = null;
  }

  /** Somebody has a name under which the user has verified another key: told before anything of theirs is shown. */
  #warnOf(changed: KeyChange): void {
    const { name, key, before } = changed;
    if (!this.#isNewOther(name, key)) return;
    const shown = shownName(name);
    const text = `${verifiedBeforeText(shown)}You verified the key ${before}; here ${shown} has ` +
      `${key}. Ask ${shown} some other way, then /verify ${shown}`;
    this.#tell({ event: "notice", text, warning: true, changed }, undefined);
  }

  #isNewOther(name: string, key: string): boolean {
    const pair = `${foldName(nameBeforeStart(name))} ${key}`;
    if (this.#toldOthers.has(pair)) return false;
    if (this.#toldOthers.size >= AUTHORS_MAX) this.#toldOthers.clear();
    this.#toldOthers.add(pair);
    return true;
  }

  #tell(event: Fields, ref: string | undefined): void {
    const { ui, peace } = this.session;
    const told = withMention(event, this.#own?.name ?? this.ownName);
    ui.show(told as unknown as OwnEventOf<Event>, ref);
    const attention = peace.attention(told);
    if (attention !== null) ui.attend(attention);
  }

  #areMet({ from, shown = from, key }: Fields): boolean {
    if (from === key) return true; // whoever is called by the key has no name
    const authors = this.#authors;
    if (authors.has(from as string) && authors.has(shown as string)) return true;
    if (authors.size >= AUTHORS_MAX) authors.clear();
    authors.add(from as string).add(shown as string);
    return false;
  }

  #withServer(event: Fields): Fields {
    if (event.event !== "status" || this.server === undefined) return event;
    const { scope, name } = this.server;
    return { ...event, serverVerified: isVerified(this.session.knownPeers, scope, name) };
  }

  /** @returns Who was here first with a name that the user's own looks like, if the user is to be told so now. */
  #meetAll(event: Fields, ownKey: Fingerprint): Imitated | null {
    this.#events += 1;
    let imitated = this.#named(event, ownKey);
    if (event.event === "renamed" && event["key"] === ownKey) return imitated; // nobody else is named
    if (this.#own !== null && event["self"] === true && event["history"] === true) {
      this.#own.isHeardAgain = true;
    }
    for (const { name, batch, isGuest } of namesIn(event, this.#events)) {
      const own = this.#own;
      if (own !== null && isSameName(nameBeforeStart(name), own.name)) continue;
      const known = this.#lookAlikes ??= this.#pinned();
      if (own !== null && own.isLike(name)) {
        const wasMet = own.isChosenLater && known.has(name);
        if (!wasMet && !wasHereFirst(event, own, isGuest)) markImitation(name);
        else if (!own.isTold) {
          own.isTold = true;
          imitated = { name, own: own.name };
        }
      }
      this.#meet(known, name, batch);
    }
    return imitated;
  }

  /**
   * Takes the user's own name from an event that tells it.
   * @returns Somebody met before with a name that a newly chosen one looks like.
   */
  #named(event: Fields, ownKey: Fingerprint): Imitated | null {
    const isRenamed = event.event === "renamed" && event["key"] === ownKey;
    if (!isRenamed && !OWN_NAME_EVENTS.has(event.event)) return null;
    const { name, guest } = event;
    if (typeof name !== "string" || name === "") return null;
    const isGuest = guest === true;
    setOwnName(name, ownKey);
    if (this.#own?.name === name && this.#own.isGuest === isGuest) return null;
    this.#own = new OwnName(name, isGuest, isRenamed);
    this.#mixed = mixesScripts(name) ? name : null;
    this.#authors.clear(); // they may look like it
    const like = isRenamed ? this.#lookAlikes?.imitatedBy(name) ?? null : null;
    this.#own.isTold = like !== null || this.#mixed !== null;
    if (this.#mixed !== null) return null; // it has its mark in any case, and one notice of that is enough
    return like === null ? null : { name: like, own: name };
  }

  #pinned(): LookAlikes {
    const known = new LookAlikes();
    for (const pinned of this.session.knownPeers.names()) this.#meet(known, pinned, null);
    return known;
  }

  #meet(known: LookAlikes, name: string, batch: string | null): void {
    for (const imitation of known.note(name, batch)) markImitation(imitation);
  }

  /**
   * Notes what the user has found of a key, before it is shown. Where that can't be made durable, it holds until the
   * program ends, and an error is shown in its place.
   */
  async keep(answer: KeysEvent): Promise<void> {
    const { knownPeers, environment } = this.session;
    const { name, key, peerKey } = answer;
    const wallMs = environment.wallMs();
    try {
      if (answer.answer === "no") await knownPeers.refuse(name, key as Fingerprint, wallMs);
      if (answer.answer === "yes" && peerKey !== null) {
        await knownPeers.verify(name, peerKey, wallMs, !this.acceptsKeys);
      }
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      this.#unkept.set(answer, error);
    }
  }

  #verify(verified: KeysEvent, ref: string | undefined): void {
    const unkept = this.#unkept.get(verified);
    if (unkept !== undefined) return showError(this.session.ui, notKept(unkept), ref);
    const { answer, ownKey, peerKey, name, key } = verified;
    const { knownPeers } = this.session;
    const event: VerifyEvent = {
      event: "verify",
      name,
      key,
      ...(peerKey === null ? {} : { digits: verificationDigits(ownKey, peerKey) }),
      ...comparedOf(knownPeers, { name, key }),
      ...(knownPeers.isRefused(name, key as Fingerprint) ? { refused: true } : {}),
      ...(answer === undefined ? {} : { answer }),
    };
    this.#show(event, ref);
  }

  #show(event: VerifyEvent | CommonEvent, ref: string | undefined): void {
    this.session.ui.show(event as OwnEventOf<Event> | CommonEvent, ref);
  }
}

/** Beyond so many all are compared anew: a room has 4,096 members. */
const AUTHORS_MAX = 10_000;

/** Events that name their author alone. */
const SAID: ReadonlySet<string> = new Set<EventName>(["message", "entry"]);
/** Events with whoever comes, or says something. */
const COMES: ReadonlySet<string> = new Set<EventName>([
  ...["message", "entry", "joined", "joining", "view", "renamed"] as const,
  ...["incoming", "call", "broadcast", "connection"] as const,
]);
/** Fields of events, and of entries in lists, that have the name of somebody who is, or was, here. */
const NAME_FIELDS = ["name", "shown", "from", "peer", "by", "friend"] as const;
const NAMES_FIELDS = ["members", "joining", "names"] as const;
const ENTRIES_FIELDS = [...LISTS, "messages", "entries"] as const;
/** Events that tell the user their own name first. */
const OWN_NAME_EVENTS: ReadonlySet<string> = new Set<EventName>(["ready", "session"]);
/** Events that list who was there before, as whoever comes later is told before they are listed. */
const BEFORE_US: ReadonlySet<string> = new Set<EventName>([
  "users",
  "peers",
  "history",
  "log",
  "members",
]);
/** Events that name somebody of whom the user was told before, or whom the user only asked about. */
const NO_MEETINGS: ReadonlySet<string> = new Set<EventName>([
  "error",
  "notice",
  "delivery",
  "help",
  "status",
  "removed",
  "allowed",
  "whois",
]);

/** A name in an event, the batch of `LookAlikes` in which it came, and whether it is known to be a guest's or not. */
interface Meeting {
  readonly name: string;
  readonly batch: string | null;
  readonly isGuest?: boolean;
}

/** So many names are compared with one's own once; then they are compared anew. */
const COMPARED_MAX = 10_000;

class OwnName {
  readonly #looks = new LookAlikes();
  readonly #compared = new Set<string>();
  /** Whether the user was told of somebody who was here first. */
  isTold = false;
  /** Whether the history has had words of the user's own: whoever it names first after that came later. */
  isHeardAgain = false;

  /** @param isChosenLater Whether it replaces another one: whoever was met before was first. */
  constructor(readonly name: string, readonly isGuest: boolean, readonly isChosenLater: boolean) {
    this.#looks.note(name);
  }

  /** Whether a name looks like this one; false if it was compared before. */
  isLike(name: string): boolean {
    if (this.#compared.has(name)) return false;
    if (this.#compared.size >= COMPARED_MAX) this.#compared.clear();
    this.#compared.add(name);
    return this.#looks.imitatedBy(name) !== null;
  }
}

interface Imitated {
  readonly name: string;
  readonly own: string;
}

function likeAnother({ name, own }: Imitated): CommonEvent {
  const text = `Your name, ${own}, looks like that of ${shownName(name)}, who was here first: ` +
    `others may see yours with a mark, ${MIXED_SCRIPTS_MARK}${own}`;
  return { event: "notice", text, warning: true };
}

function mixedName(own: string): CommonEvent {
  const text = `Your name, ${own}, mixes letters of several scripts: others see it with a mark, ` +
    MIXED_SCRIPTS_MARK + own;
  return { event: "notice", text };
}

/** Whether somebody first named in this event was here before the user. @param isGuest Undefined: not known. */
function wasHereFirst(event: Fields, own: OwnName, isGuest: boolean | undefined): boolean {
  if (isGuest !== undefined && isGuest !== own.isGuest) return own.isGuest;
  if (event["present"] === true) return true;
  if (event["history"] === true) return !own.isHeardAgain;
  if (event.event === "view") return (event["joined"] as readonly string[]).includes(own.name);
  if (event.event === "ready") return Array.isArray(event["members"]);
  return BEFORE_US.has(event.event);
}

/** @param number Of the event: no other one has it. */
function* namesIn(event: Fields, number: number): Generator<Meeting> {
  if (NO_MEETINGS.has(event.event)) return;
  // Who was there before us is told in no order of time.
  const { guest } = event;
  for (const meeting of namesOf(event, event["present"] === true ? "present" : null)) {
    yield typeof guest === "boolean" ? { ...meeting, isGuest: guest } : meeting;
  }
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
      if ((user["guest"] === true) !== isGuest) continue;
      for (const meeting of namesOf(user, `${number} ${isGuest}`)) yield { ...meeting, isGuest };
    }
  }
}

function* namesOf(
  fields: Readonly<Record<string, unknown>>,
  batch: string | null,
): Generator<Meeting> {
  for (const field of NAME_FIELDS) {
    const name = fields[field];
    const isName = typeof name === "string" && name !== "" && name !== fields["key"];
    if (isName) yield { name, batch };
  }
}

function notKept({ code, message }: P2pchatError): P2pchatError {
  return new P2pchatError(code, `${message}; what you found holds until this program ends`);
}

/** Who comes or says something under another's name: of a mere list nobody is told. */
function* othersIn(event: Fields, known: KnownPeers, own: Fingerprint): Generator<KeyChange> {
  if (known.verified().length === 0 || !COMES.has(event.event)) return;
  const { key, members, keys } = event;
  const named = NAME_FIELDS.map((field) => event[field]);
  const all = Array.isArray(members) && Array.isArray(keys)
    ? members.map((name, at) => [name, keys[at]])
    : [[named.find((name) => typeof name === "string" && name !== key), key]];
  for (const [name, key] of all) {
    if (typeof name !== "string" || typeof key !== "string" || key === own) continue;
    const other = known.othersVerified(name, key as Fingerprint).at(-1);
    if (other !== undefined) yield { name, key, before: other.fingerprint, verified: true };
  }
}

/** The event, with what the user has found of the keys in it. @param own The user's own key, which nobody compares. */
export function withCompared(event: ShownEvent, known: KnownPeers, own: Fingerprint): Fields {
  const fields = event as Fields;
  const of = (somebody: Somebody) =>
    somebody.key === own ? UNCOMPARED : comparedOf(known, somebody);
  const other = othersIn(fields, known, own).next().done ? {} : { changed: true };
  switch (event.event as EventName) {
    case "joined":
    case "joining":
      return { ...fields, ...of(fields as unknown as Somebody), ...other };
    case "connection":
      return { ...fields, ...other };
    case "broadcast":
      return { ...fields, ...of({ ...fields, name: fields["from"] as string }) };
    case "presence": {
      const somebody = fields as unknown as Fields & Listed;
      return withFound(somebody, known, of(somebody));
    }
    case "incoming": // so far the key is only what the directory says
      return { ...fields, ...UNCOMPARED, ...other };
    case "call": {
      const isProved = fields["state"] === "connected" || fields["durationMs"] !== undefined;
      const found = isProved ? of({ ...fields, name: fields["peer"] as string }) : UNCOMPARED;
      return { ...fields, ...found, ...other };
    }
    case "whois": {
      const who = fields as unknown as Fields & Listed;
      if (fields["self"] === true) return { ...fields, ...UNCOMPARED, ...serverLine(fields) };
      const since = who.key ? known.since(who.name, who.key as Fingerprint) : null;
      return { ...withFound(who, known, of(who)), ...(since === null ? {} : { since }) };
    }
    case "view":
      return { ...fields, verified: verifiedAmong(fields, of), ...other };
    case "members": {
      const refused = namesWhere(fields, (name, key) => known.isRefused(name, key as Fingerprint));
      const verified = verifiedAmong(fields, of);
      return { ...fields, verified, ...(refused.length === 0 ? {} : { refused }) };
    }
    case "error":
    case "notice":
      return fields["changed"] === undefined
        ? fields
        : withChange(fields, known, fields["changed"] as KeyChange);
  }
  for (const list of LISTS) {
    if (event.event !== list) continue;
    const all = fields[list] as readonly Listed[];
    return { ...fields, [list]: all.map((one) => withFound(one, known, of(one))) };
  }
  return fields;
}

/** What clients name a server by, key and all: `--server HOST:PORT#KEY`. */
function serverLine({ name, key, host, port }: Fields): { readonly line?: string } {
  if (!String(name).startsWith("*")) return {};
  return { line: `${endpointText({ host: String(host), port: Number(port) })}#${key}` };
}

const UNCOMPARED: Compared = { verified: false };

function comparedOf(known: KnownPeers, { name, key }: Somebody): Compared {
  if (key === undefined || key === null) return UNCOMPARED;
  if (known.isVerified(name, key as Fingerprint)) return { verified: true };
  const verifiedAs = known.verifiedNames(key as Fingerprint);
  return verifiedAs.length === 0 ? UNCOMPARED : { verified: false, verifiedAs };
}

/** Somebody in a list. Whoever has another key than the one expected isn't verified. */
function withFound<One extends Listed>(
  one: One,
  known: KnownPeers,
  found: Compared,
): One & Compared {
  const { changed } = one;
  if (changed === undefined) return { ...one, ...found };
  const verified = wasVerified(known, changed);
  return { ...one, ...found, verified: false, changed: { ...changed, verified } };
}

function wasVerified(known: KnownPeers, { name, before }: KeyChange): boolean {
  return comparedOf(known, { name, key: before ?? null }).verified === true;
}

/** The names of those among `members` whose keys are verified. */
function verifiedAmong(
  fields: Readonly<Record<string, unknown>>,
  of: (somebody: Somebody) => Compared,
): readonly string[] {
  return namesWhere(fields, (name, key) => of({ name, key }).verified === true);
}

/** The names of some among `members`; `keys` has their keys in the same order. */
function namesWhere(
  fields: Readonly<Record<string, unknown>>,
  isOne: (name: string, key: string | null) => boolean,
): readonly string[] {
  const keys = fields["keys"] as readonly string[] | undefined ?? [];
  return (fields["members"] as readonly string[]).filter((name, at) =>
    isOne(name, keys[at] ?? null)
  );
}

/** The warning of another key, which is louder where the one expected was verified. */
function withChange(event: Fields, known: KnownPeers, changed: KeyChange): Fields {
  const { name, before, key } = changed;
  const verified = wasVerified(known, changed);
  // Of a key that was refused as this name's: a later mark under the same name is no news about others.
  const isAsBefore = (as: string) =>
    before === undefined && isSameName(nameBeforeStart(as), nameBeforeStart(name));
  const names = known.verifiedNames(key as Fingerprint);
  const verifiedAs = names.filter((as) => !isAsBefore(as));
  const since = verifiedAs.length < names.length ? ". You have verified it since" : "";
  const shown = shownName(name);
  const start = verified ? verifiedBeforeText(shown) : "";
  const which = changed.given === true ? "the key in the table" : `${shown}'s earlier key`;
  const about = before === undefined || verified ? "" : `. You had not verified ${which}`;
  const who = changed.shown === undefined ? "This one" : shownName(changed.shown);
  const other = verifiedAs.length === 0 ? "" : `. ${who} has ${theVerifiedText(verifiedAs)}`;
  const text = `${start}${event["text"]}${since}${about}${other}`;
  return { ...event, text, changed: { ...changed, verified } };
}

/**
 * Who is where: the rooms of the program as channels, people as nicks. It goes on while no client is connected. People are
 * bounded by what the modes show at once.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { isSameName, shownName } from "../../../base/text/names.ts";
import { inWords } from "../../../base/text/words.ts";
import { type Fields, maybeText } from "./irc_fields.ts";
import { ircFolded } from "../lines/irc_message.ts";
import { channelOf, isServiceNick, nameOfNick, nickOf } from "../lines/irc_names.ts";

type RoomKind = "mesh" | "group" | "directory";

export interface Person {
  /** The fingerprint; of somebody whose key isn't known the name. */
  readonly key: string;
  /** As it is shown, without a mark: what commands take. */
  readonly name: string;
  readonly nick: string;
  readonly isVerified: boolean;
  /** Why the person is away, maybe empty; null: it is here. */
  readonly away: string | null;
}

/** As events describe somebody. */
export type Described = Omit<Person, "nick">;

export interface Room {
  /** As the field `room` of objects; null where there is but one. */
  id: string | null;
  kind: RoomKind;
  title: string | null;
  /** Null before the user is in. */
  channel: string | null;
  isPrivate: boolean;
  sinceMs: number;
  /** What is told of the place where there is no title: the server's address. */
  place: string | null;
  /** By their keys; without the user. */
  readonly people: Map<string, Person>;
  /** The same people by their folded nicks, as each who comes is compared with all who are there. */
  readonly nicks: Map<string, Person>;
  /** The same people by their names: of several with one name the first who came. */
  readonly names: Map<string, Person>;
  /** The nicks by names, also of those who have left: of several who had a name those of the last one. */
  readonly lastNicks: Map<string, string>;
}

/** What people call it. */
export function placeWord({ kind }: Pick<Room, "kind">): string {
  return kind === "mesh" ? "room" : kind;
}

/** Whom a nick stands for: nobody else gets it while the program runs, as a window may be open under it. */
interface Owner {
  readonly key: string;
  /** As commands take it in that room, where the owner was last. */
  readonly name: string;
  readonly room: Room;
}

/** To whom something goes that is for a nick. */
export type Addressee =
  | { readonly type: "somebody"; readonly room: Room; readonly name: string }
  /** `text`: why. */
  | { readonly type: "nobody"; readonly text: string }
  /** It may be somebody who was there before: where isn't clear. */
  | { readonly type: "unclear" };

/** What has changed for a client. */
export type Change =
  | { readonly type: "entered"; readonly room: Room }
  | { readonly type: "parted"; readonly channel: string; readonly reason: string }
  | { readonly type: "self"; readonly was: string }
  | { readonly type: "self away"; readonly away: string | null }
  | { readonly type: "joined"; readonly room: Room; readonly person: Person }
  /** `isElsewhere`: in another room of the user's, under the same nick. */
  | {
    readonly type: "gone";
    readonly room: Room;
    readonly person: Person;
    readonly reason: string;
    readonly isElsewhere: boolean;
  }
  | { readonly type: "renamed"; readonly was: Person; readonly person: Person }
  | { readonly type: "away"; readonly person: Person }
  | { readonly type: "verified"; readonly room: Room; readonly person: Person };

/** How much of a key tells one of two apart who have one name, in rooms that don't know of each other. */
const KEY_START_LENGTHS = [4, 8, 16];

/**
 * So many nicks stay with whom they stood for, and those of who is here besides: whoever wants one to be given up has to
 * come in under as many others, each of which is told.
 */
const OWNERS_MAX = 10_000;

export class IrcRooms {
  readonly #rooms: Room[] = [];
  /** The user's own; empty before they are known. */
  #name = "";
  #key = "";
  #away: string | null = null;
  /** Whether the client chose the name: it is the user's in further rooms, too, as a client has one nick everywhere. */
  isNameChosen = false;
  /** By folded nicks; those that were needed last come last. */
  readonly #owners = new Map<string, Owner>();

  get all(): readonly Room[] {
    return this.#rooms;
  }

  /** That of all rooms: there are several in a mesh alone. */
  get kind(): RoomKind {
    return this.#rooms[0]?.kind ?? "mesh";
  }

  get selfName(): string {
    return this.#name;
  }

  get selfKey(): string {
    return this.#key;
  }

  get selfAway(): string | null {
    return this.#away;
  }

  /** The user's nick; `*` before it is known. */
  get selfNick(): string {
    return this.#name === "" ? "*" : nickOf(shownName(this.#name));
  }

  isOwnNick(nick: string): boolean {
    return ircFolded(nick) === ircFolded(this.selfNick);
  }

  /** Whether a title has to be asked for: a room is no channel before that. */
  get awaitsTitles(): boolean {
    return this.#rooms.some(({ channel, kind, id }) =>
      channel === null && kind === "mesh" && id !== null
    );
  }

  byChannel(channel: string): Room | undefined {
    const folded = ircFolded(channel);
    return this.#rooms.find((room) => room.channel !== null && ircFolded(room.channel) === folded);
  }

  /** Somebody who is in one of the rooms, by nick. */
  byNick(nick: string): { readonly room: Room; readonly person: Person } | undefined {
    const folded = ircFolded(nick);
    for (const room of this.#rooms) {
      const person = room.nicks.get(folded);
      if (person !== undefined) return { room, person };
    }
    return undefined;
  }

  /** Somebody who is in one of the rooms, by name, or by name and key. */
  byName(name: string, key: string): Person | undefined {
    for (const room of this.#rooms) {
      const found = key === "" ? named(room, name) : room.people.get(key);
      if (found?.name === name) return found;
    }
    return undefined;
  }

  /** The key for which a nick stands, or stood; null: nobody is called so, or was. */
  keyOf(nick: string): string | null {
    if (this.isOwnNick(nick)) return this.#key;
    return (this.byNick(nick)?.person ?? this.#owners.get(ircFolded(nick)))?.key ?? null;
  }

  /** The room that an event is about; undefined: there is none yet. */
  roomOf(fields: Fields): Room | undefined {
    const id = maybeText(fields, "room");
    if (id === null) return this.#rooms[0];
    return this.#rooms.find((room) => room.id === id);
  }

  /** The command, for that room: of several it is named. */
  placed(room: Room, command: Fields): Fields {
    return this.#rooms.length > 1 && room.id !== null ? { ...command, room: room.id } : command;
  }

  /** The channel that an event is about, where there are several; null: there aren't, or it is about none. */
  placeOf(fields: Fields): string | null {
    if (this.#rooms.length < 2 || maybeText(fields, "room") === null) return null;
    return this.roomOf(fields)?.channel ?? null;
  }

  /** Whom the user means by a nick: whom it stands for, or stood for, and nobody else of that name. */
  addressee(nick: string): Addressee {
    if (isServiceNick(nick)) {
      const text = `there are no services here; whoever is called so has the nick ${nickOf(nick)}`;
      return { type: "nobody", text };
    }
    const folded = ircFolded(nick);
    const owner = this.#owners.get(folded);
    const found = this.byNick(nick) ?? (owner === undefined ? undefined : this.#withKey(owner.key));
    if (owner !== undefined) this.#own(folded, owner);
    if (found !== undefined) return { type: "somebody", room: found.room, name: found.person.name };
    return owner === undefined ? this.#named(nameOfNick(nick)) : this.#absent(owner);
  }

  #withKey(key: string): { readonly room: Room; readonly person: Person } | undefined {
    for (const room of this.#rooms) {
      const person = room.people.get(key);
      if (person !== undefined) return { room, person };
    }
    return undefined;
  }

  /** Who isn't here is written to where they were. */
  #absent({ room, name }: Owner): Addressee {
    if (!this.#rooms.includes(room)) {
      return { type: "nobody", text: `${name} was in a room that you have left` };
    }
    const other = named(room, name);
    if (other === undefined) return { type: "somebody", room, name };
    const text = `that ${name} isn't here; ${other.nick}, who has the same name, has another key`;
    return { type: "nobody", text };
  }

  /** Nobody has had the nick. */
  #named(name: string): Addressee {
    const [first] = this.#rooms;
    if (this.#rooms.length === 1) return { type: "somebody", room: first!, name };
    const found = this.#rooms.flatMap((room) =>
      room.people.values().filter((person) => isSameName(person.name, name))
        .map((person) => ({ room, person })).toArray()
    );
    const nicks = [...new Set(found.map(({ person }) => person.nick))];
    if (nicks.length > 1) {
      const text = `several are called ${name}: write to ${inWords(nicks, "or")}`;
      return { type: "nobody", text };
    }
    const [only] = found;
    if (only === undefined) return { type: "unclear" };
    return { type: "somebody", room: only.room, name: only.person.name };
  }

  /**
   * The nick of somebody by the name shown, present or not; that of the user by the user's key. From now on it is that
   * key's. @param room Where that is.
   */
  nickFor(name: string, key: string, room: Room | undefined): string {
    if (key === "") return this.#nickIn(room, name);
    if (key === this.#key) return this.selfNick;
    const nick = this.byName(name, key)?.nick ?? this.#freeNick(name, key);
    const folded = ircFolded(nick);
    const isKnown = key !== name && room !== undefined;
    if (isKnown && !this.#owners.has(folded)) this.#own(folded, { key, name, room });
    return nick;
  }

  /** Of somebody whose key isn't told: of another of that name it isn't. */
  #nickIn(room: Room | undefined, name: string): string {
    const known = room === undefined
      ? undefined
      : named(room, name)?.nick ?? room.lastNicks.get(name);
    if (known !== undefined) return known;
    const nick = nickOf(shownName(name));
    const owner = this.#owners.get(ircFolded(nick));
    const isFree = owner === undefined || (owner.room === room && owner.name === name);
    return isFree ? nick : `${nick}^`;
  }

  #own(folded: string, owner: Owner): void {
    this.#owners.delete(folded);
    this.#owners.set(folded, owner);
    dropOldest(this.#owners, OWNERS_MAX);
  }

  // What changes.

  /** The user is in: the room is a channel from now on. */
  entered(room: Room): readonly Change[] {
    if (room.channel !== null) return [];
    const taken = (channel: string) => this.byChannel(channel) !== undefined;
    room.channel = channelOf(room.kind === "directory" ? "lobby" : room.title, taken);
    return [{ type: "entered", room }];
  }

  /** No titles can be had: rooms are channels all the same. */
  withoutTitles(): readonly Change[] {
    return this.#rooms.filter(({ kind, id }) => kind === "mesh" && id !== null)
      .flatMap((room) => this.entered(room));
  }

  /** The user has left it. */
  parted(room: Room, reason: string): readonly Change[] {
    this.#rooms.splice(this.#rooms.indexOf(room), 1);
    return room.channel === null ? [] : [{ type: "parted", channel: room.channel, reason }];
  }

  /** Who the user is. */
  introduced(name: string, key: string): readonly Change[] {
    this.#key = key;
    for (const room of this.#rooms) forget(room, key);
    return this.isNameChosen ? [] : this.called(name);
  }

  /** The user's name is that from now on. */
  called(name: string): readonly Change[] {
    const was = this.selfNick;
    this.#name = name;
    return was === this.selfNick ? [] : [{ type: "self", was }];
  }

  away(away: string | null): readonly Change[] {
    if (away === this.#away) return [];
    this.#away = away;
    return [{ type: "self away", away }];
  }

  /** Somebody is in the room, perhaps otherwise than before. */
  came(room: Room, given: Described): readonly Change[] {
    if (given.key === this.#key) return [];
    const before = room.people.get(given.key);
    if (before === undefined) {
      const person = this.#keep(room, given);
      return [{ type: "joined", room, person }];
    }
    return this.changed(room, before, given);
  }

  #keep(room: Room, given: Described): Person {
    const person = { ...given, nick: this.nickFor(given.name, given.key, room) };
    keep(room, person);
    this.#ownedIn(room, person);
    return person;
  }

  #ownedIn(room: Room, { key, name, nick }: Person): void {
    if (key !== name) this.#own(ircFolded(nick), { key, name, room });
  }

  /** Somebody who is in the room is otherwise than before. */
  changed(room: Room, was: Person, given: Described): readonly Change[] {
    forget(room, was.key);
    const person = this.#keep(room, given);
    const changes: Change[] = [];
    if (person.nick !== was.nick) changes.push({ type: "renamed", was, person });
    if (person.away !== was.away) changes.push({ type: "away", person });
    if (person.isVerified !== was.isVerified) changes.push({ type: "verified", room, person });
    return changes;
  }

  /** Somebody has left the room. */
  gone(room: Room, person: Person, reason: string): readonly Change[] {
    forget(room, person.key);
    this.#ownedIn(room, person);
    const isElsewhere = this.byNick(person.nick) !== undefined;
    return [{ type: "gone", room, person, reason, isElsewhere }];
  }

  /** All who are in the room. @param reasonOf Why somebody of that name is gone. */
  present(
    room: Room,
    here: readonly Described[],
    reasonOf: (name: string) => string,
  ): readonly Change[] {
    const keys = new Set(here.map(({ key }) => key));
    const gone = [...room.people.values()].filter(({ key }) => !keys.has(key));
    return [
      ...gone.flatMap((person) => this.gone(room, person, reasonOf(person.name))),
      ...here.flatMap((person) => this.came(room, person)),
    ];
  }

  /** The room that an event is about, which may be the first that is heard of it. */
  roomFor(fields: Fields): Room {
    const known = this.roomOf(fields);
    if (known !== undefined) return known;
    const [first] = this.#rooms;
    if (first?.id === null && first.kind === "mesh") return first; // `ready` tells its id
    const room: Room = {
      ...{ id: maybeText(fields, "room"), kind: "mesh", title: null, channel: null },
      ...{ isPrivate: false, sinceMs: 0, place: null },
      ...{ people: new Map(), nicks: new Map(), names: new Map() },
      lastNicks: new Map(),
    };
    this.#rooms.push(room);
    return room;
  }

  /** A nick that nobody else has, or had. */
  #freeNick(name: string, key: string): string {
    const nick = nickOf(shownName(name));
    const isTaken = (nick: string) => {
      const other = this.byNick(nick)?.person ?? this.#owners.get(ircFolded(nick));
      return this.isOwnNick(nick) || (other !== undefined && other.key !== key);
    };
    const longer = KEY_START_LENGTHS.map((length) => `${nick}^${key.slice(0, length)}`);
    return [nick, ...longer].find((each) => !isTaken(each)) ?? `${nick}^${key}`;
  }
}

/** There may be thousands, and thousands of messages to one of them. */
function named({ people, names }: Room, name: string): Person | undefined {
  const found = names.get(name);
  if (found !== undefined || names.size === people.size) return found;
  // Of several with that name the first one has left, maybe.
  return people.values().find((person) => person.name === name);
}

function keep({ people, nicks, names, lastNicks }: Room, person: Person): void {
  people.set(person.key, person);
  lastNicks.delete(person.name);
  lastNicks.set(person.name, person.nick);
  dropOldest(lastNicks, OWNERS_MAX);
  if (!names.has(person.name)) names.set(person.name, person);
  nicks.set(ircFolded(person.nick), person);
}

function forget({ people, nicks, names }: Room, key: string): void {
  const person = people.get(key);
  if (person === undefined) return;
  people.delete(key);
  nicks.delete(ircFolded(person.nick));
  if (names.get(person.name) === person) names.delete(person.name);
}

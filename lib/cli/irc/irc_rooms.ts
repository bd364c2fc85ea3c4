/**
 * Who is where, as events tell it: the rooms of the program as channels, people as nicks. It goes on while no client is
 * connected. People are bounded by what the modes show at once.
 */

import { shownName } from "../../base/text/names.ts";
import {
  type Fields,
  isTrue,
  maybeText,
  objectOf,
  objectsOf,
  textOf,
  textsOf,
} from "./irc_fields.ts";
import { ircFolded } from "./lines/irc_message.ts";
import { channelOf, nickOf } from "./lines/irc_names.ts";

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
}

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

export class IrcRooms {
  readonly #rooms: Room[] = [];
  /** The user's own; empty before they are known. */
  #name = "";
  #key = "";
  #away: string | null = null;

  get all(): readonly Room[] {
    return this.#rooms;
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
      for (const person of room.people.values()) {
        if (ircFolded(person.nick) === folded) return { room, person };
      }
    }
    return undefined;
  }

  /** Somebody who is in one of the rooms, by name, or by name and key. */
  byName(name: string, key: string): Person | undefined {
    for (const { people } of this.#rooms) {
      const found = key === "" ? undefined : people.get(key);
      if (found?.name === name) return found;
      if (key !== "") continue;
      for (const person of people.values()) if (person.name === name) return person;
    }
    return undefined;
  }

  /** The room that an event is about; undefined: there is none yet. */
  roomOf(fields: Fields): Room | undefined {
    const id = maybeText(fields, "room");
    if (id === null) return this.#rooms[0];
    return this.#rooms.find((room) => room.id === id);
  }

  /** The nick of somebody by the name shown, present or not; that of the user by the user's key. */
  nickFor(name: string, key: string): string {
    if (key !== "" && key === this.#key) return this.selfNick;
    return this.byName(name, key)?.nick ?? this.#freeNick(name, key);
  }

  /** Takes an event. @returns What has changed, in order. */
  take(fields: Fields, nowMs: number): readonly Change[] {
    switch (fields["event"]) {
      case "ready":
        return this.#ready(fields, nowMs);
      case "rooms":
        return this.#titles(fields);
      case "parted":
        return this.#parted(fields);
      case "joined":
        return this.#joined(this.#roomFor(fields), personIn(fields));
      case "left":
        return this.#left(fields);
      case "renamed":
        return this.#renamed(fields);
      case "presence":
        return this.#presence(fields);
      case "view":
      case "members":
        return this.#members(fields);
      case "users":
        return this.#users(fields);
      case "session":
        return this.#session(fields, nowMs);
      case "verify":
        return this.#verified(fields);
      default:
        return [];
    }
  }

  #ready(fields: Fields, nowMs: number): readonly Change[] {
    const room = this.#roomFor(fields);
    const was = this.selfNick;
    this.#name = textOf(fields, "name");
    this.#key = textOf(fields, "key");
    room.people.delete(this.#key);
    room.sinceMs = nowMs;
    room.isPrivate = isTrue(fields, "private");
    const server = maybeText(fields, "server");
    const registry = maybeText(fields, "registry");
    room.kind = server !== null ? "group" : registry !== null ? "directory" : "mesh";
    room.place = server ?? registry;
    room.id = room.kind === "mesh" ? maybeText(fields, "room") : null;
    const renamed: readonly Change[] = was === this.selfNick ? [] : [{ type: "self", was }];
    return room.kind === "group" ? [...renamed, ...this.#enter(room)] : renamed;
  }

  #enter(room: Room): readonly Change[] {
    if (room.channel !== null) return [];
    const taken = (channel: string) => this.byChannel(channel) !== undefined;
    room.channel = channelOf(room.kind === "directory" ? "lobby" : room.title, taken);
    return [{ type: "entered", room }];
  }

  /** No titles can be had: rooms are channels all the same. */
  withoutTitles(): readonly Change[] {
    return this.#rooms.filter(({ kind, id }) => kind === "mesh" && id !== null)
      .flatMap((room) => this.#enter(room));
  }

  #titles(fields: Fields): readonly Change[] {
    for (const listed of objectsOf(fields, "rooms")) {
      const room = this.#rooms.find(({ id }) => id !== null && id === textOf(listed, "room"));
      if (room !== undefined) room.title = maybeText(listed, "title");
    }
    return this.withoutTitles();
  }

  #parted(fields: Fields): readonly Change[] {
    const room = this.roomOf(fields);
    if (room === undefined || this.#rooms.length === 1) return [];
    this.#rooms.splice(this.#rooms.indexOf(room), 1);
    if (room.channel === null) return [];
    return [{ type: "parted", channel: room.channel, reason: textOf(fields, "reason") }];
  }

  #joined(room: Room, given: Omit<Person, "nick">): readonly Change[] {
    if (given.key === this.#key) return [];
    const before = room.people.get(given.key);
    if (before === undefined) {
      const person = this.#named(given);
      room.people.set(person.key, person);
      return [{ type: "joined", room, person }];
    }
    return this.#changed(room, before, given);
  }

  #named(given: Omit<Person, "nick">): Person {
    return { ...given, nick: this.nickFor(given.name, given.key) };
  }

  /** Somebody who is in the room is otherwise than before. */
  #changed(room: Room, was: Person, given: Omit<Person, "nick">): readonly Change[] {
    room.people.delete(was.key);
    const person = this.#named(given);
    room.people.set(person.key, person);
    const changes: Change[] = [];
    if (person.nick !== was.nick) changes.push({ type: "renamed", was, person });
    if (person.away !== was.away) changes.push({ type: "away", person });
    if (person.isVerified !== was.isVerified) changes.push({ type: "verified", room, person });
    return changes;
  }

  #left(fields: Fields): readonly Change[] {
    if (isTrue(fields, "joining")) return []; // it never was in
    const room = this.roomOf(fields);
    const person = room?.people.get(textOf(fields, "key"));
    if (room === undefined || person === undefined) return [];
    return this.#gone(room, person, textOf(fields, "reason"));
  }

  #gone(room: Room, person: Person, reason: string): readonly Change[] {
    room.people.delete(person.key);
    const isElsewhere = this.byNick(person.nick) !== undefined;
    return [{ type: "gone", room, person, reason, isElsewhere }];
  }

  #renamed(fields: Fields): readonly Change[] {
    const key = textOf(fields, "key");
    if (key === this.#key) return this.#called(textOf(fields, "name"));
    const room = this.roomOf(fields);
    const was = room?.people.get(key);
    if (room === undefined || was === undefined) return [];
    return this.#changed(room, was, { ...was, name: textOf(fields, "name") });
  }

  #called(name: string): readonly Change[] {
    const was = this.selfNick;
    this.#name = name;
    return was === this.selfNick ? [] : [{ type: "self", was }];
  }

  #presence(fields: Fields): readonly Change[] {
    const room = this.#roomFor(fields);
    const key = textOf(fields, "key");
    const away = maybeText(fields, "away");
    if (isTrue(fields, "self") || key === this.#key) {
      if (away === this.#away) return [];
      this.#away = away;
      return [{ type: "self away", away }];
    }
    const state = maybeText(fields, "state");
    if (state !== null && room.kind === "directory") {
      const person = room.people.get(key) ?? this.#byNameIn(room, textOf(fields, "name"));
      if (state !== "offline") return this.#joined(room, personIn(fields));
      return person === undefined ? [] : this.#gone(room, person, "offline");
    }
    const was = room.people.get(key);
    return was === undefined ? [] : this.#changed(room, was, { ...was, away });
  }

  #byNameIn(room: Room, name: string): Person | undefined {
    return [...room.people.values()].find((person) => person.name === name);
  }

  /** Of a group: all who are in it. */
  #members(fields: Fields): readonly Change[] {
    const room = this.#roomFor(fields);
    const names = textsOf(fields, "members");
    const keys = textsOf(fields, "keys");
    if (keys.length !== names.length) return [];
    const verified = new Set(textsOf(fields, "verified"));
    const aways = new Map(
      objectsOf(fields, "away").map((one) => [textOf(one, "name"), textOf(one, "away")]),
    );
    const reasons = new Map(
      objectsOf(fields, "left").map((one) => [textOf(one, "name"), textOf(one, "reason")]),
    );
    const isView = fields["event"] === "view";
    const given = names.map((name, at) => {
      const key = keys[at]!;
      const known = room.people.get(key)?.away ?? null;
      const away = isView ? known : aways.get(name) ?? null;
      return { key, name, isVerified: verified.has(name), away };
    });
    return this.#areHere(room, given, (name) => reasons.get(name) ?? "");
  }

  #areHere(
    room: Room,
    here: readonly Omit<Person, "nick">[],
    reasonOf: (name: string) => string,
  ): readonly Change[] {
    const keys = new Set(here.map(({ key }) => key));
    const gone = [...room.people.values()].filter(({ key }) => !keys.has(key));
    return [
      ...gone.flatMap((person) => this.#gone(room, person, reasonOf(person.name))),
      ...here.flatMap((person) => this.#joined(room, person)),
    ];
  }

  /** Of a directory: who is online. What somebody asked for may be a part of that. */
  #users(fields: Fields): readonly Change[] {
    const room = this.#roomFor(fields);
    const users = objectsOf(fields, "users").map(personIn)
      .filter(({ name }) => name !== this.#name);
    const isPart = isTrue(fields, "isAnswer") || isTrue(fields, "more");
    return isPart
      ? users.flatMap((person) => this.#joined(room, person))
      : this.#areHere(room, users, () => "offline");
  }

  #session(fields: Fields, nowMs: number): readonly Change[] {
    if (fields["state"] !== "up") return [];
    const room = this.#roomFor(fields);
    room.kind = "directory";
    room.sinceMs = nowMs;
    const name = textOf(fields, "name");
    return [...(name === "" ? [] : this.#called(name)), ...this.#enter(room)];
  }

  #verified(fields: Fields): readonly Change[] {
    if (maybeText(fields, "answer") === null) return [];
    const isVerified = isTrue(fields, "verified");
    const key = textOf(fields, "key");
    return this.#rooms.flatMap((room) => {
      const was = room.people.get(key);
      if (was === undefined || was.name !== textOf(fields, "name")) return [];
      return this.#changed(room, was, { ...was, isVerified });
    });
  }

  /** The room that an event is about, which may be the first that is heard of it. */
  #roomFor(fields: Fields): Room {
    const known = this.roomOf(fields);
    if (known !== undefined) return known;
    const [first] = this.#rooms;
    if (first?.id === null && first.kind === "mesh") return first; // `ready` tells its id
    const room: Room = {
      ...{ id: maybeText(fields, "room"), kind: "mesh", title: null, channel: null },
      ...{ isPrivate: false, sinceMs: 0, place: null, people: new Map() },
    };
    this.#rooms.push(room);
    return room;
  }

  /** A nick that nobody else has here. */
  #freeNick(name: string, key: string): string {
    const nick = nickOf(shownName(name));
    const isTaken = (nick: string) => {
      const other = this.byNick(nick)?.person;
      const isOwn = key !== this.#key && ircFolded(nick) === ircFolded(this.selfNick);
      return isOwn || (other !== undefined && key !== "" && other.key !== key);
    };
    const longer = KEY_START_LENGTHS.map((length) => `${nick}^${key.slice(0, length)}`);
    return [nick, ...longer].find((each) => !isTaken(each)) ?? `${nick}^${key}`;
  }
}

function personIn(fields: Fields): Omit<Person, "nick"> {
  const changed = objectOf(fields, "changed");
  const shown = maybeText(fields, "shown") ?? (changed === null ? "" : textOf(changed, "shown"));
  const name = shown === "" ? textOf(fields, "name") : shown;
  const key = textOf(fields, "key");
  return {
    key: key === "" ? name : key,
    name,
    isVerified: isTrue(fields, "verified"),
    away: maybeText(fields, "away"),
  };
}

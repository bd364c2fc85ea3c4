/** What events tell of who is where. */

import type { Change, Described, IrcRooms, Person, Room } from "./irc_rooms.ts";
import {
  type Fields,
  isTrue,
  maybeText,
  objectOf,
  objectsOf,
  textOf,
  textsOf,
} from "./irc_fields.ts";

export class IrcRoomEvents {
  constructor(readonly rooms: IrcRooms) {}

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
        return this.rooms.came(this.rooms.roomFor(fields), personIn(fields));
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
    const { rooms } = this;
    const room = rooms.roomFor(fields);
    const renamed = rooms.introduced(textOf(fields, "name"), textOf(fields, "key"));
    room.sinceMs = nowMs;
    room.isPrivate = isTrue(fields, "private");
    const server = maybeText(fields, "server");
    const registry = maybeText(fields, "registry");
    room.kind = server !== null ? "group" : registry !== null ? "directory" : "mesh";
    room.place = server ?? registry;
    room.id = room.kind === "mesh" ? maybeText(fields, "room") : null;
    return room.kind === "group" ? [...renamed, ...rooms.entered(room)] : renamed;
  }

  #titles(fields: Fields): readonly Change[] {
    for (const listed of objectsOf(fields, "rooms")) {
      const room = this.rooms.all.find(({ id }) => id !== null && id === textOf(listed, "room"));
      if (room !== undefined) room.title = maybeText(listed, "title");
    }
    return this.rooms.withoutTitles();
  }

  #parted(fields: Fields): readonly Change[] {
    const room = this.rooms.roomOf(fields);
    if (room === undefined || this.rooms.all.length === 1) return [];
    return this.rooms.parted(room, textOf(fields, "reason"));
  }

  #left(fields: Fields): readonly Change[] {
    if (isTrue(fields, "joining")) return []; // it never was in
    const room = this.rooms.roomOf(fields);
    const person = room?.people.get(textOf(fields, "key"));
    if (room === undefined || person === undefined) return [];
    return this.rooms.gone(room, person, textOf(fields, "reason"));
  }

  #renamed(fields: Fields): readonly Change[] {
    const key = textOf(fields, "key");
    if (key === this.rooms.selfKey) return this.rooms.called(textOf(fields, "name"));
    const room = this.rooms.roomOf(fields);
    const was = room?.people.get(key);
    if (room === undefined || was === undefined) return [];
    return this.rooms.changed(room, was, { ...was, name: textOf(fields, "name") });
  }

  #presence(fields: Fields): readonly Change[] {
    const room = this.rooms.roomFor(fields);
    const key = textOf(fields, "key");
    const away = maybeText(fields, "away");
    if (isTrue(fields, "self") || key === this.rooms.selfKey) {
      return this.rooms.away(away);
    }
    const state = maybeText(fields, "state");
    if (state !== null && room.kind === "directory") {
      const person = room.people.get(key) ?? byNameIn(room, textOf(fields, "name"));
      if (state !== "offline") return this.rooms.came(room, personIn(fields));
      return person === undefined ? [] : this.rooms.gone(room, person, "offline");
    }
    const was = room.people.get(key);
    return was === undefined ? [] : this.rooms.changed(room, was, { ...was, away });
  }

  /** Of a group: all who are in it. */
  #members(fields: Fields): readonly Change[] {
    const room = this.rooms.roomFor(fields);
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
    return this.rooms.present(room, given, (name) => reasons.get(name) ?? "");
  }

  /** Of a directory: who is online. What somebody asked for may be a part of that. */
  #users(fields: Fields): readonly Change[] {
    const room = this.rooms.roomFor(fields);
    const users = objectsOf(fields, "users").map(personIn)
      .filter(({ name }) => name !== this.rooms.selfName);
    const isPart = isTrue(fields, "isAnswer") || isTrue(fields, "more");
    return isPart
      ? users.flatMap((person) => this.rooms.came(room, person))
      : this.rooms.present(room, users, () => "offline");
  }

  #session(fields: Fields, nowMs: number): readonly Change[] {
    if (fields["state"] !== "up") return [];
    const room = this.rooms.roomFor(fields);
    room.kind = "directory";
    room.sinceMs = nowMs;
    const name = textOf(fields, "name");
    return [...(name === "" ? [] : this.rooms.called(name)), ...this.rooms.entered(room)];
  }

  #verified(fields: Fields): readonly Change[] {
    if (maybeText(fields, "answer") === null) return [];
    const isVerified = isTrue(fields, "verified");
    const key = textOf(fields, "key");
    return this.rooms.all.flatMap((room) => {
      const was = room.people.get(key);
      if (was === undefined || was.name !== textOf(fields, "name")) return [];
      return this.rooms.changed(room, was, { ...was, isVerified });
    });
  }
}

function byNameIn(room: Room, name: string): Person | undefined {
  return [...room.people.values()].find((person) => person.name === name);
}

function personIn(fields: Fields): Described {
  const changed = objectOf(fields, "changed");
  const shown = maybeText(fields, "shown") ?? (changed === null ? "" : textOf(changed, "shown"));
  const name = shown === "" ? textOf(fields, "name") : shown;
  const key = textOf(fields, "key");
  return {
    key: key === "" ? name : key,
    name,
    isVerified: isTrue(fields, "verified"),
    // Of a directory: who is in a call can't be called.
    away: maybeText(fields, "away") ?? (fields["state"] === "busy" ? "in a call" : null),
  };
}

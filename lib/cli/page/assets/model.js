/**
 * What the page knows: places with what was said there, people, files, open questions. What an event looks like the
 * program says, in lines; what is read from its fields here is where it belongs, and what components show.
 */

import { endCodes, folded, HANDLERS } from "./happenings.js";
import { bound, hashOf } from "./storage.js";

/** So many items are drawn, or not drawn, together. */
const CHUNK = 64;
/** 10,000 lines; the program keeps no more. */
const CHUNKS_MAX = 160;
/** Beyond, conversations that others began are left out: whoever writes under names without end fills no list. */
const PLACES_MAX = 300;
/** So many earlier messages are asked for at once, or less, where they are long. */
const STEP = 200;
const PENDING_MAX = 200;
const UNSAID_MAX = 20;
const SEEN_MAX = 300;
/** Those who come and go within that time stand together. */
const CROWD_MS = 5 * 60_000;
const HUES = 10;
const HUES_MAX = 2_000;
/** As many as the program keeps. */
const MARKED_MAX = 10_000;

/** Lists that are of use to who asks for them. */
const LISTS = new Set(["friends", "peers", "members", "users", "rooms", "help"]);
/** What has a component of its own, or nothing to show. */
const ELSEWHERE = new Set(["transfer", "web", "irc", "bye"]);
const COMING = new Set(["joined", "left", "joining"]);
/** Commands for which only a terminal has a use. */
const OF_TERMINALS = new Set(["clear", "show"]);
const MAIN = { mesh: "room", group: "group", friends: "friends", directory: "lobby" };

const LOST = "The connection was lost before the program answered; this may not have been said:";

/** What may be worth another call: how one has ended, or why. */
const AGAIN = new Set("busy cancelled ended hung-up lost replaced timeout unreachable".split(" "));

const idOf = ({ id, seq }) => seq === undefined ? id : `entry ${seq}`;
/** Of each there is a line. */
const saidIn = ({ messages, entries }) =>
  (messages ?? entries ?? []).filter(({ ignored }) => ignored !== true);

const itemOf = (one, lines) => ({
  ...{ kind: "said", id: idOf(one), seq: one.seq, lines, key: one.key, self: one.self === true },
  ...{ author: one.shown ?? one.from, isEdited: one.editedBy !== undefined },
  mark: one.removed ? "removed from the room" : one.guest ? "guest" : undefined,
});

/** The time that its line has. */
const shownAt = ([[role, ms] = []] = []) =>
  role === "time" ? new Date(Number(ms)).toISOString() : null;

/** Where each of what was found is among the others. */
function foundIn({ name, ...fields }) {
  return saidIn(fields).map((one) => ({
    ...{ id: idOf(one), room: one.room, author: one.shown ?? one.from },
    person: name ?? (one.private ? one.self ? one.to : one.shown ?? one.from : undefined),
  }));
}

export class Model {
  mode = null;
  self = null;
  link = { state: "connecting", text: null };
  /** This run of the program, its last event that is here, and the last that there was at the welcome. */
  run = null;
  last = 0;
  upTo = 0;
  ticket = "";
  fileBytes = 0;
  commands = [];
  names = [];
  /** Names that imitate others, or mix scripts, folded. */
  marked = new Set();
  paused = null;
  progress = null;
  places = new Map();
  current = "main";
  /** By place and the offer's id: in each run of the program a number is another's. */
  files = new Map();
  /** Above the message box, by key: votes, a call, what may not have been said. */
  questions = new Map();
  call = null;
  /** Whether the program is in another group, or directory, than all that is here is of. */
  isElsewhere = false;
  /** Whether a dialog about the place that is shown is open. */
  isHeld = false;
  isOut = false;
  wasUp = false;
  /** What this window has asked, until the first answer: `{kind, place, text, said, isChat}` by ref. */
  asked = new Map();
  /** Whether the end of the place that is shown is seen by somebody. */
  isFocused = false;
  /** The item to which the user was led, with what was looked for marked in its line: `{ref, line}`. */
  found = null;
  /** A line to which the user is being led: `{place, id, line, steps}`. */
  sought = null;
  /** Up to when what was said was seen in this browser, by place. */
  seen = new Map();
  #hues = new Map();
  #keys = 0;

  /** @param news Told of each new item: `(item, place)`. */
  constructor(news) {
    this.news = news;
    this.place("main", "room");
  }

  get here() {
    return this.places.get(this.current) ?? this.main;
  }

  get main() {
    return this.places.get("main");
  }

  place(id, type, more = {}) {
    const known = this.places.get(id);
    if (known !== undefined) return known;
    const place = {
      ...{ key: ++this.#keys, id, type, person: null, home: null, room: null, title: null },
      ...{ people: new Map(), isAsking: false, step: STEP, isOver: false },
      ...{ unread: 0, forUser: 0, lastAt: null, draft: "" },
      ...more,
    };
    this.forget(place);
    this.places.set(id, place);
    if (this.places.size > PLACES_MAX) this.#leaveOut(place);
    return place;
  }

  /** Without the latest conversation with which the user has nothing to do, but for the one that has just begun. */
  #leaveOut(begun) {
    const gone = [...this.places.values()].findLast((one) =>
      one.person !== null && one !== begun && one !== this.here && !one.isOwn && one.draft === ""
    );
    if (gone !== undefined) this.places.delete(gone.id);
  }

  /** The conversation with somebody, beside a room. */
  direct(person, home = this.main) {
    const type = this.mode === "directory" ? "call" : "direct";
    return this.place(`${home.id} ${folded(person)}`, type, { person, home: home.id });
  }

  /** As `direct`, where there is one. */
  known(person, home = this.main) {
    return this.places.get(`${home.id} ${folded(person)}`);
  }

  /** A room of the mesh; the first is the main place, and what names none is about that. */
  room(room) {
    if (room === undefined || this.mode !== "mesh") return this.main;
    this.main.room ??= room;
    return room === this.main.room ? this.main : this.place(`room ${room}`, "room", { room });
  }

  /** The room that a place is, or is beside. */
  home(place = this.here) {
    return this.places.get(place.home) ?? place;
  }

  get openRooms() {
    return [...this.places.values()].filter(({ person, isOver }) => person === null && !isOver);
  }

  /** As `open`, where the program leads: what is being typed stays where it is, and is sent from there. */
  lead(place) {
    if (this.here.draft.trim() === "" && !this.isHeld) this.open(place);
  }

  open(place) {
    if (place === this.here) return;
    if (this.here.unread === 0) this.here.newFrom = null;
    this.found = null;
    this.current = place.id;
    place.isOwn = true;
    this.isFocused = false; // until its end is seen
  }

  looks(isFocused) {
    this.isFocused = isFocused;
    if (isFocused) this.#read(this.here);
  }

  #read(place) {
    place.unread = place.forUser = 0;
    if (place.lastAt !== null) this.#mark(this.markOf(place), place.lastAt);
  }

  #mark(key, at) {
    if (this.seen.get(key) >= at) return;
    this.seen.delete(key);
    this.seen.set(key, at);
    bound(this.seen, SEEN_MAX);
  }

  /** What a place is remembered by, in each run of the program. */
  markOf(place) {
    const { room } = this.home(place);
    return room === null ? place.id : `${room} ${folded(place.person ?? "")}`;
  }

  /** What was seen in another window of this browser. */
  seenElsewhere(marks) {
    for (const [key, at] of marks) this.#mark(key, at);
    for (const place of this.places.values()) {
      if (!(this.seen.get(this.markOf(place)) >= place.lastAt)) continue;
      place.unread = place.forUser = 0;
      if (place !== this.here) place.newFrom = null;
    }
  }

  /** A name as it is shown, perhaps with the start of a key (`Bob~k7f3`): with a mark where it may be taken for another. */
  shown(name) {
    const isOwn = this.self !== null && folded(name) === folded(this.self);
    const isMarked = !isOwn && this.marked.has(folded(name.split("~", 1)[0]));
    return `${isMarked ? "\u2248" : ""}${name}`;
  }

  /** The colour of somebody, by their key; whoever comes gets one that nobody has who is there. */
  hueOf(name, key = this.home().people.get(name)?.key ?? name) {
    const id = this.mode === "friends" ? folded(name) : key;
    if (!this.#hues.has(id)) {
      const people = [...this.home().people.values()].slice(0, HUES);
      const taken = new Set(people.map((one) => this.#hues.get(one.key ?? one.name)));
      let hue = hashOf(id) % HUES;
      for (let tries = 1; tries < HUES && taken.has(hue); tries++) hue = (hue + 1) % HUES;
      bound(this.#hues.set(id, hue), HUES_MAX);
    }
    this.#hues.set(name, this.#hues.get(id)); // it stays when that one has gone
    return `--hue: ${10 + 36 * this.#hues.get(id)}`;
  }

  /** The program has let this window in: what it knew of an earlier run is history. */
  welcome({ prompt, run, resumed, missed, last, ...more }) {
    const { mode, ticket, fileBytes, commands, names, paused, progress } = more;
    const isOther = this.run !== null && this.run !== run;
    Object.assign(this, { mode, ticket, fileBytes, names, paused, progress });
    this.commands = commands.filter(({ name }) => !OF_TERMINALS.has(name));
    this.main.type = MAIN[mode];
    if (run !== this.run) [this.isOut, this.wasUp] = [mode === "directory", false];
    if (isOther) this.#begunAnew();
    [this.run, this.upTo, this.last] = [run, last, resumed ? this.last : 0];
    this.link = { state: "open", text: null };
    this.prompted(prompt);
    if (!missed) return;
    if (resumed) { for (const place of this.places.values()) this.forget(place); }
    this.tell(
      this.main,
      "Some of what happened before isn't kept any more; what was said is, among the earlier messages",
    );
  }

  /** People, calls, votes and offers are those of a run; what was said stays. */
  #begunAnew() {
    for (const place of this.places.values()) {
      place.people.clear();
      place.isOver = this.mode === "mesh"; // until it is opened again
      endCodes(this, place, () => true);
      if (place.person === null) this.tell(place, "The program was started again");
    }
    for (const [key, { kind }] of this.questions) if (kind !== "unsaid") this.questions.delete(key);
    this.files = new Map();
    this.call = null;
  }

  mark(names) {
    for (const name of names) bound(this.marked.add(name), MARKED_MAX);
  }

  tell(place, text, tone = "event") {
    this.add(place, { kind: "lines", lines: [[text]], tone });
  }

  /** What was said there begins anew with what follows. */
  forget(place) {
    Object.assign(place, { chunks: [], ids: new Set(), hasAll: false, newFrom: null, entries: 0 });
  }

  prompted({ self }) {
    this.self = self ?? this.self;
  }

  sent(ref, asked) {
    this.asked.set(ref, { ...asked, sentMs: Date.now() });
    bound(this.asked, PENDING_MAX);
  }

  /** What was to be said, and wasn't, or may not have been, stays above the message box. @returns Whether it was to be said. */
  unsaid(ref, why) {
    const asked = this.asked.get(ref);
    if (asked?.isChat !== true) return asked?.done?.(why);
    const lines = [[`${why.replace(/[.:]?$/, ":")} `, ["command", asked.text]]];
    this.questions.set(`unsaid ${ref}`, { ...asked, kind: "unsaid", lines });
    const old = [...this.questions.keys()].filter((key) => key.startsWith("unsaid "));
    if (old.length > UNSAID_MAX) this.questions.delete(old[0]);
    return true;
  }

  /** The connection is lost: what isn't answered may not have been done. */
  lost(link) {
    if (this.link.state !== "ended") this.link = link;
    for (const ref of this.asked.keys()) this.unsaid(ref, LOST);
    this.asked.clear();
    for (const place of this.places.values()) place.isAsking = false;
  }

  /** @param last The last one that there is, whoever it is for. */
  events(events, last) {
    for (const { id, fields, lines, asks } of events) {
      if (id <= this.last) continue;
      this.last = id;
      this.#happened(fields, { lines, asks }, id > this.upTo);
    }
    this.last = last;
  }

  #happened(fields, { lines, asks }, isNew) {
    const { event, ref } = fields;
    const asked = this.asked.get(ref);
    const home = this.room(fields.room);
    const isHandled = HANDLERS[event]?.(this, fields, home, { lines, isNew, asked }) === true;
    const isTold = event === "error" ? this.unsaid(ref, fields.text) : asked?.done?.(null);
    const isOfRoom = event === "ready" || event === "room";
    if (event !== "error") this.questions.delete(`unsaid ${ref}`);
    if (event !== "ready") this.asked.delete(ref); // what else is known of the room follows
    if (event === "error" && isTold === true) return;
    if (asked?.kind === "earlier") return this.#earlier(asked, fields, lines);
    const isUnasked = asked === undefined && (LISTS.has(event) || ref?.startsWith("q."));
    if (isHandled || asked?.kind === "quiet" || isUnasked || ELSEWHERE.has(event)) return;
    const isSaid = event === "message" || event === "broadcast" || event === "offer";
    if (lines.length === 0 && event !== "offer") return;
    if (isSaid) return this.#said(fields, { lines, asks }, isNew, asked);
    const place = isOfRoom ? home : this.places.get(asked?.place) ?? this.#placeOf(fields, home);
    if (asked === undefined && this.#together(place, fields, lines)) return;
    // What has a time has happened; else it is told to who asked.
    const isAsked = asked === undefined ? ref !== undefined : !asked.isChat && asked.text !== "";
    const isAnswer = isAsked && lines[0][0]?.[0] !== "time"; // perhaps from before a reload
    const tone = event === "error" || fields.warning ? "warning" : isAnswer ? "answer" : "event";
    if (event === "returned") place.hasReturned = true;
    this.add(place, {
      ...{ kind: "lines", event, tone, at: fields.at, asks },
      lines,
      ...(event === "words" &&
        { code: Number.parseInt(fields.words), untilMs: Date.parse(fields.expires) }),
      asked: isAnswer ? asked?.text : null,
      found: fields.searched === undefined ? undefined : foundIn(fields),
      again: event === "call" && AGAIN.has(fields.reason || fields.state) ? fields.peer : undefined,
    }, isNew);
  }

  /** Where what isn't said belongs. */
  #placeOf({ event, friend, to, room, peer, state, durationMs }, home) {
    if (friend !== undefined || (event === "notice" && to !== undefined)) {
      return this.known(friend ?? to, home) ?? home;
    }
    if (event === "delivery") return this.direct(to, home);
    if (event === "call") {
      const place = this.direct(peer);
      return place === this.here || state === "connected" || durationMs !== undefined
        ? place
        : home;
    }
    // About none of several rooms: a room that is being joined, or the console itself.
    return this.mode === "mesh" && room === undefined && this.openRooms.length > 1
      ? this.home()
      : home;
  }

  /** Where something is said, or offered. */
  #placeOfSaid({ event, from, shown = from, self, to, room, private: isPrivate }) {
    const home = this.room(room);
    if (event === "broadcast" || this.mode === "group") return home;
    if (this.mode === "directory") return this.direct(self ? to ?? this.call?.peer : shown);
    const isToOne = this.mode === "friends" || isPrivate === true ||
      (event === "offer" && to !== undefined);
    return isToOne ? this.direct(self ? to ?? "?" : shown, home) : home;
  }

  #said(fields, { lines, asks }, isNew, asked) {
    const { event, self = false, history, mention = false } = fields;
    const place = this.#placeOfSaid(fields);
    if (place.ids.has(idOf(fields))) return;
    place.entries = fields.seq;
    const isLater = fields.at > (this.seen.get(this.markOf(place)) ?? "");
    place.lastAt = fields.at;
    if (self && !history) {
      place.unread = place.forUser = 0;
      place.newFrom = null;
    }
    if (self) this.#wasSaid(place, fields);
    const isNews = !self && (history !== true || place.hasReturned && event !== "offer") &&
      (isNew || isLater);
    const offered = { kind: "offer", file: `${this.home(place).id} ${fields.id}` };
    this.add(place, {
      ...{ ...itemOf(fields, lines), asks, ...(event === "offer" && offered) },
      at: shownAt(lines[0]) ?? fields.at,
      isForUser: place.person !== null || mention,
      isMention: place.person === null && mention && !self,
    }, isNews);
    // Said to one alone from elsewhere.
    const asker = this.places.get(asked?.place);
    if (asker === undefined || asker === place || !self) return;
    if (this.mode === "friends") this.open(place);
    else this.add(asker, { kind: "lines", lines, at: fields.at, tone: "event" });
  }

  /** It was said after all: the program told of it only once the connection was back. */
  #wasSaid({ id }, { text, sentAt }) {
    for (const [key, { kind, place, said, sentMs }] of this.questions) {
      const isIt = kind === "unsaid" && place === id && said === text;
      if (isIt && Date.parse(sentAt) >= sentMs) this.questions.delete(key);
    }
  }

  /** Who comes and goes, one soon after the other, stands together. */
  #together(place, { event, at }, lines) {
    const last = place.chunks.at(-1)?.items.at(-1);
    const isOf = COMING.has(event) && COMING.has(last?.event) &&
      Date.parse(at) - Date.parse(last.at) < CROWD_MS;
    return isOf &&
      this.change(place, (item) => item === last, { lines: [...last.lines, ...lines] });
  }

  add(place, given, isNews = false) {
    const item = { ...given, ref: ++this.#keys };
    if (item.id !== undefined) place.ids.add(item.id);
    const { chunks } = place;
    const last = chunks.at(-1);
    if (last === undefined || last.items.length >= CHUNK) {
      chunks.push({ key: item.ref, items: [item] });
    } else chunks[chunks.length - 1] = { ...last, items: [...last.items, item] };
    if (chunks.length > CHUNKS_MAX) {
      for (const { id } of chunks.shift().items) place.ids.delete(id);
    }
    const isSeen = this.isFocused && place.id === this.current && this.last > this.upTo;
    if (isSeen) this.#read(place);
    if (!isNews) return;
    if (item.kind !== "lines" && !isSeen) {
      if (place.unread++ === 0) place.newFrom = item.ref;
      if (item.isForUser) place.forUser++;
    }
    this.news(item, place);
  }

  /** What was said before, in front of what is there. */
  #earlier({ place: id }, { code, event, ...fields }, lines) {
    const place = this.places.get(id);
    if (place === undefined) return;
    place.isAsking = false;
    // Less is asked for of what is too long for one answer.
    if (code === "too-long" && place.step > 1) return void (place.step = Math.ceil(place.step / 8));
    const items = event === "error" ? [] : saidIn(fields).flatMap((one, at) => {
      const id = idOf(one);
      if (place.ids.has(id) || lines[at] === undefined) return [];
      place.ids.add(id);
      return [{ ...itemOf(one, [lines[at]]), ref: ++this.#keys, at: one.sentAt ?? one.at }];
    });
    place.hasAll = items.length === 0;
    for (let end = items.length; end > 0; end -= CHUNK) {
      const part = items.slice(Math.max(0, end - CHUNK), end);
      place.chunks.unshift({ key: part[0].ref, items: part });
    }
  }

  /** @param more Null: without it. @returns Whether there is such an item. */
  change(place, is, more) {
    for (let at = place.chunks.length - 1; at >= 0; at--) {
      const chunk = place.chunks[at];
      const found = chunk.items.findLastIndex(is);
      if (found < 0) continue;
      const items = more === null
        ? chunk.items.toSpliced(found, 1)
        : chunk.items.with(found, { ...chunk.items[found], ...more });
      place.chunks[at] = { ...chunk, items };
      return true;
    }
    return false;
  }
}

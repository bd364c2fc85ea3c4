/**
 * `mesh NAME --lan`: joins the room that is announced on this network, or founds one, and announces the room that this
 * member is in. Loaded with the flag alone.
 *
 * What is announced is a hint. A room that can't be joined is given up for the next one, and a room that this member
 * founded is gone back to, unless the other one takes it in.
 */

import { P2pchatError } from "../../base/errors.ts";
import { distinctEndpoints, type Endpoint, type RoomId } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import { isSameTitle } from "../../base/text/words.ts";
import type { AnnouncedRoom } from "../../protocols/mesh/discovery/announced_rooms.ts";
import type { Choice } from "../../protocols/mesh/discovery/choosing.ts";
import type { SecretRoom } from "../../protocols/mesh/discovery/room_tags.ts";
import type { MeshEvent } from "../../protocols/mesh/schema/events.ts";
import type { MeshConfig } from "../../protocols/mesh/schema/mesh_io.ts";
import type { Invite } from "../../protocols/mesh/schema/rotations.ts";
import type { LanHost } from "../../runtime/hosts/lan_host.ts";
import type { MeshHost } from "../../runtime/hosts/mesh_host.ts";
import { roomsFolder } from "../../store/disk/paths.ts";
import {
  announcedEvent,
  announcedText,
  cannotJoin,
  deafText,
  joiningText,
  joinsText,
  silenceText,
  vainText,
} from "../discovery/announced_texts.ts";
import { openLan } from "../discovery/open_lan.ts";
import { chosenBy, inOrder, offerText, questionText, titled } from "../discovery/room_question.ts";
import { askUser, profileTurn, showNotices } from "../session/mode_session.ts";
import type { Bye } from "../session/run_mode.ts";
import type { RoomStart } from "./mesh_console.ts";
import { MeshRooms } from "./mesh_rooms.ts";
import { NOT_IN, type Presenter } from "./presenter.ts";
import { roomSecrets } from "./room_views.ts";

type Begin = MeshConfig["begin"];

const LOOKING = "Looking for rooms on this network...";
/** How many rooms are tried in vain before one is founded: a liar can make up any number of them. */
const VAIN_MAX = 4;
/** Within this time a machine hears what it has said itself. */
const HEARING_MS = 1_500;
/** How many are offered: a liar can make up any number of them, and a screen has place for these. */
const OFFERED_MAX = 20;
/** With these whoever was said to be a member there shows that it is none, or none that lets us in. */
const VAIN_CODES: readonly string[] = [
  "unreachable",
  "timeout",
  "protocol",
  "version",
  "full",
  "too-fast",
  "bad-credentials",
];

/** The room that is about to be joined as it was announced. */
interface Goal {
  readonly announced: AnnouncedRoom;
  /** The room that this member has founded, and leaves for it; null where there is none. */
  readonly instead: RoomId | null;
  /** Whether the user has chosen it, and is to be told that it can't be joined. */
  readonly isAsked: boolean;
}

/** The room that this member has come into. */
interface Entered {
  readonly host: MeshHost;
  /** At which it listens; null where it doesn't. */
  readonly port: number | null;
  readonly begin: Begin;
  readonly rooms: MeshRooms;
}

/** Runs the first room of a console, in which `--lan` was given. @param enter Runs a room until it ends. */
export async function runOnLan(
  start: RoomStart,
  enter: (lan: LanStart) => Promise<Bye>,
): Promise<Bye> {
  const lan = new LanStart(start, openLan(start.options.host, start.environment));
  try {
    for (;;) {
      try {
        const bye = await enter(lan);
        if (!lan.takeMove()) return bye;
      } catch (error) {
        lan.goOnAfter(error);
      }
    }
  } finally {
    await lan.close();
  }
}

export class LanStart {
  /** Whether the user was asked, and may go on typing. */
  hasAsked = false;
  #goal: Goal | null = null;
  /** The room that this member founded, to which it goes back. */
  #back: RoomId | null = null;
  #vain = 0;
  /** Of the rooms that couldn't be joined, and are to be told of once another one is there. */
  #vainTexts: readonly string[] = [];
  /** What is to be said once the room is there. */
  #notice: string | null = null;
  /** What others call the room that they announce; null where they don't. */
  #heardTitle: string | null = null;
  /** Whether the user wants a new room beside those that are announced. */
  #isApart: boolean;
  /** Events of a room that was just founded, and may be given up yet; null where they are shown at once. */
  #held: { readonly event: MeshEvent; readonly ref: string | undefined }[] | null = null;
  #presenter: Presenter | null = null;
  #isIn = false;
  #isAnnounced = false;
  #isLeft = false;
  #moves = false;
  /** Whether the user was shown the room that was left for another one. */
  #wasShown = false;
  #givenUp: RoomId | null = null;
  #forgetting: Promise<void> = Promise.resolve();

  constructor(readonly start: RoomStart, readonly host: LanHost) {
    this.#isApart = start.options.foundNew;
  }

  /** Whether the room that has ended was left for another one, which is joined now. */
  takeMove(): boolean {
    const moves = this.#moves;
    this.#moves = false;
    return moves;
  }

  async close(): Promise<void> {
    await this.#forgetting;
    await this.host.close();
  }

  // Which room.

  /**
   * How to begin, after what is announced; null where the user has left meanwhile.
   * @param usual How to begin where nothing of use is announced.
   * @throws {P2pchatError} `usage` for a script where there are several rooms; what `usual` throws.
   */
  async beginning(rooms: MeshRooms, usual: () => Promise<Begin>): Promise<Begin | null> {
    this.#isIn = false;
    this.#held = null;
    this.#heardTitle = null;
    if (this.#goal !== null) return this.#joining(this.#goal, rooms);
    if (this.#back !== null) return { kind: "resume", room: this.#back };
    const { options, invite } = this.start;
    if (options.contact !== null || options.foundNew) return await this.#holding(await usual());
    const begin = invite !== null && invite.endpoints.length === 0 ? null : await usual();
    if (begin?.kind === "found" && options.foundPrivate) return begin;
    const isOnly = options.room !== null || options.foundPrivate || invite !== null;
    const own = await this.#own(begin, rooms, invite);
    const isNamed = !isOnly && own.every((each) => this.#isOther(each, rooms));
    const choice = await this.#choose(isNamed ? [] : own, isOnly);
    return choice === null ? null : await this.#follow(choice, begin, rooms);
  }

  /** Whether the user asks for a room with another title than this open one. */
  #isOther({ room, secrets }: SecretRoom, rooms: MeshRooms): boolean {
    const { title } = this.start.options;
    return title !== null && secrets.length === 0 && !isSameTitle(rooms.titleOf(room), title);
  }

  /** The rooms to which this profile goes back, or has an invite. */
  async #own(
    begin: Begin | null,
    rooms: MeshRooms,
    invite: Invite | null,
  ): Promise<readonly SecretRoom[]> {
    if (invite !== null) {
      return [{ room: invite.room, secrets: invite.secret === null ? [] : [invite.secret] }];
    }
    if (begin?.kind !== "resume") return [];
    const { room } = begin;
    return [{ room, secrets: await roomSecrets(rooms.disk, rooms.logOf(room)) }];
  }

  async #choose(own: readonly SecretRoom[], isOnly: boolean): Promise<Choice | null> {
    const { ui } = this.start;
    ui.heedInterrupts(() => {
      this.#isLeft = true;
      void this.close(); // then nothing is chosen
      return true;
    });
    if (ui.interactive) ui.progress(LOOKING);
    const choice = await this.host.choose(own, isOnly);
    if (ui.interactive) ui.progress(null);
    return this.#isLeft ? null : choice;
  }

  /** @param begin Null for an invite without an address. */
  async #follow(
    choice: Choice,
    begin: Begin | null,
    rooms: MeshRooms,
  ): Promise<Begin | null> {
    if (choice.kind === "own") return this.#ownBeginning(choice.announced, begin, rooms);
    if (begin === null) throw this.#inviteUnheard();
    if (choice.kind === "none") {
      const { fault, hearing } = this.host;
      const { hasPrivate } = choice;
      const founds = begin.kind === "found";
      // A room that was tried is announced, too.
      if (this.#vain === 0) this.#notice = silenceText({ fault, hearing, hasPrivate, founds });
      return this.#holding(begin);
    }
    const all = choice.kind === "several" ? choice.announced : [choice.announced];
    return await this.#among(all, begin, rooms);
  }

  /** @param all At least one. */
  async #among(
    all: readonly AnnouncedRoom[],
    begin: Begin,
    rooms: MeshRooms,
  ): Promise<Begin | null> {
    const { ui, options } = this.start;
    const named = titled(all, options.title);
    const last = begin.kind === "resume" ? begin.room : null;
    const meant = named.length === 1 ? named[0] : all.find(({ room }) => room === last);
    if (meant !== undefined && meant.room === last) {
      return this.#ownBeginning(meant, begin, rooms);
    }
    const isAsked = options.title !== null && ui.dialogue !== null && ui.interactive;
    const only = all.length === 1 && !isAsked ? all[0] : undefined;
    const announced = meant ?? only;
    if (announced === undefined) {
      return await this.#ask(named.length > 1 ? named : all, begin, rooms);
    }
    return this.#joining({ announced, instead: null, isAsked: false }, rooms);
  }

  #ownBeginning(
    { endpoints, title }: AnnouncedRoom,
    begin: Begin | null,
    rooms: MeshRooms,
  ): Begin {
    const { invite } = this.start;
    this.#heardTitle = title;
    if (begin?.kind === "resume") return { ...begin, hints: endpoints };
    invariant(invite !== null, "a room that is looked for is on disk, or there is an invite to it");
    return {
      kind: "join",
      contact: endpoints[0]!,
      invite: { ...invite, endpoints: distinctEndpoints([...endpoints, ...invite.endpoints]) },
      kept: rooms.all,
    };
  }

  #inviteUnheard(): P2pchatError {
    const { fault, hearing } = this.host;
    return new P2pchatError(
      "unreachable",
      "The invite names no address, and no member of its room is heard on this network; add an " +
        `address: HOST PORT. ${silenceText({ fault, hearing, hasPrivate: false, founds: false })}`,
    );
  }

  #joining(goal: Goal, rooms: MeshRooms): Begin {
    this.#goal = goal;
    const { room, title, endpoints } = goal.announced;
    invariant(room !== null, "a private room isn't joined by being announced");
    rooms.adoptTitle(room, title);
    this.#heardTitle = title;
    // As with an invite to it: whoever answers there must be in that room.
    const invite = { room, secret: null, endpoints };
    return { kind: "join", contact: endpoints[0] as Endpoint, invite, kept: rooms.all };
  }

  /** @throws {P2pchatError} `usage` for a script. */
  async #ask(
    all: readonly AnnouncedRoom[],
    begin: Begin,
    rooms: MeshRooms,
  ): Promise<Begin | null> {
    const { ui, options } = this.start;
    const offered = inOrder(all.slice(0, OFFERED_MAX)); // a liar's later ones displace none
    const { dialogue } = ui;
    if (dialogue === null || !ui.interactive) {
      if (options.json) ui.show(announcedEvent(all));
      throw new P2pchatError(
        "usage",
        `Several rooms are announced on this network: ${announcedText(all)}; name one, such as ` +
          `${joiningText(options, inOrder(all)[0]!)}, or found another with --new`,
      );
    }
    showNotices(ui, offerText(offered, options.title));
    ui.show(announcedEvent(offered));
    this.hasAsked = true;
    const none = begin.kind === "resume" ? "the room you were in last" : "a new one";
    const answer = (typed: string) => chosenBy(offered, typed) ?? undefined;
    const announced = await askUser(ui, null, questionText(offered, none), answer, NOT_IN);
    if (announced === null) return null;
    if (announced === "none") return this.#apart(begin);
    return this.#joining({ announced, instead: null, isAsked: true }, rooms);
  }

  /** A new room that was asked for doesn't give way to those beside which it is founded. */
  #apart(begin: Begin): Begin {
    this.#isApart = true;
    return begin;
  }

  /** What a room shows that was just founded waits until it is known to stay. */
  #holding(begin: Begin): Begin {
    if (this.#givesWay(begin)) this.#held = [];
    return begin;
  }

  #givesWay(begin: Begin): boolean {
    return begin.kind === "found" && begin.private !== true && !this.#isApart;
  }

  /** A room has ended with this error: where a hint led nowhere, it goes on without. @throws The error otherwise. */
  goOnAfter(error: unknown): void {
    const goal = this.#goal;
    this.#goal = null;
    const isVain = error instanceof P2pchatError && VAIN_CODES.includes(error.code);
    if (goal === null || !isVain || this.#isIn || this.#isLeft) throw error;
    this.#vain += 1;
    if (goal.isAsked || this.#vain > VAIN_MAX) throw cannotJoin(goal.announced, error);
    this.#vainTexts = [...this.#vainTexts, vainText(goal.announced, error)];
    this.host.inVain(goal.announced);
    this.#back = goal.instead;
  }

  /** Whether a room is joined as it was announced. */
  get isJoining(): boolean {
    return this.#goal !== null;
  }

  /** Whether the room is one that was founded and left again at this start: nobody goes back to it. */
  isGivenUp(room: RoomId): boolean {
    return this.#givenUp === room;
  }

  // In the room.

  /** Shows an event of the room, and sees what follows from it. */
  show(event: MeshEvent, ref: string | undefined, presenter: Presenter, entered: Entered): void {
    this.#presenter = presenter;
    if (event.event === "ready") this.#entered(entered);
    const isCompany = event.event === "joined" || (event.event === "message" && event.self);
    if (this.#held !== null) this.#held.push({ event, ref });
    else presenter.show(event, ref);
    if (isCompany && this.#isAnnounced) {
      this.#notice = null; // somebody was heard after all
      this.host.company();
    }
    if (event.event === "ready" && this.#held === null) this.#told();
  }

  #entered({ host, port, begin, rooms }: Entered): void {
    const { room } = host;
    invariant(room !== null, "who is ready is in a room");
    const goal = this.#goal;
    this.#goal = null;
    this.#back = null;
    this.#isIn = true;
    this.#isAnnounced = true;
    if (goal !== null && goal.instead !== null) this.#moved(goal.instead);
    // Whoever comes to a room by its address has a title of its own for it, and doesn't rename it for others.
    const own = begin.kind === "join" ? rooms.titleOf(room) : rooms.titleNow(room);
    const title = this.#heardTitle ?? own;
    const givesWay = this.#givesWay(begin);
    this.host.enter({ room, port, title, secrets: () => host.roomSecrets, givesWay }, {
      settled: () => this.#release(),
      giveWay: (to) => {
        this.#wasShown = this.#held === null;
        this.#held = this.#held === null ? null : [];
        this.#goal = { announced: to, instead: room, isAsked: false };
        this.#moves = true;
        this.#notice = null;
        host.command({ command: "quit" }, undefined);
      },
      hint: (endpoint) => host.hint(endpoint),
      others: (others) => this.#tellOthers(others),
    });
    const { foundNew, foundPrivate } = this.start.options;
    if (begin.kind === "found" && (foundNew || foundPrivate)) void this.#tellDeafness();
  }

  /** The room is left, or has ended. */
  left(): void {
    if (this.#isAnnounced) this.host.leave();
    this.#isAnnounced = false;
  }

  /** Shows what waited. */
  #release(): void {
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    for (const { event, ref } of held) this.#presenter?.show(event, ref);
    this.#told();
  }

  #told(): void {
    for (const text of this.#vainTexts) this.#presenter?.notice(text);
    this.#vainTexts = [];
    if (this.#notice !== null) this.#presenter?.notice(this.#notice);
    this.#notice = null;
  }

  /** Who looks for no room isn't told otherwise that nobody hears of the one that is announced. */
  async #tellDeafness(): Promise<void> {
    await this.host.look(HEARING_MS);
    const text = deafText(this.host.fault, this.host.hearing);
    if (text !== null && this.#isAnnounced) this.#presenter?.notice(text);
  }

  #tellOthers(others: readonly AnnouncedRoom[]): void {
    const are = others.length === 1 ? "Another room is" : "Other rooms are";
    const text = `${are} announced on this network: ${announcedText(others)}; `;
    this.#presenter?.notice(text + joinsText(this.start.options, others));
  }

  /** The room that was founded at the same moment took this member in; the one that it left was empty. */
  #moved(founded: RoomId): void {
    if (this.#wasShown) {
      this.#notice =
        "Somebody else founded a room on this network at the same moment: you are in " +
        "theirs now, and yours, in which nothing was said, is gone";
    }
    this.#givenUp = founded;
    this.#forgetting = this.#forget(founded);
  }

  async #forget(founded: RoomId): Promise<void> {
    const { disk, folder, ui } = this.start;
    try {
      const takeTurn = () => profileTurn(disk, folder);
      await (await MeshRooms.open(disk, roomsFolder(folder), { takeTurn })).forget(founded);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      ui.show({ event: "notice", text: error.message, warning: true });
    }
  }
}

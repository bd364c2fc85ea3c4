/** `p2pchat mesh`: connects the mesh machine to sockets, files and the user interface. */

import { unsealing } from "../credentials/unsealing.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { meetingPlace } from "../../base/text/meeting_address.ts";
import { quotedStart } from "../../base/text/text.ts";
import { hostSpellings, isLoopback, isUnspecified } from "../../base/text/endpoints.ts";
import { P2pchatError } from "../../base/errors.ts";
import {
  distinctEndpoints,
  type Endpoint,
  endpointText,
  type Hash,
  isSameEndpoint,
  type ProcessKey,
  type RoomId,
} from "../../base/ids.ts";
import type { ChannelIdentity } from "../../protocols/noise/identity_handshake.ts";
import { invariant } from "../../base/invariant.ts";
import { backTo, roomIdStart } from "../../protocols/mesh/joining/room_setup.ts";
import type { RecalledMessage } from "../../base/machine/mode_machine.ts";
import type { MeshCommand, MeshEvent } from "../../protocols/mesh/schema/events.ts";
import type { MeshConfig } from "../../protocols/mesh/schema/mesh_io.ts";
import type { Invite } from "../../protocols/mesh/schema/rotations.ts";
import { FORGETTING_ROOM } from "../../protocols/mesh/schema/records.ts";
import { MeshHost } from "../../runtime/hosts/mesh_host.ts";
import { forwardTo, type Links } from "../../transport/link.ts";
import { COMMON_LINK_CLOCK, SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { NAME_LOOKUPS } from "../../transport/tcp/first_to_connect.ts";
import { atFirstFree } from "../../transport/sockets.ts";
import { openTcpLinks } from "../../transport/tcp/tcp_links.ts";
import type { RememberedRoom } from "../../store/profile/remembered_rooms.ts";
import { roomsFolder } from "../../store/disk/paths.ts";
import { addressOfThisMachine } from "../session/advertised_address.ts";
import { FollowedAddresses } from "../session/followed_addresses.ts";
import { MESH_PORT_DEFAULT } from "../args/options.ts";
import { type FileCommand, isFileCommand } from "../files/file_events.ts";
import { SharedFiles } from "../files/shared_files.ts";
import type { ToldRooms } from "../discovery/told_rooms.ts";
import type { LanStart } from "./lan_start.ts";
import { meshCommands, type MeshCommandSink } from "./mesh_commands.ts";
import { MeshConsole, type RoomStart } from "./mesh_console.ts";
import { meshLines, type MeshOwnEvent } from "./mesh_rendering.ts";
import { RoomMeetings } from "../meeting/room_meetings.ts";
import { pinsIn } from "../credentials/pinned_keys.ts";
import { MeshRooms, type OpenTogether, roomText } from "./mesh_rooms.ts";
import { roomConversations } from "./room_conversations.ts";
import type { RoomInterface } from "./room_interface.ts";
import { roomAt } from "./room_views.ts";
import {
  type Bye,
  followKnownPeers,
  inputTo,
  modePorts,
  runHost,
  sayBye,
} from "../session/run_mode.ts";
import { FORGETS, forgettingStore } from "../session/forgetting_store.ts";
import { shownAgain } from "../session/last_seen.ts";
import {
  JOINING_HISTORY_DEFAULT,
  joiningInvite,
  meetingPoint,
  meetingPointText,
  type MeshOptions,
} from "./mesh_arguments.ts";
import { processStreams } from "../streams/streams.ts";
import {
  channelIdentity,
  logStarted,
  profileTurn,
  type Session,
  showNotices,
  warnBy,
  withSession,
} from "../session/mode_session.ts";
import { joiningByWords, roomWords } from "./room_words.ts";
import { openAskedDoors } from "../opened_doors/asked_doors.ts";
import type { Advice } from "../rendering/user_interface.ts";
import type { MeshMetering } from "../metrics/mesh_metering.ts";
import { measuring, observing, withMetering } from "../metrics/with_metering.ts";
import { Presenter } from "./presenter.ts";

/** Notices about which room this is; scripts get only those they don't know from events. */
const BACK = ["Back in your last room", "; --new founds another"] as const;
const BACK_PRIVATE = [
  "Back in your last private room",
  "; --private --new founds another",
] as const;
const ANNOUNCED = "On this network, --lan alone joins.";

function joinedText(title: string | null): Advice {
  const room = title === null ? "the room" : `the room ${quotedStart(title)}`;
  return ofConsole(`You joined ${room}. ${firstSteps(false)}`);
}

/** Steps that are taken at the console; doors show by themselves which room it is, and how others come. */
const ofConsole = (text: string): Advice => ({ text, atDoors: null });

/** `:q` would leave the other rooms, too. */
const firstSteps = (isFurther: boolean) =>
  `/help lists the commands, ${isFurther ? "/part" : ":q"} leaves.`;

const FOUNDED_PASSIVE =
  "Nobody can join the room you founded, as --passive accepts no connections; start again without it to let others in";

/** A start is through by then, also where the processor is slow: it loads what looks for rooms. */
const TOLD_AFTER_MS = 500;

/** A warning to users who join another room than the last, perhaps with a command from the shell's history. */
function leftBehind(last: RoomId, { name, data }: MeshOptions): Advice {
  const atDoors = "This isn't your last room";
  return { text: `${atDoors}. Back to that one: ${backTo(last, name, data)}`, atDoors };
}

/** The line that says where one is, with where one is met. */
function back([room, way]: readonly [string, string], { meet }: MeshOptions): Advice {
  if (meet === null) return { text: room + way, atDoors: room };
  const met = `. Your meeting point is ${meetingPointText(meet)}`;
  const text = `${room}${way}${met}; --meet names another, --meet none forgets it`;
  return { text, atDoors: room + met };
}

/** What a person is told of the other rooms of the last time's console. */
function alsoOpen(rooms: readonly RememberedRoom[]): readonly Advice[] {
  const [first] = rooms;
  if (first === undefined) return [];
  const told = rooms.map(({ room, title }) => roomText(room, title)).join(", ");
  const { room, title } = first;
  const atDoors = `You also had ${told} open`;
  return [{ text: `${atDoors}: /join ${title ?? roomIdStart(room)} opens it`, atDoors }];
}

/** An agent's program was given an address at which nobody answers. */
const BACK_MEANWHILE =
  "This goes on in the room to which it led before, through those who are known there";

/** A name that isn't found by then leads to no room that is known. */
const LOOK_UP_MS = 5_000;

/** The progress text while connecting; null where nobody is dialled. */
function connectingText({ begin }: MeshConfig, isAnnounced: boolean): string | null {
  if (begin.kind !== "join") return null;
  if (isAnnounced) {
    return `Connecting to the room that is announced at ${endpointText(begin.contact)}...`;
  }
  const others = (begin.invite?.endpoints ?? []).filter((each) =>
    !isSameEndpoint(each, begin.contact)
  );
  const more = others.length === 0 ? "" : `, or to another address of the invite`;
  return `Connecting to ${endpointText(begin.contact)}${more}...`;
}

/** Runs until the user leaves. @throws {P2pchatError} The reason if it ends otherwise. */
export async function runMesh(options: MeshOptions): Promise<void> {
  const invite = await joiningInvite(options, processStreams());
  const mode = { commands: meshCommands, render: meshLines };
  const unseal = unsealing(options, options.name);
  const use = { folder: options, mode: "mesh", unseal, keepsTyped: options.keepsWords } as const;
  await withSession(options, use, mode, async (session) => {
    await openAskedDoors(session, options, "mesh", () => meshLines);
    await withMetering(options.metrics, loadMetering, session, async (metering) => {
      await runRooms({ ...session, options, metering }, invite);
    });
  });
}

async function loadMetering(): Promise<MeshMetering> {
  const { MeshMetering } = await import("../metrics/mesh_metering.ts");
  return new MeshMetering();
}

type Opened = Session<MeshOwnEvent, MeshCommandSink> & Pick<RoomStart, "options" | "metering">;

async function runRooms(opened: Opened, invite: Invite | null): Promise<void> {
  const hosts = new Set<MeshHost>();
  opened.metering?.measure(() => [...hosts]);
  const together: OpenTogether = { mark: null, current: null };
  const end = followKnownPeers(opened, (command) => {
    for (const host of hosts) host.command(command, undefined);
  });
  const load = async () => {
    const { FurtherRooms } = await import("./further_rooms.ts"); // most users are in one room
    return new FurtherRooms(meshConsole, { ...opened, hosts, together }, runRoom);
  };
  const meshConsole: MeshConsole = new MeshConsole(opened.ui, load);
  const first = (ui: RoomInterface) =>
    runRoom({ ...opened, ui, invite, hosts, together, isFurther: false });
  sayBye(opened, await meshConsole.run(first).finally(end));
}

/** Runs until the user leaves the room. @throws {P2pchatError} The reason if it ends otherwise. */
async function runRoom(given: RoomStart): Promise<Bye> {
  const { words, contact } = given.options;
  const start = words === null ? given : await joiningByWords(given, words);
  if (start === null) return { kind: "bye", reason: "quit", ref: undefined };
  try {
    return await enter(start);
  } catch (error) {
    const isTaken = error instanceof P2pchatError && error.code === "name-taken";
    // An address or an invite leads there under another name as well, with a profile of that name.
    if (!isTaken || (words === null && (contact !== null || given.invite !== null))) throw error;
    const { underOtherName } = await import("../words/taken_name.ts");
    return await underOtherName(start, error, words !== null, enter);
  }
}

async function enter(start: RoomStart): Promise<Bye> {
  const { contact, lan, script } = start.options;
  const isLed = contact !== null || start.invite !== null;
  if (isLed && !lan && script?.door === "mcp") return await enterPatiently(start);
  if (!lan || start.isFurther) return await comeIn(start, null);
  const { runOnLan } = await import("./lan_start.ts"); // only who asks for it is heard on the network
  return await runOnLan(start, (lan) => comeIn(start, lan));
}

/** For an agent: where nobody answers, its program goes back to the room that it knows, or tries again. */
async function enterPatiently(start: RoomStart): Promise<Bye> {
  const enter = () => comeIn(start, null);
  try {
    return await enter();
  } catch (error) {
    const { goOnPatiently } = await import("../scripts/patient_start.ts"); // most find somebody
    const { ui, environment } = start;
    const otherWay = async () => {
      const back = await roomBehind(start);
      if (back === null) return null;
      return { text: BACK_MEANWHILE, enter: () => comeIn(start, null, back) };
    };
    return await goOnPatiently<Bye>(
      {
        ...{ place: ui, clock: SYSTEM_LINK_CLOCK, random: environment.random, otherWay },
        isIn: () => ui.handler !== null,
        left: { kind: "bye", reason: "quit", ref: undefined },
      },
      enter,
      error,
    );
  }
}

/** The room of this profile to which the invite, or the address, leads as far as is known; null: none. */
async function roomBehind({ options, invite, disk, folder, identity }: RoomStart) {
  const { contact } = options;
  const rooms = await MeshRooms.open(disk, roomsFolder(folder));
  if (invite !== null) return rooms.all.includes(invite.room) ? invite.room : null;
  if (contact === null) return null;
  const { host, port } = contact;
  const found = await NAME_LOOKUPS.find(host, AbortSignal.timeout(LOOK_UP_MS)).catch(() => []);
  const hosts = new Set([...hostSpellings(host), ...found]);
  const addresses = [...hosts].map((host) => ({ host, port }));
  return await roomAt(rooms, addresses, identity.signer.key);
}

/** @param back The room to go back to, whatever the options say. */
async function comeIn(
  start: RoomStart,
  lan: LanStart | null,
  back: RoomId | null = null,
): Promise<Bye> {
  const { disk, folder, options } = start;
  const rooms = await MeshRooms.open(disk, roomsFolder(folder), {
    takeTurn: () => profileTurn(disk, folder),
    title: options.title,
    meet: options.meet === null ? options.forgetsMeet ? "" : null : meetingPointText(options.meet),
    together: start.together,
  });
  try {
    const usual = () => beginning(start, rooms);
    const begin = back !== null
      ? { kind: "resume", room: back, hints: hintsOf(start) } as const
      : lan === null
      ? await usual()
      : await lan.beginning(rooms, usual);
    if (begin === null) return { kind: "bye", reason: "quit", ref: undefined };
    // Before a port is taken that the process in the room may have.
    if (begin.kind === "resume") await rooms.enterAgain(begin.room);
    return await chat({ ...start, options: met(options, begin, rooms), begin, rooms, lan });
  } finally {
    await rooms.lastSeen?.leave(Date.now());
    rooms.leave();
  }
}

/** Where members of the room are said to be. */
function hintsOf({ options: { contact }, invite }: RoomStart): readonly Endpoint[] {
  return distinctEndpoints([...(contact === null ? [] : [contact]), ...invite?.endpoints ?? []]);
}

/**
 * The options with the meeting point of the last time in the room, where none is given: others may know no other place.
 * An address may lead into any room, whose members would learn of another one's meeting point.
 */
function met(options: MeshOptions, begin: MeshConfig["begin"], rooms: MeshRooms): MeshOptions {
  const back = begin.kind === "join" ? begin.invite?.room : ledBackTo(begin);
  const before = back === undefined ? null : rooms.meetOf(back);
  if (options.meet !== null || options.forgetsMeet || before === null) return options;
  return {
    ...options,
    meet: meetingPoint(before, "The room's meeting point, as the profile has it,"),
  };
}

/** The room that this may lead back to. */
function ledBackTo(begin: MeshConfig["begin"]): RoomId | undefined {
  if (begin.kind === "resume") return begin.room;
  return begin.kind === "join" ? begin.last ?? begin.invite?.room : undefined;
}

interface Wiring extends RoomStart {
  readonly begin: MeshConfig["begin"];
  readonly rooms: MeshRooms;
  /** Null without `--lan`. */
  readonly lan: LanStart | null;
}

async function chat(wiring: Wiring): Promise<Bye> {
  const {
    options,
    environment,
    hosts,
    identity,
    begin,
    rooms,
    lan,
    ui,
    isFurther,
    disk,
    metering,
  } = wiring;
  let host: MeshHost | null = null;
  let pausing: () => () => void = () => () => {};
  let told = null as { close(): Promise<void> } | null;
  let wantedNumbers: readonly number[] = [];
  let show: (event: MeshEvent, ref: string | undefined) => void = () => {};
  const routers = options.mapPort ? await import("../routers/mapped_port.ts") : null;
  const handler = forwardTo(() => host);
  const meetings = new RoomMeetings({
    profile: wiring,
    pinsIn: (scope) => pinsIn(wiring, scope),
    meet: options.meet,
    news: (news) => host?.meetingPoint(news),
    show: (event, ref) => show(event, ref),
    numbered: (found) => {
      const taken = wantedNumbers.filter((number) => !found.includes(number));
      for (const number of taken) show({ event: "notice", text: takenText(number) }, undefined);
    },
    failed: (error) => host?.giveUp(error),
  });
  const own = channelIdentity(wiring);
  const words = roomWords(wiring, own, {
    host: () => host,
    links: () => links,
    pause: () => pausing(),
    found: (answer, ref) => show(answer, ref),
    announce: (numbers, spent) => {
      // With a spent one the way here is to be found, too: it is told here that the code counts no more.
      lan?.host.announceWords([...numbers, ...spent]);
      // A meeting point knows itself for a while which ones are spent: there a number is one program's alone, and makes way.
      if (numbers.join() === wantedNumbers.join()) return;
      wantedNumbers = numbers;
      meetings.number(numbers);
    },
  });
  const link = {
    host: options.host,
    identity: own,
    clock: COMMON_LINK_CLOCK,
    env: environment,
    warn: warnBy(ui),
    relays: meetings.relays,
    access: {
      mode: "mesh",
      get room() {
        return host?.room ?? null;
      },
      get secrets() {
        return host?.secrets ?? null;
      },
      admit: (peer, secret) => host?.admit(peer, secret) ?? null,
      get words() {
        return words.access;
      },
    },
    handler: words.routed(handler),
    ...observing(metering),
  } satisfies Omit<Parameters<typeof openTcpLinks>[0], "port">;
  const links: Links = atFirstFree(portsToTry(wiring), (port) => openTcpLinks({ ...link, port }));
  const mapping = routers === null ? null : new routers.MappedPort({
    environment,
    transports: ["tcp"],
    notice: (text) => showNotices(ui, text),
    warn: warnBy(ui),
    joinedBy: () => null, // the room says so
    mayMeet: options.meet === null,
    mapped: (external) => host?.mapped(external),
  });
  const addresses = new FollowedAddresses({
    changed: (hosts, best) => host?.machineHas(hosts, best),
    log: environment.log,
  });
  try {
    const config = configOf(wiring, own, links, begin);
    logStarted(wiring, "mesh", {
      name: options.name,
      listening: options.passive ? null : endpointText(links.local),
      advertised: config.advertise,
      passive: options.passive,
      begin: loggedBeginning(begin),
    });
    const input = inputTo<MeshCommand | FileCommand>(
      wiring,
      (command, ref) => {
        if (isFileCommand(command)) return files.command(command, ref);
        if (meetings.command(command, ref)) return;
        if (command.command === "verify" && words.answers(command.name, command.answer, ref)) {
          return;
        }
        const as = command.command === "invite" ? command.as : undefined;
        const pass = () => words.asked(as, ref, () => host?.command(command, ref));
        if (command.command === "quit") {
          return files.leaves(() => {
            presenter.leaving();
            pass();
          });
        }
        pass();
        if (command.command === "history" && host !== null) presenter.pause.answered(host);
      },
      () => host,
    );
    const files = sharedFiles(wiring, () => host, warnBy(ui));
    const listen = () =>
      ui.listen({
        ...input.handler,
        pasted: (line: string) => files.dropped(line),
        brokenOff: () => files.stillServed,
      });
    const presenter = new Presenter(wiring, () => host?.knownNames ?? [], listen, () => {
      const room = host?.room ?? null;
      wiring.first.isIn();
      if (room !== null) files.start(room as string as Hash, `${rooms.folder}/${room}/files`);
      // After the first line, which says where this member listens.
      showNotices(ui, ...identity.takeNotices());
      metering?.tell();
      if (!options.keepsWords) showNotices(ui, FORGETS);
      if (begin.kind === "resume" && options.foundPrivate) {
        showNotices(ui, back(BACK_PRIVATE, options));
      } else if (begin.kind === "resume" && begin.room === rooms.last && !isFurther) {
        showNotices(ui, back(BACK, options), ...alsoOpen(rooms.togetherWith(begin.room)));
      }
      if (begin.kind === "found" && options.passive && options.meet === null) {
        ui.show({ event: "notice", text: FOUNDED_PASSIVE, warning: true });
      } else if (begin.kind === "found" && ui.interactive) {
        const steps = lan === null ? [] : [ANNOUNCED];
        showNotices(ui, ...[...steps, firstSteps(isFurther)].map(ofConsole));
      } else if (
        begin.kind === "join" && ui.interactive &&
        (rooms.last === null || lan?.isGivenUp(rooms.last) === true)
      ) {
        showNotices(ui, joinedText(room === null ? null : rooms.titleNow(room)));
      }
      const isLeft = rooms.last !== null && host?.room !== rooms.last && !isFurther;
      if (isLeft && lan?.isGivenUp(rooms.last) !== true) {
        showNotices(ui, leftBehind(rooms.last, options));
      }
      if (begin.kind === "found" && lan === null && !isFurther && !isLoopback(options.host ?? "")) {
        told = tellOfRooms(wiring, (text) => presenter.notice(text));
      }
      mapping?.start(links.local.port);
      if (!options.passive && config.advertise.fixed !== true) addresses.start();
    }, () => saidPrivately());
    pausing = () => presenter.pause.moves();
    show = (event, ref) => presenter.show(event, ref);
    let saidPrivately: () => readonly RecalledMessage[] = () => [];
    const privately = roomConversations(
      wiring,
      (room) => `${rooms.folder}/${room}`,
      () => host,
      (text) => presenter.notice(text),
    );
    host = new MeshHost(config, {
      ...modePorts(wiring, links),
      clock: COMMON_LINK_CLOCK,
      ...measuring(metering),
      files,
      privateWords: privately,
      pauseInput: (reason) => presenter.pause.machine(reason),
      signer: identity.signer,
      meetings,
      openRoom: async (room) => {
        const port = options.passive ? null : links.local.port;
        const isBack = begin.kind === "resume";
        const wasHere = rooms.all.includes(room);
        const warn = (text: string) => presenter.notice(text);
        const { wallMs } = environment;
        const store = await rooms.openRoom(room, port, wiring.knownPeers, wallMs, warn, isBack);
        const again = shownAgain(options, ui) ?? 0;
        if (again > 0 && wasHere) saidPrivately = await privately.last(again);
        const { close: closeLog } = store;
        const isElsewhere = begin.kind === "join" && begin.invite === undefined &&
          rooms.last !== null && room !== rooms.last;
        const forScripts = options.keepsWords
          ? await ui.keepIn?.(disk, `${rooms.folder}/${room}`, isElsewhere)
          : undefined;
        // Before another process of the profile may be in the room.
        const close = async () => {
          await Promise.all([privately.close(), forScripts?.close()]).finally(() => closeLog());
        };
        const { pin } = store;
        const kept = options.keepsWords ? store : forgettingStore(store, FORGETTING_ROOM);
        return Object.assign(kept, { pin, close });
      },
      show: (event, ref) => {
        if (metering?.takes(event, ref) === true) return;
        if (event.event === "invite" && words.show(event, ref)) return;
        if (event.event === "joined") words.met(event);
        const port = options.passive ? null : links.local.port;
        if (lan === null) presenter.show(event, ref);
        else lan.show(event, ref, presenter, { host: present(host), port, begin, rooms });
        if (event.event === "notice") words.noticed();
      },
      keepAnswer: (answer) => presenter.people.keep(answer),
      proven: (external) => mapping?.proven(external),
    });
    ui.open = {
      get id() {
        return host?.room ?? null;
      },
      get title() {
        const room = host?.room ?? null;
        return room === null ? rooms.start.title : rooms.titleNow(room);
      },
    };
    ui.heedInterrupts(input.leave);
    // In a pipe the first line says where this member listens, and some readers read only that line.
    if (ui.interactive || options.json) {
      presenter.connecting(connectingText(config, lan?.isJoining === true));
    }
    if (lan?.hasAsked === true || wiring.as !== undefined) presenter.listenEarly();
    hosts.add(host);
    return await runHost(links, host).finally(() => {
      lan?.left();
      presenter.stopped();
      words.stop();
      files.close();
    });
  } finally {
    addresses.stop();
    await told?.close();
    if (host !== null) hosts.delete(host);
    await Promise.all([links.shutdown("ended"), mapping?.close()]);
    await meetings.close();
  }
}

/** Tells of announced rooms once the first line is out, if there are any: nobody waits for that. */
function tellOfRooms(
  { options, environment }: Wiring,
  notice: (text: string) => void,
): { close(): Promise<void> } {
  let told: Promise<ToldRooms> | null = null;
  const timer = setTimeout(() => {
    told = import("../discovery/told_rooms.ts").then(({ ToldRooms }) =>
      new ToldRooms(options, environment, notice)
    );
  }, TOLD_AFTER_MS);
  return {
    close: async () => {
      clearTimeout(timer);
      await (await told)?.close();
    },
  };
}

function sharedFiles(
  { disk, environment, identity, knownPeers, options, peace, ui }: Wiring,
  host: () => MeshHost | null,
  warn: (text: string) => void,
): SharedFiles {
  return new SharedFiles({
    ...{ disk, environment, knownPeers, options, ui, warn, signer: identity.signer },
    nameOf: (key) => host()?.nameOf(key) ?? fingerprintOf(key),
    standingOf: (key) => host()?.standingOf(key) ?? "unknown",
    isIgnored: (key) => peace.isIgnored(key),
    isName: (name) => host()?.isName(name) ?? false,
    receiver: (name) => present(host()).receiver(name),
    receiverOfAll: () => null,
    isAbsent: (key) => host()?.isHere(key) === false,
    carrier: () => host()?.carrier ?? null,
  });
}

function present(host: MeshHost | null): MeshHost {
  invariant(host !== null, "the user is heard when the room is there");
  return host;
}

/** @throws {P2pchatError} `usage` where no room is the one that is to be opened; `disk`. */
async function beginning(
  { options, invite, isFurther }: RoomStart,
  rooms: MeshRooms,
): Promise<MeshConfig["begin"]> {
  const last = isFurther ? null : rooms.last; // in which the console is, mostly
  if (options.room !== null) {
    const hint = isFurther ? (await import("./join_options.ts")).machineHint(options.room) : "";
    return { kind: "resume", room: rooms.named(options.room, hint) };
  }
  const contact = options.contact ?? invite?.endpoints[0] ?? null;
  if (contact !== null) {
    // A former member of the room rejoins it, whichever invite is used.
    const known = last !== null && (invite === null || invite.room === last) ? { last } : {};
    const named = options.contact === null ? {} : { named: true } as const;
    const key = options.contactKey === null ? {} : { key: options.contactKey };
    return {
      kind: "join",
      contact,
      ...named,
      ...key,
      kept: rooms.all,
      ...(invite === null ? {} : { invite }),
      ...known,
    };
  }
  const back = options.foundNew ? null : options.foundPrivate ? await rooms.lastPrivate() : last;
  if (back !== null) return { kind: "resume", room: back };
  return { kind: "found", ...(options.foundPrivate ? { private: true } : {}) };
}

/** What to log about how the member begins: without the secret of an invite. */
function loggedBeginning(begin: MeshConfig["begin"]) {
  if (begin.kind !== "join" || begin.invite === undefined) return begin;
  const { kind, contact, invite: { room, endpoints } } = begin;
  return { kind, contact, room, endpoints };
}

function configOf(
  { options, as = options.name, knownPeers, outward, ui }: Pick<
    Wiring,
    "options" | "as" | "knownPeers" | "outward" | "ui"
  >,
  own: ChannelIdentity,
  links: Links,
  begin: MeshConfig["begin"],
): MeshConfig {
  const { port } = links.local;
  const chosen = chosenHost(options);
  const stays = chosen !== null && !options.mapPort;
  return {
    name: as,
    ...(options.data === undefined ? {} : { data: options.data }),
    process: own.static.publicKey.toHex() as ProcessKey,
    advertise: {
      host: chosen ?? ownHost(begin, outward),
      port: options.advertise?.port ?? port,
      ...(stays ? { fixed: true } as const : {}),
    },
    passive: options.passive,
    historyShown: options.historyCount ?? JOINING_HISTORY_DEFAULT,
    historyAgain: shownAgain(options, ui) ?? 0,
    forgets: !options.keepsWords,
    refused: knownPeers.refused(),
    verified: knownPeers.verified(),
    begin,
  };
}

/** The host that the user wants others to use; null where none is given. */
function chosenHost({ advertise, host }: MeshOptions): string | null {
  if (advertise !== null) return advertise.host;
  return host !== null && !isUnspecified(host) ? host : null;
}

/**
 * The host for others to use; null where the member that admits us sees it better. Through a meeting point it sees none.
 */
function ownHost(begin: MeshConfig["begin"], outward: string | null): string | null {
  if (begin.kind === "join" && !isLoopback(begin.contact.host)) {
    const all = [begin.contact, ...begin.invite?.endpoints ?? []];
    if (all.every((each) => meetingPlace(each) === null)) return null;
  }
  return addressOfThisMachine(outward);
}

/**
 * The ports to try: the requested one; otherwise the default one, then any free one. Where this may lead back to a
 * room, first the port used there: its members look for this one at that port, and two members with new ports, or
 * with each other's, wouldn't find each other. None with --passive.
 */
function portsToTry(
  { options: { port, passive }, begin, rooms, isFurther }: Wiring,
): readonly (number | null)[] {
  if (passive) return [null];
  if (port !== null) return [port];
  const usual = isFurther ? [0] : [MESH_PORT_DEFAULT, 0];
  const back = ledBackTo(begin);
  const before = back === undefined ? null : rooms.portOf(back);
  return before === null ? usual : [before, ...usual];
}

/** A code that somebody else's stands in the way of. */
function takenText(number: number): string {
  return `Code ${number} can't be found at the meeting point, where another has that number, or your address too ` +
    "many; /invite --words makes another";
}

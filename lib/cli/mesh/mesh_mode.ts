/** `p2pchat mesh`: connects the mesh machine to sockets, files and the user interface. */

import { isLoopback, isUnspecified } from "../../base/text/endpoints.ts";
import { P2pchatError } from "../../base/errors.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { endpointText, isSameEndpoint, type ProcessKey, type RoomId } from "../../base/ids.ts";
import type { ChannelIdentity } from "../../protocols/noise/identity_handshake.ts";
import { invariant } from "../../base/invariant.ts";
import { LEAVE_MS_MAX, LEAVE_UNTOLD_MS } from "../../base/machine/mode_limits.ts";
import { shownName } from "../../base/text/names.ts";
import { backTo } from "../../protocols/mesh/joining/room_setup.ts";
import type { MeshCommand, MeshEvent } from "../../protocols/mesh/schema/events.ts";
import type { Invite } from "../../protocols/mesh/schema/rotations.ts";
import type { MeshConfig } from "../../protocols/mesh/schema/mesh_io.ts";
import { MeshHost } from "../../runtime/hosts/mesh_host.ts";
import { forwardTo, type Links } from "../../transport/link.ts";
import { openTcpLinks } from "../../transport/tcp/tcp_links.ts";
import { addressOfThisMachine } from "../session/advertised_address.ts";
import { MESH_PORT_DEFAULT } from "../args/options.ts";
import { meshCommands, type MeshCommandSink } from "./mesh_commands.ts";
import { meshLines, type MeshOwnEvent } from "./mesh_rendering.ts";
import { MeshRooms } from "./mesh_rooms.ts";
import { InputPause, inputTo, modePorts, runMode } from "../session/run_mode.ts";
import { joiningInvite, type MeshOptions } from "./mesh_arguments.ts";
import { processStreams } from "../streams/streams.ts";
import {
  channelIdentity,
  logStarted,
  type Session,
  showNotices,
  warnBy,
  withSession,
} from "../session/mode_session.ts";
import { People } from "../credentials/people.ts";

/** Notices about which room this is; scripts get only those they don't know from events. */
const BACK = "This is the room you were in last; --new founds another";
const FOUNDED =
  "You founded a new room; nobody else is here yet. Anybody who reaches this address can come in and read " +
  "(--private keeps all out who have no invite). /help lists the commands, :q leaves.";

const FIRST_ROOM = "You joined the room. /help lists the commands, :q leaves.";

const FOUNDED_PRIVATE =
  "You founded a private room; nobody else is here yet. /invite shows what others need, :q leaves.";

const FOUNDED_PASSIVE =
  "Nobody can join the room you founded, as --passive accepts no connections; start again without it to let others in";

/** A warning to users who join another room than the last, perhaps with a command from the shell's history. */
function leftBehind(last: RoomId, name: string): string {
  return "This is another room than the one you were in last. What waits there is sent when you go back, with: " +
    backTo(last, name);
}

/** What ends sooner needs no line, and no prompt before the first line. */
const CONNECTING_TOLD_MS = 1_000;

/** Why lines wait that are entered while connecting. */
const NOT_IN = "you aren't in the room yet";

/** The progress text while connecting; null where nobody is dialled. */
function connectingText({ begin }: MeshConfig): string | null {
  if (begin.kind !== "join") return null;
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
  await withSession(options, { folder: options, lockMode: "mesh" }, mode, async (session) => {
    const { disk, folder } = session;
    const rooms = await MeshRooms.open(disk, `${folder}/mesh`);
    await chat({ ...session, options, invite, rooms });
  });
}

interface Wiring extends Session<MeshOwnEvent, MeshCommandSink> {
  readonly options: MeshOptions;
  /** The invite with which we join; null where there is none. */
  readonly invite: Invite | null;
  readonly rooms: MeshRooms;
}

async function chat(wiring: Wiring): Promise<void> {
  const { options, environment, identity, rooms, ui } = wiring;
  let host: MeshHost | null = null;
  const handler = forwardTo(() => host);
  const begin = beginning(options, wiring.invite, rooms);
  const own = channelIdentity(wiring);
  const links = listen(options.host, portsToTry(options, begin, rooms.lastPort), {
    identity: own,
    env: environment,
    warn: warnBy(ui),
    access: {
      mode: "mesh",
      get room() {
        return host?.room ?? null;
      },
      get secrets() {
        return host?.secrets ?? null;
      },
      admit: (peer, secret) => host?.admit(peer, secret) ?? null,
    },
    handler,
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
    const input = inputTo<MeshCommand>(environment.log, (command, ref) => {
      if (command.command === "quit") presenter.leaving();
      host?.command(command, ref);
    }, () => host);
    const listen = () => ui.listen(input.handler);
    const presenter = new Presenter(wiring, () => host?.knownNames ?? [], listen, () => {
      // After the first line, which says where this member listens.
      showNotices(ui, ...identity.takeNotices());
      if (begin.kind === "resume" && begin.room === rooms.last) showNotices(ui, BACK);
      if (begin.kind === "found" && options.passive) {
        ui.show({ event: "notice", text: FOUNDED_PASSIVE, warning: true });
      } else if (begin.kind === "found" && ui.interactive) {
        showNotices(ui, begin.private ? FOUNDED_PRIVATE : FOUNDED);
      } else if (begin.kind === "join" && ui.interactive && rooms.last === null) {
        showNotices(ui, FIRST_ROOM);
      }
      if (rooms.last !== null && host?.room !== rooms.last) {
        showNotices(ui, leftBehind(rooms.last, options.name));
      }
    });
    host = new MeshHost(config, {
      ...modePorts(wiring, links),
      pauseInput: (reason) => presenter.pause.machine(reason),
      signer: identity.signer,
      openRoom: (room) => {
        const port = options.passive ? null : links.local.port;
        const isBack = begin.kind === "resume";
        const warn = (text: string) => presenter.notice(text);
        return rooms.openRoom(room, port, wiring.knownPeers, environment.wallMs, warn, isBack);
      },
      show: (event, ref) => presenter.show(event, ref),
      keepAnswer: (answer) => presenter.people.keep(answer),
    });
    ui.heedInterrupts(input.leave);
    // In a pipe the first line says where this member listens, and some readers read only that line.
    if (ui.interactive || options.json) presenter.connecting(connectingText(config));
    await runMode(wiring, links, host).finally(() => presenter.stopped());
  } finally {
    await links.shutdown("ended");
  }
}

interface ShownNotice {
  readonly event: Extract<MeshEvent, { readonly event: "notice" }>;
  readonly ref: string | undefined;
}

/**
 * Shows events, keeps prompt and completion up to date, and starts listening for input: when ready, or at a terminal
 * once connecting takes long, so that lines can be written meanwhile.
 */
class Presenter {
  /** Names of the members present, by fingerprint; bounded by the roster. */
  readonly #names = new Map<string, string>();
  readonly #key: string;
  /** Notices that wait for the first line; null after it was shown. Bounded by the roster. */
  #held: ShownNotice[] | null = [];
  /** Receivers of the user's private messages that wait, by message; bounded by the number that may wait. */
  readonly #unconfirmed = new Map<string, string>();
  #leavingTimer: ReturnType<typeof setTimeout> | undefined;
  #connectingTimer: ReturnType<typeof setTimeout> | undefined;
  #isListening = false;
  readonly people: People<MeshEvent>;
  /** Back pressure of the room, and before it that of connecting. */
  readonly pause: InputPause;

  /**
   * @param known Names of all who can be written to, present or not.
   * @param listen Starts reading input.
   * @param greet Shows what follows the first line.
   */
  constructor(
    readonly wiring: Wiring,
    readonly known: () => readonly string[],
    readonly listen: () => void,
    readonly greet: () => void,
  ) {
    this.#key = fingerprintOf(wiring.identity.signer.key);
    this.pause = new InputPause(wiring.ui);
    this.people = new People(wiring, wiring.options.name);
  }

  show(event: MeshEvent, ref: string | undefined): void {
    const { ui } = this.wiring;
    if (event.event === "notice" && this.#isFirstLineAwaited) return this.#hold({ event, ref });
    this.people.show(event, ref);
    switch (event.event) {
      case "ready":
        clearTimeout(this.#connectingTimer);
        this.#listenAs(event.name);
        ui.setNames(() => [...this.#names.values()], this.known);
        this.greet();
        this.#showHeld();
        return this.pause.early(null);
      case "joined":
        this.#names.set(event.key, event.name);
        return;
      case "delivery":
        if (event.state === "queued") this.#unconfirmed.set(event.id, event.to);
        else this.#unconfirmed.delete(event.id);
        return;
      case "left":
        this.#names.delete(event.key);
        return;
      case "renamed":
        if (event.key === this.#key) return ui.setPrompt(shownName(event.name), event.name);
        this.#names.set(event.key, event.name);
        return;
    }
  }

  /** Shows a notice, but not before the first line. */
  notice(text: string): void {
    this.#hold({ event: { event: "notice", text }, ref: undefined });
  }

  #listenAs(name: string): void {
    this.wiring.ui.setPrompt(shownName(name), name);
    if (!this.#isListening) this.listen();
    this.#isListening = true;
  }

  /** Whether a reader takes the first line of standard output for the one that says where this member listens. */
  get #isFirstLineAwaited(): boolean {
    const { ui, options } = this.wiring;
    return this.#held !== null && !ui.interactive && !options.json;
  }

  #hold(notice: ShownNotice): void {
    if (this.#held === null) this.people.show(notice.event, notice.ref);
    else this.#held.push(notice);
  }

  #showHeld(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const { event, ref } of held) this.people.show(event, ref);
  }

  /** The user has asked to leave. */
  leaving(): void {
    this.#leavingTimer ??= setTimeout(() => {
      const here = new Set(this.#names.values());
      const names = [...new Set(this.#unconfirmed.values())].filter((name) => here.has(name));
      if (names.length === 0) return;
      const text = `Leaving; waiting up to ${LEAVE_MS_MAX / 1_000} s for ${
        names.map(shownName).join(", ")
      } to confirm`;
      showNotices(this.wiring.ui, text);
    }, LEAVE_UNTOLD_MS);
  }

  /** Nobody has answered yet: shows the progress text. */
  connecting(text: string | null): void {
    if (text === null) return;
    const { options, ui } = this.wiring;
    this.#connectingTimer = setTimeout(() => {
      showNotices(ui, text);
      if (!ui.interactive) return;
      this.pause.early(NOT_IN);
      this.#listenAs(options.name);
    }, CONNECTING_TOLD_MS);
  }

  stopped(): void {
    this.#showHeld();
    clearTimeout(this.#leavingTimer);
    clearTimeout(this.#connectingTimer);
  }
}

function beginning(
  options: MeshOptions,
  invite: Invite | null,
  rooms: MeshRooms,
): MeshConfig["begin"] {
  const { last } = rooms;
  if (options.room !== null) return { kind: "resume", room: rooms.named(options.room) };
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
      ...(invite === null ? {} : { invite, kept: rooms.all.includes(invite.room) }),
      ...known,
    };
  }
  if (!options.foundNew && last !== null) return { kind: "resume", room: last };
  return { kind: "found", ...(options.foundPrivate ? { private: true } : {}) };
}

/** What to log about how the member begins: without the secret of an invite. */
function loggedBeginning(begin: MeshConfig["begin"]) {
  if (begin.kind !== "join" || begin.invite === undefined) return begin;
  const { kind, contact, invite: { room, endpoints } } = begin;
  return { kind, contact, room, endpoints };
}

function configOf(
  { options, knownPeers, outward }: Pick<Wiring, "options" | "knownPeers" | "outward">,
  own: ChannelIdentity,
  links: Links,
  begin: MeshConfig["begin"],
): MeshConfig {
  const { port } = links.local;
  const chosen = chosenHost(options);
  return {
    name: options.name,
    process: own.static.publicKey.toHex() as ProcessKey,
    advertise: {
      host: chosen ?? ownHost(begin, outward),
      port: options.advertise?.port ?? port,
      ...(chosen === null ? {} : { fixed: true }),
    },
    passive: options.passive,
    historyShown: options.historyCount,
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

/** The host for others to use; null where the member that admits us sees it better. */
function ownHost(begin: MeshConfig["begin"], outward: string | null): string | null {
  if (begin.kind === "join" && !isLoopback(begin.contact.host)) return null;
  return addressOfThisMachine(outward);
}

type LinkOptions = Omit<Parameters<typeof openTcpLinks>[0], "host" | "port">;

/**
 * The ports to try: the requested one; otherwise the default one, then any free one. Where this may lead back to the
 * last room, first the port used there: its members look for this one at that port, and two members with new ports, or
 * with each other's, wouldn't find each other. None with --passive.
 */
function portsToTry(
  { port, passive }: MeshOptions,
  begin: MeshConfig["begin"],
  lastPort: number | null,
): readonly (number | null)[] {
  if (passive) return [null];
  if (port !== null) return [port];
  const usual = [MESH_PORT_DEFAULT, 0];
  const mayBeBack = begin.kind === "resume" || (begin.kind === "join" && begin.last !== undefined);
  return mayBeBack && lastPort !== null ? [lastPort, ...usual] : usual;
}

/** Listens at the first of these ports that is free. */
function listen(host: string | null, ports: readonly (number | null)[], link: LinkOptions): Links {
  const [port, ...others] = ports;
  invariant(port !== undefined, "there is a port to try");
  try {
    return openTcpLinks({ ...link, host, port });
  } catch (error) {
    const isTaken = error instanceof P2pchatError && error.code === "port-in-use";
    if (!isTaken || others.length === 0) throw error;
    return listen(host, others, link);
  }
}

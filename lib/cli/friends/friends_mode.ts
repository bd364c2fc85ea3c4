/** `p2pchat peer --users`: connects the friends' machine to sockets, files and the user interface. */

import { P2pchatError } from "../../base/errors.ts";
import { type Endpoint, endpointText } from "../../base/ids.ts";
import { isSameName, shownName } from "../../base/text/names.ts";
import type { FriendsCommand, FriendsEvent } from "../../protocols/friends/events.ts";
import { FORGETTING_FRIENDS } from "../../protocols/friends/records.ts";
import { FriendsHost, type FriendsStore } from "../../runtime/hosts/friends_host.ts";
import type { KeepPin } from "../../runtime/hosts/mode_host.ts";
import { contactCard } from "../../store/users/contact_card.ts";
import { UserInfoWatch } from "../../store/users/user_info_file.ts";
import { HostSet } from "../../transport/sockets.ts";
import { forwardTo, type Links, openTo } from "../../transport/link.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { openTcpLinks } from "../../transport/tcp/tcp_links.ts";
import { type FileCommand, isFileCommand } from "../files/file_events.ts";
import { SharedFiles } from "../files/shared_files.ts";
import type { MappedPort } from "../routers/mapped_port.ts";
import type { FriendsOptions } from "./friends_arguments.ts";
import { unsealing } from "../credentials/unsealing.ts";
import { People } from "../credentials/people.ts";
import { pinsIn } from "../credentials/pinned_keys.ts";
import type { Advice, KeptPlace, Mode } from "../rendering/user_interface.ts";
import type { OwnEventOf } from "../rendering/verify_rendering.ts";
import { FORGETS, forgettingStore } from "../session/forgetting_store.ts";
import { InputPause, inputTo, modePorts, runMode } from "../session/run_mode.ts";
import {
  channelIdentity,
  FIRST_STEPS,
  logStarted,
  type Session,
  showError,
  showFailure,
  showNotices,
  warnBy,
  withSession,
} from "../session/mode_session.ts";
import { realTablePath } from "../session/table_path.ts";
import { openAskedDoors } from "../opened_doors/asked_doors.ts";
import { type FriendsCommandSink, friendsCommandTable, Reply } from "./friends_commands.ts";
import { FriendsHistory, SaidWords } from "./friends_history.ts";
import { friendsLines, type FriendsOwnEvent } from "./friends_rendering.ts";
import { expectedKeys, friendsScope, otherKeyText, takeOverPins } from "./friends_pins.ts";
import { openFriends } from "./friends_store.ts";
import type { Contact } from "../../store/users/contact_card.ts";
import { type AddCommand, addContact } from "./contacts.ts";
import { OwnLines } from "./own_lines.ts";
import { Partner, type ToCommand } from "./partner.ts";
import {
  checkOwnKey,
  friendsOf,
  type FriendsTable,
  OwnPort,
  portError,
  readFriendsTable,
  TableFollower,
} from "./table_follower.ts";

/**
 * Runs until the user leaves.
 * @throws {P2pchatError} The reason if it ends otherwise; `bad-file` before anything starts.
 */
export async function runFriends(options: FriendsOptions): Promise<void> {
  const { file } = options;
  const { bytes, table } = await readFriendsTable(file, options.own, options.data);
  const { own } = table;
  // A script says to whom.
  const partner = new Partner(own.name, file, !options.json);
  const late: { files: SharedFiles | null } = { files: null };
  const example = shownName(friendsOf(table)[0]?.name ?? "bob");
  const mode: Mode<FriendsOwnEvent, FriendsCommandSink> = {
    commands: friendsCommandTable(example, partner),
    render: (event, context) => friendsLines(event, context, own.name),
  };
  await withSession(
    options,
    {
      folder: { dataFolder: options.dataFolder, name: own.name },
      mode: "friends",
      unseal: unsealing(options, own.name),
      keepsTyped: options.keepsWords,
    },
    mode,
    async (session) => {
      await openAskedDoors(session, options, "friends", () => mode.render);
      // Where the row has another key, the user is told this one, to be put there: it stays.
      if (own.fingerprint !== null) session.first.asks();
      checkOwnKey(file, own, session.identity);
      const reply = new Reply((expansion) => session.ui.setExpansion(expansion));
      const lines = session.ui.interactive ? ownLines(session, partner, options) : null;
      await chat({ ...session, options, bytes, table, reply, partner, lines, late });
    },
  );
}

interface Wiring extends Session<FriendsOwnEvent, FriendsCommandSink> {
  readonly options: FriendsOptions;
  /** The table, as bytes and parsed. */
  readonly bytes: Uint8Array;
  readonly table: FriendsTable;
  /** The meaning of `r/` at a terminal. */
  readonly reply: Reply;
  readonly partner: Partner;
  /** What the user says, at a terminal; else null. */
  readonly lines: OwnLines | null;
  /** Files, once there is a host that carries them. */
  readonly late: { files: SharedFiles | null };
}

async function chat(wiring: Wiring): Promise<void> {
  const { options, table, disk, folder, environment, ui } = wiring;
  const path = await realTablePath(options.file);
  const opened = await openFriends(disk, `${folder}/friends`, path);
  const store = options.keepsWords
    ? opened.store
    : forgettingStore(opened.store, FORGETTING_FRIENDS);
  const hosts = new HostSet(hostsOf(table));
  const firstSteps = opened.isFirst && ui.interactive ? [FIRST_STEPS] : [];
  const scope = friendsScope(path);
  const known = opened.isNew ? keysFromOtherTables(wiring, scope) : NO_KEYS;
  const costs = options.keepsWords ? [] : [FORGETS];
  const notices = [...costs, ...opened.notices, ...known.notices, ...firstSteps];
  const history = await FriendsHistory.open(
    wiring,
    table.own.name,
    opened.folder,
    store,
    warnBy(ui),
  );
  let noted: Promise<unknown> = Promise.resolve();
  let added: Promise<void> = Promise.resolve();
  let host: FriendsHost | null = null;
  let links: Links | null = null;
  const mapping = options.mapPort ? await mappedPort(wiring) : null;
  const handler = forwardTo(() => host);
  let forScripts: KeptPlace | undefined;
  try {
    if (options.keepsWords) forScripts = await ui.keepIn?.(disk, opened.folder);
    links = listen(options, table, {
      identity: channelIdentity(wiring),
      env: environment,
      warn: warnBy(ui),
      access: { ...openTo("friends"), prefers: (host) => hosts.has(host) },
      handler: mapping?.noticing(handler) ?? handler,
    });
    const { port: listened } = links.local;
    logStarted(wiring, "peer", {
      name: table.own.name,
      listening: endpointText(links.local),
      users: path,
      friends: table.rows.length - 1,
    });
    const port = ownPort(wiring, links);
    const kept = { store, notices, scope, history, files: `${opened.folder}/files` };
    const begun = () => {
      port.follow(table);
      mapping?.start(listened);
      noted = known.written.then(opened.noteUse, () => {}); // such a failure is shown elsewhere
      showFailure(ui, noted);
    };
    const dialled = () => mapping?.announced ?? port.dialled ?? table.own.endpoint;
    const friends = hostOf(wiring, links, kept, {
      begun,
      dialled,
      reread: () => watch.reread(),
      adding: (written) => added = written,
    });
    host = friends;
    const watch: UserInfoWatch = followTable(wiring, friends, port, hosts);
    const run = async () => {
      try {
        return await friends.run();
      } finally {
        await added;
        wiring.late.files?.close();
        watch.close();
      }
    };
    await runMode(wiring, links, { run, command: (command, ref) => friends.command(command, ref) });
  } finally {
    wiring.lines?.close();
    await Promise.all([links?.shutdown("ended"), mapping?.close()]);
    await noted.catch(() => {}); // the failure is shown elsewhere
    await forScripts?.close();
    await history.close().finally(() => store.close());
  }
}

/** Friends are asked for nothing: who has come in from elsewhere has shown it, and so does a dial of our own. */
async function mappedPort({ environment, identity, ui }: Wiring): Promise<MappedPort> {
  const { MappedPort } = await import("../routers/mapped_port.ts");
  return new MappedPort({
    environment,
    transports: ["tcp"],
    notice: (text) => showNotices(ui, text),
    warn: warnBy(ui),
    joinedBy: () => "give them your line anew (/whoami)",
    self: { mode: "friends", key: identity.signer.key, secret: () => null },
  });
}

/** Keys taken over from other tables. */
interface TakenKeys {
  /** Notices about these keys. */
  readonly notices: readonly string[];
  /** Until this resolves, a restart must treat the table as not used before. */
  readonly written: Promise<unknown>;
}

const NO_KEYS: TakenKeys = { notices: [], written: Promise.resolve() };

function keysFromOtherTables({ knownPeers, table, ui }: Wiring, scope: string): TakenKeys {
  const { notice, written } = takeOverPins(knownPeers, scope, friendsOf(table));
  showFailure(ui, written);
  return { notices: notice === null ? [] : [notice], written };
}

type LinkOptions = Omit<Parameters<typeof openTcpLinks>[0], "host" | "port">;

/** Opens the links. @throws {P2pchatError} `port-in-use` or `unreachable`. */
function listen(
  { host, port, file }: FriendsOptions,
  { own }: FriendsTable,
  link: LinkOptions,
): Links {
  try {
    return openTcpLinks({ ...link, host, port: port ?? own.endpoint.port });
  } catch (error) {
    if (port !== null || !(error instanceof P2pchatError)) throw error;
    throw portError(error, own.endpoint.port, file);
  }
}

/** The stored data of these friends. */
interface Kept {
  readonly store: FriendsStore;
  readonly history: FriendsHistory;
  /** Notices to show after the start. */
  readonly notices: readonly (string | Advice)[];
  /** The scope of their keys in `known_peers`. */
  readonly scope: string;
  /** Where what is known of files goes. */
  readonly files: string;
}

interface Surroundings {
  /** Called when the host has shown that it is ready. */
  begun(): void;
  /** Where friends dial the user. */
  dialled(): Endpoint;
  /** Reads the table again, and applies what has changed. */
  reread(): Promise<void>;
  /** Something is being written: the program must not end before. */
  adding(written: Promise<void>): void;
}

function hostOf(
  wiring: Wiring,
  links: Links,
  { store, notices, scope, history, files: filesFolder }: Kept,
  { begun, dialled, reread, adding }: Surroundings,
): FriendsHost {
  const { options, table, identity, knownPeers, ui, reply, partner, lines } = wiring;
  const files: SharedFiles = sharedFiles(wiring, () => host);
  wiring.late.files = files;
  const pause = new InputPause(ui);
  const add = async (card: Contact, ref: string | undefined) => {
    const own = { name: table.own.name, fingerprint: identity.fingerprint };
    ui.show(await addContact({ options, own, reread }, card), ref);
  };
  const input = inputTo<FriendsCommand | FileCommand | ToCommand | AddCommand>(
    wiring,
    (command, ref) => {
      if (isFileCommand(command)) return files.command(command, ref);
      if (command.command === "add") {
        const done = pause.moves(); // what follows may be for the new friend
        return adding(showFailure(ui, add(command.card, ref), ref).finally(done));
      }
      if (command.command !== "to") {
        const asked = lines === null ? ref : lines.asked(command, ref);
        const pass = () => host.command(command, asked);
        return command.command === "quit" ? files.leaves(pass) : pass();
      }
      const told = partner.to(command.name);
      host.answer(() => ui.show(told, ref));
    },
    () => host,
  );
  const people = new People<FriendsEvent>(wiring, table.own.name);
  const said = ui.showSaid === undefined ? null : new SaidWords({
    words: history.words,
    ownName: () => table.own.name,
    show: (event, ref) => ui.showSaid!(event as OwnEventOf<FriendsEvent>, ref),
  });
  wiring.peace.keyNamed = (name) =>
    knownPeers.pinOf(scope, name)?.fingerprint ??
      friendsOf(table).find((row) => isSameName(row.name, name))?.fingerprint ?? null;
  const show = (event: FriendsEvent, given: string | undefined) => {
    const ref = lines === null ? given : lines.before(event, given);
    said?.before(event, ref);
    if (event.event === "friends") {
      people.show({ ...event, self: { ...event.self, ...dialled() } }, ref);
      return;
    }
    if (event.event === "whois" && event.self) {
      people.show({ ...event, ...dialled(), line: ownLine(wiring, dialled()) }, ref);
      return;
    }
    if (!people.show(event, ref)) return;
    if (event.event === "message" && !event.self) reply.wrote(event.from);
    if (event.event !== "ready") return;
    wiring.first.isIn();
    offerNames(wiring, event.names);
    partner.follow((to) => {
      const own = shownName(event.name);
      ui.setPrompt(to === null ? own : `${own} -> ${shownName(to)}`, event.name);
    });
    files.start(null, filesFolder);
    showNotices(ui, ...identity.takeNotices(), ...notices);
    history.showAgain((event) => {
      if (event.event === "returned") ui.show(event);
      else people.show(event, undefined);
    });
    begun();
    ui.listen({
      ...input.handler,
      pasted: (line: string) => files.dropped(line),
      brokenOff: () => files.stillServed,
    });
  };
  const write = pinsIn(wiring, scope);
  const pin: KeepPin = (met) => {
    const { name, key, again } = met;
    const text = again ? null : otherKeyText(knownPeers, scope, name, key);
    if (text !== null) showNotices(ui, text);
    return write(met);
  };
  const config = {
    name: table.own.name,
    listening: { host: table.own.endpoint.host, port: links.local.port },
    users: options.file,
    friends: friendsOf(table),
    pins: expectedKeys(knownPeers, scope, friendsOf(table)),
    refused: knownPeers.refused(),
    idleMs: options.idleMs,
    queue: options.queue,
    forgets: !options.keepsWords,
  };
  const { signer } = identity;
  const host: FriendsHost = new FriendsHost(config, {
    ...modePorts(wiring, links),
    files,
    pauseInput: (reason) => pause.machine(reason),
    signer,
    store,
    show,
    keepAnswer: (answer) => people.keep(answer),
    pin,
    privateWords: said ?? history.words,
  });
  ui.heedInterrupts(input.leave);
  return host;
}

function sharedFiles(
  { disk, environment, identity, knownPeers, options, partner, peace, table, ui }: Wiring,
  host: () => FriendsHost,
): SharedFiles {
  return new SharedFiles({
    ...{ disk, environment, knownPeers, options, ui, warn: warnBy(ui), signer: identity.signer },
    nameOf: (key) => key === identity.signer.key ? table.own.name : host().nameOf(key),
    isIgnored: (key) => peace.isIgnored(key),
    isName: (name) => host().isFriend(name),
    receiver: (name) => host().receiver(name),
    receiverOfAll() {
      if (partner.present !== null) return host().receiver(partner.present);
      throw new P2pchatError("usage", "To whom? Name a friend: /send NAME FILE");
    },
    needs: (peer, need) => host().fileNeed(peer, need),
    carrier: () => host().carrier,
  });
}

/** The user's own row, for the tables of friends. */
function ownLine({ table, identity }: Wiring, endpoint: Endpoint): string {
  return contactCard({ name: table.own.name, endpoint, fingerprint: identity.fingerprint });
}

function offerNames({ ui, reply, partner }: Wiring, names: readonly string[]): void {
  ui.setNames(() => names);
  reply.table(names);
  const lost = partner.table(names);
  if (lost !== null) showNotices(ui, lost);
}

/** Shows what the user says, with whether it has arrived. */
function ownLines(
  { ui, environment }: Session<FriendsOwnEvent, FriendsCommandSink>,
  partner: Partner,
  { plain }: FriendsOptions,
): OwnLines {
  return new OwnLines({
    clock: SYSTEM_LINK_CLOCK,
    wallMs: environment.wallMs,
    listed: (name) => partner.listed(name),
    show: (event) => ui.show(event),
    // Somebody who has it read out isn't to hear each line twice.
    progress: (text) => plain ? undefined : ui.progress(text),
  });
}

/** Applies edits of the table while the program runs. */
function followTable(
  wiring: Wiring,
  host: FriendsHost,
  port: OwnPort,
  hosts: HostSet,
): UserInfoWatch {
  const { options: { file }, disk, bytes, table, identity, ui } = wiring;
  const follower = new TableFollower(file, table, identity, {
    isDisputed: (friend) => host.isDisputed(friend),
    edited(now) {
      const friends = friendsOf(now);
      host.table(friends);
      hosts.set(hostsOf(now));
      offerNames(wiring, friends.map(({ name }) => name));
      port.follow(now);
    },
    notice: (text, names) => ui.show({ event: "notice", text, names }),
    failed: (error) => showError(ui, error),
    trouble: (text) => host.trouble("table", text),
  });
  return new UserInfoWatch(disk, file, bytes, SYSTEM_LINK_CLOCK, follower);
}

function ownPort(
  { options, ui, environment }: Wiring,
  links: Links,
): OwnPort {
  return new OwnPort({
    links,
    file: options.file,
    isFixed: options.port !== null,
    notice(text) {
      environment.log.info("own port", { text, listening: endpointText(links.local) });
      showNotices(ui, text);
    },
  });
}

/** The hosts of the friends, whose connections have priority when many connect at once. */
function hostsOf(table: FriendsTable): readonly string[] {
  return friendsOf(table).map(({ endpoint }) => endpoint.host);
}

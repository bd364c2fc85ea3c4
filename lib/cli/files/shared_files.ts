/**
 * Files in one room, call or circle of friends, as its mode has them: what the user asks and is told, and which links
 * carry them. The machine, its files and its messages are loaded when there is a use for them: the user's command, an
 * earlier process's files, or somebody's message.
 */

import { resolve } from "node:path";
import { dropOldest } from "../../base/collections/bounded.ts";
import type { Signer } from "../../base/crypto/crypto.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { Hash, LinkId, OfferId, PeerKey } from "../../base/ids.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { shownName } from "../../base/text/names.ts";
import { fileNameText } from "../../base/text/text.ts";
import { sizeText } from "../../base/text/words.ts";
import type { Environment } from "../../base/machine/environment.ts";
import type { TransferEvent } from "../../protocols/transfer/events.ts";
import { OFFERS_EACH_MAX, OFFERS_MAX } from "../../protocols/transfer/limits.ts";
import type { OpenOffer, Standing } from "../../protocols/transfer/offers.ts";
import type { ListedFile } from "../../protocols/transfer/transfers.ts";
import type { FrameCarrier } from "../../runtime/hosts/file_carriage.ts";
import type { Disk } from "../../store/disk/disk.ts";
import type { KnownPeers } from "../../store/profile/known_peers.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import type { CommonEvent } from "../rendering/user_interface.ts";
import { droppedPaths, isPageCopy, nameIn, openToSend } from "./file_to_send.ts";
import { pathTyped } from "./path_typed.ts";
import { downloadsOf, type SharingOptions } from "./file_arguments.ts";
import type { FileCommand, FileEvent, FileView } from "./file_events.ts";
import type { OpenTransfers } from "./open_transfers.ts";
import { isQuiet, progressOf, QUIET_MS } from "./file_rendering.ts";

/** Frames that wait while the machine is loaded: more than anybody sends in that time. */
const WAITING_MAX = 1_024;
/** What couldn't be loaded, as the disk is full, is tried again after this, where nobody asks for it. */
const LOAD_AGAIN_MS = 10_000;
/** From this size on it is told that a file is read first: nothing is to be seen for some seconds. */
const READ_LONG_BYTES = 100_000_000;
/** As many that are being fetched are named to who wants to leave: it is one line. */
const SERVED_TOLD_MAX = 3;
/** Offers whose names are remembered: all that are open, and as many that lines may still be about. */
const SHOWN_MAX = 2 * OFFERS_MAX;
/** What is being read when a script ends is waited for so long, as what it said is. */
const PREPARED_MS = 10_000;

interface SharingPorts {
  readonly disk: Disk;
  readonly environment: Environment;
  readonly signer: Signer;
  readonly options: SharingOptions;
  readonly ui: {
    readonly interactive: boolean;
    show(event: FileEvent | CommonEvent, ref?: string): void;
    progress(text: string | null): void;
  };
  readonly knownPeers: Pick<KnownPeers, "refused">;
  /** The name under which a key is shown. */
  nameOf(key: PeerKey): string;
  /** See `TransferConfig`. */
  readonly standingOf?: (key: PeerKey) => Standing;
  /** Whether nothing is shown of what this key says. */
  isIgnored(key: string): boolean;
  /** Whether somebody has this name. */
  isName(name: string): boolean;
  /** Whom the user means. @throws {P2pchatError} `unknown-user`. */
  receiver(name: string): Receiver;
  /** Who is meant where nobody is named; null: all. @throws {P2pchatError} Where somebody has to be named. */
  receiverOfAll(): Receiver | null;
  /** What a file that this one alone has waits for, in words; absent where that is the person. */
  chanceOf?(name: string): string;
  /** Whether this one isn't there now, and is offered files once back; absent where `needs` tells so. */
  isAbsent?(peer: PeerKey): boolean;
  /** A link to this one is needed for files, or no longer; absent where links don't depend on that. */
  needs?(peer: PeerKey, need: "held" | "free" | "told" | "restored"): void;
  /** Sends and penalises; see `TransferHost`. */
  readonly carrier: () => FrameCarrier | null;
  /** Tells the user what is wrong. */
  warn(text: string): void;
}

type CommandOf<Name extends FileCommand["command"]> = Extract<
  FileCommand,
  { readonly command: Name }
>;

/** Somebody's key; where it isn't known before that one is there, what waits for that. */
type Receiver = PeerKey | Promise<PeerKey> | (() => Promise<PeerKey>);

/** @throws {P2pchatError} Where that one can't be waited for. */
async function keyOf(receiver: Receiver | null): Promise<PeerKey | null> {
  return await (typeof receiver === "function" ? receiver() : receiver);
}

/** A file to be offered, and to whom; null: to all. */
interface Outgoing {
  readonly source: string;
  readonly size: number;
  readonly to: PeerKey | null;
}

export class SharedFiles {
  readonly #ports: SharingPorts;
  readonly #downloads: string | null;
  #links: ReadonlyMap<PeerKey, LinkId> = new Map();
  /** Where the files belong; null before that is known. */
  #place: { readonly context: Hash | null; readonly folder: string } | null = null;
  /** Null where it wasn't tried, or has failed. */
  #loading: Promise<OpenTransfers | null> | null = null;
  /** When it may be tried again unasked; of the failures before that the first one was told. */
  #againMs: number | null = null;
  #open: OpenTransfers | null = null;
  readonly #waiting: (readonly [PeerKey, Uint8Array])[] = [];
  readonly #offers = new Map<number, Extract<FileEvent, { readonly event: "offer" }>>();
  /** What is about to be offered, by the `ref` that the machine has for it. */
  readonly #preparing = new Map<
    string,
    { readonly name: string; readonly ref: string | undefined }
  >();
  /** Leaves, once all of that is offered; null: nobody wants to leave. */
  #prepared: (() => void) | null = null;
  /** What is fetched: how many bytes are here, how many were when it was begun, when that was, and when the last came. */
  readonly #fetching = new Map<
    number,
    Readonly<Record<"bytes" | "first" | "sinceMs" | "lastMs", number>>
  >();
  /** Tells that nothing comes any more. */
  #quiet: ReturnType<typeof setTimeout> | undefined;
  /** What the user doesn't want, or no longer, as of this start: `cancel`. */
  readonly #unwanted = new Set<number>();
  /** Of files that are fetched from one person alone, that one. */
  readonly #held = new Map<number, PeerKey>();
  #isRestoring = false;
  #isClosed = false;

  constructor(ports: SharingPorts) {
    this.#ports = ports;
    this.#downloads = downloadsOf(ports.options, ports.ui.interactive);
  }

  /**
   * It is known where the files belong: takes up what an earlier process had.
   * @param context The room; null where each two people are alone with theirs.
   */
  async start(context: Hash | null, folder: string): Promise<void> {
    if (this.#place !== null) return;
    this.#place = { context, folder };
    const { disk } = this.#ports;
    try {
      if (await disk.stat(`${folder}/offers`) !== null || this.#waiting.length > 0) {
        this.#loadUnasked();
      }
    } catch (error) {
      this.#refused(error, undefined);
    }
  }

  // From the mode's host.

  /** The links to those who may be sent files. */
  peers(links: ReadonlyMap<PeerKey, LinkId>): void {
    const before = this.#links;
    this.#links = new Map(links);
    const host = this.#open?.host;
    for (const [peer, link] of before) if (links.get(peer) !== link) host?.linkDown(peer);
    for (const [peer, link] of links) if (before.get(peer) !== link) host?.linkUp(peer);
  }

  frame(peer: PeerKey, body: Uint8Array): void {
    if (this.#open !== null) return this.#open.host.frame(peer, body);
    if (this.#waiting.length < WAITING_MAX) this.#waiting.push([peer, body.slice()]);
    if (this.#place !== null) this.#loadUnasked();
  }

  drained(peer: PeerKey): void {
    this.#open?.host.drained(peer);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#quiet);
    this.#open?.close();
  }

  // From the user.

  command(command: FileCommand, ref: string | undefined): void {
    this.#perform(command, ref).catch((error) => this.#refused(error, ref));
  }

  /** What others are fetching from here, or is about to be offered, which leaving would break off; null: nothing. */
  get stillServed(): string | null {
    const served = this.#open?.host.served ?? [];
    const told = served.slice(0, SERVED_TOLD_MAX).map(({ peer, offer: { name }, percent }) =>
      `${shownName(this.#ports.nameOf(peer))} is still fetching ${
        fileNameText(name)
      } (${percent} %)`
    );
    const more = served.length - told.length;
    if (more > 0) told.push(`and ${more} more`);
    for (const { name } of this.#preparing.values()) told.push(`${name} is still being read`);
    return told.length === 0 ? null : told.join(", ");
  }

  /**
   * The program ends, or its user leaves, once what a script has sent is offered, or couldn't be; after `PREPARED_MS` all the
   * same. Who is at a terminal has been told what is being read, and waits for nothing.
   */
  leaves(leave: () => void): void {
    if (this.#preparing.size === 0 || this.#ports.ui.interactive) return this.#leave(leave);
    const deadline = SYSTEM_LINK_CLOCK.at(
      SYSTEM_LINK_CLOCK.nowMs() + PREPARED_MS,
      () => this.#prepared?.(),
    );
    this.#prepared = () => {
      deadline.cancel();
      this.#prepared = null;
      this.#leave(leave);
    };
  }

  /** Copies of what was dropped onto the page go, and their offers with them. */
  #leave(leave: () => void): void {
    for (const { name, ref } of this.#preparing.values()) {
      const text = `${name} isn't offered: it wasn't read before you left`;
      this.#ports.ui.show({ event: "error", code: "busy", text }, ref);
    }
    this.#preparing.clear();
    this.#cancelCopies();
    leave();
  }

  #cancelCopies(): void {
    const open = this.#open;
    for (const { offer: { id, number, value } } of open?.host.list ?? []) {
      const path = value.from === this.#ports.signer.key ? open!.pathOf(id) : undefined;
      if (path === undefined || !isPageCopy(path, this.#ports.options.dataFolder)) continue;
      open!.host.command({ command: "cancel", file: number }, undefined);
    }
  }

  /**
   * A line that was pasted as a whole: where it is nothing but paths, as terminals paste them for what is dropped onto them,
   * the user is asked whether to send each, or told why that can't be. @returns Whether it is.
   */
  dropped(line: string): boolean {
    const paths = droppedPaths(line);
    if (paths === null) return false;
    void this.#askToSendAll(paths);
    return true;
  }

  async #askToSendAll(paths: readonly string[]): Promise<void> {
    for (const path of paths.slice(0, OFFERS_EACH_MAX)) {
      await this.#askToSend(path).catch((error) => this.#refused(error, undefined));
    }
    if (paths.length <= OFFERS_EACH_MAX) return;
    const text = `Only ${OFFERS_EACH_MAX} of ${paths.length} files can be offered at once`;
    this.#ports.ui.show({ event: "notice", text });
  }

  /** A file that can be sent as it is now: it is opened anew, and looked at again, whenever it is read. */
  async #fileToSend(path: string): Promise<Omit<Outgoing, "to">> {
    const file = await openToSend(path, this.#ports.options.dataFolder);
    const { size } = file.file.statSync();
    file.close();
    return { source: resolve(path), size };
  }

  async #askToSend(path: string): Promise<void> {
    const { ui, nameOf, receiverOfAll } = this.#ports;
    const { source, size } = await this.#fileToSend(path);
    const to = await keyOf(receiverOfAll());
    const dropped = { name: nameIn(source), path: source, size };
    ui.show({ event: "dropped", ...dropped, ...(to === null ? {} : { to: nameOf(to) }) });
  }

  /** Null where the program ends. @throws {P2pchatError} `offline`, or why files can't be used now. */
  async #opened(): Promise<OpenTransfers | null> {
    if (this.#place !== null) return await this.#load();
    const text = "Cannot do that: it isn't known yet who is here; wait for it";
    throw new P2pchatError("offline", text);
  }

  async #send(command: CommandOf<"send">, ref: string | undefined): Promise<void> {
    const key = crypto.randomUUID(); // nobody else's `ref` is the same
    this.#preparing.set(key, { name: nameIn(command.file), ref });
    try {
      await this.#prepare(command, key);
    } catch (error) {
      this.#refused(error, ref);
      this.#isPrepared(key);
    }
  }

  async #prepare(command: CommandOf<"send">, key: string): Promise<void> {
    const outgoing = this.#offered(command);
    outgoing.catch(() => {}); // awaited below, unless files can't be used at all
    const open = await this.#opened();
    if (open !== null) this.#offer(open, await outgoing, key);
  }

  /** It is offered, or won't be, and its user was told. */
  #isPrepared(key: string): void {
    this.#preparing.delete(key);
    if (this.#preparing.size === 0) this.#prepared?.();
  }

  async #perform(command: FileCommand, ref: string | undefined): Promise<void> {
    if (command.command === "send") return await this.#send(command, ref);
    const open = await this.#opened();
    if (open === null) return;
    const { host } = open;
    switch (command.command) {
      case "get":
        return this.#get(open, command, ref);
      case "cancel":
        return this.#cancel(open, command, ref);
      case "files": {
        const files = host.list.map(({ offer, ...view }): FileView => ({
          ...this.#offerFields(offer),
          ...view,
          ...this.#awaited(offer.number),
          ...(this.#unwanted.has(offer.number) ? { unwanted: true } : {}),
          ...pathIn(open, view.state === "here" ? offer.id : null),
        }));
        const shown = files.filter(({ key }) => !this.#ports.isIgnored(key));
        return this.#ports.ui.show({ event: "files", files: shown }, ref);
      }
    }
  }

  /** @throws {P2pchatError} Where it is here, or can't be received. */
  #get(open: OpenTransfers, { file, as }: CommandOf<"get">, ref: string | undefined): void {
    const { ui } = this.#ports;
    const listed = this.#listed(file);
    if (listed?.state === "here") throw new P2pchatError("usage", this.#here(open, listed));
    if (this.#downloads === null) {
      const text = "Cannot fetch a file: a script receives only with --save DIR";
      throw new P2pchatError("not-allowed", text);
    }
    if (listed?.state === "fetching" && as === undefined && ui.interactive) {
      const { offer: { name, value: { size } }, bytes } = listed;
      const text = `${fileNameText(name)} is being fetched already: ${
        this.#farOf(file, bytes, size)
      }`;
      return ui.show({ event: "notice", text }, ref);
    }
    open.host.command({ command: "get", file, ...(as === undefined ? {} : { as }) }, ref);
    const { awaited } = this.#awaited(file);
    if (awaited === undefined) return;
    ui.show({ event: "notice", text: `${fileNameText(listed!.offer.name)} waits for ${awaited}` });
  }

  /** @throws {P2pchatError} Where it was received, or is cancelled already. */
  #cancel(open: OpenTransfers, { file }: CommandOf<"cancel">, ref: string | undefined): void {
    const listed = this.#listed(file);
    const no = (why: string) => new P2pchatError("usage", `There is nothing to cancel: ${why}`);
    if (listed?.state === "here" && listed.offer.value.from !== this.#ports.signer.key) {
      throw no(this.#here(open, listed));
    }
    if (listed !== undefined && this.#unwanted.has(file)) {
      throw no(`${fileNameText(listed.offer.name)} is declined; /get ${file} fetches it after all`);
    }
    open.host.command({ command: "cancel", file }, ref);
  }

  /** That a file is here, and where. */
  #here(open: OpenTransfers, { offer: { id, name, value } }: ListedFile): string {
    const path = open.pathOf(id);
    const what = value.from === this.#ports.signer.key ? "your own file" : "here already";
    return `${fileNameText(name)} is ${what}${path === undefined ? "" : `: ${path}`}`;
  }

  #offer({ host }: OpenTransfers, { to, source, size }: Outgoing, ref: string | undefined): void {
    const name = nameIn(source);
    if (this.#ports.ui.interactive && size >= READ_LONG_BYTES) {
      const text = `Reading ${name} (${sizeText(size)}): it is offered once that is done`;
      this.#ports.ui.show({ event: "notice", text });
    }
    host.command({ command: "send", source, name, to }, ref);
  }

  /** Whom a file is for, and where it is. The first word may be a name, or belong to the file's. */
  async #offered(
    { to: first, file, isTyped }: CommandOf<"send">,
  ): Promise<Outgoing> {
    const { isName, receiver, receiverOfAll } = this.#ports;
    const isTo = first !== undefined && (!isTyped || isName(first));
    const typed = first === undefined || isTo ? file : `${first} ${file}`;
    const path = isTyped ? pathTyped(typed) : typed;
    // Whom one talks to may change while the file is looked at. Nobody is waited for before that is done.
    const to = Promise.try(() => isTo ? receiver(first) : receiverOfAll());
    to.catch(() => {}); // awaited below, unless there is more to say of the file
    const found = await this.#fileToSend(path).catch((error) => {
      // Somebody who isn't known is more likely than a file with a blank in its name.
      if (first === undefined || isTo || !(error instanceof P2pchatError)) throw error;
      throw new P2pchatError(
        error.code,
        `${error.message}, and nobody here is called ${shownName(first)}`,
      );
    });
    const key = await keyOf(await to);
    const refused = key === null ? undefined : this.#refusalOf(key);
    if (refused === undefined) return { to: key, ...found };
    const text = `Not sent: you have refused that key as one of ${shownName(refused.name)}'s`;
    throw new P2pchatError("key-changed", text);
  }

  /** That the user has refused this key, under whichever name: it may have another one now. */
  #refusalOf(key: PeerKey): { readonly name: string } | undefined {
    return this.#ports.knownPeers.refused().find((pin) => pin.fingerprint === fingerprintOf(key));
  }

  // To the user.

  #show(event: TransferEvent, ref: string | undefined): void {
    const sent = ref === undefined ? undefined : this.#preparing.get(ref);
    if (sent === undefined) return this.#told(event, ref);
    this.#told(event, sent.ref);
    this.#isPrepared(ref!);
  }

  #told(event: TransferEvent, ref: string | undefined): void {
    const { ui, options } = this.#ports;
    if (event.event === "error") return ui.show(event, ref);
    if (event.event === "transfer") return this.#transfer(event, ref);
    const listed = this.#listed(event.file);
    if (listed === undefined) return;
    const offer = { event: "offer", ...this.#offerFields(listed.offer) } as const;
    this.#offers.set(event.file, offer);
    dropOldest(this.#offers, SHOWN_MAX);
    const { to } = listed.offer.value;
    if (offer.self && to !== null) {
      this.#ports.needs?.(to, this.#isRestoring ? "restored" : "told");
    }
    if (this.#ports.isIgnored(offer.key)) return;
    if (this.#open?.gone.has(listed.offer.id)) return; // what follows says so
    // What was received by an earlier process is told as that, and not as if it could be fetched.
    const isHere = listed.state === "here" && !offer.self && this.#open !== null;
    const path = isHere ? pathIn(this.#open!, listed.offer.id) : {};
    if (this.#isRestoring) return ui.show({ ...offer, history: true, ...path }, ref);
    if (offer.self) {
      ui.show(offer, ref);
      if (to === null || this.#ports.isAbsent?.(to) !== true) return;
      const who = shownName(this.#ports.nameOf(to));
      const text = `${who} isn't there: what you send is offered when they are back`;
      return ui.show({ event: "notice", text });
    }
    if (options.save !== null) {
      ui.show({ ...offer, taken: true }, ref);
      const command = { command: "get", file: event.file, waits: true } as const;
      return this.#open?.host.command(command, undefined);
    }
    ui.show(this.#downloads === null ? { ...offer, unfetchable: true } : offer, ref);
  }

  #listed(file: number) {
    return this.#open?.host.list.find(({ offer }) => offer.number === file);
  }

  #offerFields({ number, id, value, name }: OpenOffer) {
    const { nameOf, signer } = this.#ports;
    return {
      file: number,
      id,
      from: nameOf(value.from),
      key: fingerprintOf(value.from),
      self: value.from === signer.key,
      ...(value.to === null ? {} : { to: nameOf(value.to) }),
      name,
      size: value.size,
      digest: value.digest,
    };
  }

  #transfer(event: Extract<TransferEvent, { event: "transfer" }>, ref: string | undefined): void {
    const { ui } = this.#ports;
    const { file, state, bytes } = event;
    const offer = this.#offers.get(file);
    const { name = "", from = "", size = 0, self = false } = offer ?? {};
    // Of what wasn't shown, and isn't fetched, it isn't told either that it is no more.
    const isHidden = offer !== undefined && !self && !this.#fetching.has(file) &&
      this.#ports.isIgnored(offer.key);
    if (state === "started" || state === "progress") {
      const lastMs = SYSTEM_LINK_CLOCK.nowMs();
      const { first, sinceMs } = this.#fetching.get(file) ?? { first: bytes, sinceMs: lastMs };
      this.#fetching.set(file, { bytes, first, sinceMs, lastMs });
    } else this.#fetching.delete(file);
    if (state !== "cancelled" || self) this.#unwanted.delete(file);
    else {
      this.#unwanted.add(file);
      dropOldest(this.#unwanted, SHOWN_MAX);
    }
    this.#hold(file, state);
    this.#showProgress();
    const { to: by, ...told } = event;
    if (by !== undefined && this.#ports.isIgnored(fingerprintOf(by))) return;
    if (state === "failed" && isHidden) return;
    const to = by === undefined ? {} : { to: this.#ports.nameOf(by) };
    const id = offer === undefined ? {} : { id: offer.id };
    ui.show({ ...told, ...id, name, from, size, ...(self ? { self } : {}), ...to }, ref);
  }

  /** While a file for our user alone is fetched, its sender is dialled. */
  #hold(file: number, state: Extract<TransferEvent, { event: "transfer" }>["state"]): void {
    if (state === "progress") return;
    if (state === "started") {
      const { from, to = null } = this.#listed(file)?.offer.value ?? {};
      if (from === undefined || to === null) return;
      this.#held.set(file, from);
      return this.#ports.needs?.(from, "held");
    }
    const from = this.#held.get(file);
    if (from === undefined) return;
    this.#held.delete(file);
    if (![...this.#held.values()].includes(from)) this.#ports.needs?.(from, "free");
  }

  /** Once nothing has come for a while, it is shown anew. */
  #showProgress(): void {
    clearTimeout(this.#quiet);
    const { ui } = this.#ports;
    if (this.#fetching.size === 0) return ui.progress(null);
    const texts = [...this.#fetching].map(([file, { bytes }]) => {
      const { name = "", size = 0 } = this.#offers.get(file) ?? {};
      return `${fileNameText(name)}: ${this.#farOf(file, bytes, size)}`;
    });
    ui.progress(`Fetching ${texts.join(", ")}`);
    const quietMs = SYSTEM_LINK_CLOCK.nowMs() - QUIET_MS;
    if (this.#fetching.values().every(({ lastMs }) => lastMs <= quietMs)) return;
    this.#quiet = setTimeout(() => this.#showProgress(), QUIET_MS);
  }

  #farOf(file: number, bytes: number, size: number): string {
    return progressOf(bytes, size, this.#awaited(file).awaited, this.#lately(file));
  }

  #lately(file: number) {
    const nowMs = SYSTEM_LINK_CLOCK.nowMs();
    const { bytes, first, sinceMs, lastMs } = this.#fetching.get(file) ??
      { bytes: 0, first: 0, sinceMs: nowMs, lastMs: nowMs };
    return { bytes: bytes - first, ms: nowMs - sinceMs, quietMs: nowMs - lastMs };
  }

  /** Whom a file waits for that is fetched, and doesn't come, or what. */
  #awaited(file: number): Pick<FileView, "awaited"> {
    const { from, to = null } = this.#listed(file)?.offer.value ?? {};
    if (!this.#fetching.has(file) || from === undefined) return {};
    const { nameOf, isAbsent, chanceOf } = this.#ports;
    // A room's member may be there without a link to us, and a friend once dialled.
    const isGone = !this.#links.has(from) && (isAbsent?.(from) ?? chanceOf !== undefined);
    if (!isQuiet(this.#lately(file), isGone)) return {};
    const name = nameOf(from); // when it was offered, the key alone may have been known
    if (to !== null) return { awaited: chanceOf?.(name) ?? shownName(name) };
    const who = isGone ? `${shownName(name)}, or whoever else has it` : "somebody who has it";
    return { awaited: who };
  }

  #refused(error: unknown, ref: string | undefined): void {
    if (!(error instanceof P2pchatError)) return this.#failed(error);
    this.#ports.ui.show({ event: "error", code: error.code, text: error.message }, ref);
  }

  /** A fault of ours. */
  #failed(error: unknown): void {
    const { environment, warn } = this.#ports;
    environment.log.warn("files can't be used", { error: String(error) });
    warn("Files can't be sent and received any more, by a fault of this program; start it again");
  }

  // The machine.

  /** Null where the program ends. @throws {P2pchatError} Why its files can't be used now: the next use tries again. */
  #load(): Promise<OpenTransfers | null> {
    return this.#loading ??= this.#loaded().catch((error) => {
      this.#loading = null;
      throw error;
    });
  }

  #loadUnasked(): void {
    const nowMs = SYSTEM_LINK_CLOCK.nowMs();
    if (this.#loading !== null || nowMs < (this.#againMs ?? 0)) return;
    this.#load().catch((error) => {
      if (this.#againMs === null) this.#refused(error, undefined);
      this.#againMs = nowMs + LOAD_AGAIN_MS;
    });
  }

  async #loaded(): Promise<OpenTransfers | null> {
    const { openTransfers } = await import("./open_transfers.ts");
    const { disk, environment, signer, options, carrier, standingOf } = this.#ports;
    const opening = {
      ...{ disk, environment, signer, ...this.#place! },
      standingOf: (key: PeerKey) => {
        const standing = standingOf?.(key) ?? "known";
        return standing !== "removed" && this.#refusalOf(key) !== undefined ? "refused" : standing;
      },
      downloads: this.#downloads,
      ...{ dataFolder: options.dataFolder, filesBytesMax: options.filesMax },
      keepsOwn: options.keepsWords ?? true,
    };
    const open = await openTransfers(opening, {
      clock: SYSTEM_LINK_CLOCK,
      environment,
      send: (peer, bytes, lane) => carrier()?.sendTo(peer, bytes, lane),
      penalise: (peer, text) => carrier()?.penalise(peer, text),
      seek: (holders, others) => carrier()?.seek(holders, others),
      show: (event, ref) => this.#show(event, ref),
      failed: (error) => this.#failed(error),
    });
    if (this.#isClosed) {
      open.close();
      return null;
    }
    this.#open = open;
    this.#isRestoring = true;
    open.restore();
    this.#isRestoring = false;
    for (const path of open.outOfReach) {
      this.#ports.warn(
        `Nobody can fetch ${path}: p2pchat isn't allowed to read it; start it in that folder`,
      );
    }
    for (const peer of this.#links.keys()) open.host.linkUp(peer);
    for (const [peer, body] of this.#waiting.splice(0)) open.host.frame(peer, body);
    return open;
  }
}

function pathIn(open: OpenTransfers, file: OfferId | null): { readonly path?: string } {
  const path = file === null ? undefined : open.pathOf(file);
  return path === undefined ? {} : { path };
}

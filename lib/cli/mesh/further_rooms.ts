/** Further rooms of a console: how one is joined, and what all of the profile's rooms are. Loaded with the second one. */

import { P2pchatError } from "../../base/errors.ts";
import { numberText } from "../../base/text/words.ts";
import type { Logger } from "../../base/machine/environment.ts";
import type { MeshHost } from "../../runtime/hosts/mesh_host.ts";
import { roomsFolder } from "../../store/disk/paths.ts";
import { RealDisk } from "../../store/disk/real_disk.ts";
import { profileTurn, type Session, showError } from "../session/mode_session.ts";
import { randomBytes } from "../session/random_bytes.ts";
import { Peace } from "../session/peace.ts";
import { type Bye, foundCommand } from "../session/run_mode.ts";
import { joinOptions } from "./join_options.ts";
import type { MeshMetering } from "../metrics/mesh_metering.ts";
import type { MeshOptions } from "./mesh_arguments.ts";
import type { MeshCommandSink } from "./mesh_commands.ts";
import type { MeshConsole, RoomStart } from "./mesh_console.ts";
import type { MeshOwnEvent } from "./mesh_rendering.ts";
import { MeshRooms, type OpenTogether } from "./mesh_rooms.ts";
import type { ManyRooms, RoomInterface } from "./room_interface.ts";
import { searchRooms } from "./room_search.ts";
import { type RoomHere, roomViews } from "./room_views.ts";

/** Each keeps up to 64 MiB of texts, and takes links and a port; and Alt and a digit reach all of them. */
const ROOMS_MAX = 8;

/** So that no two consoles have one mark. */
const MARK_BYTES = 4;

/** What the first room was started with. */
interface First extends Session<MeshOwnEvent, MeshCommandSink> {
  readonly options: MeshOptions;
  /** Those that run. */
  readonly hosts: Set<MeshHost>;
  readonly together: OpenTogether;
  readonly metering: MeshMetering | null;
}

export class FurtherRooms implements ManyRooms {
  #noting: Promise<void> | null = null;
  #isStale = false;
  #isToldOf = false;

  constructor(
    readonly meshConsole: MeshConsole,
    readonly first: First,
    readonly runRoom: (start: RoomStart) => Promise<Bye>,
  ) {
    const { knownPeers, hosts } = first;
    knownPeers.heed = (found) => {
      for (const host of hosts) host.command(foundCommand(found), undefined);
    };
  }

  join(where: string, ref: string | undefined): void {
    const { meshConsole, first } = this;
    const { options, invite } = joinOptions(where, first.options);
    if (meshConsole.rooms.length >= ROOMS_MAX) {
      throw new P2pchatError(
        "full",
        `You are in ${numberText(ROOMS_MAX)} rooms, as many as one console takes: /part leaves ` +
          "one, and p2pchat mesh in another terminal takes more",
      );
    }
    meshConsole.runFurther(ref, (ui) => {
      const { settings, ignored, ownKey, today } = first.peace;
      // Each room has a lock of its own, of which a disk asks before it writes.
      const disk = new RealDisk(() => performance.now());
      first.metering?.watch(disk);
      return this.runRoom({
        ...first,
        disk,
        environment: { ...first.environment, log: numbered(first.environment.log, ui.number) },
        // Names may be other people's in another room.
        peace: new Peace(settings, ignored, ownKey, today),
        ui,
        options,
        invite,
        isFurther: true,
      });
    });
  }

  note(): void {
    if (!this.meshConsole.hasSeveral) return;
    const { together } = this.first;
    together.mark ??= randomBytes(MARK_BYTES).toHex();
    together.current = this.meshConsole.current.open?.id ?? null;
    this.#isStale = true;
    this.#noting ??= this.#noteAll().finally(() => this.#noting = null);
  }

  async noted(): Promise<void> {
    await this.#noting;
  }

  /** Of several changes that come at once the last one is written. */
  async #noteAll(): Promise<void> {
    const { ui, folder, together } = this.first;
    while (this.#isStale) {
      this.#isStale = false;
      const open = this.meshConsole.rooms.flatMap(({ isIn, isLeft, open }) =>
        isIn && !isLeft && open !== null && open.id !== null ? [open.id] : []
      );
      try {
        // Not the first room's disk, which writes only while that one is open.
        const disk = new RealDisk(() => performance.now());
        const takeTurn = () => profileTurn(disk, folder);
        const rooms = await MeshRooms.open(disk, roomsFolder(folder), { takeTurn, together });
        await rooms.noteOpen(open);
      } catch (error) {
        if (!(error instanceof P2pchatError)) throw error;
        if (!this.#isToldOf) showError(ui, error);
        this.#isToldOf = true;
      }
    }
  }

  async search(
    rooms: readonly RoomInterface[],
    text: string,
    ref: string | undefined,
  ): Promise<void> {
    await searchRooms(this.meshConsole.ui, rooms, text, ref);
  }

  async list(current: RoomInterface, ref: string | undefined): Promise<void> {
    const { disk, folder, ui, peace } = this.first;
    const { meshConsole } = this;
    const views = await roomViews(
      await MeshRooms.open(disk, roomsFolder(folder)),
      (key) => peace.isIgnored(key),
      (error) => showError(ui, error, ref),
    );
    const here = new Map<string | null, RoomHere>(
      meshConsole.rooms.filter(({ isIn }) => isIn).map((room) => [room.room, {
        number: room.number,
        current: room === current,
        people: room.names().length + 1,
        unseen: room.unseen,
      }]),
    );
    const all = views.map((view) => {
      const found = here.get(view.room);
      return found === undefined ? view : { ...view, here: found };
    });
    const place = ({ here }: { readonly here?: RoomHere }) => here?.number ?? ROOMS_MAX + 1;
    ui.show({ event: "rooms", rooms: all.toSorted((a, b) => place(a) - place(b)) }, ref);
  }
}

/** A log in which lines say which of the console's rooms they are about. */
function numbered(log: Logger, place: number): Logger {
  return {
    debug: (message, fields) => log.debug(message, { ...fields, place }),
    info: (message, fields) => log.info(message, { ...fields, place }),
    warn: (message, fields) => log.warn(message, { ...fields, place }),
  };
}

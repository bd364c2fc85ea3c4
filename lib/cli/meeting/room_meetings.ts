/**
 * The meeting points that a member of a room uses. What they need is loaded for `--meet`, or when somebody is dialled who
 * can only be reached through one: most members need none of it.
 */

import type { RoomId } from "../../base/ids.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { MeetingPlace } from "../../base/text/meeting_address.ts";
import type { MeshCommand } from "../../protocols/mesh/schema/events.ts";
import type { MeetingPoints } from "../../runtime/hosts/mesh_host.ts";
import type { Called } from "../../runtime/hosts/meetings.ts";
import { LateRelays } from "../../transport/links/late_relays.ts";
import { type LoadedMeetings, MEETING_NAME, type RoomMeetingsPorts } from "./meeting_ports.ts";

export class RoomMeetings implements MeetingPoints {
  readonly relays = new LateRelays();
  #loading: Promise<LoadedMeetings> | null = null;
  #isClosed = false;

  constructor(readonly ports: RoomMeetingsPorts) {}

  entered(room: RoomId): void {
    if (this.ports.meet !== null) this.#use((meetings) => meetings.register(room));
  }

  call(place: MeetingPlace, room: RoomId, called: Called): void {
    this.#use((meetings) => meetings.call(place, room, called));
  }

  /** The numbers of the word codes that are open now: others find us by them there. */
  number(numbers: readonly number[]): void {
    if (this.ports.meet === null || (numbers.length === 0 && this.#loading === null)) return;
    this.#use((meetings) => meetings.number(numbers));
  }

  /** Carries out `/trust *meeting*`. @returns False for any other command. */
  command(command: MeshCommand, ref: string | undefined): boolean {
    if (command.command !== "trust" || command.name !== MEETING_NAME) return false;
    const { meet, show } = this.ports;
    const nothing = new P2pchatError("usage", "The meeting point has shown no other key");
    const { code, text } = { code: nothing.code, text: nothing.message };
    if (meet === null) show({ event: "error", code, text }, ref);
    else {
      this.#use((meetings) => {
        if (!meetings.trust()) return show({ event: "error", code, text }, ref);
        show({ event: "notice", text: "The meeting point's other key is accepted" }, ref);
      });
    }
    return true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await (await this.#loading)?.close();
  }

  #use(work: (meetings: LoadedMeetings) => void): void {
    this.#loading ??= this.#load();
    this.#loading.then((meetings) => {
      if (!this.#isClosed) work(meetings);
    }).catch((error) => this.ports.failed(error));
  }

  async #load(): Promise<LoadedMeetings> {
    const { loadedMeetings } = await import("./loaded_meetings.ts");
    const loaded = loadedMeetings(this.ports);
    this.relays.use(loaded.relays);
    return loaded;
  }
}

/** What the meeting points of a room are given, before they are loaded and after. */

import type { MeshEvent } from "../../protocols/mesh/schema/events.ts";
import type { MeetingPointNews } from "../../protocols/mesh/schema/mesh_io.ts";
import type { Meetings } from "../../runtime/hosts/meetings.ts";
import type { KeepPin } from "../../runtime/hosts/mode_host.ts";
import type { RelayedStreams } from "../../transport/byte_stream.ts";
import type { ServerAddress } from "../args/options.ts";
import type { Profile } from "../session/mode_session.ts";

/** The name under which a meeting point's key is pinned, also for `/trust`. */
export const MEETING_NAME = "*meeting*";

export interface RoomMeetingsPorts {
  readonly profile: Pick<Profile, "identity" | "environment" | "knownPeers" | "folder">;
  /** Keeps keys in this scope. */
  pinsIn(scope: string): KeepPin;
  /** The user's own meeting point; null: none. */
  readonly meet: ServerAddress | null;
  news(news: MeetingPointNews): void;
  show(event: MeshEvent, ref: string | undefined): void;
  /** These numbers of our word codes lead to us there. */
  numbered(numbers: readonly number[]): void;
  /** A fault of ours. */
  failed(error: unknown): void;
}

export interface LoadedMeetings
  extends Pick<Meetings, "register" | "number" | "call" | "callNumber" | "trust"> {
  /** The streams that come of it: to be given to the links that are to use them. */
  readonly relays: RelayedStreams;
  close(): Promise<void>;
}

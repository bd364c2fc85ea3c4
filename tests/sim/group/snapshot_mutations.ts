/** Bugs in taking snapshots, put into the group's machines from outside, one at a time. */

import type { Member } from "../../../lib/protocols/group/member/member.ts";
import type { MemberEffect, MemberInput } from "../../../lib/protocols/group/schema/member_io.ts";
import type { Recording as Recorded } from "../../../lib/protocols/group/snapshot/recording.ts";
import { Recording } from "../../../lib/protocols/group/snapshot/recording.ts";
import { SnapshotInitiator } from "../../../lib/protocols/group/snapshot/snapshot_initiator.ts";
import { Wrapped } from "../wrapped.ts";
import { type Mutation, replaced } from "./mutations.ts";

type AnyRecording = Recorded<unknown, unknown, unknown>;
type Tell = Extract<MemberEffect, { readonly type: "tell" }>;

/** Sends markers only after its next message. */
class MarkersLate extends Wrapped<MemberInput, MemberEffect> {
  #late: Tell[] = [];

  override effects(effects: readonly MemberEffect[]): readonly MemberEffect[] {
    return effects.flatMap((effect): readonly MemberEffect[] => {
      if (effect.type !== "tell") return [effect];
      if (effect.message.type === "marker") {
        this.#late.push(effect);
        return [];
      }
      return [effect, ...this.#late.splice(0)];
    });
  }
}

/** Lets a marker that directly follows a text overtake it. */
class MarkersOvertake extends Wrapped<MemberInput, MemberEffect> {
  #held: Extract<MemberInput, { readonly type: "peer-message" }> | null = null;

  override step(input: MemberInput, nowMs: number): readonly MemberEffect[] {
    const held = this.#held;
    this.#held = null;
    if (held !== null) {
      const passes = input.type === "peer-message" && input.peer === held.peer &&
        input.message.type === "marker";
      const [first, second] = passes ? [input, held] : [held, input];
      return [...this.inner.step(first, nowMs), ...this.step(second, nowMs)];
    }
    if (input.type === "peer-message" && input.message.type === "data") {
      this.#held = input;
      return [];
    }
    return this.inner.step(input, nowMs);
  }

  /** A held text is delivered as soon as nothing follows it. */
  override nextDeadlineMs(): number | null {
    return this.#held === null ? this.inner.nextDeadlineMs() : 0;
  }
}

/** Doesn't record the first message of each channel. */
function channelsLate(): () => void {
  const { value } = Object.getOwnPropertyDescriptor(Recording.prototype, "received")!;
  const received = value as AnyRecording["received"];
  const heard = new WeakMap<AnyRecording, Set<unknown>>();
  return replaced(Recording.prototype, "received", {
    value(this: AnyRecording, channel: unknown, message: unknown) {
      const channels = heard.get(this) ?? new Set();
      heard.set(this, channels);
      if (channels.has(channel)) received.call(this, channel, message);
      else channels.add(channel);
    },
  })();
}

/** Records its own state only when it has markers from everybody. */
function recordsItselfLast(): () => void {
  const { get } = Object.getOwnPropertyDescriptor(Recording.prototype, "state")!;
  return replaced(Recording.prototype, "state", {
    get(this: AnyRecording) {
      return get!.call(this) === null ? null : this.ports.record();
    },
  })();
}

/** Takes the first marker for the last one. */
function firstMarkerIsEnough(): () => void {
  return replaced(Recording.prototype, "isComplete", {
    get(this: AnyRecording) {
      return this.state !== null;
    },
  })();
}

/** Doesn't record messages to the coordinator as part of the channel. */
function tellingsUnrecorded(): () => void {
  const { value } = Object.getOwnPropertyDescriptor(SnapshotInitiator.prototype, "entries")!;
  const entries = value as SnapshotInitiator["entries"];
  return replaced(SnapshotInitiator.prototype, "entries", {
    value(this: SnapshotInitiator, ...args: Parameters<SnapshotInitiator["entries"]>) {
      const { value } = Object.getOwnPropertyDescriptor(Recording.prototype, "received")!;
      Object.defineProperty(Recording.prototype, "received", {
        value: () => {},
        configurable: true,
        writable: true,
      });
      entries.apply(this, args);
      Object.defineProperty(Recording.prototype, "received", {
        value,
        configurable: true,
        writable: true,
      });
    },
  })();
}

export const SNAPSHOT_MUTATIONS = {
  markersLate: {
    name: "sends its markers after the next message",
    wrapMember: (member: Member) => new MarkersLate(member),
  },
  markersOvertake: {
    name: "lets markers overtake texts",
    wrapMember: (member: Member) => new MarkersOvertake(member),
  },
  channelsLate: { name: "begins to record its channels a message late", install: channelsLate },
  recordsItselfLast: { name: "records itself at the last marker", install: recordsItselfLast },
  firstMarkerIsEnough: {
    name: "takes all channels for empty at its first marker",
    install: firstMarkerIsEnough,
  },
  tellingsUnrecorded: {
    name: "has a coordinator that doesn't record what it is told",
    install: tellingsUnrecorded,
  },
} as const satisfies Record<string, Mutation>;

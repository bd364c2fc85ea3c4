/** Runs a meeting point over links in the mode `meeting`, beside a directory that has those of other modes. */

import type { LinkId } from "../../base/ids.ts";
import { unreachable } from "../../base/invariant.ts";
import type { Clock } from "../../base/machine/clock.ts";
import type { Environment } from "../../base/machine/environment.ts";
import { OFFENDER_BAN_MS } from "../../base/machine/mode_limits.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import type { MeetingCounts } from "../../protocols/directory/schema/events.ts";
import type {
  MeetingLimits,
  PointEffect,
  PointInput,
} from "../../protocols/meeting_point/meeting_io.ts";
import { BACKLOG_BYTES } from "../../protocols/meeting_point/limits.ts";
import { MeetingPoint } from "../../protocols/meeting_point/meeting_point.ts";
import { MEETING_MESSAGES, type MeetingMessage } from "../../protocols/meeting_point/messages.ts";
import type { LinkEnd, LinkHandler, LinkInfo, Links } from "../../transport/link.ts";
import { createCodec, isUnknown } from "../../wire/codec.ts";
import { LinkBacklog, OpenLinks } from "../open_links.ts";
import { Runner, storingNothing } from "../runner.ts";
import type { Around } from "./mode_host.ts";

interface MeetingPointPorts {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly links: Links;
  /** A fault of ours. */
  failed(error: unknown): void;
  /** Absent: nobody looks; below, nobody counts who is shut out. */
  readonly around?: Around<PointInput, PointEffect>;
  banned?(): void;
}

export class MeetingPointHost implements LinkHandler {
  readonly #point: MeetingPoint;
  readonly #runner: Runner<PointInput, PointEffect, never>;
  readonly #openLinks: OpenLinks<MeetingMessage>;
  readonly #backlog: LinkBacklog;

  constructor(limits: MeetingLimits, ports: MeetingPointPorts) {
    const { clock, environment, links } = ports;
    this.#backlog = new LinkBacklog(links, BACKLOG_BYTES);
    this.#openLinks = new OpenLinks(createCodec(MEETING_MESSAGES), {
      ...{ clock, environment, links },
      banned: () => ports.banned?.(),
      whoIs: ({ peer, remote }) => ({ key: fingerprintOf(peer), remote: remote.host }),
    });
    this.#point = new MeetingPoint(limits);
    this.#runner = new Runner(
      ports.around?.(this.#point) ?? this.#point,
      storingNothing<PointInput, PointEffect>({
        clock,
        execute: (effect) => this.#execute(effect, links),
        tick: { type: "tick" },
        failed: (error) => ports.failed(error),
      }),
    );
  }

  /** For the operator. */
  get counts(): MeetingCounts {
    const { streams: links, ...counts } = this.#point.counts;
    return { ...counts, links };
  }

  stop(): void {
    this.#runner.stop();
  }

  /** Handles the links of visitors, and leaves all others to `other`. */
  beside(other: LinkHandler): LinkHandler {
    const of = (link: LinkId) => this.#openLinks.all.has(link) ? this : other;
    return {
      linkUp: (link, info) => (info.isMeeting === true ? this : other).linkUp(link, info),
      dialFailed: (attempt, failure) => other.dialFailed(attempt, failure),
      frame: (link, body) => of(link).frame(link, body),
      linkDown: (link, end) => of(link).linkDown(link, end),
      congested: (link) => of(link).congested(link),
      drained: (link) => of(link).drained(link),
      aged: (link) => of(link).aged(link),
    };
  }

  linkUp(link: LinkId, info: LinkInfo): void {
    if (!this.#openLinks.add(link, info)) return;
    const { peer, remote: { host } } = info;
    this.#runner.feed({ type: "link-up", link, peer, host });
  }

  /** A meeting point dials nobody. */
  dialFailed(): void {}

  frame(link: LinkId, body: Uint8Array): void {
    const message = this.#openLinks.decode(link, body);
    if (message === null) return;
    this.#runner.feed(
      isUnknown(message)
        ? { type: "unknown-message", link, code: message.code }
        : { type: "message", link, message },
    );
  }

  linkDown(link: LinkId, _end: LinkEnd): void {
    this.#backlog.remove(link);
    if (this.#openLinks.remove(link) !== null) this.#runner.feed({ type: "link-down", link });
  }

  congested(link: LinkId): void {
    this.#backlog.congested(link);
    this.#runner.feed({ type: "congested", link });
  }

  drained(link: LinkId): void {
    // What the machine sends now queues behind what waits, which may fill the link again.
    this.#runner.feed({ type: "drained", link });
    this.#backlog.drained(link);
  }

  /** Visitors renew their links by dialling anew, when no stream goes through them. */
  aged(): void {}

  #execute(effect: PointEffect, links: Links): void {
    switch (effect.type) {
      case "send":
        return this.#backlog.send(effect.link, this.#openLinks.encoded(effect.message));
      case "close":
        return links.close(effect.link, effect.reason);
      case "ban":
        return this.#openLinks.ban(effect.link, effect.reason, OFFENDER_BAN_MS);
      default:
        unreachable(effect);
    }
  }
}

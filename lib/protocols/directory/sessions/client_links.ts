/** Links to the directory that are up, each in its phase, with its deadline. */

import { DeadlineQueue } from "../../../base/collections/deadline_queue.ts";
import type { LinkId } from "../../../base/ids.ts";
import type { ClientLink } from "./client_session.ts";
import type { SessionPhase } from "./directory_phases.ts";
import { HELLO_MS_MAX, SILENT_LINKS_MAX } from "../schema/limits.ts";

export class ClientLinks {
  readonly #links = new Map<LinkId, ClientLink>();
  /** Links on which nothing was said, in the order in which they began to wait. */
  readonly #silent = new Set<ClientLink>();
  /** Until when a link may be silent, or take no data. */
  readonly #deadlines = new DeadlineQueue<ClientLink>();
  #checking = 0;

  get all(): Iterable<ClientLink> {
    return this.#links.values();
  }

  /** How many links wait to be let in. */
  get checking(): number {
    return this.#checking;
  }

  get(id: LinkId): ClientLink | null {
    return this.#links.get(id) ?? null;
  }

  /** @returns The link that must be closed, where too many are silent. */
  up(link: ClientLink, nowMs: number): ClientLink | null {
    this.#links.set(link.id, link);
    this.#silent.add(link);
    this.setDue(link, nowMs + HELLO_MS_MAX);
    if (this.#silent.size <= SILENT_LINKS_MAX) return null;
    const [longest] = this.#silent;
    return longest ?? null;
  }

  down(id: LinkId): ClientLink | null {
    const link = this.get(id);
    if (link !== null && link.phase !== "over") this.enter(link, "over", 0);
    this.#links.delete(id);
    return link;
  }

  enter(link: ClientLink, phase: SessionPhase, nowMs: number): void {
    if (link.phase === "checking") this.#checking -= 1;
    if (phase === "checking") this.#checking += 1;
    link.enter(phase);
    this.#silent.delete(link);
    if (phase === "silent") this.#silent.add(link);
    this.setDue(link, phase === "silent" ? nowMs + HELLO_MS_MAX : null);
  }

  setDue(link: ClientLink, atMs: number | null): void {
    this.#deadlines.set(link, atMs);
  }

  /** The links whose deadline has passed. */
  takeDue(nowMs: number): Iterable<ClientLink> {
    return this.#deadlines.takeDue(nowMs);
  }

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }
}

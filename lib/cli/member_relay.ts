/**
 * What the user types, on its way to the host of the moment. A host that hasn't met its coordinator may be followed by
 * another one: that gets again what was to be done in the group.
 */

import type { MemberCommand } from "../protocols/group/events.ts";
import type { MemberHost } from "../runtime/member_host.ts";

interface Typed {
  readonly command: MemberCommand;
  readonly ref: string | undefined;
}

/** What is answered at once isn't answered twice. */
const KEPT: ReadonlySet<MemberCommand["command"]> = new Set(["msg", "quit"]);

export class MemberRelay {
  #host: Pick<MemberHost, "command"> | null = null;
  #kept: Typed[] = [];
  #hasMet = false;

  readonly command = (command: MemberCommand, ref: string | undefined): void => {
    const host = this.#host;
    if (host === null || (!this.#hasMet && KEPT.has(command.command))) {
      this.#kept.push({ command, ref });
    }
    host?.command(command, ref);
  };

  /** Another host takes over; it has started. */
  use(host: Pick<MemberHost, "command">): void {
    const typed = this.#kept;
    this.#host = host;
    this.#kept = this.#hasMet ? [] : typed.filter(({ command }) => KEPT.has(command.command));
    for (const { command, ref } of typed) host.command(command, ref);
  }

  /** The host goes; what is typed waits for the next one. */
  release(): void {
    this.#host = null;
  }

  /** The coordinator was met, or was before: the host in use stays, or the next one. */
  met(): void {
    this.#hasMet = true;
    if (this.#host !== null) this.#kept = [];
  }
}

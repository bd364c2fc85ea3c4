/**
 * Passes the user's commands on to the current host. A host that hasn't met its coordinator may be replaced by
 * another one, which gets the commands meant for the group again.
 */

import type { MemberCommand } from "../protocols/group/events.ts";
import type { MemberHost } from "../runtime/member_host.ts";

interface Typed {
  readonly command: MemberCommand;
  readonly ref: string | undefined;
}

/** Commands to repeat; others are answered at once, and must not be answered twice. */
const KEPT: ReadonlySet<MemberCommand["command"]> = new Set(["msg", "quit"]);

type Host = Pick<MemberHost, "command" | "answer">;

export class MemberRelay {
  #host: Host | null = null;
  #kept: Typed[] = [];
  #hasMet = false;

  readonly command = (command: MemberCommand, ref: string | undefined): void => {
    const host = this.#host;
    if (host === null || (!this.#hasMet && KEPT.has(command.command))) {
      this.#kept.push({ command, ref });
    }
    host?.command(command, ref);
  };

  /** The present host; null where there is none. */
  get host(): Host | null {
    return this.#host;
  }

  /** Another host, which has started, takes over. */
  use(host: Host): void {
    const typed = this.#kept;
    this.#host = host;
    this.#kept = this.#hasMet ? [] : typed.filter(({ command }) => KEPT.has(command.command));
    for (const { command, ref } of typed) host.command(command, ref);
  }

  /** The host is gone; commands wait for the next one. */
  release(): void {
    this.#host = null;
  }

  /** The coordinator is known now: the present host, or the next one, won't be replaced. */
  met(): void {
    this.#hasMet = true;
    if (this.#host !== null) this.#kept = [];
  }
}

/** What a member of a mesh is shown, and when: its events, the prompt, progress. */

import { LEAVE_MS_MAX, LEAVE_UNTOLD_MS } from "../../base/machine/mode_limits.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { isPlainName, shownName } from "../../base/text/names.ts";
import { commandToType } from "../../base/text/command_to_type.ts";
import type { RecalledMessage } from "../../base/machine/mode_machine.ts";
import type { MeshEvent, MessageEvent } from "../../protocols/mesh/schema/events.ts";
import { People } from "../credentials/people.ts";
import { shownAgain } from "../session/last_seen.ts";
import { inTime } from "../session/private_history.ts";
import { type Session, showNotices } from "../session/mode_session.ts";
import { InputPause } from "../session/run_mode.ts";
import type { MeshOptions } from "./mesh_arguments.ts";
import type { RoomSink } from "./mesh_commands.ts";
import type { MeshRooms } from "./mesh_rooms.ts";
import type { MeshOwnEvent, ShownMeshEvent } from "./mesh_rendering.ts";

/** What ends sooner needs no line, and no prompt before the first line. */
const CONNECTING_TOLD_MS = 1_000;

/** Why lines wait that are entered while connecting. */
export const NOT_IN = "you aren't in the room yet";

interface ShownNotice {
  readonly event: Extract<MeshEvent, { readonly event: "notice" }>;
  readonly ref: string | undefined;
}

/**
 * Shows events, keeps prompt and completion up to date, and starts listening for input: when ready, or at a terminal
 * once connecting takes long, so that lines can be written meanwhile.
 */
export class Presenter {
  /** Names of the members present, by fingerprint; bounded by the roster. */
  readonly #names = new Map<string, string>();
  readonly #key: string;
  /** Notices that wait for the first line; null after it was shown. Bounded by the roster. */
  #held: ShownNotice[] | null = [];
  /** Receivers of the user's private messages that wait, by message; bounded by the number that may wait. */
  readonly #unconfirmed = new Map<string, string>();
  #leavingTimer: ReturnType<typeof setTimeout> | undefined;
  #connectingTimer: ReturnType<typeof setTimeout> | undefined;
  #isListening = false;
  readonly people: People<ShownMeshEvent>;
  /** Back pressure of the room, and before it that of connecting. */
  readonly pause: InputPause;

  /**
   * @param known Names of all who can be written to, present or not.
   * @param listen Starts reading input.
   * @param greet Shows what follows the first line.
   * @param privately The last of what was said privately in the room before this start.
   */
  constructor(
    readonly wiring: Session<MeshOwnEvent, RoomSink> & {
      readonly options: MeshOptions;
      readonly as?: string;
      readonly rooms: Pick<MeshRooms, "lastSeen">;
    },
    readonly known: () => readonly string[],
    readonly listen: () => void,
    readonly greet: () => void,
    readonly privately: () => readonly RecalledMessage[],
  ) {
    this.#key = fingerprintOf(wiring.identity.signer.key);
    this.pause = new InputPause(wiring.ui);
    this.people = new People<ShownMeshEvent>(wiring, this.#name);
  }

  show(event: MeshEvent, ref: string | undefined): void {
    const { ui } = this.wiring;
    if (event.event === "returned") return this.#returned(event);
    if (event.event === "notice" && this.#isFirstLineAwaited) return this.#hold({ event, ref });
    this.people.show(event, ref);
    switch (event.event) {
      case "ready":
        clearTimeout(this.#connectingTimer);
        this.#listenAs(event.name);
        ui.setNames(() => [...this.#names.values()], this.known);
        this.wiring.rooms.lastSeen?.here(this.wiring.environment.wallMs);
        this.greet();
        this.#tellProfile(event.name);
        this.#showHeld();
        return this.pause.early(null);
      case "joined":
        this.#names.set(event.key, event.name);
        return;
      case "delivery":
        if (event.state === "queued") this.#unconfirmed.set(event.id, event.to);
        else this.#unconfirmed.delete(event.id);
        return;
      case "left":
        this.#names.delete(event.key);
        return;
      case "renamed":
        if (event.key === this.#key) {
          ui.setPrompt(shownName(event.name), event.name);
          return this.#tellHowLong(event);
        }
        this.#names.set(event.key, event.name);
        return;
    }
  }

  /**
   * Shows the last messages again, private ones too, and below them since when the user was away: the machine knows what
   * was shown of the room's, and the room's folder what was private, and when the user left.
   */
  #returned({ messages }: Extract<MeshEvent, { readonly event: "returned" }>): void {
    const { rooms, environment, ui } = this.wiring;
    const said = this.privately().map((message) =>
      ({ event: "message", ...message, history: true }) as const
    );
    const count = shownAgain(this.wiring.options, ui) ?? 0;
    const again = inTime<MessageEvent>(messages, said).slice(-count);
    for (const message of again) this.people.show(message, undefined);
    const event = rooms.lastSeen?.returned(environment.wallMs(), again.at(-1)?.sentAt ?? "");
    if (event !== undefined && event !== null) ui.show(event);
  }

  /** The user has taken another name than that of the command line, which the next start takes again. */
  #tellHowLong({ name, lostTo }: Extract<MeshEvent, { readonly event: "renamed" }>): void {
    const { options, ui } = this.wiring;
    if (lostTo !== undefined || name === options.name || !isPlainName(name)) return;
    const own = shownName(options.name);
    const command = commandToType(`mesh ${own}`, options.data);
    const text = `You are called ${
      shownName(name)
    } until you leave; ${command} comes back as ${own}`;
    showNotices(ui, text);
  }

  /** The name of the profile was taken. */
  #tellProfile(name: string): void {
    const { as, options, ui } = this.wiring;
    if (as === undefined) return;
    const own = shownName(options.name);
    const command = commandToType(`mesh ${own}`, options.data);
    const text = `You are called ${shownName(name)} until you leave; ${command} comes back ` +
      `into this room, as ${own} if nobody has that name then`;
    showNotices(ui, text);
  }

  get #name(): string {
    return this.wiring.as ?? this.wiring.options.name;
  }

  /** Shows a notice, but not before the first line. */
  notice(text: string): void {
    this.#hold({ event: { event: "notice", text }, ref: undefined });
  }

  #listenAs(name: string): void {
    this.wiring.ui.setPrompt(shownName(name), name);
    if (!this.#isListening) this.listen();
    this.#isListening = true;
  }

  /** Whether a reader takes the first line of standard output for the one that says where this member listens. */
  get #isFirstLineAwaited(): boolean {
    const { ui, options } = this.wiring;
    return this.#held !== null && !ui.interactive && !options.json;
  }

  #hold(notice: ShownNotice): void {
    if (this.#held === null) this.people.show(notice.event, notice.ref);
    else this.#held.push(notice);
  }

  #showHeld(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const { event, ref } of held) this.people.show(event, ref);
  }

  /** The user has asked to leave. */
  leaving(): void {
    this.#leavingTimer ??= setTimeout(() => {
      const here = new Set(this.#names.values());
      const names = [...new Set(this.#unconfirmed.values())].filter((name) => here.has(name));
      if (names.length === 0) return;
      const text = `Leaving; waiting up to ${LEAVE_MS_MAX / 1_000} s for ${
        names.map(shownName).join(", ")
      } to confirm`;
      showNotices(this.wiring.ui, text);
    }, LEAVE_UNTOLD_MS);
  }

  /** Nobody has answered yet: shows the progress text. */
  connecting(text: string | null): void {
    if (text === null) return;
    const { ui } = this.wiring;
    this.#connectingTimer = setTimeout(() => {
      showNotices(ui, text);
      if (ui.interactive) this.listenEarly();
    }, CONNECTING_TOLD_MS);
  }

  /** The user may type already: what is entered waits until the room is there. */
  listenEarly(): void {
    this.pause.early(NOT_IN);
    this.#listenAs(this.#name);
  }

  stopped(): void {
    this.#showHeld();
    clearTimeout(this.#leavingTimer);
    clearTimeout(this.#connectingTimer);
  }
}

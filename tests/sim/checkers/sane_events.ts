/**
 * What a user is told makes sense by itself: one `ready`, before all that has to do with the room; a member
 * leaves only after it was there, and joins only while it isn't; no program ends for a reason that its user
 * can't have caused; links that are dialled anew where all is well are no news. And it is so: only who left is said to have quit, and in the end those whom the user
 * holds for here are.
 */

import { fingerprintOf } from "../../../lib/base/fingerprint.ts";
import type { MeshEvent } from "../../../lib/protocols/mesh/events.ts";
import type { MeshInput } from "../../../lib/protocols/mesh/mesh_io.ts";
import { NAME_TAKERS } from "../mesh/attacks.ts";
import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { Member, MemberProcess } from "../mesh/member.ts";
import type { World } from "../mesh/world.ts";

/** Who comes in is known to all by then: whoever comes in after that has it told as news. */
const KNOWN_MS_MAX = 10_000;

interface Told {
  ready: boolean;
  /** By fingerprint, whether the user was last told that it is there; absent: not told of. */
  readonly there: Map<string, boolean>;
  readonly names: Map<string, string>;
}

/** Codes with which a start may end before `ready`: nobody there, or not now. */
const START_FAILURES = [
  "unreachable",
  "timeout",
  "protocol",
  "full",
  "name-taken",
  "disk",
  "too-fast",
];

export class SaneEvents implements MeshChecker {
  readonly name = "events";
  readonly #told = new Map<MemberProcess, Told>();
  readonly #restored = new Set<Member>();
  /** Fingerprints of those who keep to the rules. */
  readonly #honest = new Set<string>();
  /** And of those of them who have ever said goodbye. */
  readonly #leavers = new Set<string>();

  restored(member: Member): void {
    this.#restored.add(member);
  }

  started(process: MemberProcess): void {
    this.#told.set(process, { ready: false, there: new Map(), names: new Map() });
  }

  ended(process: MemberProcess): void {
    this.#told.delete(process);
    const { outcome, member, label } = process;
    if (outcome !== null) this.#leaves(process);
    if (outcome === null || outcome.kind === "bye") return;
    const { code, text } = outcome;
    if (process.readyAtMs === null && START_FAILURES.includes(code)) return;
    // A rotation may be ahead of whoever was given the invite before it, or of the member that was asked.
    const shown = [...member.world.invites.values()];
    const isPrivate = shown.some(({ secret }) => secret !== null);
    if (process.readyAtMs === null && code === "bad-credentials" && isPrivate) return;
    // A name is taken where another asked for it too; a member is replaced where another has its key.
    const others = member.world.members.filter((other) => other !== member);
    const folded = member.name.toLowerCase();
    const named = (name: string) => name.toLowerCase() === folded;
    if (code === "name-taken" && others.some(({ names }) => [...names].some(named))) return;
    const hasNameTaker = others.some(({ config }) => NAME_TAKERS.has(config.liar ?? ""));
    if (code === "name-taken" && hasNameTaker) return;
    const isCopied = others.some(({ key }) => key === member.key);
    // It was told to join through the other process of its own profile.
    if (code === "in-use" && process.readyAtMs === null && isCopied) return;
    // Who was put back from an image has forgotten its latest start; with a slow clock, that one counts.
    if (code === "replaced" && (isCopied || this.#restored.has(member))) return;
    throw this.#broken(`${label} ends with ${code}: ${text}`);
  }

  /** Its goodbye is out before its end. */
  stepped(process: MemberProcess, input: MeshInput): void {
    if (input.type === "command" && input.command.command === "quit") this.#leaves(process);
  }

  /** Before it is shown how others see it, it may have been heard of. */
  #leaves({ shownKey, member }: MemberProcess): void {
    this.#leavers.add(shownKey === "" ? fingerprintOf(member.key) : shownKey);
  }

  shown(process: MemberProcess, event: MeshEvent): void {
    const told = this.#told.get(process)!;
    const { label } = process;
    if (event.event === "ready") {
      if (told.ready) throw this.#broken(`${label} is ready twice`);
      told.ready = true;
      this.#honest.add(event.key);
      return;
    }
    if (!told.ready && event.event !== "notice" && event.event !== "error") {
      throw this.#broken(`${label} shows ${event.event} before ready`);
    }
    const { isAtPeace } = process.member.world;
    if (isAtPeace && event.event === "notice" && event.text.startsWith("No link to any")) {
      throw this.#broken(`${label} is told "${event.text}" of links that are dialled anew`);
    }
    if (event.event === "joined") this.#joined(process, told, event);
    else if (event.event === "left") this.#left(process, told, event);
    else if (event.event === "renamed") {
      const before = told.names.get(event.key);
      if (before !== undefined && before !== event.from) {
        throw this.#broken(`${label} renames ${event.from}, whom it called ${before}`);
      }
      told.names.set(event.key, event.name);
    }
  }

  #joined(
    { label, shownKey }: MemberProcess,
    { there, names }: Told,
    { key, name }: Extract<MeshEvent, { readonly event: "joined" }>,
  ): void {
    if (key === shownKey) throw this.#broken(`${label} joins its own room`);
    if (there.get(key) === true) {
      throw this.#broken(`${label} shows that ${name} joined, who is there`);
    }
    there.set(key, true);
    names.set(key, name);
  }

  /** Whom the user holds for here is, and of whoever came in later the user was told. */
  atAnswers(world: World): void {
    // A liar may be here for some and not for others, and those whom it makes up for anybody.
    if (world.members.some(({ isJudged }) => !isJudged)) return;
    const judged = world.judged();
    for (const process of judged) {
      const { label, peers } = process;
      const { there } = this.#told.get(process)!;
      const listed = new Set<string>(peers?.map(({ key }) => key));
      for (const [key, isThere] of there) {
        if (isThere && !listed.has(key)) throw this.#broken(`${label} isn't told that ${key} left`);
      }
      for (const { label: late, shownKey, readyAtMs } of judged) {
        if (readyAtMs! <= process.readyAtMs! + KNOWN_MS_MAX || there.get(shownKey)) continue;
        throw this.#broken(`${label} isn't told that ${late} joined`);
      }
    }
  }

  #left(
    { label, shownKey }: MemberProcess,
    { there, names }: Told,
    { key, name, reason }: Extract<MeshEvent, { readonly event: "left" }>,
  ): void {
    // What liars do isn't seen here, nor what those do whom they make up.
    if (reason === "quit" && this.#honest.has(key) && !this.#leavers.has(key)) {
      throw this.#broken(`${label} shows that ${name} quit, who never did`);
    }
    if (key === shownKey) throw this.#broken(`${label} shows itself leave (${reason})`);
    if (there.get(key) === false) {
      throw this.#broken(`${label} shows that ${name} left, who wasn't there`);
    }
    there.set(key, false);
    const called = names.get(key);
    if (called !== undefined && called !== name) {
      throw this.#broken(`${label} shows ${name} leave, whom it called ${called}`);
    }
  }

  #broken(text: string): Violation {
    return new Violation(this.name, text);
  }
}

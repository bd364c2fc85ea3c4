/**
 * The events shown to a user are consistent in themselves: one `ready`, before everything about the room; a member
 * leaves only after it was present, and joins only while it isn't; no program ends for a reason that its user can't
 * have caused; redialling links where nothing is wrong, and all members can be dialled, isn't reported. And they
 * are true: only members that left are said to have quit, and in the end those whom the user believes present are.
 */

import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { nameBeforeStart } from "../../../lib/base/text/names.ts";
import type { MeshEvent } from "../../../lib/protocols/mesh/schema/events.ts";
import type { MeshInput } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import { NAME_TAKERS } from "../mesh/attacks.ts";
import { type MeshChecker, Violation } from "../mesh/checker.ts";
import { knowsRoom } from "../mesh/episodes.ts";
import type { Member, MemberProcess } from "../mesh/member.ts";
import type { World } from "../mesh/world.ts";

/** After so long, a member is known to all: it must be shown every member that joins later. */
const KNOWN_MS_MAX = 10_000;

interface Told {
  ready: boolean;
  /** By fingerprint, whether the user was last shown the member as present; missing: never shown. */
  readonly there: Map<string, boolean>;
  readonly names: Map<string, string>;
}

/** Codes with which a start may end before `ready`: nobody is there, or joining isn't possible now. */
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
  /** Fingerprints of the honest members. */
  readonly #honest = new Set<string>();
  /** Those of them that have ever said goodbye. */
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
    const isFounder = member === member.world.members[0] && knowsRoom(member);
    const isOwn = isFounder && member.world.members.every(({ config }) => config.liar === null);
    if (code === "name-taken" && isOwn) throw this.#broken(`${label} lost the founder's name`);
    if (process.readyAtMs === null && START_FAILURES.includes(code)) return;
    // The secret may have been rotated after the invite was given out, or be newer than that of the member asked.
    const isPrivate = [...member.world.invites.values()].some(({ secret }) => secret !== null);
    if (process.readyAtMs === null && code === "bad-credentials" && isPrivate) return;
    if (code === "kicked" && member.world.removals.has(member.key)) return;
    // A name may be taken if another member has requested it; a member may be replaced if another one has its key.
    const others = member.world.members.filter((other) => other !== member);
    const named = (name: string) => name.toLowerCase() === member.name.toLowerCase();
    if (code === "name-taken" && others.some(({ names }) => [...names].some(named))) return;
    const hasNameTaker = others.some(({ config }) => NAME_TAKERS.has(config.liar ?? ""));
    if (code === "name-taken" && hasNameTaker) return;
    const isCopied = others.some(({ key }) => key === member.key);
    // It was told to join through the other process of its own profile.
    if (code === "in-use" && process.readyAtMs === null && isCopied) return;
    // A member restored from an image has forgotten its latest start, which counts if its clock is slow.
    if (code === "replaced" && (isCopied || this.#restored.has(member))) return;
    throw this.#broken(`${label} ends with ${code}: ${text}`);
  }

  /** Noted as soon as the user quits, since the goodbye is sent before the process ends. */
  stepped(process: MemberProcess, input: MeshInput): void {
    if (input.type === "command" && input.command.command === "quit") this.#leaves(process);
  }

  /** Others may have heard of the process before its `ready`, which shows the fingerprint that they see. */
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
    const { isAtPeace, members } = process.member.world;
    // A neighbour is found later where members remember addresses at which nobody answers, as liars make them up and
    // those behind routers give them, and where more ask at once than those that can be dialled have slots for.
    const isEasy = members.every(({ isJudged, config: { natted, passive } }) =>
      isJudged && !natted && !passive
    );
    const isAlone = event.event === "notice" && event.text.startsWith("No link to any");
    if (isAtPeace && isEasy && isAlone) {
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

  /** Members whom the user believes present are, and the user was shown every member that joined later. */
  atAnswers(world: World): void {
    // A liar may be present for some and not for others, and members that it invents for anybody.
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
    { label, shownKey, member: { world } }: MemberProcess,
    { there, names }: Told,
    { key, name, reason }: Extract<MeshEvent, { readonly event: "left" }>,
  ): void {
    // What liars and their invented members do isn't checked here; whose name is taken quits by itself.
    const has = ({ names, config: { liar } }: Member) =>
      NAME_TAKERS.has(liar ?? "") ? 2 : Number(names.has(nameBeforeStart(name)));
    const isTaken = world.members.reduce((sum, member) => sum + has(member), 0) > 1;
    if (reason === "quit" && !isTaken && this.#honest.has(key) && !this.#leavers.has(key)) {
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

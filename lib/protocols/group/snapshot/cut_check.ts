/**
 * Whether a global state is possible: no process knows of anything that, in this state, hasn't happened yet, and each
 * channel has everything that was sent on it and hadn't arrived. Uses nothing but what is written in the cut.
 *
 * Chandy and Lamport 1985, section 2.1: what was received was sent; section 3: a channel's state is what its sender
 * had sent before it recorded itself, without what its receiver had received before it recorded itself.
 */

import { COORDINATOR_NAME, type HistoryPoint } from "../schema/history.ts";
import {
  type Cut,
  type CutMember,
  type Decided,
  type EntryPoint,
  type Run,
  runsLength,
} from "../schema/cut.ts";

/** The verdict on a cut, in words. */
export interface Verdict {
  readonly isConsistent: boolean;
  /** Part of a sentence: what fits, or the first fault, and how many more there are. */
  readonly why: string;
}

/** Takes time quadratic in the number of members, as each has a channel from each other. */
export function verdictOf(cut: Cut): Verdict {
  const faults = cutFaults(cut);
  if (faults.length === 0) return { isConsistent: true, why: fittingText(cut) };
  const more = faults.length === 1 ? "" : `; and ${faults.length - 1} more like this`;
  return { isConsistent: false, why: `${faults[0]}${more}` };
}

function fittingText({ members, coordinator }: Cut): string {
  const sent = members.reduce((sum, { state }) => sum + state.sent, 0);
  const flying = members.reduce((sum, { state }) => sum + flightsOf(state.channels), 0);
  const told = members.flatMap(({ tellings }) => tellings.flatMap(({ ids }) => ids)).length;
  const entries = members.map(({ state }) => state.seq);
  const lengths = [...new Set([Math.min(...entries), Math.max(...entries)])].join(" to ");
  const logs = members.length === 0
    ? `nobody was there, ${counted(coordinator.consistent.seq, "entry is", "entries are")} known`
    : `logs of ${lengths} ${lengths === "1" ? "entry" : "entries"} agree`;
  const between = `${counted(flying, "message was", "messages were")} under way between members`;
  const under = flying + told === 0
    ? "nothing was under way"
    : `${between} and ${counted(told, "entry", "entries")} to the coordinator`;
  return "nobody had received anything that wasn't sent yet; since the members' programs were started, " +
    `${counted(sent, "text was", "texts were")} sent; ${under}; ${logs}`;
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

function flightsOf(channels: readonly (readonly Run[])[]): number {
  return channels.reduce((sum, runs) => sum + runsLength(runs), 0);
}

/** Faults of the cut, in sentences without a full stop; none where it is consistent. */
export function cutFaults(cut: Cut): readonly string[] {
  const { members } = cut;
  const shape = members.flatMap((member) => shapeFaults(member, cut));
  if (shape.length > 0) return shape; // nothing else could be read
  return [
    ...members.flatMap(ownFaults),
    ...members.flatMap((to, at) =>
      members.flatMap((from, of) => pairFaults(cut, from, of, to, at))
    ),
    ...members.flatMap((member, at) => coordinatorFaults(cut, member, at)),
    ...historyFaults(cut),
  ];
}

function shapeFaults({ name, state }: CutMember, { members, coordinator }: Cut): readonly string[] {
  const { length } = members;
  const isWhole = state.peers.length === length && state.channels.length === length &&
    coordinator.tellings.length === length;
  return isWhole ? [] : [`${name} hasn't recorded a channel from each of the ${length} members`];
}

/** Faults in what a member says of itself. */
function ownFaults({ name, state }: CutMember): readonly string[] {
  const { log, acked, placed, seq, logged, sent } = state;
  const faults: string[] = [];
  if (log.position > acked.position) {
    faults.push(
      `${name}'s log has ${log.position} places, and it has acknowledged ${acked.position}`,
    );
  }
  if (acked.position > placed.position) {
    faults.push(`${name} has acknowledged ${acked.position} places, and has ${placed.position}`);
  }
  if (seq > log.position) faults.push(`${name}'s log has ${seq} entries at ${log.position} places`);
  if (logged > sent) faults.push(`${name} has sent ${sent} texts, and ${logged} are entries`);
  return faults;
}

/** Faults in what a member has from another one. */
function pairFaults(
  cut: Cut,
  from: CutMember,
  of: number,
  to: CutMember,
  at: number,
): readonly string[] {
  const seen = to.state.peers[of]!;
  const runs = to.state.channels[of]!;
  const { sent, acked } = from.state;
  const way = `${from.name} to ${to.name}`;
  if (of === at) {
    return runs.length === 0 ? [] : [`${to.name} has recorded a channel to itself`];
  }
  const faults: string[] = [];
  if (seen.acked > acked.position) {
    faults.push(
      `${to.name} knows that ${from.name} acknowledged ${seen.acked} places, it had ${acked.position}`,
    );
  }
  if (to.state.log.position > acked.position) {
    faults.push(
      `${to.name}'s log has ${to.state.log.position} places, and ${from.name} had acknowledged ` +
        `${acked.position}`,
    );
  }
  if (seen.texts > sent) {
    faults.push(`${to.name} had received text ${seen.texts} of ${from.name}, who had sent ${sent}`);
  }
  const texts = runs.filter(({ author }) => author === from.key);
  const incarnation = from.incarnation.toHex();
  if (texts.some((run) => run.incarnation.toHex() !== incarnation)) {
    faults.push(`on the way from ${way} is a text of another process`);
  } else if (seen.texts <= sent) faults.push(...gapFaults(texts, seen.texts, sent, "text", way));
  const decisions = runs.filter(({ author }) => author !== from.key);
  return [...faults, ...passedOnFaults(cut, decisions, from, of, to)];
}

/** Faults unless the runs are everything after one counter up to another, each once. */
function gapFaults(
  runs: readonly Run[],
  after: number,
  through: number,
  what: string,
  way: string,
): readonly string[] {
  let next = after + 1;
  for (const { first, through } of runs) {
    if (first < next) return [`on the way from ${way} is ${what} ${first}, which had come`];
    if (first > next) return [missing(what, next, first - 1, way)];
    next = through + 1;
  }
  if (next === through + 1) return [];
  if (next > through + 1) {
    return [`on the way from ${way} is ${what} ${next - 1}, which wasn't sent`];
  }
  return [missing(what, next, through, way)];
}

function missing(what: string, first: number, through: number, way: string): string {
  const which = first === through
    ? `${what} ${first} from ${way} isn't`
    : `${what}s ${first} to ${through} from ${way} aren't`;
  return `${which} recorded as under way, and hadn't come`;
}

/** Only the sequencer passes decisions on; those of each process of the coordinator in their order. */
function passedOnFaults(
  { members }: Cut,
  runs: readonly Run[],
  from: CutMember,
  of: number,
  to: CutMember,
): readonly string[] {
  const way = `${from.name} to ${to.name}`;
  if (runs.some((run) => isMembers(run, members))) {
    return [`on the way from ${way} is what somebody else said`];
  }
  if (of !== 0) return runs.length === 0 ? [] : [`on the way from ${way} is a decision`];
  const sent = from.state.decided;
  const had = to.state.decided;
  if (sent === null) {
    return had === null && runs.length === 0
      ? []
      : [`${to.name} had a decision that ${members[0]!.name} hadn't passed on`];
  }
  const isSame = had !== null && isSameProcess(had, sent);
  const last = runs.filter((run) => isSameProcess(run, sent));
  if (isSame && had.through > sent.through) {
    return [`${to.name} had decision ${had.through}, ${from.name} had passed on ${sent.through}`];
  }
  // The decisions are of another process than the last one that was received: some may have been in the history
  // already.
  const after = isSame ? had.through : (last[0]?.first ?? sent.through + 1) - 1;
  if (!isSame && last.length === 0) return [missing("decision", sent.through, sent.through, way)];
  return gapFaults(last, after, sent.through, "decision", way);
}

/**
 * Whether a member is the author. Otherwise it is the coordinator, perhaps under a former key: members take nobody
 * else's decisions.
 */
function isMembers({ author }: Run, members: readonly CutMember[]): boolean {
  return members.some(({ key }) => key === author);
}

/** Faults in what the coordinator has from a member, and a member from the coordinator. */
function coordinatorFaults(
  { coordinator, members }: Cut,
  member: CutMember,
  at: number,
): readonly string[] {
  const { name, state, tellings } = member;
  const faults: string[] = [];
  const { consistent, decided } = coordinator;
  if (consistent.position > state.log.position) {
    faults.push(
      `${COORDINATOR_NAME} knows of ${consistent.position} places in all logs, ${name}'s has ` +
        `${state.log.position}`,
    );
  }
  const heard = coordinator.tellings[at]!;
  if (heard + tellings.length !== state.tellings) {
    faults.push(
      `${name} had told ${COORDINATOR_NAME} of entries in ${state.tellings} messages, ${heard} had ` +
        `come and ${tellings.length} were under way`,
    );
  }
  const known = [...state.fromCoordinator, ...(state.decided === null ? [] : [state.decided])];
  for (const run of state.fromCoordinator) {
    if (isMembers(run, members)) {
      faults.push(`on the way to ${name} is what it didn't decide`);
    }
  }
  for (const { incarnation, through } of known) {
    if (decided === null || !isSameProcess(decided, { incarnation })) continue;
    if (through <= decided.through) continue;
    faults.push(`${name} has decision ${through}, ${COORDINATOR_NAME} had made ${decided.through}`);
  }
  return faults;
}

function isSameProcess(
  a: Pick<Decided, "incarnation">,
  b: Pick<Decided, "incarnation">,
): boolean {
  return a.incarnation.toHex() === b.incarnation.toHex();
}

interface Claim extends HistoryPoint {
  readonly by: string;
  readonly seq: number | null;
}

/** Faults in what is claimed about the one history. */
function historyFaults({ coordinator, members }: Cut): readonly string[] {
  const claim = (by: string, { seq, position, digest }: EntryPoint): Claim => ({
    by,
    seq,
    position,
    digest,
  });
  const claims: Claim[] = [claim(COORDINATOR_NAME, coordinator.consistent)];
  const faults: string[] = [];
  for (const { name: by, state: { seq, log, acked, placed } } of members) {
    claims.push({ by, seq, ...log }, { by, seq: null, ...acked }, { by, seq: null, ...placed });
    const first = members[0]!;
    if (placed.position > first.state.placed.position) {
      faults.push(
        `${by} has ${placed.position} places in order, ${first.name} had put ` +
          `${first.state.placed.position} in order`,
      );
    }
  }
  claims.sort((a, b) => a.position - b.position);
  faults.push(...digestFaults(claims));
  faults.push(...numberFaults(claims.filter(({ seq }) => seq !== null)));
  return faults;
}

/** @param claims In the order of their positions. */
function digestFaults(claims: readonly Claim[]): readonly string[] {
  const faults: string[] = [];
  let last: Claim | null = null;
  for (const claim of claims) {
    if (last?.position !== claim.position) last = claim;
    else if (last.digest !== claim.digest) {
      faults.push(`${last.by} and ${claim.by} have other histories up to place ${claim.position}`);
    }
  }
  return faults;
}

/**
 * @param claims In the order of their positions. Each entry takes a place, so entry numbers grow no faster than
 * places.
 */
function numberFaults(claims: readonly Claim[]): readonly string[] {
  const faults: string[] = [];
  let last: Claim | null = null;
  for (const claim of claims) {
    const seqs = claim.seq! - (last?.seq ?? 0);
    const places = claim.position - (last?.position ?? 0);
    if (seqs < 0 || seqs > places) {
      const before = last === null ? "" : `, ${last.by} ${last.seq} at ${last.position}`;
      faults.push(`${claim.by} has ${claim.seq} entries at ${claim.position} places${before}`);
    }
    last = claim;
  }
  return faults;
}

/**
 * How a client comes in: with a password, as a new account, as a guest, or by the key of a device that has logged in
 * before. The accounts are looked up and written elsewhere, by questions and answers; until those are over, the
 * client has a place, and one question at a time.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { Logger } from "../../../base/machine/environment.ts";
import { type Fingerprint, fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { FoldedName, PeerKey } from "../../../base/ids.ts";
import { unreachable } from "../../../base/invariant.ts";
import { foldName, nameFault } from "../../../base/text/names.ts";
import type { Client, ClientLink } from "../sessions/client_session.ts";
import type { Others } from "../sessions/others.ts";
import type { ClientLinks, Sessions } from "../sessions/sessions.ts";
import type { Account, AccountAnswer } from "../schema/directory_io.ts";
import {
  ENGINE_RETRY_MS,
  FULL_RETRY_MS,
  KICKED_MAX,
  KICKED_MS,
  LOCK_OUTS_MAX,
  PASSWORDS_RETRY_MS,
  REFUSALS_MAX,
  SIGN_UPS_MS,
  UNREMEMBERED_MAX,
  USED_ACCOUNTS_MAX,
  USED_LATER_MAX,
  USES_MAX,
  USES_MS,
} from "../schema/limits.ts";
import { DAMAGED_TEXT, REFUSED_TEXTS } from "../schema/refusal_text.ts";
import type { Entrance } from "./entrance.ts";
import type { LockOuts, Wait } from "./lock_outs.ts";
import { checkPassword } from "./password_check.ts";
import type { DirectoryMessageOf, DirectoryRefusal } from "../schema/messages.ts";
import type { DirectoryOutput } from "../schema/directory_output.ts";
import { weakPassword } from "../../../base/crypto/password_hash.ts";
import { RecentCounts } from "../../../base/rates/token_bucket.ts";

interface LogInParts {
  readonly out: DirectoryOutput;
  readonly links: Pick<ClientLinks, "checking" | "enter">;
  readonly sessions: Pick<Sessions, "isOtherGuests" | "named" | "size">;
  readonly others: Pick<Others, "isOtherGuests" | "withRoom">;
  readonly lockOuts: Pick<LockOuts, "begin">;
  /** Whether guests may come in. */
  readonly guests: boolean;
  readonly clientsMax: number;
  readonly signUpsMax: number;
  readonly log: Logger;
  readonly letIn: Entrance["letIn"];
  /** Whether the others hear of who comes in. */
  isUp(): boolean;
  /** A new account has this name. */
  forget(account: FoldedName): void;
  /** Sends away the client that is in as this account with another key than these. */
  changed(account: FoldedName, keys: readonly Fingerprint[]): void;
}

type Enter = DirectoryMessageOf<"enter">;

/** A client on its way in. */
interface Entrant {
  readonly link: ClientLink;
  readonly enter: Enter;
  readonly folded: FoldedName;
}

export class LogIn {
  readonly #signUps: RecentCounts;
  readonly #kicked = new RecentCounts(1, KICKED_MS, KICKED_MAX);
  readonly #uses = new RecentCounts(USES_MAX, USES_MS, USED_ACCOUNTS_MAX);
  /**
   * Devices that the disk has refused to remember, by account: they come back by their key as long as this process runs,
   * and the account has this version.
   */
  readonly #unremembered = new Map<
    FoldedName,
    { readonly key: PeerKey; readonly version: string }
  >();
  /** Names that a guest, or somebody who signs up, is about to have. */
  readonly #claimed = new Map<FoldedName, Entrant>();

  constructor(readonly parts: LogInParts) {
    this.#signUps = new RecentCounts(parts.signUpsMax, SIGN_UPS_MS, LOCK_OUTS_MAX);
  }

  /** A client that isn't in, and for which nothing is being checked, wants to come in. */
  enter(link: ClientLink, enter: Enter): void {
    const { links, out } = this.parts;
    const fault = nameFault(enter.name);
    if (fault !== null) {
      return this.#refuse(link, "bad-name", `Invalid name: ${fault}`);
    }
    const name = enter.name.normalize("NFC");
    const entrant = { link, enter: { ...enter, name }, folded: foldName(name) };
    if (!this.parts.isUp()) return this.#engineAway(link);
    if (this.#isKicked(entrant)) return;
    if (!this.#hasPlace(entrant)) return this.#full(link);
    links.enter(link, "checking", out.nowMs);
    switch (enter.how) {
      case "log-in":
        return this.#logIn(entrant);
      case "sign-up":
        return this.#signUp(entrant);
      case "guest":
        return this.#guest(entrant);
      case "resume":
        return this.#resume(entrant);
      default:
        unreachable(enter.how);
    }
  }

  /** The client is being thrown out: for a while neither its name nor its key is let in. */
  keepOut({ folded, key }: Pick<Client, "folded" | "key">): void {
    for (const each of [folded, key]) this.#kicked.add(each, this.parts.out.monotonicMs);
  }

  /** @returns Whether the client was thrown out a moment ago; then it is told so. */
  #isKicked({ link, folded }: Entrant): boolean {
    const { monotonicMs } = this.parts.out;
    const waitsMs = [folded, link.peer].map((each) => this.#kicked.waitMs(each, monotonicMs));
    const kickedMs = Math.max(...waitsMs);
    if (kickedMs === 0) return false;
    const text = "The operator has thrown you out";
    this.#refuse(link, "kicked", text, kickedMs);
    return true;
  }

  /** A client that takes the place of its own earlier link needs no further place. */
  #hasPlace({ link, folded }: Entrant): boolean {
    const { sessions, links, clientsMax } = this.parts;
    if (sessions.named(folded)?.key === link.peer) return true;
    return sessions.size + links.checking < clientsMax;
  }

  #full(link: ClientLink): void {
    const { out, others: { withRoom: addresses } } = this.parts;
    if (addresses.length > 0) {
      out.send(link.id, { type: "instances", because: "full", addresses });
    }
    this.#refuse(link, "full", undefined, FULL_RETRY_MS);
  }

  #logIn(entrant: Entrant): void {
    const { link, enter: { how, name, password, newPassword }, folded } = entrant;
    const weak = newPassword === "" ? null : weakPassword(newPassword, "The new password");
    if (weak !== null) return this.#refuse(link, "weak-password", weak);
    const { address } = link;
    checkPassword(this.parts, { name, folded, password, address }, (wait) => {
      if (link.phase === "checking") this.#mayNotTry(link, wait);
    }, (answer) => {
      if (link.phase !== "checking") return;
      if (how === "sign-up" && answer.outcome === "wrong") return this.#nameTaken(link);
      if (answer.outcome !== "ok") return this.#denied(link, answer);
      this.#addKey(entrant, answer.account);
    });
  }

  #mayNotTry(link: ClientLink, { retryMs, isLockedOut }: Wait): void {
    if (!isLockedOut) return this.#refuse(link, "checking", undefined, retryMs);
    this.parts.log.info("locked out after wrong passwords", { address: link.address });
    const text = "Too many wrong passwords";
    this.#refuse(link, "locked-out", text, retryMs);
  }

  #addKey(entrant: Entrant, account: Account): void {
    const { link } = entrant;
    const { name, version } = account;
    const key = fingerprintOf(link.peer);
    if (account.keys.includes(key)) {
      this.#unremembered.delete(entrant.folded);
      this.#noteUse(entrant, account);
      return this.#loggedIn(entrant, account);
    }
    this.parts.out.ask({ ask: "add-key", name, version, key }, (answer) => {
      if (link.phase !== "checking") return;
      if (answer.outcome === "disk") this.#dontRemember(entrant, account);
      else if (answer.outcome === "ok") this.#unremembered.delete(entrant.folded);
      else return this.#denied(link, answer);
      this.#loggedIn(entrant, answer.outcome === "ok" ? answer.account : account);
    });
  }

  /** A full disk keeps nobody out who knows the password. */
  #dontRemember({ link: { peer: key }, folded }: Entrant, { version }: Account): void {
    this.#unremembered.delete(folded);
    this.#unremembered.set(folded, { key, version });
    dropOldest(this.#unremembered, UNREMEMBERED_MAX);
  }

  /** Notes the use of a device: of too many devices, those used longest ago go. A full disk keeps nobody out. */
  #noteUse({ link: { peer }, folded }: Entrant, { name, version, keys }: Account): void {
    const { out } = this.parts;
    const key = fingerprintOf(peer);
    if (keys.length - 1 - keys.indexOf(key) < USED_LATER_MAX) return;
    if (this.#uses.waitMs(folded, out.monotonicMs) > 0) return;
    this.#uses.add(folded, out.monotonicMs);
    out.ask({ ask: "add-key", name, version, key }, () => {});
  }

  /** The password is right and the device is known; changes the password where that was asked for. */
  #loggedIn(entrant: Entrant, account: Account): void {
    const { name, version } = account;
    const { link, enter: { newPassword: password } } = entrant;
    if (password === "") return this.#admit(entrant, account);
    const { address } = link;
    const key = fingerprintOf(link.peer);
    const question = { ask: "set-password", name, version, password, key, address } as const;
    this.parts.out.ask(question, (answer) => {
      if (link.phase === "checking") {
        if (answer.outcome === "ok") {
          this.#unremembered.delete(entrant.folded);
          this.#admit(entrant, answer.account);
        } else this.#denied(link, answer);
      }
      // The client isn't let in, being gone or thrown out meanwhile, so it displaces nobody: whoever came in with the
      // former password is sent away here.
      if (answer.outcome === "ok" && link.client === null) {
        this.parts.changed(entrant.folded, answer.account.keys);
      }
    });
  }

  #signUp(entrant: Entrant): void {
    const { link, enter: { password }, folded } = entrant;
    const { out } = this.parts;
    const weak = weakPassword(password);
    if (weak !== null) return this.#refuse(link, "weak-password", weak);
    if (this.#isTaken(entrant)) return this.#nameTaken(link);
    const { address } = link;
    const claimant = this.#claimed.get(folded);
    // The link of an earlier sign-up may have been lost before the answer: of the two, at most one succeeds.
    const isAgain = claimant?.enter.how === "sign-up" && claimant.link.peer === link.peer;
    const waitMs = isAgain ? 0 : this.#signUps.waitMs(address, out.monotonicMs);
    if (waitMs > 0) {
      const text = this.parts.signUpsMax === 0
        ? "This directory takes no sign-ups; its operator can add an account"
        : "Too many have signed up from your address";
      return this.#refuse(link, "too-fast", text, this.parts.signUpsMax === 0 ? 0 : waitMs);
    }
    this.#claimed.set(folded, entrant);
    if (isAgain) return this.#askToSignUp(entrant, true, () => {});
    this.#signUps.add(address, out.monotonicMs);
    const what = `signups/${address}`;
    const stamp = out.newStamp();
    const limits = [{ what, max: this.parts.signUpsMax, withinMs: SIGN_UPS_MS }];
    out.register({ ask: "count", limits, stamp }, (counted) => {
      if (counted.outcome === "done") {
        const takeBack = () => out.order({ order: "uncount", whats: [what], stamp, isAll: false });
        return this.#askToSignUp(entrant, false, takeBack);
      }
      this.#signUps.takeBack(address);
      this.#unclaim(entrant);
      if (link.phase !== "checking") return;
      if (counted.outcome !== "too-many") return this.#engineAway(link);
      const text = "Too many have signed up from your address";
      this.#refuse(link, "too-fast", text, counted.retryMs);
    });
  }

  /** @param takeBack Called where it fails: then it doesn't count at other instances, either. */
  #askToSignUp(entrant: Entrant, isAgain: boolean, takeBack: () => void): void {
    const { link, enter: { name, password }, folded } = entrant;
    const { out, forget } = this.parts;
    const { address } = link;
    const key = fingerprintOf(link.peer);
    out.ask({ ask: "sign-up", name, password, key, address }, (answer) => {
      this.#unclaim(entrant);
      const isDone = answer.outcome === "ok";
      if (!isDone) takeBack();
      // A sign-up counts from the beginning, so that nobody begins too many, unless it fails.
      if (isAgain && isDone) this.#signUps.add(address, out.monotonicMs);
      if (!isAgain && !isDone) this.#signUps.takeBack(address);
      if (isDone) {
        // An account of that name may have been removed while the directory was away.
        forget(folded);
        out.show({ event: "signup", name: answer.account.name });
      }
      if (link.phase !== "checking") return; // the account exists all the same
      if (answer.outcome === "name-taken") return this.#signsUpAgain(entrant);
      if (answer.outcome !== "ok") return this.#denied(link, answer);
      this.#admit(entrant, answer.account);
    });
  }

  /**
   * The link may have been lost before an earlier sign-up was answered: then the account has this key, and this
   * password.
   */
  #signsUpAgain(entrant: Entrant): void {
    const { link, enter: { name } } = entrant;
    this.parts.out.ask({ ask: "find", name }, (answer) => {
      if (link.phase !== "checking") return;
      if (accountOf(link, answer) !== null) return this.#logIn(entrant);
      this.#nameTaken(link);
    });
  }

  #guest(entrant: Entrant): void {
    const { link, enter: { name }, folded } = entrant;
    const { out, guests } = this.parts;
    if (!guests) {
      const advice = this.parts.signUpsMax === 0 ? "its operator can add one" : "sign up";
      return this.#refuse(link, "guests-refused", `This directory takes accounts alone; ${advice}`);
    }
    if (this.#isTaken(entrant)) return this.#nameTaken(link);
    this.#claimed.set(folded, entrant);
    out.ask({ ask: "find", name }, (answer) => {
      this.#unclaim(entrant);
      if (link.phase !== "checking") return;
      if (answer.outcome === "ok") return this.#nameTaken(link);
      if (answer.outcome !== "wrong") return this.#denied(link, answer);
      this.#admit(entrant, null);
    });
  }

  #resume(entrant: Entrant): void {
    const { link, enter: { name } } = entrant;
    this.parts.out.ask({ ask: "find", name }, (answer) => {
      if (link.phase !== "checking") return;
      const account = accountOf(link, answer);
      if (account !== null) {
        this.#admit(entrant, account);
        if (link.client !== null) this.#noteUse(entrant, account);
        return;
      }
      if (answer.outcome === "ok" && this.#isUnremembered(entrant, answer.account)) {
        return this.#addKey(entrant, answer.account);
      }
      this.#denied(link, answer.outcome === "ok" ? { outcome: "wrong" } : answer);
    });
  }

  #isUnremembered({ link, folded }: Entrant, { version }: Account): boolean {
    const device = this.#unremembered.get(folded);
    return device?.key === link.peer && device.version === version;
  }

  /** Whether another guest has the name, or another client is about to have it. */
  #isTaken({ link, folded }: Entrant): boolean {
    const { sessions, others, out } = this.parts;
    const claimant = this.#claimed.get(folded);
    if (claimant !== undefined) {
      // What was asked for a client that is gone is done all the same; and that it is gone may not be known yet.
      const isGone = claimant.link.phase !== "checking" || claimant.link.isOfSameProcess(link);
      if (!isGone || claimant.link.peer !== link.peer) return true;
    }
    return sessions.isOtherGuests(folded, link.peer, out.nowMs) ||
      others.isOtherGuests(folded, link.peer);
  }

  #unclaim(entrant: Entrant): void {
    const { folded } = entrant;
    if (this.#claimed.get(folded) === entrant) this.#claimed.delete(folded);
  }

  #nameTaken(link: ClientLink): void {
    this.#refuse(link, "name-taken");
  }

  #denied(link: ClientLink, answer: Exclude<AccountAnswer, { readonly outcome: "ok" }>): void {
    switch (answer.outcome) {
      case "wrong":
        return this.#refuse(link, "bad-credentials");
      case "name-taken":
        return this.#nameTaken(link);
      case "full":
        return this.#refuse(link, "checking", undefined, PASSWORDS_RETRY_MS);
      case "disk":
        if (this.parts.out.isAlone) {
          const text = "The directory cannot store your account at the moment";
          return this.#refuse(link, "disk", text);
        }
        // In an engine each account is an entry of its own: others can be read.
        if (answer.isDamaged) return this.#refuse(link, "not-allowed", DAMAGED_TEXT);
        return this.#engineAway(link);
      default:
        unreachable(answer);
    }
  }

  #engineAway(link: ClientLink): void {
    this.#refuse(link, "engine", undefined, ENGINE_RETRY_MS);
  }

  #refuse(link: ClientLink, code: DirectoryRefusal, text = REFUSED_TEXTS[code], retryMs = 0): void {
    const { out, links } = this.parts;
    out.send(link.id, { type: "refused", code, text, retryMs: Math.ceil(retryMs) });
    link.refusals += 1;
    if (link.refusals < REFUSALS_MAX) return links.enter(link, "silent", out.nowMs);
    links.enter(link, "over", out.nowMs);
    out.push({ type: "close", link: link.id, reason: "refused too often" });
  }

  /** @param account Null for a guest. */
  #admit(entrant: Entrant, account: Account | null): void {
    if (this.#isKicked(entrant)) return; // while this was being checked
    const { link, enter, folded } = entrant;
    const isGuest = account === null;
    this.parts.letIn(link, enter, {
      name: account?.name ?? enter.name,
      isGuest,
      isRemembered: isGuest || this.#unremembered.get(folded)?.key !== link.peer,
      version: account?.version ?? null,
      mayEnter: () => !this.#isKicked(entrant),
      refuse: (code, text, retryMs) => this.#refuse(link, code, text, retryMs),
    });
  }
}

/** The account, if it has the link's key; otherwise null. */
function accountOf(link: ClientLink, answer: AccountAnswer): Account | null {
  if (answer.outcome !== "ok") return null;
  return answer.account.keys.includes(fingerprintOf(link.peer)) ? answer.account : null;
}

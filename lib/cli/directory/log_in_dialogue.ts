/**
 * How a user logs in to a directory, signs up or enters as a guest: by flags, or asked at a terminal until it
 * succeeds.
 */

import { type ErrorCode, P2pchatError } from "../../base/errors.ts";
import { foldName } from "../../base/text/names.ts";
import { weakPassword } from "../../base/crypto/password_hash.ts";
import { chosenName } from "../commands/command_arguments.ts";
import type { Entry } from "../../protocols/directory/schema/client_io.ts";
import { newPasswordPrompt, typedTwice } from "../credentials/password_source.ts";
import type { Dialogue } from "../rendering/user_interface.ts";

/** The chosen way to enter and the name, before any password is asked for. */
export interface Way {
  readonly how: Entry["how"];
  readonly name: string;
}

/** Passwords from files or the environment. */
export interface GivenPasswords {
  /** Null: ask for it. */
  readonly password: string | null;
  /** Empty: the password isn't changed. */
  readonly newPassword: string;
}

export interface ComingInPorts {
  /** Asks the user at the terminal; null where nobody can be asked. */
  readonly dialogue: Dialogue | null;
  /** The way given by flags. */
  readonly way: Way | null;
  /** As given on the command line; null: ask for it. */
  readonly name: string | null;
  readonly given: GivenPasswords | null;
  /** Shows an error about the user's input. */
  refuse(error: P2pchatError): void;
  /** Shows which key to press. */
  notice(text: string): void;
  /** Called for Ctrl+X, or Ctrl+D at an empty line. */
  logOut(): void;
}

const PASSWORD = "Password: ";
const RETYPE_TEXT = "Type the password once more, or choose; neither is shown";
const SECRET_TEXT = "What you choose isn't shown, in case you are still typing a password";
const DROPPED_TEXT =
  "What you typed while the password was being checked is dropped: it may be a password";
const MENU = "1) log in   2) sign up   3) guest: ";
const WAYS: ReadonlyMap<string, Entry["how"]> = new Map([
  ["1", "log-in"],
  ["login", "log-in"],
  ["2", "sign-up"],
  ["signup", "sign-up"],
  ["3", "guest"],
  ["guest", "guest"],
]);

/** What pressing Enter leads to where no way is chosen yet, so that the menu will ask. */
const COME_IN = "come in";
/** What is shown until the directory has answered. */
const CHECKING = "Checking the password ... ";
const SIGNING_UP = "Signing up ... ";
const ENTERED_TO: Readonly<Record<Entry["how"], string>> = {
  "log-in": "log in",
  "sign-up": "sign up",
  "guest": COME_IN,
};

/** How often a password is asked for in a row, of who signs up, and of who logs in where a flag has chosen that. */
const PASSWORD_TRIES = 3;

/** A log-in with a typed password, until the directory has answered. */
interface Tried {
  readonly way: Way;
  readonly newPassword: string;
  /** How many more tries there are before the menu is shown. */
  readonly left: number;
}

/** What people type who don't want to enter at all. */
const LEAVES = /^[/:]?(?:q|quit|exit|logout)$/i;

export class LogInDialogue {
  readonly #ports: ComingInPorts;
  #way: Way | null;
  #given: GivenPasswords | null;
  #tried: Tried | null = null;
  /** The last log-in, if the directory refused its password. */
  #refused: Tried | null = null;
  /**
   * Whether input at the menu is hidden, because a password typed before had no success: the user may type it once more
   * by habit, or still be typing.
   */
  #isSecret = false;
  /** A password that was typed at the menu. */
  #retyped: string | null = null;

  constructor(ports: ComingInPorts) {
    this.#ports = ports;
    this.#way = ports.way;
    this.#given = ports.given;
  }

  /** Whether the user may try again after the directory's refusal. */
  get asksAgain(): boolean {
    const { dialogue, way, given } = this.#ports;
    return dialogue !== null && (way === null || (given?.password === null && way.how !== "guest"));
  }

  /** The way and the name; asked for where unknown. Null if the user leaves. */
  async way(): Promise<Way | null> {
    while (this.#way === null) {
      if (this.#isSecret) this.#ports.notice(this.#refused === null ? SECRET_TEXT : RETYPE_TEXT);
      const how = await this.#ask(MENU, this.#isSecret);
      if (how === null || LEAVES.test(how.trim())) return null;
      if (how.trim() === "") continue;
      const known = WAYS.get(how.replaceAll(/\s/g, "").toLowerCase());
      if (known === undefined) {
        if (this.#isRetyped(how)) break;
        // The input isn't quoted: it may be a password typed too soon.
        const text = "That is none of these: 1, 2 or 3, log in, sign up or guest; q leaves";
        this.#ports.refuse(new P2pchatError("usage", text));
        continue;
      }
      this.#refused = null;
      this.#isSecret = false;
      const name = this.#ports.name ?? await this.#ask("Name: ");
      if (name === null) return null;
      this.#way = this.#checked(() => ({ how: known, name: chosenName(name.trim()) }));
    }
    return this.#way;
  }

  /** Whether this answer to the menu is the password of the log-in that was refused, typed once more. */
  #isRetyped(answer: string): boolean {
    if (this.#refused === null || weakPassword(answer) !== null) return false;
    this.#way = this.#refused.way;
    this.#retyped = answer;
    return true;
  }

  /** Asks for the way again, after an attempt has failed. */
  async anotherWay(): Promise<Way | null> {
    this.#way = null;
    this.#isSecret = true;
    this.#ports.dialogue?.forgetTypedAhead();
    return await this.way();
  }

  /** The directory has refused something. */
  failed(code: ErrorCode): void {
    if (code === "bad-credentials") this.#refused = this.#tried;
    this.#tried = null;
  }

  /**
   * The credentials to enter with.
   * @param profile Whose profile is open. @returns Only the way if it is for another profile; null if the user
   *   leaves.
   */
  async entry(profile: string): Promise<Entry | Way | null> {
    const known = this.#way;
    const isAsked = known === null ||
      (known.how !== "guest" && (this.#given?.password ?? null) === null);
    const to = known === null ? COME_IN : ENTERED_TO[known.how];
    if (
      isAsked &&
      !await this.#open(false, `The directory answers: press Enter at an empty line to ${to}`)
    ) return null;
    const again = await this.#passwordAgain();
    if (again !== undefined) return again;
    if (this.#isSecret) this.#ports.dialogue?.forgetTypedAhead();
    for (;;) {
      const way = await this.way();
      if (way === null || foldName(way.name) !== foldName(profile)) return way;
      const given = this.#given;
      // After a mistake the menu is shown again, and given passwords are used only once.
      this.#way = null;
      this.#given = null;
      if (way.how === "guest") return { ...way, password: "", newPassword: "" };
      const { newPassword } = given ?? this.#refused ?? { newPassword: "" };
      if (given !== null && given.password !== null) {
        return { ...way, password: given.password, newPassword };
      }
      const password = await this.#passwordFor(way);
      if (password === null) return null;
      this.#isSecret = true;
      if (password !== undefined) return this.#entering(way, password, newPassword);
    }
  }

  /** @returns Undefined after errors, which were shown; null if the user leaves. */
  async #passwordFor({ how }: Way): Promise<string | null | undefined> {
    if (how === "sign-up") {
      for (let left = PASSWORD_TRIES; left > 0; left--) {
        const password = await this.newPassword("Password");
        if (password !== undefined) return password;
      }
      return undefined;
    }
    const retyped = this.#retyped;
    this.#retyped = null;
    return retyped ?? await this.#ask(PASSWORD, true);
  }

  /**
   * Where a flag has chosen to log in, asks for another password than the wrong one. @returns Undefined where the
   * menu is to be shown; null if the user leaves.
   */
  async #passwordAgain(): Promise<Entry | null | undefined> {
    const { way: flagged } = this.#ports;
    const refused = this.#refused;
    if (flagged === null || refused === null || refused.left === 0) return undefined;
    const password = await this.#ask(PASSWORD, true);
    if (password === null) return null;
    if (password === "") return undefined;
    return this.#entering(refused.way, password, refused.newPassword, refused.left - 1);
  }

  #entering(way: Way, password: string, newPassword: string, left = PASSWORD_TRIES - 1): Entry {
    this.#ports.dialogue?.wait(way.how === "sign-up" ? SIGNING_UP : CHECKING);
    this.#tried = way.how === "log-in" ? { way, newPassword, left } : null;
    this.#refused = null;
    return { ...way, password, newPassword };
  }

  /**
   * Asks for a new password twice. @param what Its name in the prompt. @returns Undefined after an error, which was
   * shown; null if the user leaves.
   */
  async newPassword(what: string): Promise<string | null | undefined> {
    try {
      return await typedTwice<null>((prompt) => this.password(prompt), newPasswordPrompt(what));
    } catch (error) {
      this.#refuse(error);
      return undefined;
    }
  }

  /** Until `over`, nothing that is typed is shown: the directory checks a password, which may be typed again. */
  checking(): void {
    this.#isSecret = true;
    this.#ports.dialogue?.wait(CHECKING);
  }

  /** Asks for a present password. Null: the user leaves. */
  async password(prompt: string): Promise<string | null> {
    return await this.#ask(prompt, true);
  }

  /**
   * Ends the questions for now: input goes to the prompt again.
   * @param isAnswered Whether that includes input typed ahead, as all questions are answered. After a password that the
   *   directory has checked it doesn't: the user may have typed the password again.
   */
  over(isAnswered: boolean): void {
    const mayBeSecret = this.#isSecret;
    this.#tried = this.#refused = null;
    this.#isSecret = false;
    const hasDropped = this.#ports.dialogue?.end(isAnswered && !mayBeSecret) ?? false;
    if (hasDropped && isAnswered) this.#ports.notice(DROPPED_TEXT);
  }

  /** Discards input typed ahead where no question will be asked. */
  dropTypedAhead(): void {
    this.#ports.dialogue?.dropTypedAhead();
  }

  /**
   * Waits for Enter before questions that the user has just requested with `command`.
   * @returns False if the user gave them up first.
   */
  async expected(command: string): Promise<boolean> {
    return await this.#open(true, `Press Enter at an empty line to go on with ${command}`);
  }

  /** Waits for Enter at an empty line, so that nothing being typed at the prompt becomes an answer. */
  async #open(isExpected: boolean, told: string): Promise<boolean> {
    const { dialogue, logOut, notice } = this.#ports;
    if (dialogue === null) return true;
    return await dialogue.beginAtEnter(logOut, isExpected, () => notice(told));
  }

  /** Keeps all further input for the questions that follow. */
  begin(): void {
    this.#ports.dialogue?.begin(() => this.#ports.logOut());
  }

  async #ask(prompt: string, isUnseen = false): Promise<string | null> {
    const { dialogue } = this.#ports;
    if (dialogue === null) return null;
    this.begin();
    return await dialogue.ask({ prompt, isUnseen });
  }

  /** Null if `work` threw an error, which was shown. */
  #checked<Value>(work: () => Value): Value | null {
    try {
      return work();
    } catch (error) {
      this.#refuse(error);
      return null;
    }
  }

  #refuse(error: unknown): void {
    if (!(error instanceof P2pchatError)) throw error;
    this.#ports.refuse(error);
  }
}

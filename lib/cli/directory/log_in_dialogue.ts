/**
 * How a user logs in to a directory, signs up or enters as a guest: by flags, or asked at a terminal until it
 * succeeds.
 */

import { type ErrorCode, P2pchatError } from "../../base/errors.ts";
import { foldName } from "../../base/text/names.ts";
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

const NAME = "Name";
const PASSWORD = "Password";
/** Of a question that is asked again after a mistake, or without the menu before it. */
const OR_MENU = " (Enter alone: menu)";
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

const ANSWERS = "The directory answers: press Enter at an empty line to come in";
/** What is shown until the directory has answered. */
const CHECKING = "Checking the password ... ";
const SIGNING_UP = "Signing up ... ";

/** With these the directory refuses a password, or a name. */
const PASSWORD_REFUSED: ReadonlySet<ErrorCode> = new Set(["bad-credentials", "locked-out"]);
const NAME_REFUSED: ReadonlySet<ErrorCode> = new Set(["name-taken", "bad-name"]);

/** What the directory was asked, until it has answered. */
interface Tried {
  readonly way: Way;
  readonly newPassword: string;
}

/** What people type who don't want to enter at all. */
const LEAVES = /^[/:]?(?:q|quit|exit|logout)$/i;

export class LogInDialogue {
  readonly #ports: ComingInPorts;
  #way: Way | null;
  #given: GivenPasswords | null;
  /** Null: it is asked for; what the command line has, once the directory has refused it, too. */
  #name: string | null;
  #tried: Tried | null = null;
  /** The chosen way, whose name had no success; null: the menu asks. */
  #how: Entry["how"] | null = null;
  /** Whether what is asked next is asked again. */
  #isAgain = false;
  #wasAsked = false;
  /** Whether what is typed ahead may be a password, typed once more. */
  #isSecret = false;

  constructor(ports: ComingInPorts) {
    this.#ports = ports;
    this.#way = ports.way;
    this.#given = ports.given;
    this.#name = ports.name;
  }

  /** Whether the user may try again after the directory's refusal. */
  get asksAgain(): boolean {
    const { dialogue, way, given } = this.#ports;
    return dialogue !== null && (way === null || (given?.password === null && way.how !== "guest"));
  }

  /** The way and the name; asked for where unknown, the wrong one of them again. Null if the user leaves. */
  async way(): Promise<Way | null> {
    while (this.#way === null) {
      const how = this.#how ?? await this.#choice();
      if (how === null) return null;
      const name = this.#name ?? await this.#ask(this.#again(NAME));
      if (name === null) return null;
      const isEmpty = name.trim() === "";
      try {
        if (!isEmpty) this.#way = { how, name: chosenName(name.trim()) };
      } catch (error) {
        this.#refuse(error);
      }
      this.#isAgain = !isEmpty && this.#way === null;
      this.#how = this.#isAgain ? how : null;
    }
    return this.#way;
  }

  /** The menu's answer; null if the user leaves. */
  async #choice(): Promise<Entry["how"] | null> {
    for (;;) {
      this.#isAgain = false;
      const how = await this.#ask(MENU);
      if (how === null || LEAVES.test(how.trim())) return null;
      const known = WAYS.get(how.replaceAll(/\s/g, "").toLowerCase());
      if (known !== undefined) return known;
      if (how.trim() === "") continue;
      // The input isn't quoted: it may be a password typed too soon.
      const text = "Type 1, 2 or 3; q leaves";
      this.#ports.refuse(new P2pchatError("usage", text));
    }
  }

  #again(what: string): string {
    return `${what}${this.#isAgain ? OR_MENU : ""}: `;
  }

  /** Asks for the name again, as that one can't be had here. */
  async anotherWay(): Promise<Way | null> {
    this.#how = this.#way?.how ?? null;
    this.#way = null;
    this.#isAgain = true;
    this.#ports.dialogue?.forgetTypedAhead();
    return await this.way();
  }

  /** The directory has refused something: what was wrong is asked for again. */
  failed(code: ErrorCode): void {
    if (this.#tried === null) return;
    const { way, newPassword } = this.#tried;
    this.#isAgain = true;
    if (way.how === "log-in" && PASSWORD_REFUSED.has(code)) {
      this.#way = way;
      this.#given = { password: null, newPassword };
    } else if (NAME_REFUSED.has(code)) {
      this.#how = way.how;
      this.#name = null;
    }
  }

  /**
   * The credentials to enter with.
   * @param profile Whose profile is open. @param hasAccount Whether it came in with a password the last time.
   * @returns Only the way if it is for another profile; null if the user leaves.
   */
  async entry(profile: string, hasAccount = false): Promise<Entry | Way | null> {
    if (hasAccount && !this.#wasAsked && this.#way === null) {
      this.#way = { how: "log-in", name: profile };
      this.#isAgain = true;
    }
    this.#wasAsked = true;
    const known = this.#way;
    const isAsked = known === null ||
      (known.how !== "guest" && (this.#given?.password ?? null) === null);
    if (isAsked && !await this.#open(false, ANSWERS)) return null;
    if (this.#isSecret) this.#ports.dialogue?.forgetTypedAhead();
    for (;;) {
      const way = await this.way();
      if (way === null || foldName(way.name) !== foldName(profile)) return way;
      const given = this.#given;
      // What flags say is used only once.
      this.#way = null;
      this.#given = null;
      const { newPassword } = given ?? { newPassword: "" };
      this.#tried = { way, newPassword };
      if (way.how === "guest") return { ...way, password: "", newPassword: "" };
      const password = given?.password ?? await this.#passwordFor(way);
      if (password === null) return null;
      if (password === "") continue; // the menu
      if (given === null || given.password === null) {
        this.#isSecret = true;
        this.#ports.dialogue?.wait(way.how === "sign-up" ? SIGNING_UP : CHECKING);
      }
      return { ...way, password, newPassword };
    }
  }

  /** @returns Empty where the user wants the menu; null if they leave. */
  async #passwordFor({ how }: Way): Promise<string | null> {
    if (how === "sign-up") return await this.newPassword(PASSWORD);
    return await this.#ask(this.#again(PASSWORD), true);
  }

  /**
   * Asks for a new password, twice, until one will do. @param what Its name in the prompt. @returns Empty where nothing
   * was typed; null if the user leaves.
   */
  async newPassword(what: string): Promise<string | null> {
    for (;;) {
      let typed = null as string | null;
      const ask = async (prompt: string) => typed = await this.password(prompt);
      try {
        return await typedTwice<null>(ask, newPasswordPrompt(what));
      } catch (error) {
        if (typed === "") return "";
        this.#refuse(error);
      }
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
    this.#tried = null;
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

  #refuse(error: unknown): void {
    if (!(error instanceof P2pchatError)) throw error;
    this.#ports.refuse(error);
  }
}

/** How a user says how to come into a directory: with flags, or asked at a terminal until the directory agrees. */

import { P2pchatError } from "../base/errors.ts";
import { foldName } from "../base/names.ts";
import { PASSWORD_LENGTH_MIN } from "../base/passwords.ts";
import { chosenName } from "./flags.ts";
import type { Entry } from "../protocols/directory/client_io.ts";
import { typedTwice } from "./password_source.ts";
import type { Dialogue } from "./user_interface.ts";

/** What was chosen, before a password is asked for. */
export interface Way {
  readonly how: Entry["how"];
  readonly name: string;
}

/** Passwords that files, or the environment, have. */
export interface GivenPasswords {
  /** Null: it is asked for. */
  readonly password: string | null;
  /** Empty: it stays. */
  readonly newPassword: string;
}

export interface ComingInPorts {
  /** Null where nobody can be asked. */
  readonly dialogue: Dialogue | null;
  /** What the flags say. */
  readonly way: Way | null;
  /** As given on the command line; null: asked for. */
  readonly name: string | null;
  readonly given: GivenPasswords | null;
  /** Tells of a mistake. */
  refuse(error: P2pchatError): void;
  /** Tells what to press. */
  notice(text: string): void;
  /** Ctrl+X, or Ctrl+D where nothing is typed. */
  logOut(): void;
}

const MENU = "1) log in   2) sign up   3) guest: ";
const WAYS: ReadonlyMap<string, Entry["how"]> = new Map([
  ["1", "log-in"],
  ["login", "log-in"],
  ["2", "sign-up"],
  ["signup", "sign-up"],
  ["3", "guest"],
  ["guest", "guest"],
]);

/** What Enter is pressed for, where it isn't known how one comes in: the menu asks. */
const COME_IN = "come in";
const ENTERED_TO: Readonly<Record<Entry["how"], string>> = {
  "log-in": "log in",
  "sign-up": "sign up",
  "guest": COME_IN,
};

/** What people try who don't want to come in at all. */
const LEAVES = /^[/:]?(?:q|quit|exit|logout)$/i;

export class ComingIn {
  readonly #ports: ComingInPorts;
  #way: Way | null;
  #given: GivenPasswords | null;

  constructor(ports: ComingInPorts) {
    this.#ports = ports;
    this.#way = ports.way;
    this.#given = ports.given;
  }

  /** Whether a refusal is answered by another attempt. */
  get asksAgain(): boolean {
    const { dialogue, way, given } = this.#ports;
    return dialogue !== null && (way === null || (given?.password === null && way.how !== "guest"));
  }

  /** How, and as whom; asked for where it isn't known. Null where the user leaves. */
  async way(): Promise<Way | null> {
    while (this.#way === null) {
      const how = await this.#ask(MENU);
      if (how === null || LEAVES.test(how.trim())) return null;
      if (how.trim() === "") continue;
      const known = WAYS.get(how.replaceAll(/\s/g, "").toLowerCase());
      if (known === undefined) {
        // Not quoted: it may be a password, typed too soon.
        const text = "That is none of these: 1, 2 or 3, log in, sign up or guest; q leaves";
        this.#ports.refuse(new P2pchatError("usage", text));
        continue;
      }
      const name = this.#ports.name ?? await this.#ask("Name: ");
      if (name === null) return null;
      this.#way = this.#checked(() => ({ how: known, name: chosenName(name.trim()) }));
    }
    return this.#way;
  }

  /** The same anew, where the last one came to nothing. */
  async anotherWay(): Promise<Way | null> {
    this.#way = null;
    return await this.way();
  }

  /**
   * What to come in with.
   * @param profile Whose profile is open. @returns The way alone where it is another's; null where the user leaves.
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
    for (;;) {
      const way = await this.way();
      if (way === null || foldName(way.name) !== foldName(profile)) return way;
      const given = this.#given;
      // A mistake brings the menu back, and what was given serves once.
      this.#way = null;
      this.#given = null;
      if (way.how === "guest") return { ...way, password: "", newPassword: "" };
      const { newPassword } = given ?? { newPassword: "" };
      if (given !== null && given.password !== null) {
        return { ...way, password: given.password, newPassword };
      }
      const password = way.how === "log-in"
        ? await this.#ask("Password: ", true)
        : await this.newPassword("Password");
      if (password === null) return null;
      if (password !== undefined) return { ...way, password, newPassword };
    }
  }

  /**
   * A password that is typed twice. @param what How it is called. @returns Undefined after a mistake, which was told;
   * null: the user leaves.
   */
  async newPassword(what: string): Promise<string | null | undefined> {
    const prompt = `${what} (at least ${PASSWORD_LENGTH_MIN} characters): `;
    try {
      return await typedTwice<null>((prompt) => this.password(prompt), prompt);
    } catch (error) {
      this.#refuse(error);
      return undefined;
    }
  }

  /** One that is in use. Null: the user leaves. */
  async password(prompt: string): Promise<string | null> {
    return await this.#ask(prompt, true);
  }

  /**
   * Nothing is to be asked for the moment; what is typed goes to the prompt.
   * @param isAnswered Also what was typed ahead: all that was asked is answered.
   */
  over(isAnswered: boolean): void {
    this.#ports.dialogue?.end(isAnswered);
  }

  /** Nothing is asked although somebody may answer already. */
  dropTypedAhead(): void {
    this.#ports.dialogue?.dropTypedAhead();
  }

  /**
   * Questions come that the user has just asked for, by `command`.
   * @returns False where they were given up first.
   */
  async expected(command: string): Promise<boolean> {
    return await this.#open(true, `Press Enter at an empty line to go on with ${command}`);
  }

  /** Nothing of what is being typed at the prompt becomes an answer. */
  async #open(isExpected: boolean, told: string): Promise<boolean> {
    const { dialogue, logOut, notice } = this.#ports;
    if (dialogue === null) return true;
    return await dialogue.beginAtEnter(logOut, isExpected, () => notice(told));
  }

  /** Keeps what is typed from now on for the questions that come. */
  begin(): void {
    this.#ports.dialogue?.begin(() => this.#ports.logOut());
  }

  async #ask(prompt: string, isUnseen = false): Promise<string | null> {
    const { dialogue } = this.#ports;
    if (dialogue === null) return null;
    this.begin();
    return await dialogue.ask({ prompt, isUnseen });
  }

  /** Null where `work` found a mistake, which was told. */
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

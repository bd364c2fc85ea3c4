/** What the tests use of it. */
export class Client {
  constructor();
  connect(options: {
    readonly host: string;
    readonly port: number;
    readonly nick: string;
    readonly password: string;
    readonly auto_reconnect: false;
    readonly ping_interval: 0;
    readonly enable_echomessage: boolean;
    readonly version: null;
  }): void;
  requestCap(name: string): void;
  say(target: string, text: string): void;
  quit(text?: string): void;
  raw(line: string): void;
  on(event: string, heard: (event: Readonly<Record<string, unknown>>) => void): void;
  readonly user: { readonly nick: string };
  readonly network: {
    readonly cap: { readonly enabled: readonly string[] };
    supports(feature: string): unknown;
  };
}

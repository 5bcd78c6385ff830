// What the test and the program on a machine (machine-program.ts) say to each other.

/** What is to be done on a machine; each is answered. */
export type Order =
  /** Runs lines of a shell, up to the first that fails. */
  | { readonly do: 'shell'; readonly lines: readonly string[] }
  /** Writes a file. */
  | { readonly do: 'write'; readonly file: string; readonly text: string }
  /** Opens tun devices; the first of all is the one through which packets come. */
  | { readonly do: 'open'; readonly devices: readonly string[] }
  /** Starts the load balancer. */
  | { readonly do: 'start'; readonly command: readonly string[] }
  /** Lets packets come in, and answers when each has been decided. */
  | { readonly do: 'send'; readonly packets: readonly Uint8Array[] };

export interface Answer {
  /** The number of the order. */
  readonly to: number;
  /** What went wrong. */
  readonly failure?: string;
}

/** A packet that left through a device. */
export interface Arrival {
  readonly device: string;
  readonly bytes: Uint8Array;
}

/** What a machine tells without being asked. */
export type News = { readonly arrived: readonly Arrival[] } | { readonly said: string } | { readonly ended: string };

export type Message = Answer | News;

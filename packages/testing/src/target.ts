/** A target: one machine, in one table or several. */
export interface Target {
  /** Its table and its place there: `web-1`. */
  readonly name: string;
  readonly fwmark: number;
  readonly addresses: readonly string[];
  /** The tables that it is declared in, with its weight in each. */
  readonly weights: ReadonlyMap<string, number>;
}

/** What a test calls a target: its name, its fwmark or its address. */
export type TargetName = string | number;

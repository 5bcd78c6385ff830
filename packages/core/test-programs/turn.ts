/** What a thread of fragments/interleavings.test.ts does. */
export const Turn = { Runs: 0, Waits: 1, Done: 2 } as const;

import { describe, test } from 'vitest';
import { FakeSource } from './fake-source.js';
import { packetSourceContract } from './packet-source-contract.js';

describe('a fake source', () => {
  test.each(packetSourceContract)('%s', (_name, run) =>
    run(async () => {
      const source = new FakeSource();
      return {
        source,
        arrive: async (packets) => source.arrive(...packets),
        verdicts: async (marks) => new Map(marks.map((mark) => [mark, source.settled.filter((settled) => settled === mark).length])),
        close: async () => {},
      };
    }),
  );
});

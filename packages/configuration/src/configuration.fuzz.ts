// Any text as a configuration: refused with the place of each fault, or tables and flows that can be made, and the same again as JSON.

import { TargetTable } from '@nfqlb/core';
import { defineFlow } from '@nfqlb/core/flows';
import { type FuzzTarget, isTrue, same } from '@nfqlb/core/testing';
import { parseDocument } from 'yaml';
import type { Configuration } from './configuration.js';
import { ConfigurationError } from './configuration-error.js';
import { parseConfiguration } from './read-configuration.js';

const plain = ({ tables, flows, options }: Configuration): unknown => ({
  tables: tables && [...tables],
  // Their places differ.
  flows: flows?.map(({ place: _, ...flow }) => flow),
  options: options && [...options],
});

const target: FuzzTarget = {
  seeds: [
    `tables:
  web: { M: 997, N: 32, permutation: fwmark, drain: 5, targets: { 101: 1, 102: 2 } }
flows:
  - { name: web4, target: web, priority: 100, protocols: [tcp, udp], dsts: [10.0.0.1/32, 1000::/112], srcs: [192.168.0.0/16], dports: ["80", "443", "8000-8099"], match: ["tcp[2:2] = 80"] }
  - { name: sig, target: web, protocols: [sctp], dports: ["6000"], udpencap: 9899 }
`,
    'tables: { web: { targets: { 1: 1 } } }\nflows: [{ name: sig, target: web, protocols: [sctp], udpencap: 9899 }]\n',
    `tables:
  web:
    vips: [10.0.0.1/32]
    mode: dsr
    panic: 0.5
    health: { http: { path: /, status: 200 }, interval: 1 }
    targets:
      101: { address: 192.168.1.101, weight: 2 }
      102: { address: [192.168.1.102, "1000::2"], drain: true }
options: { queue: 2, metrics: 127.0.0.1:9900, fast: true }
`,
    'tables: { a: &a { targets: { 1: 1 } }, b: *a }\nflows: []\n',
  ],
  words: [
    ...[
      'tables:',
      'flows:',
      'options:',
      'targets:',
      'vips:',
      'mode:',
      'nat',
      'dsr',
      'health:',
      'address:',
      'weight:',
      'drain:',
      'panic:',
      'M:',
      'N:',
    ],
    ...[
      'name:',
      'target:',
      'priority:',
      'protocols:',
      'dsts:',
      'dports:',
      'match:',
      'udpencap:',
      'permutation:',
      'nfqlb',
      'fwmark',
      'syn_only:',
    ],
    ...[
      'interval:',
      'tcp:',
      'http:',
      'command:',
      '&a',
      '*a',
      '<<: ',
      '!!',
      '|',
      '>',
      '---',
      '...',
      '? ',
      '- ',
      '\n  ',
      '{',
      '}',
      '[',
      ']',
      '#',
      '"',
      "'",
    ],
    ...['null', '~', 'true', '.inf', '.nan', '0x10', '1e3', '__proto__:', 'constructor:', '10.0.0.1/32', '1000::/112', '2147483648'],
  ],
  run(input) {
    const text = input.text();
    let configuration: Configuration;
    try {
      configuration = parseConfiguration(text, 'f');
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      for (const { message, place } of [error, ...error.further]) {
        isTrue('a place', /^f:\d+:\d+$/.test(place), place);
        isTrue('an error of one line', !message.includes('\n'), message);
      }
      return;
    }
    for (const { M, N, targets } of configuration.tables?.values() ?? []) {
      const size = { M: Math.min(M, 1009), N: Math.min(N, 1000) };
      const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(size)), size);
      if (targets.length <= table.N) table.setTargets(targets);
    }
    for (const flow of configuration.flows ?? []) defineFlow(flow);
    const value: unknown = parseDocument(text, { logLevel: 'error' }).toJS();
    if (value !== null && value !== undefined) same('as JSON', plain(parseConfiguration(JSON.stringify(value), 'f')), plain(configuration));
  },
};
export default target;

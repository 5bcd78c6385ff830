import type { Namespace } from '../topology/namespace.js';

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Requests a page from within a namespace. */
export async function httpGet(from: Namespace, url: string): Promise<Answer> {
  return JSON.parse(await from.run([process.execPath, '-e', PROGRAM, url])) as Answer;
}

const PROGRAM = `
require('node:http').get(process.argv[1], { agent: false }, async (response) => {
  const text = await require('node:stream/consumers').text(response);
  process.stdout.write(JSON.stringify({ status: response.statusCode, text }));
});
`;

/** The values of /metrics, by name and labels as written: `nfqlb_target_packets_total{fwmark="101"}`. */
export async function scrape(from: Namespace, address: string): Promise<Map<string, number>> {
  const { status, text } = await httpGet(from, `http://${address}/metrics`);
  if (status !== 200) throw new Error(`${address}: ${status} ${text}`);
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const [, series, value] = /^(\S+?(?:\{.*\})?) (\S+)$/.exec(line)!;
        return [series!, Number(value)];
      }),
  );
}

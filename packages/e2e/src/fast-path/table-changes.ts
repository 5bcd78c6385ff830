import type { LoadBalancer } from '../load-balancer/load-balancer.js';
import type { Target } from '../topology/host.js';

/** A target's way out of the table and back in. */
export interface Change {
  /** Milliseconds until the last packet left for the target that was taken out, and until the first did when it was back. */
  readonly out: number;
  readonly back: number;
}

export interface ChangeOptions {
  /** How long each state lasts, in milliseconds. */
  readonly lasts: number;
  /** Whether to give notice of a change, as `deactivate` and `activate` do and those of C nfqlb do not. */
  readonly notice: boolean;
}

const TABLES = new URL('../../../protocol/dist/tables/index.js', import.meta.url).href;

/**
 * Takes a target out and back in, by the code that `deactivate` and `activate` run, in one process: starting a program takes longer than the change.
 */
export async function takeOutAndBackIn(lb: LoadBalancer, target: Target, times: number, options: ChangeOptions): Promise<Change[]> {
  return JSON.parse(await lb.host.run([process.execPath, '--input-type=module', '-e', program(lb.table, target, times, options)]));
}

function program(table: string, { fwmark, host }: Target, times: number, { lasts, notice }: ChangeOptions): string {
  const change = notice
    ? `const change = (work) => changeTable(${JSON.stringify(table)}, work);`
    : `const { table } = openTable(${JSON.stringify(table)}); const change = (work) => work(table);`;
  return `
    import { readFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    const { changeTable, openTable } = await import(${JSON.stringify(TABLES)});
    ${change}
    const sent = () => Number(/^ *${host}: *(?:\\d+ +){9}(\\d+)/m.exec(readFileSync('/proc/net/dev', 'utf8'))[1]);
    // When packets left after a change: each time that there were more.
    const changed = async (work) => {
      change(work);
      const begin = performance.now();
      const times = [];
      for (let before = sent(), now; (now = performance.now() - begin) < ${lasts}; ) {
        await sleep(1);
        const after = sent();
        if (after > before) times.push(now);
        before = after;
      }
      return times;
    };
    const changes = [];
    for (let i = 0; i < ${times}; i++) {
      const out = (await changed((table) => table.deactivate([${fwmark}]))).at(-1) ?? 0;
      const back = (await changed((table) => table.activate([{ fwmark: ${fwmark} }])))[0] ?? ${lasts};
      changes.push({ out, back });
    }
    console.log(JSON.stringify(changes));`;
}

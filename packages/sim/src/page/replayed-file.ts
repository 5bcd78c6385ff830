import { Capture, openBlobSource, type PacketStream } from '@nfqlb/captures';
import { parseConfiguration } from '@nfqlb/configuration/parse';
import { targets } from '@nfqlb/options/values';
import { configuredTables } from '../replay/configured-tables.js';
import { DECISION_DEFAULTS, DEFAULT_TABLE, DEFAULT_TARGETS, FRAGMENT_DEFAULTS, TABLE_DEFAULTS } from '../replay/defaults.js';
import { replay } from '../replay/replay.js';
import { ReplayedBalancer, type ReplayedBalancerOptions } from '../replay/replayed-balancer.js';
import { Schedule } from '../replay/schedule.js';
import { Tally } from '../replay/tally.js';
import { replayReport } from '../report/replay-report.js';
import type { ReportDocument } from '../report/report-document.js';
import { Timeline } from '../report/timeline.js';
import { PacketPages } from './packet-pages.js';

/** What the user has chosen: all else is as `nfqlb-sim replay` has it by default. */
export interface Choices {
  /** As in `--targets`; empty for the default. */
  readonly targets: string;
  /** Text of a configuration file; empty for none. It replaces the targets. */
  readonly configuration: string;
  readonly decapsulate: boolean;
}

export interface ReplayedFile {
  readonly report: ReportDocument;
  readonly packets: PacketPages;
}

/** How long the page may be busy at a time, in milliseconds. */
const BUSY = 40;

/**
 * Replays a capture here, as `nfqlb-sim replay` does.
 *
 * @param program name and version
 * @param onProgress from 0 to 1
 * @throws an error with a message for the user: what is wrong in a choice, or that it is not a capture. A damaged capture is a report, too
 */
export async function replayFile(
  file: File,
  choices: Choices,
  program: string,
  onProgress: (progress: number) => void,
): Promise<ReplayedFile> {
  const replayed = new ReplayedBalancer({
    ...tablesOf(choices),
    fragments: FRAGMENT_DEFAULTS,
    balancer: DECISION_DEFAULTS,
  });
  const capture = await Capture.open(await openBlobSource(file, file.name), { decapsulate: choices.decapsulate });
  const [tally, timeline, packets] = [new Tally(), new Timeline(replayed), new PacketPages()];
  let failure: string | undefined;
  try {
    await replay({
      packets: new PausingStream(capture),
      replayed,
      schedule: new Schedule([]),
      tally,
      timeline,
      onRecord: (record) => packets.add(record),
      onProgress: () => onProgress(capture.progress!),
    });
  } catch (error) {
    failure = (error as Error).message;
  } finally {
    capture.close();
  }
  packets.end();
  const statistics = replayed.fragments.statistics();
  return { report: replayReport({ capture, replayed, tally, timeline, statistics, failure, program }), packets };
}

function tablesOf({ configuration, targets: list }: Choices): Pick<ReplayedBalancerOptions, 'tables' | 'choice'> {
  if (configuration.trim() !== '') {
    const name = 'configuration';
    return configuredTables(
      parseConfiguration(configuration, name, { hasTable: () => false, findsNothing: true }),
      name,
      DEFAULT_TABLE,
      false,
    );
  }
  const table = { ...TABLE_DEFAULTS, targets: targets(list.trim() || DEFAULT_TARGETS) };
  return { tables: new Map([[DEFAULT_TABLE, table]]), choice: DEFAULT_TABLE };
}

/** Packets of a capture, with pauses, in which the browser can draw and react. */
class PausingStream implements PacketStream {
  readonly #capture: Capture;
  #since = performance.now();

  constructor(capture: Capture) {
    this.#capture = capture;
  }

  get batch(): PacketStream['batch'] {
    return this.#capture.batch;
  }

  receive(): number | Promise<number> {
    if (performance.now() - this.#since < BUSY) return this.#capture.receive();
    return new Promise((resolve) => setTimeout(resolve)).then(() => {
      this.#since = performance.now();
      return this.#capture.receive();
    });
  }

  settle(): void {
    this.#capture.settle();
  }
}

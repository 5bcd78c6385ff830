import { parentPort, workerData } from 'node:worker_threads';
import { formatTime } from '@nfqlb/captures';
import { annotatedPacket } from '../replay/annotated-capture.js';
import { decisionRecord } from '../replay/decision-record.js';
import { ReplayedBalancer } from '../replay/replayed-balancer.js';
import { Schedule } from '../replay/schedule.js';
import { scheduledChange } from '../replay/scheduled-change.js';
import type { JobMessage, JobTask } from './job.js';
import { MAIN, SharedBatch } from './shared-batch.js';
import { Turns } from './turns.js';

/** A worker thread of `nfqlb-sim replay --jobs`: decides its packets of each batch. */
class Job {
  readonly #task: JobTask;
  readonly #replayed: ReplayedBalancer;
  readonly #schedule: Schedule;
  readonly #tables: ReadonlyMap<string | undefined, number>;

  constructor(task: JobTask) {
    this.#task = task;
    this.#replayed = new ReplayedBalancer(task.balancer);
    this.#schedule = new Schedule(task.changes.map(scheduledChange));
    this.#tables = new Map([...this.#replayed.tables.keys()].map((name, number) => [name, number]));
  }

  run(): JobMessage {
    const { job, batches } = this.#task;
    const turns = new Turns(this.#task.turns);
    const shared = batches.map((memory) => new SharedBatch(memory));
    for (let batch = 0; turns.waitForBatch(batch); batch++) {
      this.#decide(shared[batch % shared.length]!);
      turns.decide(job);
    }
    return this.#replayed.flows?.tallies() ?? [];
  }

  /** Sees the times of all packets, so that it makes the changes where the main thread does. */
  #decide(batch: SharedBatch): void {
    const { job, records, blocks, balancer: options } = this.#task;
    const replayed = this.#replayed;
    const { balancer } = replayed;
    const { bytes, offset, length, etherType, mark, frame, seconds, nanoseconds, reason, bucket, table, count, wireLength, begin } = batch;
    const hashMode = options.balancer?.hashMode ?? 1;
    batch.beginOutput();
    for (let i = 0; i < count; i++) {
      const now = seconds[i]! + nanoseconds[i]! / 1e9;
      if (now >= this.#schedule.due) {
        this.#schedule.applyUntil(now, replayed);
        replayed.refresh();
      }
      if (batch.job[i] !== job) continue;
      if (!batch.hasRoomFor(length[i]!)) {
        batch.job[i] = MAIN;
        continue;
      }
      const fwmark = balancer.decide(bytes, offset[i]!, length[i]!, etherType[i]!);
      mark[i] = fwmark;
      reason[i] = balancer.reason;
      bucket[i] = balancer.bucket;
      table[i] = this.#tables.get(replayed.tableName) ?? -1;
      const time = { seconds: seconds[i]!, nanoseconds: nanoseconds[i]! };
      if (records)
        batch.writeRecord(i, job, decisionRecord(frame[i]!, formatTime(time.seconds, time.nanoseconds), fwmark, replayed, false));
      if (!blocks || fwmark < 0) continue;
      const octets = bytes.subarray(offset[i]!, offset[i]! + length[i]!);
      batch.writeBlock(i, job, annotatedPacket(replayed, { fwmark, octets, wireLength: wireLength[i]!, ...time }, begin, hashMode));
    }
  }
}

const task = workerData as JobTask;
const say = (message: JobMessage): void => parentPort!.postMessage(message);
say('ready');
try {
  say(new Job(task).run());
} catch (error) {
  // The main thread may be waiting for this one, and hear nothing.
  new Turns(task.turns).fail();
  throw error;
}

import { setTimeout as pause } from 'node:timers/promises';
import type { Configuration } from '@nfqlb/configuration';
import { log } from '@nfqlb/daemon/log';
import { type Answer, type Entry, EntryProblem, nameOfSource, openSource, parseEntry } from '@nfqlb/discovery';
import type { SourceSettings } from '@nfqlb/discovery/settings';
import { few } from '@nfqlb/options';
import { isOwnAddress } from '../own-address.js';
import { Remembered } from './remembered.js';
import { type Answers, withFound } from './with-found.js';

/** How long to wait for the first answers of new sources, before the tables are made without. */
const FIRST_ANSWERS_MS = 2000;

/** Problems that are told one by one. */
const SHOWN = 10;

export interface DiscoveryOptions {
  /** Called when targets have been found, or are gone: {@link Discovery.complete} says something else now. */
  readonly changed: () => void;
  /** Called with what is wrong, a sentence each. */
  readonly tell: (problems: readonly string[]) => void;
}

/** Follows the sources of the tables of a configuration. */
export class Discovery {
  readonly #options: DiscoveryOptions;
  #followed = new Map<string, Followed>();
  /** What is wrong with what was found, as seen when it was put into the configuration. */
  #misfits: readonly string[] = [];
  /** Why what was found is not in force. */
  #refusals: readonly string[] = [];

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  /** Follows these sources from now on. Resolves when new ones have answered, or not in time. */
  async watch({ tables = new Map() }: Configuration): Promise<void> {
    const before = this.#followed;
    this.#followed = new Map();
    const begun: Promise<void>[] = [];
    for (const [table, { discovery }] of tables as NonNullable<Configuration['tables']>) {
      if (!discovery) continue;
      const former = before.get(table);
      if (former?.isOf(discovery.source)) {
        this.#followed.set(table, former);
        continue;
      }
      const events = { changed: this.#options.changed, told: () => this.#tell() };
      const followed = new Followed(table, discovery.source, events, former?.answer);
      this.#followed.set(table, followed);
      begun.push(followed.answered);
    }
    const ended = [...before.values()].filter((one) => ![...this.#followed.values()].includes(one));
    await Promise.all(ended.map((one) => one.close()));
    for (const [table, one] of before) if (!this.#followed.has(table)) one.forget();
    const abort = new AbortController();
    const late = pause(FIRST_ANSWERS_MS, undefined, { signal: abort.signal }).catch(() => {});
    await Promise.race([Promise.all(begun), late]);
    abort.abort();
    this.#tell();
  }

  /** A configuration with what its tables have found. */
  complete(configuration: Configuration): Configuration {
    const answers: Answers = new Map([...this.#followed].flatMap(([table, { answer }]) => (answer ? [[table, answer] as const] : [])));
    const { configuration: complete, problems } = withFound(configuration, answers, isOwnAddress);
    this.#misfits = problems;
    this.#tell();
    return complete;
  }

  /** Tells why what was found is not in force; without problems: it is. */
  refused(problems: readonly string[]): void {
    this.#refusals = problems;
    this.#tell();
  }

  /** Forgets, too, what was found. */
  forget(): void {
    for (const one of this.#followed.values()) one.forget();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#followed.values()].map((one) => one.close()));
  }

  #tell(): void {
    const problems = [...[...this.#followed.values()].flatMap((one) => one.problems), ...this.#misfits, ...this.#refusals];
    const rest = problems.length - SHOWN;
    this.#options.tell(rest > 1 ? [...problems.slice(0, SHOWN), `and ${rest} more`] : problems);
  }
}

interface FollowedEvents {
  readonly changed: () => void;
  readonly told: () => void;
}

/** The source of one table. */
class Followed {
  readonly #settings: SourceSettings;
  readonly #where: string;
  readonly #remembered: Remembered;
  readonly #events: FollowedEvents;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  /** Resolves at the first answer. */
  readonly answered: Promise<void>;
  #first!: () => void;
  answer: Answer | undefined;
  #hasAnswered = false;
  #failure: string | undefined;
  #memoryProblem: string | undefined;

  /** @param former what another source has found for the table: it stays until this one has answered */
  constructor(table: string, settings: SourceSettings, events: FollowedEvents, former: Answer | undefined) {
    this.#settings = settings;
    this.#where = `table ${table}: ${nameOfSource(settings)}`;
    this.#events = events;
    this.#remembered = new Remembered(`${table}.found`);
    this.answer = former ? { ...former, problems: [] } : answerFrom(this.#remembered.read());
    this.answered = new Promise((resolve) => {
      this.#first = resolve;
    });
    this.#ended = this.#follow();
  }

  isOf(settings: SourceSettings): boolean {
    return JSON.stringify(settings) === JSON.stringify(this.#settings);
  }

  get problems(): string[] {
    const consequence = this.#hasAnswered
      ? 'the last answer stays'
      : this.answer
        ? 'what was found before stays'
        : 'nothing is known of its targets yet';
    return [
      ...(this.#failure === undefined ? [] : [`${this.#where}: ${this.#failure}; ${consequence}`]),
      ...(this.answer?.problems ?? []).map((problem) => `${this.#where}: ${problem}: it is left out`),
      ...(this.#memoryProblem === undefined ? [] : [`${this.#where}: what is found is not remembered: ${this.#memoryProblem}`]),
    ];
  }

  forget(): void {
    this.#remembered.remove();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #follow(): Promise<void> {
    const source = await openSource(this.#settings);
    await source(
      {
        answered: (answer) => this.#take(answer),
        failed: (problem) => {
          if (problem === this.#failure) return;
          this.#failure = problem;
          this.#events.told();
        },
      },
      this.#stop.signal,
    );
  }

  #take(answer: Answer): void {
    if (this.#stop.signal.aborted) return;
    const isSame = JSON.stringify(answer) === JSON.stringify(this.answer);
    const news = difference(this.answer, answer);
    if (news !== '') log.info(`${this.#where}: ${news}`);
    this.answer = answer;
    this.#hasAnswered = true;
    this.#memoryProblem = this.#remembered.write(JSON.stringify(answer.entries));
    this.#first();
    if (isSame) return;
    this.#events.told();
    this.#events.changed();
  }
}

/** Which targets have come, and which have gone, in words. */
function difference(before: Answer | undefined, after: Answer): string {
  const names = (answer: Answer | undefined): string[] => answer?.entries.map(({ addresses }) => addresses.join(' ')) ?? [];
  const [had, has] = [names(before), names(after)];
  const come = has.filter((name) => !had.includes(name));
  const gone = had.filter((name) => !has.includes(name));
  return [
    ...(come.length > 0 ? [`found ${few(come)}`] : []),
    ...(gone.length > 0 ? [`${few(gone)} ${gone.length === 1 ? 'has' : 'have'} gone`] : []),
  ].join('; ');
}

/** What is remembered, checked as if it came from a source. */
function answerFrom(text: string | undefined): Answer | undefined {
  if (text === undefined) return undefined;
  try {
    const entries = (JSON.parse(text) as readonly Entry[]).map(({ name, addresses, weight, drain }) =>
      parseEntry(String(name), JSON.stringify({ address: addresses, weight, drain })),
    );
    return { entries, problems: [] };
  } catch (error) {
    if (error instanceof EntryProblem || error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

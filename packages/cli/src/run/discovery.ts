import { setTimeout as pause } from 'node:timers/promises';
import type { Configuration } from '@nfqlb/configuration';
import { type Answer, type Entry, EntryProblem, nameOfSource, openSource, parseEntry } from '@nfqlb/discovery';
import type { SourceSettings } from '@nfqlb/discovery/settings';
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

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  /** Follows these sources from now on. Resolves when new ones have answered, or not in time. */
  async watch({ tables = new Map() }: Configuration): Promise<void> {
    const before = this.#followed;
    this.#followed = new Map();
    for (const [table, { discovery }] of tables as NonNullable<Configuration['tables']>) {
      if (!discovery) continue;
      const former = before.get(table);
      if (former?.isOf(discovery.source)) this.#followed.set(table, former);
      else this.#followed.set(table, new Followed(table, discovery.source, { changed: this.#options.changed, told: () => this.#tell() }));
    }
    const ended = [...before.values()].filter((one) => ![...this.#followed.values()].includes(one));
    await Promise.all(ended.map((one) => one.close()));
    const abort = new AbortController();
    const late = pause(FIRST_ANSWERS_MS, undefined, { signal: abort.signal }).catch(() => {});
    await Promise.race([Promise.all([...this.#followed.values()].map((one) => one.answered)), late]);
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

  /** Forgets, too, what was found. */
  forget(): void {
    for (const one of this.#followed.values()) one.forget();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#followed.values()].map((one) => one.close()));
  }

  #tell(): void {
    const problems = [...[...this.#followed.values()].flatMap((one) => one.problems), ...this.#misfits];
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

  constructor(table: string, settings: SourceSettings, events: FollowedEvents) {
    this.#settings = settings;
    this.#where = `table ${table}: ${nameOfSource(settings)}`;
    this.#events = events;
    this.#remembered = new Remembered(`${table}.found`);
    this.answer = answerFrom(this.#remembered.read(), settings);
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
        ? 'what was found before the start stays'
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
    this.answer = answer;
    this.#hasAnswered = true;
    this.#memoryProblem = this.#remembered.write(JSON.stringify({ source: this.#settings, entries: answer.entries }));
    this.#first();
    if (isSame) return;
    this.#events.told();
    this.#events.changed();
  }
}

/** What is remembered of a source, checked as if it came from there. Of another source: nothing. */
function answerFrom(text: string | undefined, settings: SourceSettings): Answer | undefined {
  if (text === undefined) return undefined;
  try {
    const { source, entries } = JSON.parse(text) as { readonly source: unknown; readonly entries: readonly Entry[] };
    if (JSON.stringify(source) !== JSON.stringify(settings)) return undefined;
    return {
      entries: entries.map(({ name, addresses, weight, drain }) =>
        parseEntry(String(name), JSON.stringify({ address: addresses, weight, drain })),
      ),
      problems: [],
    };
  } catch (error) {
    if (error instanceof EntryProblem || error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

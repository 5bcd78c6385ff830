import {
  type Configuration,
  ConfigurationError,
  type DeclaredTable,
  type OptionValue,
  parseConfiguration,
  readConfigurationText,
} from '@nfqlb/configuration';
import type { FlowDefinition } from '@nfqlb/core/flows';
import { Command } from '@nfqlb/options';
import { addBehaviourOptions, addDecisionOptions, type DecisionCommandOptions } from '@nfqlb/sim/laboratory';
import { TestingError } from './testing-error.js';

/** What of a configuration decides about packets. */
export interface SiteConfiguration {
  readonly tables: ReadonlyMap<string, DeclaredTable>;
  /** Never empty: a table alone gets all packets. */
  readonly flows: readonly FlowDefinition[];
  /** The section `options`, as far as it decides about packets; with defaults. */
  readonly options: DecisionCommandOptions;
  /** The same as words of a command line, without defaults. */
  readonly words: readonly string[];
}

/**
 * Reads a configuration file, or takes its content as an object.
 *
 * @throws {@link TestingError}
 */
export async function siteConfiguration(source: string | URL | object): Promise<SiteConfiguration> {
  const isFile = typeof source === 'string' || source instanceof URL;
  const file = isFile ? (typeof source === 'string' ? source : source.pathname) : 'the configuration';
  const text = isFile ? await readConfigurationText(file).catch(refuse) : JSON.stringify(source, undefined, 1);
  const { tables = new Map(), flows, options = new Map() } = parsed(text, file);
  const words = decisionWords(options);
  return { tables, flows: flows ?? flowToAll(file, tables), options: decisionOptionsOf(words), words };
}

function parsed(text: string, file: string): Configuration {
  try {
    return parseConfiguration(text, file, { hasTable: () => false, findsNothing: true });
  } catch (error) {
    return refuse(error);
  }
}

/** All that is wrong, a line each, and nothing else: Vitest shows every property and cause of an error. */
function refuse(error: unknown): never {
  if (!(error instanceof ConfigurationError)) throw error;
  throw new TestingError([error, ...error.further].map(({ message }) => message).join('\n'));
}

function flowToAll(file: string, tables: NonNullable<Configuration['tables']>): FlowDefinition[] {
  const [name, ...more] = tables.keys();
  if (name === undefined) throw new TestingError(`${file}: declares no tables`);
  if (more.length > 0)
    throw new TestingError(`${file}: ${tables.size} tables and no flows: flows must say which packets go by which table`);
  return [{ name: 'all', target: name }];
}

/** A command with the options that decide about packets. Without `tun`, as in `nfqlb flowlb`, fragments are not stored. */
function decisionCommand(): Command {
  return addBehaviourOptions(addDecisionOptions(new Command('site')));
}

/** In simulations alone, or without a meaning here. */
const NOT_IN_FILES = ['--at', '--drain', '--no-tun', '--sctp_encap'];

function decisionWords(options: ReadonlyMap<string, OptionValue>): string[] {
  const plain = (name: string): string => name.replaceAll('_', '-');
  const known = decisionCommand().options.flatMap(({ long }) => (long && !NOT_IN_FILES.includes(long) ? [long] : []));
  return [...options].flatMap(([name, value]) => {
    const long = known.find((each) => plain(each) === plain(`--${name}`));
    if (long === undefined || value === false) return [];
    return [value === true ? long : `${long}=${String(value)}`];
  });
}

function decisionOptionsOf(words: readonly string[]): DecisionCommandOptions {
  const stores = words.some((word) => word.startsWith('--tun'));
  return decisionCommand()
    .parse([...words, ...(stores ? [] : ['--no-tun'])], { from: 'user' })
    .opts<DecisionCommandOptions>();
}

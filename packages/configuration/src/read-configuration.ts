import { type Document, LineCounter, parseDocument, visit } from 'yaml';
import type { Configuration, DeclaredFlow, DeclaredTable, Surroundings } from './configuration.js';
import { ConfigurationError } from './configuration-error.js';
import { crossReferenceFaults } from './cross-references.js';
import { discoveryFaults } from './discovery-faults.js';
import { healthFaults } from './health-faults.js';
import { issuesOf, valueAt } from './issue.js';
import { optionFaults } from './option-faults.js';
import { configurationSchema } from './schema.js';
import { serviceFaults } from './service-faults.js';
import { isSameKey, offsetOf } from './yaml-place.js';

/**
 * Reads a configuration: YAML 1.2, and so JSON.
 *
 * @param file where it comes from, for errors; `-` for standard input
 * @throws {@link ConfigurationError} for the first of all errors, with the others
 */
export function parseConfiguration(text: string, file: string, surroundings: Surroundings = {}): Configuration {
  const lines = new LineCounter();
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file === '-' ? 'standard input' : file}:${line}:${col}`;
  };
  // With another log level, Node would print a warning of the YAML package's own for some of what is refused below.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: isSameKey, logLevel: 'error' });
  const refuse = (faults: readonly Fault[], cause?: unknown): void => {
    const [first, ...further] = faults
      .toSorted((a, b) => a.offset - b.offset)
      .map(({ offset, problem }) => [place(offset), problem] as const)
      // One mistake may break several rules in the same words.
      .filter((fault, i, all) => i === 0 || String(fault) !== String(all[i - 1]));
    if (!first) return;
    throw new ConfigurationError(...first, { cause, further: further.map((fault) => new ConfigurationError(...fault)) });
  };
  const broken = [...document.errors, ...document.warnings];
  refuse(
    broken.map(({ code, message, pos: [offset] }) => ({
      offset,
      problem: code === 'MULTIPLE_DOCS' ? 'a second document begins; only one is allowed' : message,
    })),
    broken[0],
  );

  const value = contentOf(document, place);
  const { data, error } = configurationSchema.safeParse(value);
  const issues = (error?.issues ?? []).flatMap((issue) => issuesOf(issue, valueAt(value, issue.path)));
  refuse(
    [
      ...issues,
      ...crossReferenceFaults(value, surroundings),
      ...serviceFaults(value, surroundings),
      ...discoveryFaults(value, surroundings),
      ...healthFaults(value),
      ...optionFaults(value, surroundings),
    ].map(({ path, key, problem }) => ({
      offset: offsetOf(document, path, key),
      problem,
    })),
    error,
  );
  if (!data) throw error;
  const tables = data.tables && new Map(Object.entries(data.tables).map(([name, table]) => [name.replace(/^\//, ''), table]));
  const declared = data.flows?.map((flow, i) => ({ ...flow, place: place(offsetOf(document, ['flows', i], false)) }));
  return {
    tables,
    flows: withOwnFlows(declared, tables ?? new Map(), (name) => place(offsetOf(document, ['tables', name], true))),
    ...(data.tier && { tier: data.tier }),
    ...(data.options && { options: new Map(Object.entries(data.options)) }),
  };
}

/** Adds a flow for each table that has VIPs and no flow. */
function withOwnFlows(
  flows: readonly DeclaredFlow[] | undefined,
  tables: ReadonlyMap<string, DeclaredTable>,
  placeOf: (table: string) => string,
): readonly DeclaredFlow[] | undefined {
  const led = new Set(flows?.map(({ target }) => target));
  const own = [...tables].flatMap(([name, { service }]) =>
    service && !led.has(name) ? [{ name, target: name, dsts: service.vips.join(), place: placeOf(name) }] : [],
  );
  return own.length > 0 ? [...(flows ?? []), ...own] : flows;
}

interface Fault {
  /** In UTF-16 code units from the start of the text. */
  readonly offset: number;
  readonly problem: string;
}

function contentOf(document: Document, place: (offset: number) => string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // An alias without an anchor, or so many aliases that they would fill the memory.
    let alias = 0;
    visit(document, {
      Alias(_, node) {
        alias = node.range?.[0] ?? 0;
        return node.resolve(document) ? undefined : visit.BREAK;
      },
    });
    throw new ConfigurationError(place(alias), (error as Error).message, { cause: error });
  }
}

import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileProblem } from '@nfqlb/options';
import { type Document, LineCounter, parseDocument, visit } from 'yaml';
import type { Configuration } from './configuration.js';
import { ConfigurationError } from './configuration-error.js';
import { configurationSchema } from './configuration-schema.js';
import { issuesOf } from './issue.js';
import { isSameKey, offsetOf } from './yaml-place.js';

/**
 * The text of a configuration file; `-` is standard input.
 *
 * @throws {@link ConfigurationError} when it cannot be read
 */
export async function readConfigurationText(file: string): Promise<string> {
  if (file === '-') return await text(process.stdin);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError(file, fileProblem(error), { cause: error });
  }
}

/**
 * Reads a configuration: YAML 1.2, and so JSON.
 *
 * @param file where it comes from, for errors; `-` for standard input
 * @throws {@link ConfigurationError} for the first error, with the number of further ones
 */
export function parseConfiguration(text: string, file: string): Configuration {
  const lines = new LineCounter();
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file === '-' ? 'standard input' : file}:${line}:${col}`;
  };
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: isSameKey });
  const broken = document.errors[0] ?? document.warnings[0];
  if (broken) {
    const problem = broken.code === 'MULTIPLE_DOCS' ? 'a second document begins; only one is allowed' : broken.message;
    throw new ConfigurationError(place(broken.pos[0]), problem, { cause: broken });
  }

  const value = contentOf(document, place);
  const { data, error } = configurationSchema.safeParse(value);
  if (error) {
    const issues = error.issues
      .flatMap((issue) => issuesOf(issue, valueAt(value, issue.path)))
      .map(({ path, key, problem }) => ({ offset: offsetOf(document, path, key), problem }))
      .sort((a, b) => a.offset - b.offset);
    const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
    throw new ConfigurationError(place(issues[0]!.offset), issues[0]!.problem + more, { cause: error });
  }
  return {
    tables: data.tables && new Map(Object.entries(data.tables).map(([name, table]) => [name.replace(/^\//, ''), table])),
    flows: data.flows?.map((flow, i) => ({ ...flow, place: place(offsetOf(document, ['flows', i], false)) })),
  };
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

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((at, step) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[step] : undefined), value);
}

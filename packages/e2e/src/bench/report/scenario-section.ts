import type { LiveRun } from '../live-run.js';
import { familyName } from '../quantity.js';
import { scenario } from '../scenarios.js';
import { cellsOf, formatSpread, type Summary, summarize } from '../summary.js';
import { markdownTable } from './markdown.js';
import { type Bar, bars } from './plot.js';

/** A part of the page, and its picture. */
export interface Section {
  readonly text: string;
  readonly image: { readonly name: string; readonly svg: string };
}

const COLORS: Readonly<Record<string, string>> = { forward: '#8c959f', hmark: '#8c959f', c: '#bf8700', fast: '#2da44e' };
const NFQLB = '#3b82c4';

/** From this part of what the kernel alone forwards, the sender is the limit, rather than the load balancer. */
const SENDERS_LIMIT = 0.9;

/** The section of a scenario over one IP version. */
export function scenarioSection(runs: readonly LiveRun[], name: string, family: 4 | 6): Section {
  const of = runs.flatMap(({ results }) => results.filter((result) => result.scenario === name && result.family === family));
  const summary = summarize(of, runs[0]!.conditions.bursts);
  const { title, goal } = scenario(name);
  const image = `performance-${name}-ipv${family}.svg`;
  const rounds = Math.max(...summary.rows.map((row) => row.rounds));
  const times = sentences(summary);
  const reached = goal === undefined ? [] : [judgement(summary, goal)];
  const text = `### ${name}, ${familyName(family)}

${title[0]!.toUpperCase()}${title.slice(1)}. ${[...times, ...reached].join(' ')}

![${summary.quantities[0]!.title} of each contender](images/${image})

${markdownTable(cellsOf(summary))}

${rounds === 1 ? 'One round' : `${rounds} rounds`} in ${of.length === 1 ? 'one run' : `${of.length} runs`}: medians, in parentheses the extremes of all rounds.
`;
  return { text, image: { name: image, svg: bars(`${name}, ${familyName(family)}: ${summary.quantities[0]!.title}`, barsOf(summary)) } };
}

function barsOf({ quantities, rows }: Summary): Bar[] {
  return rows.flatMap(({ contender, spreads: [spread] }) =>
    spread === undefined
      ? []
      : [{ name: contender, color: COLORS[contender] ?? NFQLB, spread, label: formatSpread(quantities[0]!, spread) }],
  );
}

/** How many times as much as C nfqlb, and forwarding, by this project's own two ways. */
function sentences(summary: Summary): string[] {
  return ['nfqlb', 'fast'].flatMap((contender) => {
    const toC = timesC(summary, contender);
    const toForward = medianOf(summary, contender, '× forwarding');
    if (toForward === undefined) return [];
    const parts = [...(toC === undefined ? [] : [`${toC.toFixed(2)} times C nfqlb`]), `${toForward.toFixed(2)} times forwarding`];
    return [`\`${contender}\`: ${parts.join(', ')}.`];
  });
}

function judgement(summary: Summary, goal: { readonly timesC: number }): string {
  const reached = timesC(summary, 'nfqlb');
  const wanted = `The goal is ${goal.timesC} times C nfqlb or more`;
  if (reached === undefined) return `${wanted}: C nfqlb did not take part.`;
  if (reached >= goal.timesC) return `${wanted}: met.`;
  const all = medianOf(summary, 'nfqlb', '× forwarding')! >= SENDERS_LIMIT;
  return `${wanted}: missed${all ? ', but nearly all that the kernel forwards without a load balancer arrives: more cannot be sent here' : ''}.`;
}

function timesC(summary: Summary, contender: string): number | undefined {
  return medianOf(summary, contender, '× C');
}

function medianOf({ quantities, rows }: Summary, contender: string, title: string): number | undefined {
  const column = quantities.findIndex((quantity) => quantity.title === title);
  return rows.find((row) => row.contender === contender)?.spreads[column]?.median;
}

import { number } from '../columns.js';
import { SUBJECTS } from '../tier/kept-targets.js';
import type { TierResult } from '../tier/tier-replay.js';
import type { ReportDocument } from './report-document.js';

/** The report of `sim tier`. */
export function tierReport(capture: string, { packets, kept, members }: TierResult, program: string): ReportDocument {
  const counts = SUBJECTS.map((subject) => ({ subject, ...kept.counts[subject] }));
  return {
    title: capture,
    subtitle: `${number(packets)} packets to a tier of load balancers`,
    program,
    parts: [
      {
        kind: 'bars',
        title: 'Broken',
        note: 'Of those that were seen: packets of one went to different targets, or to none.',
        unit: '%',
        groups: [...SUBJECTS],
        bars: [{ name: 'broken', values: counts.map(({ seen, broken }) => (100 * broken) / Math.max(1, seen)) }],
      },
      {
        kind: 'table',
        title: 'By cause',
        columns: [
          { name: 'what', type: 'text' },
          { name: 'seen', type: 'number' },
          { name: 'broken', type: 'number' },
          { name: 'cause', type: 'text' },
        ],
        rows: counts.flatMap<(string | number | null)[]>(({ subject, seen, broken, byCause }) =>
          byCause.size === 0 ? [[subject, seen, broken, null]] : [...byCause].map(([cause, count]) => [subject, seen, count, cause]),
        ),
      },
      {
        kind: 'bars',
        title: 'Packets of each load balancer',
        unit: '',
        groups: members.map((member) => `${member.number}`),
        bars: [
          { name: 'packets', values: members.map((member) => member.packets) },
          { name: 'fragments from others', values: members.map((member) => member.forwarded) },
        ],
      },
    ],
  };
}

import type { Status } from '@nfqlb/protocol/status';

/** What is compared between load balancers of a tier. */
export interface MemberFacts {
  /** Such as `0.2.0`. */
  readonly version: string;
  /** By what they are of: `table web`, `flows`. */
  readonly digests: ReadonlyMap<string, number>;
}

export function ownFacts({ version, tables, flowsDigest }: Pick<Status, 'version' | 'tables' | 'flowsDigest'>): MemberFacts {
  const digests = new Map<string, number>(
    tables.flatMap(({ name, digest }) => (digest === undefined ? [] : [[`table ${name}`, digest] as const])),
  );
  if (flowsDigest !== undefined) digests.set('flows', flowsDigest);
  return { version: version.replace(/^nfqlb-/, ''), digests };
}

/** Reads /metrics of another load balancer, which may be of another version, or any program. */
export function parseFacts(metrics: string): MemberFacts {
  const version = /^nfqlb_build_info\{(?:.*,)?version="([^"\\]{1,100})"/m.exec(metrics)?.[1];
  if (version === undefined) throw new Error('its /metrics are not those of nfqlb');
  const digests = new Map<string, number>();
  for (const [, of, name, value] of metrics.matchAll(/^nfqlb_digest\{of="(table|flows)",name="([^"\\]{0,255})"\} (\d{1,15})$/gm)) {
    digests.set(of === 'table' ? `table ${name}` : 'flows', Number(value));
  }
  return { version, digests };
}

/** What is different there, a sentence each. */
export function differencesOf(own: MemberFacts, theirs: MemberFacts): string[] {
  const versions = theirs.version === own.version ? [] : [`it runs version ${theirs.version}, and this one ${own.version}`];
  if (theirs.digests.size === 0) return [...versions, 'it has no digests: an older version, or nothing is in force yet'];
  const subjects = [...new Set([...own.digests.keys(), ...theirs.digests.keys()])].sort();
  const others = subjects.flatMap((subject) => {
    const [here, there] = [own.digests.get(subject), theirs.digests.get(subject)];
    if (here === there) return [];
    if (there === undefined) return [`${subject}: not there`];
    if (here === undefined) return [`${subject}: only there`];
    return [subject === 'flows' ? 'flows: others there' : `${subject}: other targets there`];
  });
  return [...versions, ...others];
}

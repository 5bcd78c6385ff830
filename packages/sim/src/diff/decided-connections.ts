/** The fields of a decision's record (decision-record.ts) that say where a connection goes, and why. */
export interface ConnectionDecision {
  readonly src: string;
  readonly dst: string;
  readonly proto: number;
  readonly sport?: number;
  readonly dport?: number;
  /** Null if its packets are dropped. */
  readonly fwmark: number | null;
  readonly reason: string;
  readonly hash?: number;
  readonly bucket?: number;
  readonly flow?: string;
}

/** Kinds of packets that show all of a connection's key. */
const WHOLE = ['normal', 'first-fragment', 'udp-encap', 'icmp', 'addresses-only'];

/** The connections of a replay, each with the first decision on a packet of it. */
export class DecidedConnections {
  /** By addresses, protocol and ports. */
  readonly decisions: Map<string, ConnectionDecision> = new Map();

  /** @param record a line of `--json`. Anything else is passed over, and false returned */
  add(record: string): boolean {
    const decision = parse(record);
    if (!decision || typeof decision.kind !== 'string') return false;
    if (!WHOLE.includes(decision.kind)) return true;
    if (!isConnectionDecision(decision)) return false;
    const { src, dst, proto, sport, dport } = decision;
    const name = `${src},${dst},${proto},${sport},${dport}`;
    if (!this.decisions.has(name)) this.decisions.set(name, decision);
    return true;
  }
}

function parse(record: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(record);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isConnectionDecision(fields: object): fields is ConnectionDecision {
  const { src, dst, proto, fwmark, reason } = fields as Partial<ConnectionDecision>;
  const isMark = fwmark === null || typeof fwmark === 'number';
  return typeof src === 'string' && typeof dst === 'string' && typeof proto === 'number' && typeof reason === 'string' && isMark;
}

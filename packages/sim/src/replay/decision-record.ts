import { DROP, KIND_NAMES, Kind, REASON_NAMES } from '@nfqlb/core';
import { formatIpAddress } from '@nfqlb/core/address';
import { asksTable, hasPortFields } from '@nfqlb/core/explanation';
import type { ReplayedBalancer } from './replayed-balancer.js';

/**
 * One line of `--json`: the decision on one packet. Fields that do not apply are absent; the order never changes, so that equal decisions
 * are equal lines.
 *
 * @param frame frame number in the capture, from 1
 * @param time seconds since the first packet, nine decimals
 * @param fwmark what `replayed.balancer` just returned
 * @param reinjected whether the packet came back after it had been stored
 */
export function decisionRecord(frame: number, time: string, fwmark: number, replayed: ReplayedBalancer, reinjected: boolean): string {
  const { key, kind, reason, hash, bucket } = replayed.balancer;
  const verdict = fwmark >= 0 ? 'accept' : fwmark === DROP ? 'drop' : 'store';
  let line = `{"n":${frame},"time":"${time}","verdict":"${verdict}","fwmark":${fwmark >= 0 ? fwmark : null}`;
  line += `,"reason":"${REASON_NAMES[reason]}","kind":"${KIND_NAMES[kind]}"`;
  if (kind !== Kind.Malformed) {
    line += `,"src":"${formatIpAddress(key.source)}","dst":"${formatIpAddress(key.destination)}"`;
    if (kind !== Kind.Fragment) line += `,"proto":${key.protocol}`;
    if (hasPortFields(kind, key)) line += `,"sport":${key.sourcePort},"dport":${key.destinationPort}`;
    if (asksTable(reason)) {
      if (bucket >= 0) line += `,"hash":${hash},"bucket":${bucket}`;
      const { flow } = replayed;
      if (flow !== undefined) line += `,"flow":"${flow}"`;
    }
  }
  return `${line},"reinjected":${reinjected}}`;
}

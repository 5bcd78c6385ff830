import { expect } from 'vitest';
import type { Topology } from '../topology/topology.js';
import { lost, type Received, Receiver } from './receiver.js';
import { Sender, type SendOptions } from './sender.js';

/** Sends packets and returns where they arrived; each flow must reach one target, without loss. */
export async function deliver(net: Topology, options: SendOptions): Promise<Received> {
  await using receiver = await Receiver.start(net, { eachFlow: true });
  await using sender = await Sender.start(net, options);
  const sent = await sender.finish();
  const received = await receiver.finish();
  expect(received).toMatchObject({ overflows: 0, splitFlows: 0, duplicates: 0, foreign: 0 });
  expect(lost(received, sent)).toBe(0);
  return received;
}

/** The target of each flow, starting at 0; −1 for unused flow numbers. */
export const targetsOf = ({ byFlow }: Received): number[] => byFlow!.map((counts) => counts.findIndex((count) => count > 0));

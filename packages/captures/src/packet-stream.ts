import type { PacketSource } from '@nfqlb/core';
import type { CaptureBatch } from './capture.js';

/** The packets of a capture, in their original or another order. */
export interface PacketStream extends PacketSource {
  readonly batch: CaptureBatch;
}
